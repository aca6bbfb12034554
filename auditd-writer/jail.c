/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/jail.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/jail_seal.h"
#include "common/log.h"

#define STANDARD_DESCRIPTORS 3
#define OWN_DESCRIPTORS 3 /* two directories and an event */
#define HEAP_AHEAD (256 << 10)
#define SORT_LONG 2048

#ifndef SANITIZED

static int
by_value(const void *a, const void *b)
{
	return *(const unsigned char *)a - *(const unsigned char *)b;
}

/* glibc asks once how much memory there is, when it sorts anything longer. */
static void
sort_once(void)
{
	unsigned char bytes[SORT_LONG] = {1};

	qsort(bytes, sizeof(bytes), 1, by_value);
}

/*
 * A second arena would come with mprotect() and munmap(), a mapping of its own for a large piece with
 * munmap() and mremap().
 */
void
writer_jail_prepare(void)
{
	if (mallopt(M_ARENA_MAX, 1) != 1 || mallopt(M_MMAP_MAX, 0) != 1 ||
	    mallopt(M_TOP_PAD, HEAP_AHEAD) != 1)
		fatalx("cannot keep memory in one heap");
	sort_once();
}

#else

/* A sanitizer has a heap of its own, and no filter. */
void
writer_jail_prepare(void)
{
}

#endif

/* --- threads ---------------------------------------------------------------------------------- */

static int
answer_nothing(void)
{
	return 0;
}

static int
restrict_openings(const struct writer_jail *j)
{
	struct dir_opening openings[DIR_OPENINGS];
	struct syscall_pair pairs[DIR_OPENINGS];
	int n = dir_openings(j->audit, j->keys, openings);

	for (int i = 0; i < n; i++)
		pairs[i] = (struct syscall_pair){
		    (uint32_t)openings[i].fd, (uint32_t)openings[i].flags};
	return seccomp_pairs_install("openat", 0, 2, pairs, (size_t)n);
}

/* What the table's one rule cannot say: wait and wake, and no lock that knows priorities. */
static int
restrict_waits(void)
{
	static const struct syscall_pair pairs[] = {
	    {FUTEX_WAIT_PRIVATE, FUTEX_WAIT_PRIVATE},
	    {FUTEX_WAKE_PRIVATE, FUTEX_WAKE_PRIVATE},
	    {FUTEX_WAIT_BITSET_PRIVATE, FUTEX_WAIT_BITSET_PRIVATE},
	    {FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME,
		FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME},
	};

	return seccomp_pairs_install("futex", 1, 1, pairs, ARRAY_SIZE(pairs));
}

/* The thread is born with Landlock in force; the filters that follow hold for both. */
static int
start_closer(void *ctx)
{
	const struct writer_jail *j = ctx;
	int error = closer_start(j->closer);

	if (error == 0)
		error = closer_ask(
		    j->closer, landlock_abi() > 0 ? jail_probe_files : answer_nothing);
	if (error == 0)
		error = restrict_waits();
	return error < 0 ? error : restrict_openings(j);
}

/* What the main thread has found of itself holds for the other one, too. */
static void
check_closer(const struct writer_jail *j, const struct jail_state *state)
{
	if (state->filter && closer_ask(j->closer, jail_probe_calls) < 0)
		fatalx("cannot go to jail: the helper thread has no system call filter");
}

/* --- all of it -------------------------------------------------------------------------------- */

static void
say(const struct jail_state *state)
{
	char buf[160];
	struct text t = text_over(buf, sizeof(buf));

	jail_describe(&t, state);
	log_info("in jail: %.*s", STR_ARG(text_str(&t)));
}

void
writer_jail_enter(const struct writer_jail *j)
{
	const struct syscall_rule calls[] = {
#include "auditd-writer/syscalls.def"
	};
	const struct landlock_rule rules[] = {
	    {j->audit->fd, LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_TRUNCATE | LANDLOCK_LIST |
			       LANDLOCK_RENAME},
	    {j->keys->fd, LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_RENAME},
	};
	const struct jail_plan plan = {
	    .calls = calls,
	    .n_calls = ARRAY_SIZE(calls),
	    .rules = rules,
	    .n_rules = ARRAY_SIZE(rules),
	    .alone = true,
	    .landlock_optional = j->landlock_optional,
	    .descriptors = STANDARD_DESCRIPTORS + j->channels + OWN_DESCRIPTORS,
	    .threads = start_closer,
	    .ctx = (void *)(uintptr_t)j, /* only read */
	};
	struct jail_state state;
	const char *step = "";
	int error = jail_seal(&plan, &state, &step);

	if (error < 0)
		fatal(error, "cannot go to jail: %s", step);
	check_closer(j, &state);
	say(&state);
}

void
writer_jail_narrow(const struct dir *audit)
{
	const struct syscall_pair within = {(uint32_t)audit->fd, (uint32_t)audit->fd};
	bool refuse = audit->renames == DIR_RENAMES_REFUSE;
	int error = seccomp_pairs_install("renameat2", 0, 2, &within, 1);

	if (error == 0)
		error = seccomp_pairs_install("renameat", 0, 2, &within, refuse ? 0 : 1);
	if (error == 0)
		error = seccomp_pairs_install("getdents64", 0, 0, NULL, 0);
	if (error == 0)
		error = seccomp_pairs_install("seccomp", 0, 0, NULL, 0);
	if (error < 0)
		fatal(error, "cannot narrow the system call filter");
}
