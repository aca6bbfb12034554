/* SPDX-License-Identifier: Apache-2.0 */
/* What a start makes of what a crash left behind, on directories laid out by hand. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auditd-writer/recover.h"
#include "common/cleanup.h"
#include "tests/unit/dir_faults.h"
#include "tests/unit/log_fixture.h"

static struct fixture f;
static struct history y;
static struct recovery r;
static char why[512];
static struct hash *hash;

static int
setup(void **state)
{
	(void)state;
	fixture_init(&f, FIXTURE_LOG_ID);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	hash = hash_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	recovery_deinit(&r);
	fixture_deinit(&f);
	hash_free(hash);
	return 0;
}

/* As the writer does at start. */
static int
run(void)
{
	struct text t = text_over(why, sizeof(why) - 1);
	struct catalog c;
	int error;

	recovery_deinit(&r);
	memset(why, 0, sizeof(why));
	error = catalog_read(&c, &f.dir);
	if (error < 0)
		return error;
	error = history_read(&y, &f.dir, &c, hash, &t);
	if (error == 0)
		error = recover_all(&r, &y, &f.dir, &c, hash, &t);
	catalog_deinit(&c);
	return error;
}

static void
recovered(unsigned last)
{
	int error = run();

	if (error < 0)
		fail_msg("recovery failed: %d %s", error, why);
	fixture_expect(&f, 1, last);
	assert_int_equal(y.seq, last);
	if (last == 0)
		return;
	assert_int_equal(y.log_id, FIXTURE_LOG_ID);
	assert_int_equal(y.first_seq, 1);
	assert_int_equal(y.time, INT64_C(1795000000000000) + last);
	if (last < FIXTURE_LINES) { /* the head is what the next line continues */
		static const char hex[] = "0123456789abcdef";
		const char *prev = f.line[last + 1].p + f.line[last + 1].n - 3 - 64;

		for (int i = 0; i < LINE_HASH; i++) {
			assert_int_equal(prev[2 * i], hex[y.head[i] >> 4]);
			assert_int_equal(prev[2 * i + 1], hex[y.head[i] & 15]);
		}
	}
}

static void
expect_closed(size_t i, const char *base, uint64_t records, uint64_t torn)
{
	assert_true(i < r.n_closed);
	assert_string_equal(r.closed[i].base, base);
	assert_int_equal(r.closed[i].records, records);
	assert_int_equal(r.closed[i].torn_bytes, torn);
}

static bool
there(const char *base, const char *kind)
{
	char name[128];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%.*s%s", (int)(strlen(base) - 6), base, kind);
	return fstatat(f.dir.fd, name, &st, 0) == 0;
}

#define NOTHING ((struct str){"", 0})

static struct str
half_of(unsigned seq)
{
	return (struct str){f.line[seq].p, f.line[seq].n / 2};
}

/* --- whole files ------------------------------------------------------------------------------- */

static void
an_empty_directory(void **state)
{
	(void)state;
	recovered(0);
	assert_false(y.any);
	assert_int_equal(r.n_closed, 0);
}

static void
nothing_to_do(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl", 6, 9, NOTHING, 0);
	fixture_put(&f, fixture_base('b', 1), ".jsonl", 10, 12, NOTHING, 0);
	recovered(12);
	assert_int_equal(r.n_closed, 0);
}

static void
whole_lines_and_space_ahead(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
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
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
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
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
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
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
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
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
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
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
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
	fixture_put(&f, fixture_base('c', 1), ".jsonl", 1, 5, NOTHING, 0);
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
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
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
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
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
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
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
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
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

/* The rename of a later segment may be on disk when that of an earlier one is not. */
static void
an_open_segment_before_a_closed_one(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, NOTHING, 100);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 10, 11, half_of(12), 0);
	fixture_put(&f, fixture_base('a', 4), ".jsonl", 12, 14, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 5), ".jsonl.tmp", 15, 16, NOTHING, 100);
	recovered(16);
	assert_int_equal(r.n_closed, 3);
	assert_int_equal(r.records, 8);
	assert_true(there(fixture_base('a', 3), ".jsonl.torn"));
}

