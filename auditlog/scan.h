/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One file of a log, line by line, in a bounded buffer whatever is in it. Where the filter has a
 * needle, blocks are searched for it first, and only the lines that hold it are taken apart; the
 * first line always is, so that a file of something else is known as such.
 */

#include <stdbool.h>
#include <stdint.h>

#include "auditlog/damage.h"
#include "auditlog/filter.h"
#include "proto/recordline.h"

#define SCAN_BLOCK (256u << 10) /* read at once: it stays in the cache */

/* One for each thread. */
struct scanner {
	char *buf; /* SCAN_BLOCK, and room for the start of a line before it */
	struct recordline cut;
};

/* -ENOMEM. Released by scanner_free() in any case. */
int scanner_init(struct scanner *s);
void scanner_free(struct scanner *s);

/* A record that matches. line: with its newline, at byte `at`; all valid until this returns. False: enough. */
typedef bool scan_take(void *context, const struct recordline *r, struct str line, uint64_t at);

struct scan {
	int fd;
	const char *name;            /* of the file, for messages */
	bool open;                   /* it may end in NULs, and before them in part of a line */
	const struct filter *filter; /* NULL: all */
	scan_take *take;
	void *context;
	struct damage *damage;
	uint64_t from; /* byte to begin at, the start of a line; of what can seek */
	_Atomic(uint64_t)
	    *done; /* bytes that have been read are added, block by block; may be NULL */
};

/* To the end of the file. Returns the byte behind the last whole line that was read. */
uint64_t scan_forward(struct scanner *s, const struct scan *scan);
/* The same lines, last one first. The file must be one that can seek. */
void scan_backward(struct scanner *s, const struct scan *scan);

/* The byte behind the last whole line. */
uint64_t scan_end(struct scanner *s, const struct scan *scan);

/* Lines, without looking into them. */
uint64_t scan_count(struct scanner *s, const struct scan *scan);
