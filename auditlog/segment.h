/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One sealed segment against its seal, in one pass with a bounded buffer: every line in order, then
 * what the seal says of the whole. The first thing that is wrong is the fault.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "auditlog/fault.h"
#include "auditlog/record.h"
#include "auditlog/sealchain.h"
#include "proto/logdir.h"
#include "proto/merkle.h"

#define SEGMENT_BUFFER (128u << 10) /* what is read stays in the cache until it is hashed */
#define SEGMENT_LEAVES 128          /* a power of two */

/* What one thread works with. */
struct segment_reader {
	const struct logdir *dir;
	struct linesum *whole; /* of the file */
	struct hash *small;    /* of lines and nodes */
	struct record_reader record;
	struct merkle merkle;
	uint8_t leaves[SEGMENT_LEAVES][HASH_SIZE]; /* that are not in merkle yet */
	unsigned n_leaves;
	char *buf;               /* SEGMENT_BUFFER, and the start of a line before it */
	_Atomic(uint64_t) *done; /* bytes read are added; may be NULL */
};

/* -ENOMEM. Released by segment_reader_free() in any case. */
int
segment_reader_init(struct segment_reader *r, const struct logdir *dir, _Atomic(uint64_t) *done);
void segment_reader_free(struct segment_reader *r);

/*
 * c: where the segment begins, as its seal and the one before it say. On success it stands behind
 * the last line. False: *f is set. The log id of the first line is in c as soon as that was a
 * record, also when a later line is wrong. A segment without a file is a fault with *ret_gone true.
 */
bool segment_check(struct segment_reader *r, const struct sealchain_seal *s, struct record_chain *c,
    struct fault *f, bool *ret_gone);

/* Lines of a file, one after the other, for segment_check() and tail.h. */
struct segment_lines {
	int fd;
	uint64_t at;       /* byte in the file of the next line */
	size_t start, end; /* what is in buf and not taken yet */
	bool over;         /* nothing more to read */
	int error;         /* negative errno of a failed read */
};

void segment_lines_open(struct segment_lines *l, int fd);
/*
 * The next line with its newline, or what is left without one (its length may be anything up to the
 * buffer's: longer than a line can be, it is cut). Empty: the end, or l->error. It is valid until
 * the next call.
 */
struct str segment_lines_next(struct segment_lines *l, struct segment_reader *r);
