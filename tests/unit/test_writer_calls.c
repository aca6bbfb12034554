/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole writer through start, work, rotation and end, with each single call that changes the
 * directory or a file failing, or being the last one of its life. Whatever happened: the next start
 * works, every acknowledged record is there once, no seal has become another one, and the log verifies.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/dir_faults.h"
#include "tests/unit/writer_life.h"

/* The writer's own main(), with another name. */
#define main writer_main
int writer_main(int argc, char **argv);
#include "auditd-writer/main.c"
#undef main

static struct harness h;
static struct life_seals seals;

/* No seal that could be seen may become another one. */
static void
check(void)
{
	life_seals_take(&seals, &h);
	life_check(&h);
	life_seals_expect(&seals, &h);
	life_verify(&h, false);
}

static void
one_run(enum dir_fault fault, int at, int times, int error, const char *const *options)
{
	harness_init(&h);
	h.enter = writer_main;
	dir_fault_only(NULL);
	dir_fault_set(fault, at, times, error);
	life_work(&h, options);
}

/*
 * step: not each call but a sample, from a random one on, unless the environment asks for all of them.
 * Returns the last call.
 */
static int
every_call(enum dir_fault fault, int times, int error, const char *const *options, int step)
{
	int calls = 1 << 20, at = 1;

	if (getenv("SEALWRIGHT_ALL_FAULTS"))
		step = 1;
	at += (int)(random() % step);
	for (; at <= calls; at += step) {
		one_run(fault, at, times, error, options);
		if (dir_fault_calls() < at)
			calls = 0;
		dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
		check();
		harness_deinit(&h);
	}
	return at - step;
}

static const char *const sync_options[] = {"--rotate-records=17", NULL};
static const char *const commit_options[] = {"--rotate-records=17", "--durability=commit", NULL};

static void
killed(void **state)
{
	(void)state;
	print_message("# sync: up to %d\n", every_call(DIR_FAULT_DIE, 1, 0, sync_options, 3));
	print_message("# commit: up to %d\n", every_call(DIR_FAULT_DIE, 1, 0, commit_options, 4));
}

static void
failing_once(void **state)
{
	(void)state;
	print_message("# EIO: up to %d\n", every_call(DIR_FAULT_FAIL, 1, EIO, sync_options, 4));
	print_message(
	    "# ENOSPC: up to %d\n", every_call(DIR_FAULT_FAIL, 1, ENOSPC, sync_options, 6));
	print_message(
	    "# EIO, commit: up to %d\n", every_call(DIR_FAULT_FAIL, 1, EIO, commit_options, 6));
	print_message(
	    "# half, EIO: up to %d\n", every_call(DIR_FAULT_SHORT, 1, EIO, sync_options, 8));
}

/* Twice in a row is what the writer cannot mend at once. */
static void
failing_twice(void **state)
{
	(void)state;
	print_message("# EIO: up to %d\n", every_call(DIR_FAULT_FAIL, 2, EIO, sync_options, 10));
	print_message(
	    "# ENOSPC: up to %d\n", every_call(DIR_FAULT_FAIL, 3, ENOSPC, sync_options, 12));
}

static void
failing_for_ever(void **state)
{
	(void)state;
	print_message(
	    "# EIO: up to %d\n", every_call(DIR_FAULT_FAIL, 1 << 20, EIO, sync_options, 20));
	print_message(
	    "# EROFS: up to %d\n", every_call(DIR_FAULT_FAIL, 1 << 20, EROFS, commit_options, 20));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(killed),
	    cmocka_unit_test(failing_once),
	    cmocka_unit_test(failing_twice),
	    cmocka_unit_test(failing_for_ever),
	};
	const char *given = getenv("SEALWRIGHT_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	print_message("# SEALWRIGHT_SEED=%u\n", seed);
	srandom(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
