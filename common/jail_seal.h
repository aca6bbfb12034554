/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The whole jail, in this order: the descriptors counted, what jail_basic() gives up, Landlock, threads,
 * resource limits, a system call filter; then a check that each is in force. For good, for this process,
 * all its threads and what it may start.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/landlock.h"
#include "common/seccomp.h"

struct jail_plan {
	const struct syscall_rule *calls;
	size_t n_calls;
	const struct landlock_rule *rules; /* none: no file can be opened any more */
	size_t n_rules;
	bool alone;             /* starts no process, signals none, connects to none */
	bool more_threads;      /* that is alone, but makes threads later */
	bool landlock_optional; /* go on without it */
	int descriptors;        /* so many must be open; -1: not counted */
	/*
	 * Starts what threads there are to be, or NULL: what is in force by then they inherit, the filter
	 * then holds for all. Each must have run its own first lines when this returns 0, as a thread makes
	 * calls to come up. -errno.
	 */
	int (*threads)(void *ctx);
	void *ctx;
};

struct jail_state {
	int landlock;            /* ABI; 0: not in force */
	const char *no_landlock; /* why not; NULL: in force */
	bool filter;             /* false: built for a sanitizer */
};

/*
 * Needs /proc, and before this a single thread when Landlock shall hold for all. 0, or a negative errno with *ret_step
 * what failed (static text); then end the process.
 */
int jail_seal(const struct jail_plan *plan, struct jail_state *ret, const char **ret_step);

/* Whether Landlock, or a filter, is in force for the calling thread: 0 or -EPERM. */
int jail_probe_files(void);
int jail_probe_calls(void);

/* "Landlock ABI 2: files; not ...; system call filter" */
void jail_describe(struct text *t, const struct jail_state *state);
