/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start that is cut short when it has sealed what a crash has left, and has not recorded that: the next
 * one does.
 */
#include "tests/unit/recover_case.h"

static void
expect_untold(size_t i, const char *base, uint64_t records, uint64_t torn)
{
	assert_true(i < untold.n);
	assert_string_equal(untold.segments[i].base, base);
	assert_int_equal(untold.segments[i].records, records);
	assert_int_equal(untold.segments[i].torn_bytes, torn);
}

/* Session a has two that are closed, and has left one; that is sealed, and nothing recorded. */
static void
cut_short(void)
{
	closed(fixture_base('a', 1), 1, 3);
	closed(fixture_base('a', 2), 4, 5);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 6, 9, half_of(10), 5000);
	recovered(9);
	assert_int_equal(untold.n, 0);
	assert_int_equal(r.n_closed, 1);
}

static void
by_the_next_start(void **state)
{
	(void)state;
	cut_short();
	for (int i = 0; i < 3; i++) {
		recovered(9);
		assert_int_equal(r.n_closed, 0);
		assert_int_equal(untold.n, 1);
		expect_untold(0, fixture_base('a', 3), 4, half_of(10).n);
	}
}

/* One start after the other, each with one segment more. */
static void
by_the_first_that_comes_so_far(void **state)
{
	(void)state;
	cut_short();
	fixture_put(&f, fixture_base('a', 4), ".jsonl.tmp", 10, 12, NOTHING, 0);
	recovered(12);
	assert_int_equal(untold.n, 1);
	recovered(12);
	assert_int_equal(untold.n, 2);
	expect_untold(0, fixture_base('a', 3), 4, half_of(10).n);
	expect_untold(1, fixture_base('a', 4), 3, 0);
}

/* What a session has recorded is there, sealed by itself. */
static void
not_what_a_session_has_told(void **state)
{
	(void)state;
	cut_short();
	closed(fixture_base('0', 1), 10, 11);
	recovered(11);
	assert_int_equal(untold.n, 0);
}

/* ... or left by it: then that is what has to be told. */
static void
not_what_a_session_has_told_that_crashed(void **state)
{
	(void)state;
	cut_short();
	fixture_put(&f, fixture_base('0', 1), ".jsonl.tmp", 10, 11, NOTHING, 0);
	recovered(11);
	assert_int_equal(untold.n, 0);
	assert_int_equal(r.n_closed, 1);
	recovered(11);
	assert_int_equal(untold.n, 1);
	expect_untold(0, fixture_base('0', 1), 2, 0);
}

/* It crashed behind its very first record. */
static void
what_a_session_had_no_time_to_tell(void **state)
{
	(void)state;
	cut_short();
	fixture_put(&f, fixture_base('0', 1), ".jsonl.tmp", 10, 10, NOTHING, 0);
	recovered(10);
	assert_int_equal(untold.n, 1);
	expect_untold(0, fixture_base('a', 3), 4, half_of(10).n);
	recovered(10);
	assert_int_equal(untold.n, 2);
	expect_untold(1, fixture_base('0', 1), 1, 0);
}

/* A seal that is damaged, but is not the last of its session, keeps no start from going on. */
static void
as_far_as_seals_are_good(void **state)
{
	(void)state;
	cut_short();
	fixture_put(&f, fixture_base('a', 4), ".jsonl.tmp", 10, 12, NOTHING, 0);
	recovered(12);
	drop(fixture_base('a', 3), SEGNAME_SEAL);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.seal", 0, 0, STR("no seal\n"), 0);
	assert_int_equal(run(), 0);
	assert_int_equal(untold.n, 1);
	expect_untold(0, fixture_base('a', 4), 3, 0);
}

static void
nothing_of_an_empty_directory(void **state)
{
	(void)state;
	recovered(0);
	assert_int_equal(untold.n, 0);
	fixture_put(&f, fixture_base('a', 1), ".jsonl.tmp", 1, 3, NOTHING, 0);
	recovered(3);
	assert_int_equal(untold.n, 0);
	recovered(3);
	assert_int_equal(untold.n, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(by_the_next_start),
	    TEST(by_the_first_that_comes_so_far),
	    TEST(not_what_a_session_has_told),
	    TEST(not_what_a_session_has_told_that_crashed),
	    TEST(what_a_session_had_no_time_to_tell),
	    TEST(as_far_as_seals_are_good),
	    TEST(nothing_of_an_empty_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
