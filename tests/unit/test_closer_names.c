/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments that somebody deletes, moves or replaces while they wait for their seals: what is sealed is
 * what was written, as long as it is open.
 */
#include "tests/unit/closer_case.h"

static int
open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Handed in while calls of this name fail: the first `after_calls` of them do not. */
static void
fail_to_close(struct job *job, const char *call, int after_calls)
{
	dir_fault_only(call);
	dir_fault_set(DIR_FAULT_FAIL, after_calls + 1, 1000, EIO);
	*job = after(job);
	assert_int_equal(job->error, -EIO);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	dir_fault_only(NULL);
}

static void
change(const char *base, enum segname_kind kind, const char *to)
{
	char name[SEGNAME_SIZE];

	segname_with(name, base, kind);
	if (to)
		assert_int_equal(renameat(f.dir.fd, name, f.dir.fd, to), 0);
	else
		assert_int_equal(unlinkat(f.dir.fd, name, 0), 0);
}

static void
expect_whole(struct job *job)
{
	*job = after(job);
	assert_int_equal(job->error, 0);
	assert_true(job->poisoned);
	assert_int_equal(job->fd, -1);
	assert_int_equal(seal_fixture_expect(&keys), 1);
	fixture_expect(&f, 1, LINES);
}

/* Before it is prepared, while its seal waits for the key state, or for its own file. */
static void
copies_what_was_deleted(void **state)
{
	static const char *const calls[] = {NULL, "fdatasync", "renameat2"};
	int before = open_descriptors();

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct job one = segment(1);

		if (calls[i])
			fail_to_close(&one, calls[i], 0);
		change(one.base, SEGNAME_TMP, NULL);
		expect_whole(&one);
		assert_int_equal(one.cause, -ENOENT);
		assert_string_equal(one.torn, "");
		assert_int_equal(open_descriptors(), before);
		(void)teardown(state);
		(void)setup(state);
	}
}

/* A link keeps the file, another one has its name: what is sealed is what was written. */
static void
copies_what_was_replaced(void **state)
{
	static const char *const calls[] = {NULL, "fdatasync", "renameat2"};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct job one = segment(1);
		size_t n;
		char *torn;

		if (calls[i])
			fail_to_close(&one, calls[i], 0);
		change(one.base, SEGNAME_TMP, "backup");
		fixture_put(&f, one.base, ".jsonl.tmp", 30, 33, STR(""), 0);
		expect_whole(&one);
		torn = fixture_bytes(&f, one.torn, &n);
		assert_memory_equal(torn, f.line[30].p, f.line[30].n);
		free(torn);
		(void)teardown(state);
		(void)setup(state);
	}
}

static void
copies_what_is_elsewhere_and_comes_back(void **state)
{
	struct job one = segment(1);
	char name[SEGNAME_SIZE];

	(void)state;
	change(one.base, SEGNAME_TMP, "away");
	fail_to_close(&one, "renameat2", 1); /* the copy cannot be put in its place */
	segname_with(name, one.base, SEGNAME_TMP);
	assert_int_equal(renameat(f.dir.fd, "away", f.dir.fd, name), 0);
	one = after(&one);
	assert_int_equal(one.error, -EEXIST);
	expect_whole(&one);
	assert_true(there(one.base, SEGNAME_TORN));
}

/* What is bad of it may go, what is good stays open; the copy, too, until it is sealed. */
static void
copies_a_poisoned_one_whose_files_are_deleted(void **state)
{
	struct job one = poisoned(1, f.line[LINES + 1]);
	int before = open_descriptors() - 1;

	(void)state;
	fail_to_close(&one, "renameat2", 1);
	change(one.base, SEGNAME_TORN, NULL);
	fail_to_close(&one, "fdatasync", 0);
	change(one.base, SEGNAME_TMP, NULL);
	expect_whole(&one);
	assert_non_null(memmem(keys.sealer.state.pending[0].note, keys.sealer.state.pending[0].n,
	    "\"state\":\"poisoned\"", 18));
	assert_int_equal(open_descriptors(), before);
}

/* What bad content there was, the seal says, however often it is copied. */
static void
tells_of_torn_bytes_after_a_second_copy(void **state)
{
	struct job one = poisoned(1, f.line[LINES + 1]);

	(void)state;
	dir_fault_only("fsync");
	dir_fault_set(
	    DIR_FAULT_FAIL, 3, 1, EIO); /* the copy, the name of .torn; that of the copy */
	one = after(&one);
	assert_int_equal(one.error, -EIO);
	dir_fault_only(NULL);
	change(one.base, SEGNAME_TMP, NULL);
	expect_whole(&one);
	expect_poisoned(&one, f.line[LINES + 1].n);
}

