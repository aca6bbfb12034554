/* SPDX-License-Identifier: Apache-2.0 */
/* The open segment: space ahead, whole lines, and what an error leaves of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auditd-writer/batch.h"
#include "auditd-writer/linescan.h"
#include "auditd-writer/segment.h"
#include "common/fds.h"
#include "tests/unit/dir_faults.h"
#include "tests/unit/log_fixture.h"

#define STEP 65536

static struct fixture f;
static struct segment s;
static struct tally tally;

static int
setup(void **state)
{
	int fd;

	(void)state;
	dir_fault_only(NULL);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	fixture_init(&f, FIXTURE_LOG_ID);
	fd = dir_create(&f.dir, "seg");
	if (fd < 0 || tally_init(&tally) < 0)
		return -1;
	segment_init(&s, fd, fixture_base('a', 1), 1, 0, STEP, &tally);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	(void)close(s.fd);
	tally_deinit(&tally);
	fixture_deinit(&f);
	return 0;
}

static struct str
lines(unsigned first, unsigned last)
{
	return (struct str){
	    f.line[first].p, (size_t)(f.line[last].p + f.line[last].n - f.line[first].p)};
}

static int
sync_lines(unsigned first, unsigned last)
{
	return segment_sync(&s, lines(first, last), &f.mark[first], last - first + 1);
}

/* The file begins with these bytes. */
static void
expect_bytes(struct str bytes)
{
	static char buf[1 << 20];

	assert_int_equal(dir_read(s.fd, buf, bytes.n, 0), bytes.n);
	assert_memory_equal(buf, bytes.p, bytes.n);
}

static void
appends_whole_lines(void **state)
{
	(void)state;
	assert_int_equal(segment_append(&s, lines(1, 3), 3, 77), 0);
	assert_int_equal(segment_append(&s, lines(4, 9), 6, 99), 0);
	assert_int_equal(s.size, lines(1, 9).n);
	assert_int_equal(s.records, 9);
	assert_int_equal(s.first_at, 77);
	assert_int_equal(segment_covered(&s), 0);
	assert_int_equal(sync_lines(1, 9), 0);
	assert_int_equal(segment_covered(&s), s.size);
	assert_int_equal(tally.total.records, 9);
	expect_bytes(lines(1, 9));
}

static void
keeps_space_ahead(void **state)
{
	struct stat st;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(segment_append(&s, lines(1, 60), 60, 1), 0);
		assert_true(s.allocated - s.size >= STEP / 2);
		assert_int_equal(s.allocated % STEP, 0);
		assert_int_equal(fstat(s.fd, &st), 0);
		assert_int_equal(st.st_size, s.allocated);
	}
}

static void
goes_on_without_space_ahead(void **state)
{
	(void)state;
	dir_fault_only("fallocate");
	dir_fault_set(DIR_FAULT_FAIL, 1, 1 << 20, ENOSPC);
	assert_int_equal(segment_append(&s, lines(1, 3), 3, 1), 0);
	assert_int_equal(s.refused_space, -ENOSPC);
	assert_false(s.poisoned);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	assert_int_equal(segment_append(&s, lines(4, 5), 2, 1), 0);
	assert_int_equal(s.refused_space, 0);
	expect_bytes(lines(1, 5));
}

static void
asks_only_once_where_it_cannot_be(void **state)
{
	(void)state;
	dir_fault_only("fallocate");
	dir_fault_set(DIR_FAULT_FAIL, 1, 1 << 20, EOPNOTSUPP);
	for (int i = 0; i < 5; i++)
		assert_int_equal(segment_append(&s, lines(1, 3), 3, 1), 0);
	assert_int_equal(dir_fault_calls(), 1);
	assert_int_equal(s.refused_space, 0);
}

