/* SPDX-License-Identifier: Apache-2.0 */
/* What a start makes of what a crash left behind, on directories laid out by hand. */
#include "tests/unit/recover_case.h"

/* --- whole files ------------------------------------------------------------------------------- */

static void
an_empty_directory(void **state)
{
	(void)state;
	recovered(0);
	assert_int_equal(after.next_index, 0);
	assert_int_equal(r.n_closed, 0);
}

static void
nothing_to_do(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	closed(fixture_base('a', 2), 6, 9);
	closed(fixture_base('b', 1), 10, 12);
	recovered(12);
	assert_int_equal(r.n_closed, 0);
}

static void
whole_lines_and_space_ahead(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, NOTHING, 300000);
	recovered(9);
	assert_int_equal(r.n_closed, 1);
	expect_closed(0, fixture_base('a', 2), 4, 0);
	assert_int_equal(r.records, 4);
	assert_false(there(fixture_base('a', 2), ".jsonl.torn"));
	recovered(9); /* again: nothing left to do */
	assert_int_equal(r.n_closed, 0);
}

static void
files_are_read_only_for_everybody(void **state)
{
	struct stat st;

	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl.tmp", 1, 3, NOTHING, 10);
	recovered(3);
	assert_int_equal(fstatat(f.dir.fd, fixture_base('a', 1), &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0440);
}

static void
half_a_line_is_torn(void **state)
{
	CLEANUP_FREE char *torn = NULL;
	size_t n;

	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, half_of(10), 5000);
	recovered(9);
	expect_closed(0, fixture_base('a', 2), 4, half_of(10).n);
	/* The evidence is the original, whole. */
	torn = fixture_bytes(&f,
	    "audit-20261121T034652Z-a0000000-0000-4000-8000-000000000000-000002.jsonl.torn", &n);
	assert_true(n > half_of(10).n + 5000);
	assert_memory_equal(torn, f.line[6].p, f.line[6].n);
	recovered(9);
	assert_int_equal(r.n_closed, 0);
}

/* A block that never reached the disk reads as zeros, in the middle of a line or before one. */
static void
a_hole_ends_what_is_good(void **state)
{
	char line[1024];

	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	memcpy(line, f.line[8].p, f.line[8].n);
	memset(line + 100, 0, 50);
	fixture_put(
	    &f, fixture_base('a', 2), ".jsonl.tmp", 6, 7, (struct str){line, f.line[8].n}, 9);
	recovered(7);
	expect_closed(0, fixture_base('a', 2), 2, f.line[8].n);
}

static void
a_line_that_does_not_continue_ends_what_is_good(void **state)
{
	char lines[2048];
	size_t n = f.line[8].n + f.line[9].n;
	char *digit = lines + n - 4;

	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	memcpy(lines, f.line[8].p, n); /* 8 and 9 lie side by side */
	*digit = *digit == '0' ? '1' : '0';
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 7, (struct str){lines, n}, 9);
	recovered(8);
	expect_closed(0, fixture_base('a', 2), 3, f.line[9].n);
}

static void
a_line_too_long_ends_what_is_good(void **state)
{
	static char longest[3 * LIMIT_LINE];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\n';
	fixture_put(&f, fixture_base('a', 1), ".jsonl.tmp", 1, 2,
	    (struct str){longest, sizeof(longest)}, 0);
	recovered(2);
	expect_closed(0, fixture_base('a', 1), 2, sizeof(longest));
}

static void
without_a_good_line_it_is_only_kept(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 0, 0, half_of(6), 100);
	recovered(5);
	expect_closed(0, fixture_base('a', 2), 0, half_of(6).n);
	assert_true(there(fixture_base('a', 2), ".jsonl.torn"));
	assert_false(there(fixture_base('a', 2), ".jsonl"));
	recovered(5); /* the evidence is left alone from now on */
	assert_int_equal(r.n_closed, 0);
	assert_true(there(fixture_base('a', 2), ".jsonl.torn"));
}

static void
empty_files_are_named(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 0, 0, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 0, 0, NOTHING, 700000);
	assert_int_equal(run(), 0);
	assert_int_equal(r.n_closed, 0);
	assert_int_equal(r.n_empty, 2);
	assert_string_equal(r.empty[0], fixture_base('a', 2));
	assert_string_equal(r.empty[1], fixture_base('a', 3));
	assert_true(there(fixture_base('a', 2), ".jsonl.tmp"));
}

/* --- several files ----------------------------------------------------------------------------- */

static void
in_the_order_of_their_records(void **state)
{
	(void)state;
	closed(fixture_base('c', 1), 1, 5);
	fixture_put(&f, fixture_base('b', 1), ".jsonl.tmp", 9, 11, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 7), ".jsonl.tmp", 12, 12, half_of(13), 10);
	fixture_put(&f, fixture_base('d', 1), ".jsonl.tmp", 6, 8, NOTHING, 0);
	recovered(12);
	expect_closed(0, fixture_base('d', 1), 3, 0);
	expect_closed(1, fixture_base('b', 1), 3, 0);
	expect_closed(2, fixture_base('a', 7), 1, half_of(13).n);
}

