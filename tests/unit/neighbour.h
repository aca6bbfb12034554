/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Honest processes on other channels of a writer while one channel misbehaves: each sends a decision,
 * waits for its acknowledgement, and does it again, in a process of its own.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/unit/writer_harness.h"

#define NEIGHBOUR_WAITS 4096

/* Shared with the process. */
struct neighbour {
	pid_t pid;
	unsigned channel;
	volatile bool enough;
	volatile uint64_t answers;
	uint64_t last_seq;
	volatile unsigned waits; /* measured, in us, since neighbours_measure() */
	uint32_t wait[NEIGHBOUR_WAITS];
};

struct neighbours {
	unsigned n;
	struct neighbour each[HARNESS_MOST];
};

/* One for each of the channels from first to last, which are open. In shared memory. */
struct neighbours *neighbours_start(const struct harness *h, unsigned first, unsigned last);
/* Forget what was measured up to now. */
void neighbours_measure(struct neighbours *all);
/* What was measured since, as a line of the test's output. */
void neighbours_tell(const struct neighbours *all, const char *what);
/* Each of them gets so many more answers, in a minute at most. Fails the test otherwise. */
void neighbours_expect(const struct neighbours *all, uint64_t answers);
/* They end after their last answer; every one of their answers is in the log. Frees. */
void neighbours_stop(struct neighbours *all, struct harness *h);
