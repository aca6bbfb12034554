/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built writer under load on file systems of its own, whose power is cut at random moments: ext4 and
 * xfs by the shutdown ioctl, btrfs by the image of that moment. Then the next start works, and every
 * acknowledged record is there (life.h).
 *
 * SEALWRIGHT_CUTS: how many on each file system, SEALWRIGHT_FS: only on this one.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "tests/fault/drive.h"
#include "tests/fault/life.h"
#include "tests/unit/loop_mount.h"

#define CUTS 6
#define AGAIN_US 5000 /* whatever begins behind it ends, too */

static struct loop_mount mount_;
static struct trial trial;
static volatile sig_atomic_t fired;
static int64_t moment; /* us from the start on: the latest */

/*
 * The writer stops before the power goes: what a call that is under way says after that, no machine
 * would live to hear (an fdatasync() that the ioctl overtakes may return 0).
 */
static void
fire(int signal)
{
	(void)signal;
	trial.h.gone = true;
	if (fired)
		return;
	fired = 1;
	if (trial.h.pid > 0)
		(void)kill(trial.h.pid, SIGSTOP);
	if (strcmp(mount_.fs, "btrfs") != 0)
		loop_mount_cut(&mount_);
}

static void
aim(void)
{
	const struct itimerval when = {
	    .it_value = {.tv_usec = random() % moment + 1}, .it_interval = {.tv_usec = AGAIN_US}};
	const struct sigaction action = {.sa_handler = fire, .sa_flags = SA_RESTART};

	fired = 0;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &when, NULL), 0);
}

/* Until the power goes. */
static void
work(const struct living *l)
{
	const struct timeval none = {0, 0};
	const struct itimerval never = {none, none};

	trial_work(&trial, l);
	while (!fired)
		(void)usleep(1000);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
}

static void
one_cut(void)
{
	char records[32];
	const char *const options[] = {records, "--reserve-bytes=65536", NULL};
	const struct living l = {options, 1000, 1, 2};

	(void)snprintf(records, sizeof(records), "--rotate-records=%ld", random() % 30 + 2);
	trial_begin(&trial);
	trial.plan->trace_on = 0; /* as long as it is, calls wait for each other */
	loop_mount_sync(&mount_); /* the directories themselves */
	aim();
	work(&l);
	/* The image of a file system that a stopped writer does not touch. */
	if (strcmp(mount_.fs, "btrfs") == 0) {
		life_seals_take(&trial.seals, &trial.h);
		loop_mount_copy(&mount_);
	}
	trial_kill(&trial);
	loop_mount_again(&mount_);
	trial_check(&trial);
	trial_end(&trial);
}

/* How long a start and some rounds take here and now. */
static void
measure(void)
{
	static const char *const options[] = {"--rotate-records=9", "--reserve-bytes=65536", NULL};
	static const struct living l = {options, 10, 1, 2};
	int64_t since = clock_monotonic();

	trial_begin(&trial);
	trial_work(&trial, &l);
	moment = 2 * (clock_monotonic() - since);
	if (moment >= US_PER_S)
		moment = US_PER_S - 1;
	trial_finish(&trial);
	trial_check(&trial);
	trial_end(&trial);
}

static void
cut_often(const char *name)
{
	unsigned long cuts = drive_number("SEALWRIGHT_CUTS", CUTS);
	const char *why;

	if (!loop_mount_make(&mount_, name, &why)) {
		print_message("# %s: %s\n", name, why);
		skip();
	}
	(void)setenv("TMPDIR", mount_.point, 1);
	measure();
	for (unsigned long i = 0; i < cuts; i++)
		one_cut();
	print_message("# count cut %s %lu\n", name, cuts);
}

static void
ext4(void **state)
{
	(void)state;
	cut_often("ext4");
}

static void
xfs(void **state)
{
	(void)state;
	cut_often("xfs");
}

static void
btrfs(void **state)
{
	(void)state;
	cut_often("btrfs");
}

static int
put_away(void **state)
{
	(void)state;
	trial_end(&trial);
	loop_mount_remove(&mount_);
	print_message("# count records %lu\n", trial.plan->records);
	trial.plan->records = 0;
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(ext4, put_away),
	    cmocka_unit_test_teardown(xfs, put_away),
	    cmocka_unit_test_teardown(btrfs, put_away),
	};

	if (getenv("SEALWRIGHT_SANITIZED")) {
		(void)drive_skips("power_cut");
		return 0;
	}
	if (getenv("SEALWRIGHT_FS"))
		cmocka_set_test_filter(getenv("SEALWRIGHT_FS"));
	drive_seed();
	trial_init(&trial);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
