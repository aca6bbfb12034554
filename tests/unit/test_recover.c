/* SPDX-License-Identifier: Apache-2.0 */
/* What a start makes of what a crash left behind, on directories laid out by hand. */
#include <errno.h>
#include <fcntl.h>
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

#include "auditd-writer/history.h"
#include "auditd-writer/recover.h"
#include "common/cleanup.h"
#include "tests/unit/dir_faults.h"
#include "tests/unit/seal_fixture.h"

static struct fixture f;
static struct seal_fixture keys;
static struct keystate after; /* the key state when recovery is done */
static uint64_t first_seq;
static struct recovery r;
static char why[1024];

static int
setup(void **state)
{
	(void)state;
	fixture_init(&f, FIXTURE_LOG_ID);
	seal_fixture_init(&keys, &f, FIXTURE_LOG_ID);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	recovery_deinit(&r);
	seal_fixture_deinit(&keys);
	fixture_deinit(&f);
	return 0;
}

/* Nothing there, and a new key state. */
static void
clear(void)
{
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	fixture_clear(&f);
	seal_fixture_renew(&keys);
}

static int
publish(struct text *t)
{
	char gone[SEGNAME_SIZE];
	const char *step = "";
	int error = sealer_resume(&keys.sealer, gone, &step);

	text_put(t, str_from(step));
	return error;
}

static int
check(struct text *t)
{
	struct catalog c;
	int error = catalog_read(&c, &f.dir);

	if (error < 0)
		return error;
	error = history_check(&f.dir, &c, &keys.sealer.state, keys.sum, t);
	catalog_deinit(&c);
	return error;
}

static int
recover(struct text *t)
{
	struct catalog c;
	int error = catalog_read(&c, &f.dir);

	if (error < 0)
		return error;
	error = history_first(&first_seq, &f.dir, &c, keys.sum, t);
	if (error == 0)
		error = recover_all(&r, &keys.sealer, &f.dir, &c, keys.sum, t);
	catalog_deinit(&c);
	return error;
}

/* As the writer does at start. */
static int
run(void)
{
	struct text t = text_over(why, sizeof(why) - 1);
	int error = seal_fixture_open(&keys);

	recovery_deinit(&r);
	memset(why, 0, sizeof(why));
	if (error < 0)
		return error;
	error = check(&t);
	if (error == 0)
		error = publish(&t);
	if (error == 0)
		error = recover(&t);
	after = keys.sealer.state;
	seal_fixture_close(&keys);
	return error;
}

static void
recovered(unsigned last)
{
	int error = run();

	if (error < 0)
		fail_msg("recovery failed: %d %s", error, why);
	fixture_expect(&f, 1, last);
	(void)seal_fixture_expect(&keys);
	assert_int_equal(after.seq, last);
	if (last == 0)
		return;
	assert_int_equal(after.log_id, FIXTURE_LOG_ID);
	assert_int_equal(after.last_time, INT64_C(1795000000000000) + last);
	assert_memory_equal(after.head, f.mark[last].leaf, LINE_HASH);
}

static void
expect_closed(size_t i, const char *base, uint64_t records, uint64_t torn)
{
	assert_true(i < r.n_closed);
	assert_string_equal(r.closed[i].base, base);
	assert_int_equal(r.closed[i].records, records);
	assert_int_equal(r.closed[i].torn_bytes, torn);
}

/* A closed segment with its seal, in the order of the log. */
static void
closed(const char *base, unsigned first, unsigned last)
{
	seal_fixture_put(&keys, base, first, last);
}

