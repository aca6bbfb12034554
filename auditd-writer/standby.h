/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Segments that stand by, empty, allocated and durable, to follow the open one. One; more while
 * segments wait to be closed: then appending need not wait for the closer, which closes those that wait
 * as a group. Part of rotation (rotation.h).
 */

#include <stdint.h>

#include "auditd-writer/job.h"
#include "auditd-writer/segment.h"

struct writer;

#define STANDBY_MOST 3

struct standby {
	struct job ready[STANDBY_MOST]; /* in the order of their numbers */
	unsigned n;
	unsigned making; /* more that the closer was asked for */
	int error;       /* of the last attempt to make one when there was none; 0: it worked */
	uint32_t next_number;
};

void standby_init(struct writer *w);
/* As many as are wanted now. */
void standby_ask(struct writer *w);
/* The next one, with this tally; waits until there is one or making it has failed. */
int standby_take(struct writer *w, struct segment *ret, struct tally *tally);
/* A JOB_MAKE comes back from the closer. */
void standby_made(struct writer *w, const struct job *job);
