/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole writer through start, work, rotation and end, with each single call that changes the
 * directory or a file failing, or being the last one of its life. Whatever happened: the next start
 * works, every acknowledged record is there once, and the chain is whole.
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
#include "tests/unit/writer_harness.h"

/* The writer's own main(), with another name. */
#define main writer_main
int writer_main(int argc, char **argv);
#include "auditd-writer/main.c"
#undef main

#define PATIENCE_MS 200

static struct harness h;
static struct log lg;

/* READY, or the writer's end. */
static void
await_ready(void)
{
	for (int i = 0; i < 100 && !h.gone; i++)
		if (harness_take(&h, 0, PATIENCE_MS))
			return;
	h.gone = true;
}

static void
greet(unsigned channel)
{
	harness_hello(&h, channel, 1);
	(void)harness_take(&h, channel, 2000); /* WELCOME */
}

static void
work(const char *const *options)
{
	h.may_end = true;
	h.gone = false;
	harness_spawn(&h, options);
	await_ready();
	greet(1);
	greet(2);
	for (int round = 0; round < 5 && !h.gone; round++) {
		harness_decide(&h, 1, 9);
		harness_decide(&h, 2, 3);
		(void)harness_acks_within(&h, 1, PATIENCE_MS);
		(void)harness_acks_within(&h, 2, PATIENCE_MS);
		if (round == 3)
			harness_ask(&h, MSG_ROTATE, 1);
	}
	if (!h.gone) {
		uint8_t buf[64];
		struct frame_out f;
		struct wire_out out;

		frame_begin(&f, buf, sizeof(buf), MSG_FINISH, h.end[0].next);
		out = frame_message(&f);
		(void)frame_commit(&f, &out);
		frame_end(&f);
		harness_send_raw(&h, 0, buf, f.n, -1);
	}
	/* What came in time before the end counts, too. */
	(void)harness_acks_within(&h, 1, PATIENCE_MS);
	(void)harness_acks_within(&h, 2, PATIENCE_MS);
	harness_reap(&h, 20000);
}

/* The acknowledgements of `before` against what the log is after the next start and end. */
static void
check(void)
{
	static struct harness before;

	before = h;
	h.may_end = false;
	h.gone = false;
	harness_start(&h, NULL);
	assert_int_equal(harness_finish(&h), 0);
	log_read(&lg, h.audit);
	assert_int_equal(lg.closed, lg.files);
	assert_true(lg.empty <= 2);
	assert_int_equal(lg.line[0].seq, 1);
	log_expect_acked(&lg, &before, 1);
	log_expect_acked(&lg, &before, 2);
	log_free(&lg);
}

static void
one_run(enum dir_fault fault, int at, int times, int error, const char *const *options)
{
	harness_init(&h);
	h.enter = writer_main;
	dir_fault_only(NULL);
	dir_fault_set(fault, at, times, error);
	work(options);
}

/* step: not each call but a sample, unless the environment asks for all of them. */
static int
every_call(enum dir_fault fault, int times, int error, const char *const *options, int step)
{
	int calls = 1 << 20, at = 1;

	if (getenv("SEALWRIGHT_ALL_FAULTS"))
		step = 1;
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
	print_message("# sync: %d calls\n", every_call(DIR_FAULT_DIE, 1, 0, sync_options, 1));
	print_message("# commit: %d calls\n", every_call(DIR_FAULT_DIE, 1, 0, commit_options, 1));
}

static void
failing_once(void **state)
{
	(void)state;
	print_message("# EIO: %d calls\n", every_call(DIR_FAULT_FAIL, 1, EIO, sync_options, 1));
	print_message(
	    "# ENOSPC: up to %d\n", every_call(DIR_FAULT_FAIL, 1, ENOSPC, sync_options, 2));
	print_message(
	    "# EIO, commit: up to %d\n", every_call(DIR_FAULT_FAIL, 1, EIO, commit_options, 2));
	print_message(
	    "# half, EIO: up to %d\n", every_call(DIR_FAULT_SHORT, 1, EIO, sync_options, 3));
}

/* Twice in a row is what the writer cannot mend at once. */
static void
failing_twice(void **state)
{
	(void)state;
	print_message("# EIO: up to %d\n", every_call(DIR_FAULT_FAIL, 2, EIO, sync_options, 4));
	print_message(
	    "# ENOSPC: up to %d\n", every_call(DIR_FAULT_FAIL, 3, ENOSPC, sync_options, 5));
}

static void
failing_for_ever(void **state)
{
	(void)state;
	print_message(
	    "# EIO: up to %d\n", every_call(DIR_FAULT_FAIL, 1 << 20, EIO, sync_options, 7));
	print_message(
	    "# EROFS: up to %d\n", every_call(DIR_FAULT_FAIL, 1 << 20, EROFS, commit_options, 7));
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

	return cmocka_run_group_tests(tests, NULL, NULL);
}