/* Its seal says so. */
static void
expect_seal(const char *base, const char *text)
{
	char name[SEGNAME_SIZE];
	CLEANUP_FREE char *bytes = NULL;
	size_t n;

	segname_with(name, base, SEGNAME_SEAL);
	bytes = fixture_bytes(&f, name, &n);
	if (!memmem(bytes, n, text, strlen(text)))
		fail_msg("not in %s: %s", name, text);
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

/* Sealed as the key state knows it, and nothing of it published yet: it is complete as .tmp. */
static void
committed(const char *base, unsigned first, unsigned last)
{
	const struct tally_total total = seal_fixture_total(&keys, first, last);
	const struct sealing sealing = {.base = base, .total = &total, .state = SEAL_CLEAN};
	char gone[SEGNAME_SIZE];
	const char *step;

	fixture_put(&f, base, ".jsonl.tmp", first, last, NOTHING, 0);
	assert_int_equal(seal_fixture_open(&keys), 0);
	assert_int_equal(sealer_resume(&keys.sealer, gone, &step), 0);
	dir_fault_only("openat");
	dir_fault_set(DIR_FAULT_FAIL, 1, 1, EIO);
	assert_int_equal(sealer_seal(&keys.sealer, &sealing, 1, &step), -EIO);
	dir_fault_only(NULL);
	assert_int_equal(keys.sealer.state.seq, last);
	seal_fixture_close(&keys);
}

static void
move(const char *base, enum segname_kind from, enum segname_kind to)
{
	char a[SEGNAME_SIZE], b[SEGNAME_SIZE];

	segname_with(a, base, from);
	segname_with(b, base, to);
	assert_int_equal(renameat(f.dir.fd, a, f.dir.fd, b), 0);
}

static void
drop(const char *base, enum segname_kind kind)
{
	char name[SEGNAME_SIZE];

	segname_with(name, base, kind);
	assert_int_equal(unlinkat(f.dir.fd, name, 0), 0);
}

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

/* --- key states and directories that do not belong together ------------------------------------- */

static void
refused(const char *base, const char *what)
{
	assert_int_equal(run(), -EBADMSG);
	assert_non_null(strstr(why, base));
	if (!strstr(why, what))
		fail_msg("not said: %s; said: %s", what, why);
	assert_non_null(strstr(why, "auditd-writer(8), \"The key state\""));
}

static void
refuses_a_closed_segment_without_a_seal(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	closed(fixture_base('a', 2), 6, 9);
	closed(fixture_base('a', 3), 10, 12);
	drop(fixture_base('a', 2), SEGNAME_SEAL);
	refused(fixture_base('a', 2), "closed, but its seal is not there");
}

static void
refuses_a_seal_that_is_none(void **state)
{
	const char *base = fixture_base('a', 2);
	struct str good, bad;
	CLEANUP_FREE char *bytes = NULL;
	char name[SEGNAME_SIZE];

	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	closed(base, 6, 9);
	segname_with(name, base, SEGNAME_SEAL);
	bytes = fixture_bytes(&f, name, &good.n);
	for (size_t n = 0; n < good.n; n += good.n / 7) {
		drop(base, SEGNAME_SEAL);
		bad = (struct str){bytes, n};
		fixture_put(&f, base, ".jsonl.seal", 0, 0, bad, 0);
		refused(base, ".seal: ");
	}
	bytes[good.n - 5] ^= 1;
	drop(base, SEGNAME_SEAL);
	fixture_put(&f, base, ".jsonl.seal", 0, 0, (struct str){bytes, good.n}, 0);
	refused(base, ".seal: ");
}

static void
refuses_a_seal_under_another_name(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	move(fixture_base('a', 1), SEGNAME_SEAL, SEGNAME_TORN);
	closed(fixture_base('b', 1), 6, 9);
	closed(fixture_base('b', 2), 10, 11);
	drop(fixture_base('b', 1), SEGNAME_SEAL);
	{
		char a[SEGNAME_SIZE], b[SEGNAME_SIZE];

		segname_with(a, fixture_base('a', 1), SEGNAME_TORN);
		segname_with(b, fixture_base('a', 1), SEGNAME_SEAL);
		assert_int_equal(renameat(f.dir.fd, a, f.dir.fd, b), 0);
		segname_with(a, fixture_base('b', 2), SEGNAME_SEAL);
		segname_with(b, fixture_base('b', 1), SEGNAME_SEAL);
		assert_int_equal(linkat(f.dir.fd, a, f.dir.fd, b, 0), 0);
	}
	refused(fixture_base('b', 1), "it is the seal of another segment");
}

static void
refuses_another_logs_key_state(void **state)
{
	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	keys.log_id++;
	seal_fixture_renew(&keys);
	keys.log_id--;
	refused(fixture_base('a', 1),
	    "of origin host/sealwright/123456789abcdef, but the key state "
	    "is of origin host/sealwright/123456789abcdf0");
}

/* Copies of the key directory, put back later. */
static void
copy_keys(char bytes[2 * KEYSTATE_SLOT], bool back)
{
	int fd = openat(keys.dir.fd, DIR_KEYSTATE, O_RDWR | O_CLOEXEC);
	ssize_t n = back ? pwrite(fd, bytes, (size_t)2 * KEYSTATE_SLOT, 0)
			 : pread(fd, bytes, (size_t)2 * KEYSTATE_SLOT, 0);

	assert_int_equal(n, 2 * KEYSTATE_SLOT);
	(void)close(fd);
}

static void
refuses_a_key_state_of_yesterday(void **state)
{
	static char bytes[2 * KEYSTATE_SLOT];

	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	copy_keys(bytes, false);
	closed(fixture_base('a', 2), 6, 9);
	closed(fixture_base('b', 1), 10, 12);
	copy_keys(bytes, true);
	refused(fixture_base('a', 2), "has index 1, but the key state would give index 1 next");
}

/* From a copy of the key state another seal was made: the directory has one, the state the other. */
static void
refuses_a_newest_seal_that_it_did_not_make(void **state)
{
	static char before[2 * KEYSTATE_SLOT];

	(void)state;
	closed(fixture_base('a', 1), 1, 5);
	copy_keys(before, false);
	closed(fixture_base('a', 2), 6, 9);
	move(fixture_base('a', 2), SEGNAME_SEAL, SEGNAME_TORN);
	move(fixture_base('a', 2), SEGNAME_CLOSED, SEGNAME_TMP);
	copy_keys(before, true);
	drop(fixture_base('a', 2), SEGNAME_TMP);
	closed(fixture_base('a', 2), 6, 9);
	drop(fixture_base('a', 2), SEGNAME_SEAL);
	move(fixture_base('a', 2), SEGNAME_TORN, SEGNAME_SEAL);
	refused(fixture_base('a', 2), "is not the seal that the key state has made");
}

static void
the_newest_by_index_not_by_name(void **state)
{
	(void)state;
	closed(fixture_base('f', 1), 1, 5);
	closed(fixture_base('b', 2), 6, 10);
	closed(fixture_base('b', 3), 11, 12);
	closed(fixture_base('a', 1), 13, 14);
	closed(fixture_base('a', 1000000), 15, 16);
	recovered(16);
	assert_int_equal(first_seq, 1);
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
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, NOTHING, 1000);
}

