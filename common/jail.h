/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a process gives up for good. Every function returns 0 or a negative errno with *ret_step the
 * name of the step that failed (static text). After a failure the process is in no defined state:
 * say so and end it, never go on.
 */

#include <stdbool.h>
#include <sys/types.h>

/*
 * For every process of ours, as soon as it has what it needs: no core files, no capability in any
 * set (the bounding set where we may), no_new_privs, an empty environment, not dumpable (so neither
 * ptrace nor /proc/PID/mem by another process of the same uid). Then checks that all of it holds.
 * Needs no privilege. Read environment variables before.
 */
int jail_basic(const char **ret_step);

/* Whether jail_become() has what it needs. */
bool jail_can_become(void);

/*
 * Become another account for good: no supplementary groups, all gids, all uids, no capability
 * left (an ambient one would survive both this and exec). Checks that it holds and that the way
 * back is closed. Needs CAP_SETUID and CAP_SETGID.
 */
int jail_become(uid_t uid, gid_t gid, const char **ret_step);

/*
 * Empty the capability bounding set, as far as we may. 0 or a negative errno. Part of the others.
 */
int jail_drop_bounding(void);

/* Give up every capability, in all sets, and check that none is left. */
int jail_drop_capabilities(const char **ret_step);
