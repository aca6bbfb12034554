/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole writer, in a process of its own, while segments cannot be closed or storage goes on
 * failing: what waits is bounded, and so is what the attempts leave behind; nothing is lost by it.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "tests/unit/dir_faults.h"
#include "tests/unit/writer_harness.h"

/* The writer's own main(), with another name. */
#define main writer_main
int writer_main(int argc, char **argv);
#include "auditd-writer/main.c"
#undef main

#define RECORDS 20 /* of one segment */
#define FOREVER (1 << 20)

static struct harness h;
static struct log lg;

static int
setup(void **state)
{
	(void)state;
	dir_fault_only(NULL);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	harness_init(&h);
	h.enter = writer_main;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dir_fault_only(NULL);
	log_free(&lg);
	harness_deinit(&h);
	return 0;
}

static void
begin(const char *durability)
{
	const char *const options[] = {
	    "--rotate-records=20", "--reserve-bytes=65536", durability, NULL};

	harness_start(&h, options);
}

static void
fail_from_now(const char *call, int times, int error)
{
	dir_fault_only(call);
	dir_fault_set(DIR_FAULT_FAIL, 1, times, error);
}

static bool
state_becomes(enum storage_state state)
{
	int64_t until = clock_monotonic() + 20 * US_PER_S;

	while (h.end[2].state != state && clock_monotonic() < until)
		(void)harness_take(&h, 2, 100);
	return h.end[2].state == state;
}

static void
finish_and_read(void)
{
	dir_fault_only(NULL);
	assert_int_equal(harness_finish(&h), 0);
	log_read(&lg, h.audit);
	assert_int_equal(lg.closed, lg.files);
	log_expect_acked(&lg, &h, 1);
	log_expect_acked(&lg, &h, 2);
}

static unsigned
files_there(void)
{
	const struct dirent *e;
	DIR *d = opendir(h.audit);
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

/* Decisions until one is refused; how many were recorded. */
static unsigned
record_until_refused(enum refusal refusal)
{
	unsigned n = 0;

	for (; h.end[1].refused[refusal] == 0 && n < 40 * RECORDS; n++) {
		harness_decide(&h, 1, 1);
		harness_await_acks(&h, 1);
	}
	assert_int_equal(h.end[1].refused[refusal], 1);
	return n - 1;
}

/* --- closing fails ----------------------------------------------------------------------------- */

static void
appends_wait_behind_four(void **state)
{
	unsigned recorded;

	(void)state;
	begin(NULL);
	fail_from_now("renameat2", FOREVER, EIO);
	recorded = record_until_refused(REFUSAL_IO);
	assert_true(recorded <= (LIMIT_WAITING_SEGMENTS + 1) * RECORDS);
	assert_true(recorded > LIMIT_WAITING_SEGMENTS * (RECORDS - 4));
	assert_true(state_becomes(STORAGE_FAILED));
	log_read(&lg, h.audit);
	assert_int_equal(lg.files, LIMIT_WAITING_SEGMENTS + 1);
	for (unsigned i = 0; i < lg.files; i++)
		assert_true(lg.file[i].lines <= RECORDS);
	log_free(&lg);

	dir_fault_only(NULL);
	assert_true(state_becomes(STORAGE_OK));
	harness_decide(&h, 1, 5);
	harness_await_acks(&h, 1);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), recorded + 5);
	assert_true(log_count(&lg, "\"state\":\"failed\"") >= 1);
	assert_int_equal(log_count_both(&lg, "\"state\":\"recovered\",\"from\":\"failed\"",
			     "\"cause\":\"Input/output error\""),
	    1);
}

/* The end comes while they wait: the next start closes them. */
static void
the_end_while_four_wait(void **state)
{
	static struct harness before;
	unsigned recorded;

	(void)state;
	begin(NULL);
	fail_from_now("renameat2", FOREVER, EROFS);
	recorded = record_until_refused(REFUSAL_READ_ONLY);
	assert_int_equal(harness_finish(&h), EXIT_STORAGE);
	before = h;
	dir_fault_only(NULL);
	begin(NULL);
	assert_int_equal(harness_finish(&h), 0);
	log_read(&lg, h.audit);
	assert_int_equal(lg.closed, lg.files);
	log_expect_acked(&lg, &before, 1);
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), recorded);
}

/* --- every sync fails, again and again --------------------------------------------------------- */