static void
the_first_segment_open_and_the_next_closed(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl.tmp", 1, 5, NOTHING, 100);
	fixture_put(&f, fixture_base('a', 2), ".jsonl", 6, 9, NOTHING, 0);
	recovered(9);
	expect_closed(0, fixture_base('a', 1), 5, 0);
}

/* It has to end where the closed one begins: else it is no hole, and its lines are not of the log. */
static void
no_hole_to_fill(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 7, NOTHING, 100);
	fixture_put(&f, fixture_base('a', 3), ".jsonl", 9, 12, NOTHING, 0);
	assert_int_equal(run(), 0);
	assert_int_equal(y.seq, 12);
	expect_closed(0, fixture_base('a', 2), 0, f.line[6].n + f.line[7].n);
	assert_true(there(fixture_base('a', 2), ".jsonl.torn"));
}

/* --- interrupted recoveries -------------------------------------------------------------------- */

static void
between_the_two_renames(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.torn", 6, 9, half_of(10), 100);
	recovered(9);
	expect_closed(0, fixture_base('a', 2), 4, half_of(10).n);
	assert_true(there(fixture_base('a', 2), ".jsonl.torn"));
	recovered(9);
	assert_int_equal(r.n_closed, 0);
}

/* Somebody removed old segments, and left what was kept beside them. */
static void
evidence_of_removed_segments(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl.torn", 3, 5, half_of(6), 100);
	assert_int_equal(run(), 0);
	assert_false(y.any);
	assert_true(there(fixture_base('a', 1), ".jsonl.torn"));
	fixture_put(&f, fixture_base('a', 2), ".jsonl", 6, 12, NOTHING, 0);
	assert_int_equal(run(), 0);
	assert_int_equal(y.seq, 12);
	assert_int_equal(y.first_seq, 6);
	assert_int_equal(r.n_closed, 0);
	assert_false(there(fixture_base('a', 1), ".jsonl"));
}

static void
only_an_open_segment_is_left(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 9), ".jsonl.tmp", 30, 34, NOTHING, 100);
	assert_int_equal(run(), 0);
	assert_int_equal(y.first_seq, 30);
	assert_int_equal(y.seq, 34);
	assert_int_equal(y.log_id, FIXTURE_LOG_ID);
	fixture_expect(&f, 30, 34);
}

static void
a_second_torn_file_of_a_segment(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.torn", 6, 7, half_of(8), 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, half_of(10), 0);
	recovered(9);
	assert_true(there(fixture_base('a', 2), ".jsonl.torn"));
	assert_true(there(fixture_base('a', 2), ".jsonl.torn.1"));
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
	    "audit-20261121T034651Z-a0000000-0000-4000-8000-000000000000-000001.jsonl.seal"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(mknodat(f.dir.fd, names[i], S_IFREG | 0440, 0), 0);
	assert_int_equal(run(), 0);
	assert_false(y.any);
	assert_int_equal(r.n_closed + r.n_empty, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(faccessat(f.dir.fd, names[i], F_OK, 0), 0);
}

/* --- closed segments that are not as we leave them --------------------------------------------- */

static void
refused(const char *base, const char *what)
{
	assert_int_equal(run(), -EBADMSG);
	assert_non_null(strstr(why, base));
	if (!strstr(why, what))
		fail_msg("not said: %s; said: %s", what, why);
	fixture_clear(&f);
}

static void
refuses_closed_segments_that_are_not_whole(void **state)
{
	const char *base = fixture_base('a', 1);

	(void)state;
	fixture_put(&f, base, ".jsonl", 1, 5, half_of(6), 0);
	refused(base, "its last line is not a whole record");
	fixture_put(&f, base, ".jsonl", 1, 5, NOTHING, 17);
	refused(base, "its last line is not a whole record");
	fixture_put(&f, base, ".jsonl", 1, 5, STR("{\"seq\":6}\n"), 0);
	refused(base, "its last line is not a whole record");
	fixture_put(&f, base, ".jsonl", 0, 0, NOTHING, 0);
	refused(base, "its first line is not a record");
	fixture_put(&f, base, ".jsonl", 0, 0, STR("\n\n"), 0);
	refused(base, "its first line is not a record");
}

static void
refuses_two_logs_in_one_directory(void **state)
{
	static struct fixture other;
	const char *base = fixture_base('b', 1);

	(void)state;
	fixture_init(&other, FIXTURE_LOG_ID + 1);
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
	fixture_put(&f, base, ".jsonl", 0, 0, other.line[1], 0);
	refused(base, "of another log");
	fixture_deinit(&other);
}

static void
the_newest_by_number_not_by_name(void **state)
{
	(void)state;
	fixture_put(&f, fixture_base('f', 1), ".jsonl", 1, 5, NOTHING, 0);
	fixture_put(&f, fixture_base('b', 3), ".jsonl", 11, 12, NOTHING, 0);
	fixture_put(&f, fixture_base('b', 2), ".jsonl", 6, 10, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 13, 14, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 1000000), ".jsonl", 15, 16, NOTHING, 0);
	recovered(16);
}

