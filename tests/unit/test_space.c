/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Want of space, and space that is there again: what was refused is tried again by the writer itself,
 * soon, and not more often than once a second. Turns of the real loop; the time until one is due is
 * left out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditd-writer/batch.h"
#include "tests/unit/dir_faults.h"
#include "tests/unit/seal_fixture.h"

/* The writer's own main(), with another name. */
#define main writer_main
int writer_main(int argc, char **argv);
#include "auditd-writer/main.c"
#undef main

#define STEP 65536
#define MUCH (UINT64_C(1) << 40)
#define NEVER (INT64_MAX - 1) /* no other reason to try again */

static struct fixture f;
static struct seal_fixture keys;
static struct writer w;

/* One thread for all tests: nothing ends it. */
static int
set_up_all(void **state)
{
	(void)state;
	fixture_init(&f, FIXTURE_LOG_ID);
	seal_fixture_init(&keys, &f, FIXTURE_LOG_ID);
	w.audit = f.dir;
	w.identity = keys.identity;
	if (closer_init(&w.closer, &w.audit, &keys.sealer) < 0)
		return -1;
	return closer_start(&w.closer);
}

static int
tear_down_all(void **state)
{
	(void)state;
	closing_deinit(&w.closer.closing);
	seal_fixture_deinit(&keys);
	fixture_deinit(&f);
	return 0;
}

static void
await_closer(void)
{
	while (w.rotation.standby.making > 0 || w.rotation.waiting > w.rotation.n_failed) {
		closer_wait(&w.closer, -1);
		rotation_reap(&w);
	}
}

static int
setup(void **state)
{
	static const uint8_t head[LINE_HASH];

	(void)state;
	dir_fault_only(NULL);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	dir_fault_free(MUCH);
	seal_fixture_renew(&keys);
	assert_int_equal(seal_fixture_open(&keys), 0);
	w.options = (struct options){
	    .rotate_seconds = 86400,
	    .rotate_records = 100000,
	    .rotate_bytes = UINT64_C(1) << 30,
	    .reserve_bytes = 2 * (uint64_t)STEP,
	};
	w.storage = (struct storage){0};
	w.rotation = (struct rotation){0};
	w.counters = (struct counters){0};
	encode_init(&w.encoder, FIXTURE_LOG_ID, w.identity.session, "host", 0, head, hash_new());
	timekeeper_init(&w.time, INT64_MIN);
	w.now = w.started = w.recorded_at = clock_monotonic();
	if (batch_init(&w.batch) < 0 || rotation_init(&w) < 0 || rotation_take_standby(&w) < 0)
		return -1;
	await_closer();
	ledger_tick(&w);
	return 0;
}

static int
teardown(void **state)
{
	struct making *m = &w.closer.making;

	(void)state;
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	dir_fault_free(UINT64_MAX);
	await_closer();
	for (; m->n_empties > 0; m->n_empties--)
		(void)close(m->empties[m->n_empties - 1].fd);
	for (unsigned i = 0; i < w.rotation.standby.n; i++)
		(void)close(w.rotation.standby.ready[i].fd);
	if (w.open.fd >= 0)
		(void)close(w.open.fd);
	tally_deinit(&w.rotation.tallies[0]);
	tally_deinit(&w.rotation.tallies[1]);
	batch_deinit(&w.batch);
	hash_free(w.encoder.leaf);
	seal_fixture_close(&keys);
	fixture_clear(&f);
	return 0;
}

/* --- turns ------------------------------------------------------------------------------------ */

static void
fail_from_now(const char *call, int error)
{
	dir_fault_only(call);
	dir_fault_set(DIR_FAULT_FAIL, 1, 1 << 20, error);
}

/* A turn in which a look is due; nothing else is. */
static void
look(void)
{
	w.storage.checked_at = 0;
	if (w.storage.state == STORAGE_FAILED)
		w.storage.retry_at = NEVER;
	if (w.rotation.retry_at != INT64_MAX)
		w.rotation.retry_at = NEVER;
	turn(&w);
	await_closer();
	/* What the closer wakes us for. */
	turn(&w);
}

static void
look_with_free(uint64_t bytes)
{
	dir_fault_free(bytes);
	look();
}

/* A record of our own; it goes to disk with the next turn. */
static void
append(void)
{
	note_heartbeat(&w);
	turn(&w);
}

/* Whether the open segment has this text. */
static bool
recorded(const char *text)
{
	static char buf[4 * STEP];
	ssize_t n = dir_read(w.open.fd, buf, sizeof(buf), 0);

	assert_true(n > 0 && n <= w.open.size + 2 * STEP);
	return memmem(buf, (size_t)w.open.size, text, strlen(text)) != NULL;
}