static void
what_does_not_continue_is_torn(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 7, 9, NOTHING, 10);
	recovered(5);
	expect_closed(0, fixture_base('a', 2), 0, f.line[7].n + f.line[8].n + f.line[9].n);
}

static void
another_logs_lines_are_torn(void **state)
{
	static struct fixture other;

	(void)state;
	fixture_init(&other, FIXTURE_LOG_ID + 1);
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 0, 0, other.line[6], 10);
	recovered(5);
	expect_closed(0, fixture_base('a', 2), 0, other.line[6].n);
	fixture_deinit(&other);
}

/* After a storage error the writer writes again what the bad segment did not have safe. */
static void
written_again_elsewhere(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 12, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 10, 15, NOTHING, 10);
	recovered(15);
	fixture_expect_file(&f, fixture_base('a', 2), 6, 9);
	fixture_expect_file(&f, fixture_base('a', 3), 10, 15);
	assert_true(there(fixture_base('a', 2), ".jsonl.torn"));
	assert_false(there(fixture_base('a', 3), ".jsonl.torn"));
}

static void
written_again_but_not_as_far(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 12, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 10, 11, half_of(12), 10);
	recovered(12);
	fixture_expect_file(&f, fixture_base('a', 2), 6, 12);
	expect_closed(1, fixture_base('a', 3), 0, f.line[10].n + f.line[11].n + half_of(12).n);
}

static void
written_again_from_the_start(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 1, 4, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 1, 9, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 4), ".jsonl.tmp", 1, 6, NOTHING, 10);
	recovered(9);
	fixture_expect_file(&f, fixture_base('a', 3), 1, 9);
	assert_true(there(fixture_base('a', 2), ".jsonl.torn"));
	assert_true(there(fixture_base('a', 4), ".jsonl.torn"));
}

/* Written again thrice, as when a disk comes and goes. */
static void
written_again_and_again(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl.tmp", 1, 12, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 10, 14, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 13, 16, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 4), ".jsonl.tmp", 13, 20, NOTHING, 10);
	recovered(20);
	fixture_expect_file(&f, fixture_base('a', 1), 1, 9);
	fixture_expect_file(&f, fixture_base('a', 2), 10, 12);
	fixture_expect_file(&f, fixture_base('a', 4), 13, 20);
}

/* --- what was committed ------------------------------------------------------------------------ */

static void
publishes_what_was_committed(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	committed(fixture_base('a', 2), 6, 9);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 10, 11, NOTHING, 100);
	recovered(11);
	assert_int_equal(r.n_closed, 1);
	expect_seal(fixture_base('a', 2), "\"index\":1,");
	expect_seal(fixture_base('a', 2), "\"state\":\"clean\"");
	expect_seal(fixture_base('a', 3), "\"state\":\"recovered\",\"torn_bytes\":0,");
}

/* Of the two names a crash may have kept either. */
static void
publishes_what_was_half_published(void **state)
{
	(void)state;
	committed(fixture_base('a', 1), 1, 5);
	move(fixture_base('a', 1), SEGNAME_TMP, SEGNAME_CLOSED);
	recovered(5);
	closed(fixture_base('a', 2), 6, 9);
	move(fixture_base('a', 2), SEGNAME_CLOSED, SEGNAME_TMP);
	recovered(9);
	assert_int_equal(r.n_closed, 0);
}

/* Somebody removes segments when the writer does not run; their seals stay. */
static void
goes_on_without_a_segment_that_was_removed(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	closed(fixture_base('a', 2), 6, 9);
	drop(fixture_base('a', 1), SEGNAME_CLOSED);
	assert_int_equal(run(), 0);
	assert_int_equal(first_seq, 6);
	drop(fixture_base('a', 2), SEGNAME_CLOSED);
	assert_int_equal(run(), 0);
	assert_int_equal(first_seq, 0);
	assert_int_equal(after.seq, 9);
	assert_true(there(fixture_base('a', 2), ".jsonl.seal"));
}

/* --- interrupted recoveries -------------------------------------------------------------------- */

static void
between_the_two_renames(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.torn", 6, 9, half_of(10), 100);
	recovered(9);
	expect_closed(0, fixture_base('a', 2), 4, half_of(10).n);
	assert_true(there(fixture_base('a', 2), ".jsonl.torn"));
	recovered(9);
	assert_int_equal(r.n_closed, 0);
}

/* The copy is in its place, and not sealed: what was torn is told all the same. */
static void
between_the_copy_and_its_seal(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.torn", 6, 9, half_of(10), 100);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, NOTHING, 0);
	recovered(9);
	expect_closed(0, fixture_base('a', 2), 4, half_of(10).n);
	assert_false(there(fixture_base('a', 2), ".jsonl.torn.1"));
}

