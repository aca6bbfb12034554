/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Work on all cores: jobs 0 to n - 1, taken in that order by one thread for each core that we may
 * use. What a job works with belongs to its worker or is its own; results are joined by the caller
 * afterwards, in the order of the jobs.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_WORKERS 64 /* at most */

/*
 * How far the work is, for a bar on stderr: shown when stderr is a terminal and the work has taken a
 * second, and wiped away in the end.
 */
struct pool_progress {
	const char *what;       /* "verifying" */
	uint64_t total;         /* units, as bytes; 0: no bar */
	_Atomic(uint64_t) done; /* jobs add to it */
};

/* How many workers there will be for n jobs: 1 to POOL_WORKERS. */
unsigned pool_workers(size_t n);

/*
 * Returns when all jobs are done. worker is below pool_workers(n). Threads that cannot be made are
 * done without; the caller's thread works when there are none. progress may be NULL.
 */
void pool_run(size_t n, void (*job)(void *context, unsigned worker, size_t i), void *context,
    struct pool_progress *progress);