/* --- nothing is wrong ------------------------------------------------------------------------- */

static void
wakes_nobody_while_nothing_is_wrong(void **state)
{
	(void)state;
	append();
	assert_int_equal(w.storage.state, STORAGE_OK);
	assert_int_equal(space_deadline(&w), INT64_MAX);
	/* Nor for what no look at free space can tell. */
	fail_from_now("pwrite", EROFS);
	append();
	assert_int_equal(w.storage.state, STORAGE_FAILED);
	assert_int_equal(space_deadline(&w), INT64_MAX);
	dir_fault_only(NULL);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	look();
	assert_int_equal(w.storage.state, STORAGE_FAILED);
	assert_int_equal(w.storage.retry_at, NEVER);
}

/* --- space behind the open segment ------------------------------------------------------------ */

static void
fill_up(int error)
{
	fail_from_now("fallocate", error);
	for (int i = 0; i < 1000 && w.open.refused_space == 0; i++)
		append();
	turn(&w);
	assert_int_equal(w.open.refused_space, -error);
	assert_int_equal(w.storage.state, STORAGE_LOW);
}

static void
expect_recovered(void)
{
	assert_int_equal(w.storage.state, STORAGE_OK);
	assert_int_equal(space_deadline(&w), INT64_MAX);
	append();
	assert_true(recorded("\"storage\":{\"state\":\"full\""));
	assert_true(recorded("\"storage\":{\"state\":\"recovered\",\"from\":\"full\""));
}

static void
has_space_behind_the_open_segment_again(void **state)
{
	(void)state;
	fill_up(ENOSPC);
	look();
	assert_int_equal(w.storage.state, STORAGE_LOW);
	assert_int_equal(space_deadline(&w), w.storage.checked_at + US_PER_S);
	dir_fault_only(NULL);
	look();
	expect_recovered();
}

/* In a turn that takes long the look may become due behind its beginning, each time. */
static void
is_found_at_the_end_of_a_turn_too(void **state)
{
	(void)state;
	fill_up(ENOSPC);
	look();
	dir_fault_only(NULL);
	w.storage.checked_at = 0;
	space_check(&w);
	assert_int_equal(w.open.refused_space, 0);
	expect_recovered();
}

/* Of a quota no file system tells how much of it is left. */
static void
has_quota_again(void **state)
{
	(void)state;
	fill_up(EDQUOT);
	dir_fault_only(NULL);
	look();
	expect_recovered();
}

static void
tries_once_a_second(void **state)
{
	int64_t checked_at;
	int calls;

	(void)state;
	fill_up(ENOSPC);
	look();
	checked_at = w.storage.checked_at;
	calls = dir_fault_calls();
	for (int i = 0; i < 20; i++)
		turn(&w);
	/* A machine that stood still for a second has made it due. */
	assert_true(w.storage.checked_at != checked_at || dir_fault_calls() == calls);
	w.storage.checked_at = 0;
	turn(&w);
	assert_true(dir_fault_calls() > calls && dir_fault_calls() < calls + 10);
}

/* Less than it takes, and no more than before: no use to try. */
static void
tries_when_there_may_be_some(void **state)
{
	int calls;

	(void)state;
	fill_up(ENOSPC);
	look_with_free(STEP / 2);
	calls = dir_fault_calls();
	look_with_free(STEP / 2);
	look_with_free(0);
	assert_int_equal(dir_fault_calls(), calls);
	look_with_free(STEP / 4);
	assert_true(dir_fault_calls() > calls);
	calls = dir_fault_calls();
	look_with_free(STEP / 4);
	assert_int_equal(dir_fault_calls(), calls);
	look_with_free(STEP);
	assert_true(dir_fault_calls() > calls);
}

/* That the file system has gone read-only since does not mean that there is space. */
static void
tells_of_no_space_where_there_is_another_error(void **state)
{
	uint64_t own;

	(void)state;
	fill_up(ENOSPC);
	look();
	own = w.counters.own;
	fail_from_now("fallocate", EROFS);
	look();
	assert_true(dir_fault_calls() > 0);
	assert_int_equal(w.storage.state, STORAGE_LOW);
	assert_int_equal(w.counters.own, own);
	dir_fault_only(NULL);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	look();
	expect_recovered();
}

