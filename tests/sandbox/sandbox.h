/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What somebody who has taken a process may try, each in a forked child that has entered the real jail
 * of that process.
 */

#include <stdbool.h>
#include <stddef.h>

/* What the child has open before it enters the jail, besides standard files. */
enum sandbox_fd {
	SANDBOX_PAIR = 3, /* a socket whose other end is in the test */
	SANDBOX_FILE = 4, /* a regular file, open for reading and writing */
	SANDBOX_DIRECTORY = 5,
	SANDBOX_FIRST_FREE, /* /dev/null from here on */
};

struct sandbox {
	const char *name;
	void (*enter)(void); /* the process's own jail; does not return on failure */
	int descriptors;     /* how many it wants to find open */
};

/* Returns what the system call returned. May use errno. */
typedef long sandbox_attempt(void);

struct sandbox_case {
	const char *name;
	sandbox_attempt *attempt;
};

enum sandbox_outcome {
	SANDBOX_ESCAPED, /* it worked */
	SANDBOX_REFUSED, /* it failed with an error */
	SANDBOX_KILLED,  /* SIGSYS */
	SANDBOX_ABORTED, /* SIGABRT */
	SANDBOX_OTHER,
};

enum sandbox_outcome sandbox_try(const struct sandbox *s, sandbox_attempt *attempt);

/*
 * Fails the test unless each of them comes to this end. Those whose names are in others (it ends with
 * NULL) may also be refused: the call itself is left to the process, and something else denies them.
 */
void sandbox_try_all(const struct sandbox *s, const struct sandbox_case *cases, size_t n,
    enum sandbox_outcome expected, const char *const *others);

/* An honest end: abort(), and a check of the C library, which says why before it calls that. */
sandbox_attempt sandbox_end_honestly;
sandbox_attempt sandbox_end_by_a_check;

/* attempts.c: what no process of ours needs. */
extern const struct sandbox_case sandbox_attempts[];
extern const size_t sandbox_n_attempts;