static void
lay_torn(void)
{
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 9, half_of(10), 1000);
}

static void
lay_several(void)
{
	closed(fixture_base('a', 1), 1, 5);
	fixture_put(&f, fixture_base('a', 2), ".jsonl.tmp", 6, 12, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 10, 15, half_of(16), 10);
	fixture_put(&f, fixture_base('a', 4), ".jsonl.torn", 3, 4, NOTHING, 10);
	fixture_put(&f, fixture_base('a', 5), ".jsonl.tmp", 0, 0, half_of(40), 10);
}

static void
lay_committed(void)
{
	closed(fixture_base('a', 1), 1, 5);
	committed(fixture_base('a', 2), 6, 9);
	fixture_put(&f, fixture_base('a', 3), ".jsonl.tmp", 10, 11, half_of(12), 0);
}

static const struct scene scenes[] = {
    {"plain", lay_plain, 9},
    {"torn", lay_torn, 9},
    {"several", lay_several, 15},
    {"committed", lay_committed, 11},
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
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
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

			clear();
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
	    TEST(publishes_what_was_committed),
	    TEST(publishes_what_was_half_published),
	    TEST(goes_on_without_a_segment_that_was_removed),
	    TEST(between_the_two_renames),
	    TEST(between_the_copy_and_its_seal),
	    TEST(evidence_of_closed_segments),
	    TEST(an_open_segment_of_later_records),
	    TEST(a_second_torn_file_of_a_segment),
	    TEST(scratch_files_do_not_pile_up),
	    TEST(names_of_others_are_left_alone),
	    TEST(refuses_a_closed_segment_without_a_seal),
	    TEST(refuses_a_seal_that_is_none),
	    TEST(refuses_a_seal_under_another_name),
	    TEST(refuses_another_logs_key_state),
	    TEST(refuses_a_key_state_of_yesterday),
	    TEST(refuses_a_newest_seal_that_it_did_not_make),
	    TEST(the_newest_by_index_not_by_name),
	    TEST(killed_at_every_call),
	    TEST(failing_at_every_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