/* Nothing of it was covered, and it is gone: there is nothing to do. */
static void
forgets_an_empty_one_that_was_deleted(void **state)
{
	struct job one = poisoned(1, STR(""));

	(void)state;
	change(one.base, SEGNAME_TMP, NULL);
	one.total = (struct tally_total){0};
	one = after(&one);
	assert_int_equal(one.error, 0);
	assert_int_equal(one.stage, CLOSE_EMPTY);
	assert_int_equal(one.fd, -1);
}

/* Taken away between its last name and the sync of the directory: it is not made again. */
static void
leaves_a_closed_one_alone(void **state)
{
	struct job one = segment(1);

	(void)state;
	fail_to_close(&one, "fsync", 3);
	change(one.base, SEGNAME_CLOSED, "shipped");
	one = after(&one);
	assert_int_equal(one.error, 0);
	assert_false(one.poisoned);
	assert_false(there(one.base, SEGNAME_TMP));
	assert_false(there(one.base, SEGNAME_CLOSED));
}

/* Whether that is its file cannot be said while the directory is closed: it waits. */
static void
waits_while_nobody_can_look(void **state)
{
	struct job one = segment(1);

	(void)state;
	dir_fault_only("openat");
	dir_fault_set(DIR_FAULT_FAIL, 1, 1, EMFILE);
	one = after(&one);
	assert_int_equal(one.error, -EMFILE);
	dir_fault_only(NULL);
	one = after(&one);
	assert_int_equal(one.error, 0);
	assert_false(one.poisoned);
	assert_int_equal(seal_fixture_expect(&keys), 1);
}

/* By somebody who would finish it by hand: unfinished, it has its last name. That is set aside. */
static void
copies_one_that_has_its_last_name(void **state)
{
	struct job one = poisoned(1, f.line[LINES + 1]);

	(void)state;
	change(one.base, SEGNAME_TMP, one.base);
	expect_whole(&one);
	expect_poisoned(&one, f.line[LINES + 1].n);
}

static void
copies_one_that_got_its_last_name_while_it_waited(void **state)
{
	static const char *const calls[] = {"fdatasync", "renameat2"};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct job one = segment(1);

		fail_to_close(&one, calls[i], 0);
		change(one.base, SEGNAME_TMP, one.base);
		expect_whole(&one);
		assert_true(there(one.base, SEGNAME_TORN));
		assert_false(there(one.base, SEGNAME_TMP));
		(void)teardown(state);
		(void)setup(state);
	}
}

/* What an attempt has left is elsewhere, where it is nobody's; gone; or another file has its name. */
static void
makes_another_scratch(void **state)
{
	for (int i = 0; i < 3; i++) {
		struct job one = segment(1);

		fail_to_close(&one, "renameat2", 0);
		change(SEGNAME_SCRATCH, SEGNAME_CLOSED, i == 1 ? NULL : "elsewhere");
		if (i == 2)
			assert_int_equal(symlinkat("elsewhere", f.dir.fd, SEGNAME_SCRATCH), 0);
		one = after(&one);
		assert_int_equal(one.error, 0);
		assert_int_equal(seal_fixture_expect(&keys), 1);
		(void)teardown(state);
		(void)setup(state);
	}
}

/* A copy for which there is no space keeps none of it. */
static void
gives_back_the_space_of_a_copy(void **state)
{
	struct job one = poisoned(1, STR(""));
	struct stat st;

	(void)state;
	dir_fault_only("pwrite");
	dir_fault_set(DIR_FAULT_SHORT, 1, 1, ENOSPC);
	one = after(&one);
	assert_int_equal(one.error, -ENOSPC);
	assert_int_equal(fstatat(f.dir.fd, SEGNAME_SCRATCH, &st, 0), 0);
	assert_int_equal(st.st_size, 0);
	dir_fault_only(NULL);
	expect_whole(&one);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(copies_what_was_deleted),
	    TEST(copies_what_was_replaced),
	    TEST(copies_what_is_elsewhere_and_comes_back),
	    TEST(copies_a_poisoned_one_whose_files_are_deleted),
	    TEST(tells_of_torn_bytes_after_a_second_copy),
	    TEST(forgets_an_empty_one_that_was_deleted),
	    TEST(leaves_a_closed_one_alone),
	    TEST(waits_while_nobody_can_look),
	    TEST(copies_one_that_has_its_last_name),
	    TEST(copies_one_that_got_its_last_name_while_it_waited),
	    TEST(makes_another_scratch),
	    TEST(gives_back_the_space_of_a_copy),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
