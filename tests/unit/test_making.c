/* SPDX-License-Identifier: Apache-2.0 */
/* New segments, and empty files that cannot be emptied, or can again: none is given up for ever. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditd-writer/making.h"
#include "tests/unit/dir_faults.h"
#include "tests/unit/log_fixture.h"

#define LENGTH 65536

static struct fixture f;
static struct making m;

static int
setup(void **state)
{
	(void)state;
	dir_fault_only(NULL);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	fixture_init(&f, FIXTURE_LOG_ID);
	m = (struct making){.dir = &f.dir};
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	for (unsigned i = 0; i < m.n_empties; i++)
		(void)close(m.empties[i].fd);
	fixture_deinit(&f);
	return 0;
}

static const char *
name_of(unsigned number)
{
	static char name[SEGNAME_SIZE];

	segname_with(name, fixture_base('a', number), SEGNAME_TMP);
	return name;
}

static bool
there(unsigned number)
{
	return faccessat(f.dir.fd, name_of(number), F_OK, 0) == 0;
}

/* Empty files 1 to n, used up; can[i]: file i + 1 can be emptied, the others' descriptors only read from. */
static void
use_up(unsigned n, const bool *can)
{
	for (unsigned i = 1; i <= n; i++) {
		int fd = dir_create(&f.dir, name_of(i));

		assert_true(fd >= 0);
		if (!can[i - 1]) {
			(void)close(fd);
			fd = dir_open_read(&f.dir, name_of(i));
			assert_true(fd >= 0);
		}
		making_use_up(&m, fixture_base('a', i), fd);
	}
}

static struct job
make(unsigned number)
{
	struct job job = {.kind = JOB_MAKE, .fd = -1, .number = number, .length = LENGTH};

	(void)snprintf(job.base, sizeof(job.base), "%s", fixture_base('a', number));
	making_make(&m, &job);
	assert_int_equal(job.fd >= 0, job.error == 0);
	return job;
}

static void
expect_made(unsigned number)
{
	struct job job = make(number);
	struct stat st;

	assert_int_equal(job.error, 0);
	assert_int_equal(fstat(job.fd, &st), 0);
	assert_int_equal(st.st_size, LENGTH);
	assert_true(there(number));
	(void)close(job.fd);
}

static void
makes_a_fresh_one(void **state)
{
	(void)state;
	expect_made(1);
	assert_int_equal(m.n_empties, 0);
}

static void
makes_one_of_an_empty_one(void **state)
{
	(void)state;
	use_up(1, (const bool[]){true});
	expect_made(7);
	assert_false(there(1));
	assert_int_equal(m.n_empties, 0);
}

/* What could not be allocated is there for the next. */
static void
uses_up_what_failed(void **state)
{
	(void)state;
	dir_fault_only("fallocate");
	dir_fault_set(DIR_FAULT_FAIL, 1, 1, ENOSPC);
	assert_int_equal(make(1).error, -ENOSPC);
	assert_int_equal(m.n_empties, 1);
	expect_made(2);
	assert_false(there(1));
	assert_int_equal(m.n_empties, 0);
}

/* One after the other turns out to be bad; fresh files take their place, but not more and more of them. */
static void
passes_over_a_few_that_are_bad(void **state)
{
	static const bool can[MAKING_BAD - 1] = {false};

	(void)state;
	use_up(MAKING_BAD - 1, can);
	for (unsigned i = 1; i < MAKING_BAD; i++)
		assert_int_equal(make(20).error, -EINVAL);
	expect_made(20);
	assert_int_equal(m.n_empties, MAKING_BAD - 1);
}

static void
makes_no_more_with_many_that_are_bad(void **state)
{
	static const bool can[MAKING_BAD] = {false};

	(void)state;
	use_up(MAKING_BAD, can);
	for (unsigned i = 0; i < 2 * MAKING_BAD; i++)
		assert_int_equal(make(20).error, -EINVAL);
	assert_false(there(20));
	assert_int_equal(m.n_empties, MAKING_BAD);
}

/* An empty file can be emptied again. */
static void
mend(unsigned number)
{
	int fd;

	assert_int_equal(fchmodat(f.dir.fd, name_of(number), 0640, 0), 0);
	fd = openat(f.dir.fd, name_of(number), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < m.n_empties; i++)
		if (strcmp(m.empties[i].base, fixture_base('a', number)) == 0)
			assert_int_equal(dup3(fd, m.empties[i].fd, O_CLOEXEC), m.empties[i].fd);
	(void)close(fd);
}

/* Each of many that were bad, whichever it is, is used when it can be emptied again. */
static void
makes_one_of_whichever_is_good_again(void **state)
{
	static const bool can[MAKING_BAD] = {false};

	for (unsigned good = 1; good <= MAKING_BAD; good++) {
		use_up(MAKING_BAD, can);
		for (unsigned i = 0; i <= MAKING_BAD; i++)
			assert_int_equal(make(20).error, -EINVAL);
		mend(good);
		expect_made(20);
		assert_false(there(good));
		assert_int_equal(m.n_empties, MAKING_BAD - 1);
		(void)teardown(state);
		(void)setup(state);
	}
}

/* Want of space is no reason to try another one: it would be as large. */
static void
tries_no_other_without_space(void **state)
{
	static const bool can[MAKING_BAD] = {false};

	(void)state;
	use_up(MAKING_BAD, can);
	for (unsigned i = 0; i < MAKING_BAD; i++)
		assert_int_equal(make(20).error, -EINVAL);
	for (unsigned i = 1; i <= MAKING_BAD; i++)
		mend(i);
	dir_fault_only("fallocate");
	dir_fault_set(DIR_FAULT_FAIL, 1, 1, ENOSPC);
	assert_int_equal(make(20).error, -ENOSPC);
	expect_made(20);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(makes_a_fresh_one),
	    TEST(makes_one_of_an_empty_one),
	    TEST(uses_up_what_failed),
	    TEST(passes_over_a_few_that_are_bad),
	    TEST(makes_no_more_with_many_that_are_bad),
	    TEST(makes_one_of_whichever_is_good_again),
	    TEST(tries_no_other_without_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