/* --- interruptions and errors at every call ---------------------------------------------------- */

struct scene {
	const char *name;
	void (*lay)(void);
	unsigned last;
};

static void
lay_plain(void)
{
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, NOTHING, 1000);
}

static void
lay_torn(void)
{
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, half_of(10), 1000);
}

static void
lay_several(void)
{
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 12, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 10, 15, half_of(16), 10);
	fixture_put(&f, fixture_base('a', 4), ".jsonl.torn", 3, 4, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 5), ".jsonl.tmp", 0, 0, half_of(40), 10);
}

static void
lay_hole(void)
{
	fixture_put(&f, fixture_base('a', 1), ".jsonl", 1, 5, NOTHING, 0);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, NOTHING, 100);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 10, 11, half_of(12), 0);
	fixture_put(&f, fixture_base('a', 4), ".jsonl", 12, 14, NOTHING, 0);
}

static const struct scene scenes[] = {
    {"plain", lay_plain, 9},
    {"torn", lay_torn, 9},
    {"several", lay_several, 15},
    {"hole", lay_hole, 14},
};

/* Run in a process of its own that dies or fails at call number `at`. True: it got that far. */
static bool
run_with_fault(enum dir_fault fault, int at)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		dir_fault_set(fault, at, 1, EIO);
		_exit(run() < 0 ? 1 : dir_fault_calls() >= at ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) != 0;
}

static void
at_every_call(enum dir_fault fault, enum dir_fault again)
{
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		int at = 1;

		for (;; at++) {
			bool hit;

			fixture_clear(&f);
			scenes[i].lay();
			hit = run_with_fault(fault, at);
			/* Once more at the call where a second start may be, then for good. */
			(void)run_with_fault(again, at / 2 + 1);
			recovered(scenes[i].last);
			if (!hit)
				break;
		}
		print_message("# %s: %d calls\n", scenes[i].name, at - 1);
		assert_true(at > 8);
	}
}

static void
killed_at_every_call(void **state)
{
	(void)state;
	at_every_call(DIR_FAULT_DIE, DIR_FAULT_NONE);
	at_every_call(DIR_FAULT_DIE, DIR_FAULT_DIE);
}

static void
failing_at_every_call(void **state)
{
	(void)state;
	at_every_call(DIR_FAULT_FAIL, DIR_FAULT_NONE);
	at_every_call(DIR_FAULT_FAIL, DIR_FAULT_DIE);
	at_every_call(DIR_FAULT_SHORT, DIR_FAULT_NONE);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

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
	    TEST(an_open_segment_before_a_closed_one),
	    TEST(the_first_segment_open_and_the_next_closed),
	    TEST(no_hole_to_fill),
	    TEST(between_the_two_renames),
	    TEST(evidence_of_removed_segments),
	    TEST(only_an_open_segment_is_left),
	    TEST(a_second_torn_file_of_a_segment),
	    TEST(scratch_files_do_not_pile_up),
	    TEST(names_of_others_are_left_alone),
	    TEST(refuses_closed_segments_that_are_not_whole),
	    TEST(refuses_two_logs_in_one_directory),
	    TEST(the_newest_by_number_not_by_name),
	    TEST(killed_at_every_call),
	    TEST(failing_at_every_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
