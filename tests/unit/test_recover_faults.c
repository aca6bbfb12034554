/* SPDX-License-Identifier: Apache-2.0 */
/* A start that is interrupted or fails at any of its calls, and the one after it. */
#include "tests/unit/recover_case.h"

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

/* Somebody else's file has the name that it would be kept by. */
static void
lay_torn_beside(void)
{
	lay_torn();
	fixture_put(&f, fixture_base('a', 2), ".jsonl.torn", 0, 0, STR("no record\n"), 0);
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
    {"torn, and another", lay_torn_beside, 9},
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(killed_at_every_call),
	    TEST(failing_at_every_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
