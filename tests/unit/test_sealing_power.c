/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole writer on a file system of its own, whose power is cut behind each single call that
 * changes a directory or a file. What was not synced is gone then. Whatever was cut: the next start
 * works, every acknowledged record is there, no seal that could be seen has become another one (so no
 * key has signed two), and the log verifies.
 *
 * A sample of the calls, from a random one on; SEALWRIGHT_ALL_FAULTS in the environment: each.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/dir_faults.h"
#include "tests/unit/loop_mount.h"
#include "tests/unit/writer_life.h"

/* The writer's own main(), with another name. */
#define main writer_main
int writer_main(int argc, char **argv);
#include "auditd-writer/main.c"
#undef main

/* No jail: what cuts the power here is the writer itself. */
void
writer_jail_prepare(void)
{
}

void
writer_jail_enter(const struct writer_jail *j)
{
	if (closer_start(j->closer) < 0)
		abort();
}

void
writer_jail_narrow(const struct dir *audit)
{
	(void)audit;
}

#define SAMPLE 8 /* every so manyth call */

static struct loop_mount mount_;
static struct harness h;
static struct life_seals *seals; /* shared with the writer: nothing can be read behind a cut */

static void
cut_power(void)
{
	life_seals_take(seals, &h);
	loop_mount_cut(&mount_);
}

/* True: the writer came to the call, and had its power cut behind it. */
static bool
one_cut(int at, const char *const *options)
{
	bool came;

	harness_init(&h);
	sync(); /* the directories themselves */
	h.enter = writer_main;
	dir_fault_only(NULL);
	dir_fault_hook(cut_power);
	dir_fault_set(DIR_FAULT_CUT, at, 1, 0);
	life_work(&h, options);
	came = dir_fault_calls() >= at;
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	if (came)
		loop_mount_again(&mount_);
	life_check(&h);
	if (came)
		life_seals_expect(seals, &h);
	life_verify(&h, false);
	harness_deinit(&h);
	return came;
}

static void
every_cut(const char *fs, const char *const *options)
{
	unsigned step = getenv("SEALWRIGHT_ALL_FAULTS") ? 1 : SAMPLE;
	const char *why;
	unsigned first;
	int at;

	if (!loop_mount_make(&mount_, fs, &why)) {
		print_message("# %s: %s\n", fs, why);
		skip();
	}
	first = (unsigned)random() % step + 1;
	print_message("# %s: every call from %u on, in steps of %u\n", fs, first, step);
	(void)setenv("TMPDIR", mount_.point, 1);
	for (at = (int)first; one_cut(at, options); at += (int)step)
		;
	print_message("# %s: %d calls\n", fs, at - 1);
}

static int
put_away(void **state)
{
	(void)state;
	harness_deinit(&h);
	loop_mount_remove(&mount_);
	return 0;
}

/* Two segments and the end, in one group or each for itself. */
static const char *const options[] = {"--rotate-records=17", "--reserve-bytes=131072", NULL};

static void
ext4(void **state)
{
	(void)state;
	every_cut("ext4", options);
}

static void
xfs(void **state)
{
	(void)state;
	every_cut("xfs", options);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(ext4, put_away),
	    cmocka_unit_test_teardown(xfs, put_away),
	};

	const char *given = getenv("SEALWRIGHT_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	print_message("# SEALWRIGHT_SEED=%u\n", seed);
	srandom(seed);
	seals = mmap(
	    NULL, sizeof(*seals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seals == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