/* It comes and is gone again, over and over: that is no news. */
static void
tells_once_of_space_that_comes_and_goes(void **state)
{
	uint64_t own;

	(void)state;
	fill_up(ENOSPC);
	own = w.counters.own;
	for (int i = 0; i < 20; i++) {
		look_with_free(MUCH);
		look_with_free(0);
	}
	assert_int_equal(w.counters.own, own);
	assert_int_equal(w.counters.notes_lost, 0);
}

/* --- a file to go on in ----------------------------------------------------------------------- */

static void
has_a_standby_again(const char *call)
{
	fail_from_now(call, ENOSPC);
	assert_int_equal(rotation_take_standby(&w), 0);
	await_closer();
	append();
	assert_int_equal(w.storage.state, STORAGE_LOW);
	look();
	assert_int_equal(w.rotation.standby.n, 0);
	dir_fault_only(NULL);
	look();
	assert_int_equal(w.rotation.standby.n, 1);
	expect_recovered();
}

static void
has_space_for_a_standby_again(void **state)
{
	(void)state;
	has_a_standby_again("fallocate");
}

static void
has_inodes_again(void **state)
{
	(void)state;
	has_a_standby_again("openat");
}

/* --- nothing could be written ----------------------------------------------------------------- */

static void
works_again_when_there_is_space(void **state)
{
	(void)state;
	fail_from_now("pwrite", ENOSPC);
	append();
	assert_int_equal(w.storage.state, STORAGE_FAILED);
	look_with_free(0);
	assert_int_equal(space_deadline(&w), w.storage.checked_at + US_PER_S);
	dir_fault_only(NULL);
	look_with_free(0);
	assert_int_equal(w.storage.state, STORAGE_FAILED);
	look_with_free(4096);
	assert_int_equal(w.storage.state, STORAGE_OK);
	append();
	assert_true(recorded("\"storage\":{\"state\":\"recovered\",\"from\":\"failed\""));
}

/* An error of another kind keeps to its own times, also while the disk is full. */
static void
waits_with_another_error(void **state)
{
	(void)state;
	fill_up(ENOSPC);
	fail_from_now("pwrite", EIO);
	append();
	assert_int_equal(w.storage.state, STORAGE_FAILED);
	look();
	assert_int_equal(w.storage.state, STORAGE_FAILED);
	assert_int_equal(w.storage.retry_at, NEVER);
}

/* --- how many were refused -------------------------------------------------------------------- */

static void
refuse(unsigned n)
{
	static const struct record r = {
	    .category = RECORD_MANAGEMENT, .action_type = ACTION_HEARTBEAT, .payload = {"{}", 2}};
	uint64_t seq;

	while (n-- > 0)
		assert_int_equal(ledger_add(&w, &r, LINE_NO_CHANNEL, &seq), REFUSAL_IO);
}

/* It works again, and fails before that could be told: what was refused up to then is told later. */
static void
tells_of_all_that_were_refused(void **state)
{
	int64_t since;

	(void)state;
	append();
	fail_from_now("fdatasync", EIO);
	append();
	assert_int_equal(w.storage.state, STORAGE_FAILED);
	since = w.storage.failed_since;
	refuse(3);
	/* The clock was set back: the segment is closed before anything else, and that fails. */
	w.time.last = w.time.high = clock_real() + 3600 * US_PER_S;
	dir_fault_set(DIR_FAULT_FAIL, 2, 1 << 20, EIO);
	storage_retry(&w, true);
	assert_true(dir_fault_calls() > 1);
	assert_int_equal(w.storage.state, STORAGE_FAILED);
	refuse(2);
	dir_fault_only(NULL);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	storage_retry(&w, true);
	assert_int_equal(w.storage.state, STORAGE_OK);
	assert_int_equal(w.storage.failed_since, since);
	append();
	assert_true(recorded("\"from\":\"failed\""));
	assert_true(recorded("\"refused\":5,"));
	/* The next time is another one. */
	fail_from_now("fdatasync", EIO);
	append();
	refuse(1);
	assert_int_equal(w.storage.refused, 1);
	assert_true(w.storage.failed_since > since);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(wakes_nobody_while_nothing_is_wrong),
	    TEST(has_space_behind_the_open_segment_again),
	    TEST(is_found_at_the_end_of_a_turn_too),
	    TEST(has_quota_again),
	    TEST(tries_once_a_second),
	    TEST(tries_when_there_may_be_some),
	    TEST(tells_of_no_space_where_there_is_another_error),
	    TEST(tells_once_of_space_that_comes_and_goes),
	    TEST(has_space_for_a_standby_again),
	    TEST(has_inodes_again),
	    TEST(works_again_when_there_is_space),
	    TEST(waits_with_another_error),
	    TEST(tells_of_all_that_were_refused),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