/* Want of space leaves it usable: what was half written is written over. */
static void
goes_back_to_the_last_whole_line(void **state)
{
	static const int errors[] = {ENOSPC, EDQUOT};

	(void)state;
	assert_int_equal(segment_append(&s, lines(1, 3), 3, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		dir_fault_only("pwrite");
		dir_fault_set(DIR_FAULT_SHORT, 1, 1, errors[i]);
		assert_int_equal(segment_append(&s, lines(10, 60), 51, 1), -errors[i]);
		assert_false(s.poisoned);
		assert_int_equal(s.size, lines(1, 3).n);
		assert_int_equal(s.records, 3);
	}
	assert_int_equal(segment_append(&s, lines(4, 5), 2, 1), 0);
	expect_bytes(lines(1, 5));
}

static void
is_poisoned_by_other_errors(void **state)
{
	(void)state;
	assert_int_equal(segment_append(&s, lines(1, 3), 3, 1), 0);
	assert_int_equal(sync_lines(1, 3), 0);
	dir_fault_only("pwrite");
	dir_fault_set(DIR_FAULT_FAIL, 1, 1, EIO);
	assert_int_equal(segment_append(&s, lines(4, 5), 2, 1), -EIO);
	assert_true(s.poisoned);
	assert_int_equal(tally.total.records, 3);
	s.poisoned = false;
	assert_int_equal(segment_append(&s, lines(4, 5), 2, 1), 0);
	dir_fault_only("fdatasync");
	dir_fault_set(DIR_FAULT_FAIL, 1, 1, ENOSPC); /* also for want of space */
	assert_int_equal(sync_lines(4, 5), -ENOSPC);
	assert_true(s.poisoned);
	assert_int_equal(segment_covered(&s), lines(1, 3).n);
}

/* Interrupted calls are made again. */
static void
interruptions_are_no_errors(void **state)
{
	static const char *const calls[] = {"pwrite", "fdatasync", "fallocate"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		dir_fault_only(calls[i]);
		dir_fault_set(DIR_FAULT_FAIL, 1, 3, EINTR);
		assert_int_equal(segment_append(&s, lines(1, 60), 60, 1), 0);
		assert_int_equal(sync_lines(1, 60), 0);
	}
}

static void
the_tally_is_of_what_is_covered(void **state)
{
	struct tally_total found;
	uint8_t wanted[HASH_SIZE];
	struct hash *h = hash_new();

	(void)state;
	assert_int_equal(segment_append(&s, lines(1, 3), 3, 1), 0);
	assert_int_equal(sync_lines(1, 3), 0);
	assert_int_equal(segment_append(&s, lines(4, 9), 6, 1), 0);
	tally_end(&tally, &found);
	hash_begin(h);
	hash_add(h, lines(1, 3));
	hash_end(h, wanted);
	assert_memory_equal(found.sha256, wanted, HASH_SIZE);
	assert_int_equal(found.records, 3);
	assert_int_equal(found.last_seq, 3);
	hash_free(h);
}

/* --- what is in memory -------------------------------------------------------------------------- */

static void
put(struct batch *b, unsigned first, unsigned last)
{
	text_put(&b->text, lines(first, last));
	for (unsigned i = first; i <= last; i++)
		batch_mark(b, &f.mark[i]);
}

static void
the_batch_keeps_what_is_not_synced(void **state)
{
	struct batch b;

	(void)state;
	assert_int_equal(batch_init(&b), 0);
	put(&b, 1, 3);
	batch_mark_written(&b, 7);
	put(&b, 4, 6);
	assert_int_equal(batch_pending_records(&b), 3);
	assert_int_equal(batch_pending(&b).n, lines(4, 6).n);
	assert_memory_equal(batch_written(&b).p, lines(1, 3).p, lines(1, 3).n);
	assert_int_equal(b.written_at, 7);
	batch_mark_written(&b, 9);
	assert_int_equal(b.written_at, 7); /* since the oldest of it */
	batch_unwrite(&b);
	assert_int_equal(batch_pending_records(&b), 6);
	assert_memory_equal(batch_pending(&b).p, lines(1, 6).p, lines(1, 6).n);
	batch_mark_written(&b, 11);
	put(&b, 7, 7);
	batch_drop_written(&b);
	assert_int_equal(b.records, 1);
	assert_memory_equal(batch_pending(&b).p, lines(7, 7).p, lines(7, 7).n);
	assert_memory_equal(batch_written_marks(&b), &f.mark[7], sizeof(f.mark[7]));
	batch_deinit(&b);
}

/* --- reading lines back -------------------------------------------------------------------------- */

static void
scans_lines_up_to_what_is_none(void **state)
{
	static struct linescan scan;
	struct str line;
	int fd;

	(void)state;
	for (int i = 0; i < 40; i++) /* more than the scanner holds at once */
		assert_int_equal(segment_append(&s, lines(1, 60), 60, 1), 0);
	fd = dir_open_read(&f.dir, "seg");
	assert_true(fd >= 0);
	assert_int_equal(linescan_open(&scan, fd), 0);
	for (unsigned i = 0; i < 40 * 60; i++) {
		assert_int_equal(linescan_next(&scan, &line), 1);
		assert_true(str_eq(line, f.line[1 + i % 60]));
	}
	assert_int_equal(linescan_next(&scan, &line), 0);
	assert_int_equal(scan.at, s.size);
	assert_int_equal(linescan_content_end(&scan), s.size);
	(void)close(fd);
}

static void
finds_the_end_of_what_is_torn(void **state)
{
	static struct linescan scan;

	(void)state;
	assert_int_equal(segment_append(&s, lines(1, 3), 3, 1), 0);
	for (int64_t at = s.size; at < s.size + 700000; at += 123457) {
		assert_int_equal(dir_write(s.fd, "x", 1, at), 0);
		assert_int_equal(dir_cut(s.fd, at + 300000), 0);
		assert_int_equal(linescan_open(&scan, s.fd), 0);
		scan.at = s.size;
		assert_int_equal(linescan_content_end(&scan), at + 1);
	}
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(appends_whole_lines),
	    TEST(keeps_space_ahead),
	    TEST(goes_on_without_space_ahead),
	    TEST(asks_only_once_where_it_cannot_be),
	    TEST(goes_back_to_the_last_whole_line),
	    TEST(is_poisoned_by_other_errors),
	    TEST(interruptions_are_no_errors),
	    TEST(the_tally_is_of_what_is_covered),
	    TEST(the_batch_keeps_what_is_not_synced),
	    TEST(scans_lines_up_to_what_is_none),
	    TEST(finds_the_end_of_what_is_torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
