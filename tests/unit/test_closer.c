/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The closer: segments are sealed and closed in the order of their records, in groups, also when one
 * cannot be; a poisoned one is sealed from a checked copy.
 */
#include "tests/unit/closer_case.h"

static void
block(const struct job *job)
{
	int fd = openat(f.dir.fd, job->base, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

static void
closes_and_seals(void **state)
{
	(void)state;
	for (uint32_t number = 1; number <= 3; number++) {
		struct job job = segment(number);

		job = after(&job);
		assert_int_equal(job.error, 0);
		assert_int_equal(job.next_index, number);
		assert_false(job.poisoned);
	}
	assert_int_equal(seal_fixture_expect(&keys), 3);
	fixture_expect(&f, 1, 3 * LINES);
}

static void
closes_no_segment_before_an_earlier_one(void **state)
{
	struct job one = segment(1), two = segment(2), three = segment(3);

	(void)state;
	block(&one); /* its name is taken: sealed it can be, but not renamed */
	one = after(&one);
	assert_int_equal(one.error, -EEXIST);
	two = after(&two);
	three = after(&three);
	assert_int_equal(two.error, -EBUSY);
	assert_int_equal(three.error, -EBUSY);
	assert_false(there(two.base, SEGNAME_CLOSED));
	assert_false(there(two.base, SEGNAME_SEAL));

	assert_int_equal(unlinkat(f.dir.fd, one.base, 0), 0);
	one = after(&one);
	assert_int_equal(one.error, 0);
	/* Two was not sealed, and comes before three. */
	three = after(&three);
	assert_int_equal(three.error, -EBUSY);
	two = after(&two);
	assert_int_equal(two.error, 0);
	assert_false(two.poisoned);
	three = after(&three);
	assert_int_equal(three.error, 0);
	assert_int_equal(seal_fixture_expect(&keys), 3);
}

/* Handed in while the thread is at work: one commit, whatever their order. */
static void
takes_what_waits_as_a_group(void **state)
{
	static const uint32_t order[] = {1, 4, 2, 5, 3};
	struct job jobs[5];
	unsigned closed = 0;

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		jobs[i] = segment(i + 1);
	(void)pthread_mutex_lock(&closer.mutex);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		closer.todo[closer.n_todo++] = jobs[order[i] - 1];
	(void)pthread_cond_signal(&closer.todo_cond);
	(void)pthread_mutex_unlock(&closer.mutex);
	for (; closed < 5; closed++) {
		struct job done = reap();

		assert_int_equal(done.error, 0);
		assert_int_equal(done.number, closed + 1);
	}
	assert_int_equal(keys.sealer.state.n_pending, 5);
	assert_int_equal(seal_fixture_expect(&keys), 5);
}

static void
makes_new_ones_beside(void **state)
{
	struct job make = {.kind = JOB_MAKE, .fd = -1, .number = 9, .length = 65536};
	struct job one = segment(1), done;

	(void)state;
	(void)snprintf(make.base, sizeof(make.base), "%s", fixture_base('a', 9));
	closer_submit(&closer, &one);
	closer_submit(&closer, &make);
	for (int i = 0; i < 2; i++) {
		done = reap();
		assert_int_equal(done.error, 0);
		if (done.kind == JOB_MAKE)
			(void)close(done.fd);
	}
	assert_true(there(make.base, SEGNAME_TMP));
	assert_true(there(one.base, SEGNAME_CLOSED));
}

/* An empty file; else its descriptor can only be read from. */
static void
use_up(struct making *m, unsigned number, bool can_be_emptied)
{
	char name[SEGNAME_SIZE];
	int fd;

	segname_with(name, fixture_base('a', number), SEGNAME_TMP);
	fd = dir_create(&f.dir, name);
	assert_true(fd >= 0);
	if (!can_be_emptied) {
		(void)close(fd);
		fd = dir_open_read(&f.dir, name);
	}
	making_use_up(m, fixture_base('a', number), fd);
}

static struct job
make_of(struct making *m, unsigned number)
{
	struct job job = {.kind = JOB_MAKE, .fd = -1, .number = number, .length = 65536};

	(void)snprintf(job.base, sizeof(job.base), "%s", fixture_base('a', number));
	making_make(m, &job);
	return job;
}

static void
forget_one_behind_one_that_cannot_be_emptied(bool moved)
{
	struct making m = {.dir = &f.dir};
	char name[SEGNAME_SIZE];
	struct job job;

	use_up(&m, 1, true);
	use_up(&m, 2, false);
	assert_true(make_of(&m, 3).error < 0);
	segname_with(name, fixture_base('a', 1), SEGNAME_TMP);
	if (moved)
		assert_int_equal(renameat(f.dir.fd, name, f.dir.fd, "away"), 0);
	else
		assert_int_equal(unlinkat(f.dir.fd, name, 0), 0);
	job = make_of(&m, 3);
	assert_int_equal(job.error, 0);
	assert_true(there(job.base, SEGNAME_TMP));
	(void)close(job.fd);
	assert_int_equal(m.n_empties, 1);
	(void)close(m.empties[0].fd);
}

static void
forgets_a_deleted_one_behind_one_that_cannot_be_emptied(void **state)
{
	(void)state;
	forget_one_behind_one_that_cannot_be_emptied(false);
	(void)teardown(state);
	(void)setup(state);
	forget_one_behind_one_that_cannot_be_emptied(true);
}

/* --- poisoned --------------------------------------------------------------------------------- */

static void
seals_a_checked_copy_of_a_poisoned_one(void **state)
{
	struct job one = poisoned(1, f.line[LINES + 1]);

	(void)state;
	one = after(&one);
	expect_poisoned(&one, f.line[LINES + 1].n);
	assert_int_equal(seal_fixture_expect(&keys), 1);
}

/* Nothing of it was covered: evidence, and no seal. */
static void
seals_nothing_of_an_empty_one(void **state)
{
	struct job one = poisoned(1, STR(""));

	(void)state;
	one.total = (struct tally_total){0};
	one = after(&one);
	assert_int_equal(one.error, 0);
	assert_true(there(one.base, SEGNAME_TORN));
	assert_false(there(one.base, SEGNAME_SEAL));
	assert_int_equal(keys.sealer.state.next_index, 0);
}

static void
copies_what_cannot_be_cut_or_synced(void **state)
{
	static const char *const calls[] = {"ftruncate", "fsync"};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct job job = segment(i + 1);

		dir_fault_only(calls[i]);
		dir_fault_set(DIR_FAULT_FAIL, 1, 1, EIO);
		job = after(&job);
		expect_poisoned(&job, 0);
	}
	dir_fault_only(NULL);
	assert_int_equal(seal_fixture_expect(&keys), 2);
}

static void
refuses_a_copy_that_reads_differently(void **state)
{
	struct job one = poisoned(1, STR(""));

	(void)state;
	one.total.sha256[0] ^= 1;
	one = after(&one);
	assert_int_equal(one.error, -EBADMSG);
	assert_false(there(one.base, SEGNAME_CLOSED));
	assert_false(there(one.base, SEGNAME_SEAL));
	assert_int_equal(keys.sealer.state.next_index, 0);
}

/* --- calls that fail -------------------------------------------------------------------------- */

/* Three segments, the second poisoned, handed in until all are closed. */
static void
close_three(bool group)
{
	struct job jobs[3] = {segment(1), poisoned(2, f.line[30]), segment(3)};
	unsigned closed = 0;

	for (int tries = 0; closed < 3; tries++) {
		assert_true(tries < 20);
		for (int i = 0; i < 3; i++) {
			if (jobs[i].base[0] == '\0')
				continue;
			closer_submit(&closer, &jobs[i]);
			if (!group)
				jobs[i] = reap();
		}
		for (int i = 0; i < 3; i++) {
			if (jobs[i].base[0] == '\0')
				continue;
			if (group)
				jobs[i] = reap();
			closed += jobs[i].error == 0;
			if (jobs[i].error == 0)
				jobs[i].base[0] = '\0';
		}
	}
}

static void
each_call_failing(enum dir_fault fault, int times, bool group)
{
	int at = 1;

	for (;; at++) {
		int calls;

		dir_fault_set(fault, at, times, EIO);
		close_three(group);
		calls = dir_fault_calls();
		dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
		assert_int_equal(seal_fixture_expect(&keys), 3);
		fixture_expect(&f, 1, 3 * LINES);
		(void)teardown(NULL);
		(void)setup(NULL);
		if (calls < at)
			break;
	}
	print_message("# %d calls\n", at - 1);
	assert_true(at > 20);
}

static void
goes_on_after_each_call_that_fails(void **state)
{
	(void)state;
	each_call_failing(DIR_FAULT_FAIL, 1, true);
	each_call_failing(DIR_FAULT_FAIL, 1, false);
	each_call_failing(DIR_FAULT_SHORT, 1, true);
	each_call_failing(DIR_FAULT_FAIL, 2, true);
	each_call_failing(DIR_FAULT_FAIL, 3, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(closes_and_seals),
	    TEST(closes_no_segment_before_an_earlier_one),
	    TEST(takes_what_waits_as_a_group),
	    TEST(makes_new_ones_beside),
	    TEST(forgets_a_deleted_one_behind_one_that_cannot_be_emptied),
	    TEST(seals_a_checked_copy_of_a_poisoned_one),
	    TEST(seals_nothing_of_an_empty_one),
	    TEST(copies_what_cannot_be_cut_or_synced),
	    TEST(refuses_a_copy_that_reads_differently),
	    TEST(goes_on_after_each_call_that_fails),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