/* What was kept beside segments does not continue the log. */
static void
evidence_of_closed_segments(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 1), ".jsonl.torn", 1, 7, NOTHING, 100);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.torn", 3, 5, half_of(6), 100);
	recovered(5);
	assert_int_equal(r.n_closed, 0);
	assert_false(there(fixture_base('a', 2), ".jsonl"));
}

/* The key state alone says where the log ends. */
static void
an_open_segment_of_later_records(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 9), ".jsonl.tmp", 30, 34, NOTHING, 100);
	recovered(0);
	assert_int_equal(first_seq, 0);
	assert_true(there(fixture_base('a', 9), ".jsonl.torn"));
}

static void
a_second_torn_file_of_a_segment(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.torn", 6, 7, half_of(8), 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, half_of(10), 0);
	recovered(9);
	assert_true(there(fixture_base('a', 2), ".jsonl.torn"));
	assert_true(there(fixture_base('a', 2), ".jsonl.torn.1"));
}

/* A start was cut short when it had set aside what it was about to copy, beside a .torn of somebody else. */
static void
good_lines_in_a_second_torn_file(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.torn", 0, 0, STR("no record\n"), 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.torn.1", 6, 9, half_of(10), 100);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.torn.9", 10, 11, NOTHING, 100);
	recovered(11);
	assert_int_equal(r.n_closed, 2);
	expect_closed(0, fixture_base('a', 2), 4, half_of(10).n);
	expect_closed(1, fixture_base('a', 3), 2, 0);
	assert_true(there(fixture_base('a', 2), ".jsonl.torn"));
	assert_true(there(fixture_base('a', 2), ".jsonl.torn.1"));
	recovered(11);
	assert_int_equal(r.n_closed, 0);
}

/* ... or when its copy had its name, too: what was torn is in what was set aside last. */
static void
torn_bytes_of_a_second_torn_file(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.torn", 6, 9, STR("no record\n"), 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.torn.1", 6, 9, half_of(10), 100);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, NOTHING, 0);
	recovered(9);
	expect_closed(0, fixture_base('a', 2), 4, half_of(10).n);
}

/* A segment is closed once. */
static void
torn_files_of_one_segment_that_follow_each_other(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl.torn", 1, 3, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 1), ".jsonl.torn.1", 4, 5, NOTHING, 0);
	recovered(3);
	assert_int_equal(r.n_closed, 1);
}

static void
scratch_files_do_not_pile_up(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl.tmp", 1, 5, half_of(6), 0);
	(void)mknodat(f.dir.fd, SEGNAME_SCRATCH, S_IFREG | 0440, 0);
	(void)mknodat(f.dir.fd, SEGNAME_COPY, S_IFREG | 0440, 0);
	recovered(5);
	assert_int_equal(r.n_closed, 1);
}

static void
names_of_others_are_left_alone(void **state)
{
	static const char *const names[] = {"notes.txt", "audit-x.jsonl", "audit.jsonl.tmp",
	    "audit-20261121T034651Z-A0000000-0000-4000-8000-000000000000-000001.jsonl.tmp",
	    "audit-20261121T034651Z-a0000000-0000-4000-8000-000000000000-00001.jsonl",
	    "audit-20261121T034651Z-a0000000-0000-4000-8000-000000000000-000000.jsonl",
	    "audit-20261121T034651Z-a0000000-0000-4000-8000-000000000000-000001.seal"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(mknodat(f.dir.fd, names[i], S_IFREG | 0440, 0), 0);
	assert_int_equal(run(), 0);
	assert_int_equal(after.seq, 0);
	assert_int_equal(r.n_closed + r.n_empty, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(faccessat(f.dir.fd, names[i], F_OK, 0), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_empty_directory),
	    TEST(nothing_to_do),
	    TEST(whole_lines_and_space_ahead),
	    TEST(files_are_read_only_for_everybody),
	    TEST(half_a_line_is_torn),
	    TEST(a_hole_ends_what_is_good),
	    TEST(a_line_that_does_not_continue_ends_what_is_good),
	    TEST(a_line_too_long_ends_what_is_good),
	    TEST(without_a_good_line_it_is_only_kept),
	    TEST(empty_files_are_named),
	    TEST(in_the_order_of_their_records),
	    TEST(what_does_not_continue_is_torn),
	    TEST(another_logs_lines_are_torn),
	    TEST(written_again_elsewhere),
	    TEST(written_again_but_not_as_far),
	    TEST(written_again_from_the_start),
	    TEST(written_again_and_again),
	    TEST(publishes_what_was_committed),
	    TEST(publishes_what_was_half_published),
	    TEST(goes_on_without_a_segment_that_was_removed),
	    TEST(between_the_two_renames),
	    TEST(between_the_copy_and_its_seal),
	    TEST(evidence_of_closed_segments),
	    TEST(an_open_segment_of_later_records),
	    TEST(a_second_torn_file_of_a_segment),
	    TEST(good_lines_in_a_second_torn_file),
	    TEST(torn_bytes_of_a_second_torn_file),
	    TEST(torn_files_of_one_segment_that_follow_each_other),
	    TEST(scratch_files_do_not_pile_up),
	    TEST(names_of_others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
