/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Lines of a log, made with the writer's own encoder, and directories laid out with them. */

#include <stdint.h>

#include "auditd-writer/dir.h"
#include "auditd-writer/tally.h"
#include "common/str.h"

#define FIXTURE_LINES 64
#define FIXTURE_LOG_ID UINT64_C(0x123456789abcdef)

struct fixture {
	char top[64];
	struct dir dir;
	struct str line[FIXTURE_LINES + 1]; /* line[seq], with newline */
	struct mark mark[FIXTURE_LINES + 1];
	char room[FIXTURE_LINES * 1024];
};

/* Lines 1 to FIXTURE_LINES of a log of this id, and an empty directory. */
void fixture_init(struct fixture *f, uint64_t log_id);
void fixture_deinit(struct fixture *f);
/* Remove everything in the directory. */
void fixture_clear(struct fixture *f);

/* base name of a segment of session 's' ('a' to 'f'), number n */
const char *fixture_base(char session, unsigned n);
/* A file of lines first to last (0, 0: none), then these bytes, then so many NULs. kind: ".jsonl" ... */
void fixture_put(struct fixture *f, const char *base, const char *kind, unsigned first,
    unsigned last, struct str more, size_t nuls);

/* All closed segments hold exactly lines first to last, in order; no .tmp, no scratch file is left. */
void fixture_expect(struct fixture *f, unsigned first, unsigned last);
/* One closed segment holds exactly these lines. */
void fixture_expect_file(struct fixture *f, const char *base, unsigned first, unsigned last);
/* Bytes of a file; fails when it is not there. Caller frees. */
char *fixture_bytes(struct fixture *f, const char *name, size_t *ret_n);
