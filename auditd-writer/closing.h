/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A segment that is to be sealed, made ready for it: exactly the lines that its tally covers, as
 * .jsonl.tmp, durable with its name. One that storage errors have poisoned is replaced by a checked
 * copy of what is good, and kept as .torn. So is one whose name leads elsewhere, as somebody has deleted,
 * moved or replaced it: it stays open until it is sealed, and is copied by its descriptor.
 */

#include "auditd-writer/dir.h"
#include "auditd-writer/job.h"
#include "auditd-writer/linescan.h"

struct closing {
	const struct dir *dir;
	struct hash *sum;
	struct linescan *scan; /* room to read in */
};

/* Allocates. -ENOMEM. */
int closing_init(struct closing *c, const struct dir *dir);
void closing_deinit(struct closing *c);

/*
 * A JOB_CLOSE becomes CLOSE_READY or CLOSE_EMPTY. Given again, until the segment has its last name, it goes
 * on where an error stopped it, and looks again whether the file has its name.
 */
int closing_prepare(struct closing *c, struct job *job);
/* It is sealed, and has its last name. */
void closing_finish(struct job *job);
