/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing cut anywhere and repeated: each rename lost or not, the process dead at each call, each call failing. */
#include "tests/unit/sealer_case.h"

/*
 * What a crash may have kept of a group's names, as long as the directory was not synced: each rename
 * or not. Whatever there is, publishing makes it whole.
 */
static void
any_of_its_renames_may_be_lost(void **state)
{
	char gone[SEGNAME_SIZE];

	(void)state;
	for (unsigned kept = 0; kept < 64; kept++) {
		lay(0, 3);
		assert_int_equal(seal(0, 0), 0);
		assert_int_equal(seal(1, 3), 0);
		for (unsigned i = 1; i <= 3; i++) {
			char tmp[SEGNAME_SIZE];

			segname_with(tmp, bases[i], SEGNAME_TMP);
			if (!(kept & 1U << (2 * i - 2)))
				drop(i, SEGNAME_SEAL);
			if (!(kept & 1U << (2 * i - 1)))
				assert_int_equal(renameat(f.dir.fd, bases[i], f.dir.fd, tmp), 0);
		}
		reopen();
		assert_int_equal(sealer_resume(&keys.sealer, gone, &step), 0);
		assert_string_equal(gone, "");
		expect_sealed(4);
		fixture_expect(&f, 1, 4 * LINES);
		start_anew();
	}
}

static void
no_power_cut(void)
{
}

/* Two groups, in a process of its own that dies at this call. True: it got that far. */
static bool
seal_and_die(enum dir_fault fault, int at)
{
	pid_t pid;
	int status;

	dir_fault_hook(no_power_cut);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dir_fault_set(fault, at, 1, EIO);
		(void)seal(0, 1);
		(void)seal(2, 4);
		_exit(dir_fault_calls() >= at ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) != 0;
}

/* Seals that are published when it dies are the same at the end. */
static void
take_seals(char *bytes[SEGMENTS], size_t n[SEGMENTS])
{
	for (unsigned i = 0; i < 5; i++)
		bytes[i] = there(i, SEGNAME_SEAL) ? seal_bytes(i, &n[i]) : NULL;
}

static void
same_seals(char *bytes[SEGMENTS], const size_t n[SEGMENTS])
{
	for (unsigned i = 0; i < 5; i++) {
		CLEANUP_FREE char *before = bytes[i];
		CLEANUP_FREE char *now = NULL;
		size_t size;

		if (!before)
			continue;
		now = seal_bytes(i, &size);
		assert_int_equal(size, n[i]);
		assert_memory_equal(now, before, size);
	}
}

static void
dying_at_each_call(enum dir_fault fault)
{
	int at = 1;
	bool hit = true;

	for (; hit; at++) {
		char *bytes[SEGMENTS], gone[SEGNAME_SIZE];
		size_t n[SEGMENTS];

		lay(0, 4);
		hit = seal_and_die(fault, at);
		take_seals(bytes, n);
		reopen();
		assert_int_equal(sealer_resume(&keys.sealer, gone, &step), 0);
		assert_string_equal(gone, "");
		assert_int_equal(seal(0, 4), 0);
		expect_sealed(5);
		same_seals(bytes, n);
		fixture_expect(&f, 1, 5 * LINES);
		start_anew();
	}
	print_message("# %d calls\n", at - 2);
	assert_true(at > 30);
}

static void
killed_at_each_call(void **state)
{
	(void)state;
	dying_at_each_call(DIR_FAULT_DIE);
	dying_at_each_call(DIR_FAULT_CUT);
}

/*
 * Calls that fail, and the caller who comes again, with other groups than before. The note that was
 * staged first is the one that is published.
 */
static void
failing_at_each_call(enum dir_fault fault, int times)
{
	int at = 1, calls = 1 << 20;

	for (; at <= calls; at++) {
		struct keystate_pending staged = {0};

		lay(0, 4);
		dir_fault_set(fault, at, times, EIO);
		for (unsigned tries = 0; !sealer_has(&keys.sealer, &totals[4]); tries++) {
			assert_true(tries < 20);
			if (tries % 3 == 0)
				(void)seal(0, 4);
			else
				(void)seal(tries % 5, tries % 5);
			if (keys.sealer.staged && staged.n == 0)
				staged = keys.sealer.next.pending[0];
			else if (keys.sealer.staged &&
				 strcmp(staged.base, keys.sealer.next.pending[0].base) == 0)
				assert_memory_equal(
				    &staged, &keys.sealer.next.pending[0], sizeof(staged));
		}
		calls = dir_fault_calls() < at ? 0 : calls;
		dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
		expect_sealed(5);
		if (staged.n > 0)
			assert_memory_equal(&staged, &keys.sealer.state.pending[0], sizeof(staged));
		start_anew();
	}
	print_message("# %d calls\n", at - 2);
}

static void
repeats_after_each_call_that_fails(void **state)
{
	(void)state;
	failing_at_each_call(DIR_FAULT_FAIL, 1);
	failing_at_each_call(DIR_FAULT_FAIL, 2);
	failing_at_each_call(DIR_FAULT_FAIL, 5);
	failing_at_each_call(DIR_FAULT_SHORT, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(any_of_its_renames_may_be_lost),
	    TEST(killed_at_each_call),
	    TEST(repeats_after_each_call_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