/* The open segment's name, as it will be when it is closed, is taken: that fails until it is free. */
static void
take_the_name(char path[512])
{
	char name[128];

	log_read(&lg, h.audit);
	assert_false(lg.file[lg.files - 1].closed);
	(void)snprintf(name, sizeof(name), "%s", lg.file[lg.files - 1].name);
	log_free(&lg);
	name[strlen(name) - strlen(".tmp")] = '\0';
	(void)snprintf(path, 512, "%s/%s", h.audit, name);
	put_file(h.audit, name, "", 0);
}

/* Segments are poisoned one after the other while none can be closed: none of them is forgotten. */
static void
none_of_many_poisoned_is_dropped(void **state)
{
	uint64_t recorded;
	char path[512];

	(void)state;
	begin(NULL);
	harness_decide(&h, 1, 1);
	harness_await_acks(&h, 1);
	take_the_name(path);
	for (int i = 0; i < 8 && h.end[2].state != STORAGE_FAILED; i++) {
		harness_decide(&h, 1, RECORDS / 2);
		harness_await_acks(&h, 1);
		fail_from_now("fdatasync", 1, EIO);
		harness_decide(&h, 1, 1);
		(void)harness_acks_within(&h, 1, 500);
		(void)harness_take(&h, 2, 0);
	}
	assert_true(state_becomes(STORAGE_FAILED));
	recorded = h.end[1].next - 1 - h.end[1].refused[REFUSAL_IO];
	dir_fault_only(NULL);
	assert_int_equal(unlink(path), 0);
	assert_true(state_becomes(STORAGE_OK));
	harness_await_acks(&h, 1);
	harness_decide(&h, 1, 3);
	harness_await_acks(&h, 1);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), recorded + 3);
	assert_true(lg.torn >= 5);
}

/* The first error poisons what was open; each new attempt takes the place of the one before. */
static void
attempts_do_not_pile_up(const char *durability, const char *call, int error, enum refusal refusal)
{
	unsigned before;

	begin(durability);
	harness_decide(&h, 1, 10);
	harness_await_acks(&h, 1);
	fail_from_now(call, FOREVER, error);
	harness_decide(&h, 1, 3);
	assert_true(state_becomes(STORAGE_FAILED));
	before = files_there();
	(void)poll(NULL, 0, 3500); /* attempts after 1 and 3 s */
	harness_decide(&h, 2, 3);
	harness_await_acks(&h, 2);
	assert_int_equal(h.end[2].refused[refusal], 3);
	assert_true(files_there() <= before + 1);
	dir_fault_only(NULL);
	assert_true(state_becomes(STORAGE_OK));
	harness_await_acks(&h, 1);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 13);
	assert_true(lg.torn <= 2);
}

static void
failing_syncs_do_not_pile_up(void **state)
{
	(void)state;
	attempts_do_not_pile_up(NULL, "fdatasync", EIO, REFUSAL_IO);
}

static void
failing_syncs_do_not_pile_up_in_commit_mode(void **state)
{
	(void)state;
	attempts_do_not_pile_up("--durability=commit", "fdatasync", EIO, REFUSAL_IO);
}

static void
failing_writes_do_not_pile_up(void **state)
{
	(void)state;
	attempts_do_not_pile_up(NULL, "pwrite", EIO, REFUSAL_IO);
}

static void
failing_everything_does_not_pile_up(void **state)
{
	(void)state;
	attempts_do_not_pile_up(NULL, NULL, EROFS, REFUSAL_READ_ONLY);
}

/*
 * Records that a failed sync has left in memory alone are all that a bad file has: at the end it is
 * not set aside, so that the next start reads it.
 */
static void
the_end_while_nothing_can_be_synced(void **state)
{
	static struct harness before;

	(void)state;
	begin("--durability=commit");
	harness_decide(&h, 1, 10);
	harness_await_acks(&h, 1);
	fail_from_now("fdatasync", FOREVER, EIO);
	assert_true(state_becomes(STORAGE_FAILED));
	assert_int_equal(harness_finish(&h), EXIT_STORAGE);
	before = h;
	dir_fault_only(NULL);
	begin(NULL);
	assert_int_equal(harness_finish(&h), 0);
	log_read(&lg, h.audit);
	log_expect_acked(&lg, &before, 1);
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 10);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(appends_wait_behind_four),
	    TEST(the_end_while_four_wait),
	    TEST(none_of_many_poisoned_is_dropped),
	    TEST(failing_syncs_do_not_pile_up),
	    TEST(failing_syncs_do_not_pile_up_in_commit_mode),
	    TEST(failing_writes_do_not_pile_up),
	    TEST(failing_everything_does_not_pile_up),
	    TEST(the_end_while_nothing_can_be_synced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
