/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is not sealed yet: open and waiting segments (.jsonl.tmp without a seal), as far as their
 * lines continue the sealed ones. A crash may leave any bytes there, so nothing in them is a fault.
 */

#include "auditlog/segment.h"

struct tail {
	uint64_t records; /* that continue the log */
	uint64_t first_seq, last_seq;
	uint64_t bytes_not_checked; /* behind them, without the NULs of space not used yet */
	uint64_t files;             /* that hold anything */
};

/*
 * r->dir as of its last listing; c: where the sealed log ends, moved on. 0 or -ENOMEM: a file that
 * cannot be read counts with its size.
 */
int tail_check(struct segment_reader *r, struct record_chain *c, struct tail *ret);
