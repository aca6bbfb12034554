/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * System call filters (seccomp(2)) from tables. A process has one table, <its folder>/syscalls.def:
 *
 *     SYSCALL(fcntl, ARGS(INT_ARG(1, F_GET_SEALS)), "is a new policy image sealed")
 *     SELDOM(writev, ARGS(INT_ARG(0, 2)), "the C library's last words before abort()")
 *
 * SYSCALL is one that every longer run makes, SELDOM one for another C library, for a rare event, or
 * for an honest end, INHERITED one that only its children make: a test holds a traced run against this.
 * Whatever is not in the table kills the whole process with SIGSYS. A table may use what is known only at
 * run time (a descriptor, getpid()). What this architecture does not have (arm64 has no poll, epoll_wait,
 * unlink, dup2, access) the library passes over; ELSEWHERE is what stands for it there, and for what
 * another C library needs: with glibc on x86-64 it allows nothing.
 */

#include <stddef.h>
#include <stdint.h>

#define SYSCALL_COMPARES 3

/* Argument number arg (from 0), masked, must be this. A mask of 0 ends the list. */
struct syscall_compare {
	uint32_t arg;
	uint64_t mask, value;
};

/* One rule for each call: libseccomp before 2.6.1 may weaken two that it merges. */
struct syscall_rule {
	const char *name;
	struct syscall_compare compare[SYSCALL_COMPARES];
};

/* An int has 32 bits, whatever stands above it in the register. */
#define INT_ARG(n, v)                          \
	{                                      \
		(n), UINT32_MAX, (uint32_t)(v) \
	}
#define LONG_ARG(n, v)               \
	{                            \
		(n), UINT64_MAX, (v) \
	}
#define BITS_ARG(n, mask, v)     \
	{                        \
		(n), (mask), (v) \
	}
#define ARGS(...)           \
	{                   \
		__VA_ARGS__ \
	}
#define ANY_ARGS                \
	{                       \
		{               \
			0, 0, 0 \
		}               \
	}

#define SYSCALL(name, rule, reason) {#name, rule},
#define SELDOM(name, rule, reason) {#name, rule},
#define INHERITED(name, rule, reason) {#name, rule},
#if defined(__x86_64__) && defined(__GLIBC__)
#define ELSEWHERE(name, rule, reason)
#else
#define ELSEWHERE(name, rule, reason) {#name, rule},
#endif

/*
 * For every thread of this process; needs no_new_privs. clone3 answers ENOSYS (so that a C library
 * falls back to clone, which kills), all else outside the table kills. 0 or -errno with *ret_call the
 * call it failed at, "" for none of them. Built with -DSANITIZED it does nothing and says -ENOTSUP: a
 * sanitizer's run time needs calls of its own.
 */
int seccomp_filter_install(const struct syscall_rule *rules, size_t n, const char **ret_call);

/* Two int arguments of a call, as they may stand together. */
struct syscall_pair {
	uint32_t first, second;
};

#define SYSCALL_PAIRS 8 /* at most */

/*
 * A filter of its own for one call, on top of others that are or will be installed: arguments number
 * first and second must be one of these pairs, else the process is killed. For a call that one rule
 * cannot pin. As above; 0 when built with -DSANITIZED.
 */
int seccomp_pairs_install(
    const char *call, unsigned first, unsigned second, const struct syscall_pair *pairs, size_t n);
