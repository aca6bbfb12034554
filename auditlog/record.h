/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Records one after the other, as lines of a log (docs/FORMAT.md): strict JSON, the members that
 * hold the log together, and that each continues the one before it. Bytes are any bytes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "auditlog/fault.h"
#include "auditlog/usual.h"
#include "common/hash.h"
#include "common/jform.h"
#include "common/jscan.h"
#include "common/linesum.h"
#include "proto/line.h"

/* What the next line must continue. */
struct record_chain {
	uint64_t seq;  /* of the next line */
	uint64_t line; /* number of the line before in its file, 0 when that is another file */
	bool has_head, has_time, has_log; /* what follows is known */
	uint8_t head[LINE_HASH];          /* leaf hash of the line before; zeros before the first */
	int64_t time;                     /* of the line before, us since 1970 */
	uint64_t log_id;
};

/* Where a log begins: seq 1, zeros, no time, no log id. */
void record_chain_begin(struct record_chain *c);

/* One for each thread. */
struct record_reader {
	struct hash *hash;     /* the caller's */
	struct linesum *whole; /* NULL, or the caller's: good lines are added to it */
	struct jscan_tape tape;
	struct jforms *forms; /* of lines before */
	struct usual usual;
};

/* -ENOMEM. Released by record_reader_free() in any case. */
int record_reader_init(struct record_reader *r, struct hash *hash);
void record_reader_free(struct record_reader *r);

/*
 * Whether line, which ends with its newline, is the next record: then c has moved on, c->head is
 * its leaf hash, c->time its time, and has_* are all true. Else *f says what is wrong in
 * which line, with offset the byte in that line; file is empty. c is then as before.
 */
bool
record_check(struct record_reader *r, struct str line, struct record_chain *c, struct fault *f);

/*
 * Only what a line is by itself, whatever comes before it: the chain that would have led to it in
 * *ret (all known but the time). False: it is no record, and *f as above.
 */
bool
record_read(struct record_reader *r, struct str line, struct record_chain *ret, struct fault *f);
