/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key state when calls fail and power is cut: the old state or the new one is there, and the old
 * private key only with the old one.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auditd-writer/keyslot.h"
#include "tests/unit/dir_faults.h"
#include "tests/unit/keystate_fixture.h"

#define SECTOR 512u

/* --- calls that fail ---------------------------------------------------------------------------- */

static const enum dir_fault failures[] = {DIR_FAULT_FAIL, DIR_FAULT_SHORT};

/* Where a commit fails, the same one works later, another one is refused, and a new process finds one of both. */
static void
fail_in_commit(const struct keystate *old, const struct keystate *new, const uint8_t *with,
    enum dir_fault kind, int at)
{
	static struct keystate third;
	static uint8_t image[KEYS_FILE];
	struct keyfile f;

	keys_make(&third, 99, 1);
	dir_fault_set(kind, at, 3, EIO); /* it fails when it is repeated, too */
	for (int i = 0; i < 2; i++) {
		int error = keyfile_commit(&fx.k, new);

		assert_true(error == -EIO || error == 0);
		if (error == 0)
			return;
		assert_int_equal(keyfile_commit(&fx.k, &third), -EINVAL);
		assert_int_equal(keyfile_commit(&fx.k, old), -EINVAL);
	}
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	image_get(image);
	assert_int_equal(keys_open(&f, with), 0);
	assert_true(keys_same(&fx.got, old) || keys_same(&fx.got, new));
	keys_forget(&f);
	image_put(image, KEYS_FILE);
	assert_int_equal(keyfile_commit(&fx.k, new), 0);
}

static void
each_call_of_a_commit_fails(const uint8_t *with)
{
	static struct keystate s[2];
	static uint8_t image[KEYS_FILE];
	unsigned i = 1;
	int calls;

	keys_make(&s[0], 0, 0);
	keys_begin(&fx.k, with);
	assert_int_equal(keyfile_create(&fx.k, &s[0]), 0);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	keys_make(&s[1], i++, 1);
	assert_int_equal(keyfile_commit(&fx.k, &s[1]), 0);
	calls = dir_fault_calls();
	assert_int_equal(calls, 4);
	for (size_t kind = 0; kind < ARRAY_SIZE(failures); kind++)
		for (int at = 1; at <= calls + 2; at++) {
			s[0] = s[1];
			keys_make(&s[1], i++, 1);
			fail_in_commit(&s[0], &s[1], with, failures[kind], at);
			dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
			keys_expect(&s[1], with);
			image_get(image);
			assert_false(image_has_key(image, &s[0]));
		}
}

static void
commits_fail_and_are_repeated(void **state)
{
	(void)state;
	each_call_of_a_commit_fails(NULL);
}

static void
wrapped_commits_fail_and_are_repeated(void **state)
{
	(void)state;
	each_call_of_a_commit_fails(keys_secret);
}

/* The name is there with all of the state, or it is not there. */
static void
expect_all_or_none(const struct keystate *s)
{
	struct keyfile f;
	int error = keys_open(&f, NULL);

	assert_true(error == 0 || error == -ENOENT);
	if (error == 0) {
		assert_true(keys_same(s, &fx.got));
		keys_forget(&f);
	}
}

static void
creation_fails(void **state)
{
	static struct keystate s;
	int error = -1;

	(void)state;
	keys_make(&s, 0, 0);
	for (int at = 1; error < 0; at++) {
		keys_clear();
		keys_begin(&fx.k, NULL);
		dir_fault_set(DIR_FAULT_FAIL, at, 1, EIO);
		error = keyfile_create(&fx.k, &s);
		dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
		assert_true(error == 0 || error == -EIO);
		expect_all_or_none(&s);
		keys_forget(&fx.k);
		keys_begin(&fx.k, NULL);
		if (faccessat(fx.dir.fd, DIR_KEYSTATE, F_OK, 0) == 0)
			assert_int_equal(keyfile_create(&fx.k, &s), -EEXIST);
		else
			assert_int_equal(keyfile_create(&fx.k, &s), 0);
		keys_forget(&fx.k);
		keys_expect(&s, NULL);
		assert_true(at < 30);
	}
}

static void
creation_is_interrupted(void **state)
{
	static struct keystate s;
	int status = -1;

	(void)state;
	keys_make(&s, 0, 0);
	for (int at = 1; status != 0; at++) {
		pid_t pid;

		keys_clear();
		dir_fault_set(DIR_FAULT_DIE, at, 1, EIO);
		pid = fork();
		if (pid == 0) {
			keys_begin(&fx.k, NULL);
			_exit(keyfile_create(&fx.k, &s) == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
		assert_true(WIFEXITED(status));
		assert_true(status == 0 || WEXITSTATUS(status) == DIR_FAULT_STATUS);
		expect_all_or_none(&s);
		assert_true(at < 30);
	}
}

/* What opening leaves undone after an error, the next one does. */
static void
opening_fails(void **state)
{
	static struct keystate old, new;
	static uint8_t image[KEYS_FILE], settled[KEYS_FILE];
	struct keyfile f;
	int error = -1;

	(void)state;
	keys_make(&old, 5, 1);
	keys_make(&new, 6, 1);
	keys_begin(&fx.k, NULL);
	assert_int_equal(keyfile_create(&fx.k, &old), 0);
	image_get(image);
	assert_int_equal(keyslot_encode(image + KEYSTATE_SLOT, &new, 2, NULL, NULL, fx.sum), 0);
	for (int at = 1; error < 0; at++) {
		image_put(image, KEYS_FILE);
		dir_fault_set(DIR_FAULT_SHORT, at, 1, EIO);
		error = keys_open(&f, NULL);
		dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
		if (error == 0)
			keys_forget(&f);
		else
			assert_int_equal(error, -EIO);
		keys_expect(&new, NULL);
		image_get(settled);
		assert_false(image_has_key(settled, &old));
		assert_true(at < 30);
	}
}

/* --- power cuts --------------------------------------------------------------------------------- */

/* Some sectors of what was not synced have reached the disk, the rest are as they were. */
static void
mix(uint8_t *out, const uint8_t *synced, const uint8_t *written, int how)
{
	unsigned from = (unsigned)random() % KEYS_FILE, to = (unsigned)random() % KEYS_FILE;

	for (unsigned at = 0; at < KEYS_FILE; at += SECTOR) {
		bool new = how == 0   ? at < from
			   : how == 1 ? at >= from
			   : how == 2 ? at >= from &&at < to
				      : random() % 2 == 0;

		memcpy(out + at, (new ? written : synced) + at, SECTOR);
	}
	/* One sector may be torn itself. */
	if (random() % 4 == 0) {
		unsigned at = (unsigned)random() % (KEYS_FILE / SECTOR) * SECTOR;
		unsigned n = (unsigned)random() % SECTOR;

		memcpy(out + at, written + at, n);
		memcpy(out + at + n, synced + at + n, SECTOR - n);
	}
}

/* The file as it would be after so many calls of a commit, each of which was carried out. */
static void
image_after(int calls, const uint8_t *start, const struct keystate *new, const uint8_t *with,
    uint8_t image[KEYS_FILE])
{
	image_put(start, KEYS_FILE);
	assert_int_equal(keys_open(&fx.k, with), 0);
	dir_fault_set(DIR_FAULT_FAIL, calls + 1, 1, EIO);
	assert_int_equal(keyfile_commit(&fx.k, new), calls < 4 ? -EIO : 0);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	image_get(image);
	keys_forget(&fx.k);
}

/* Cut while this was not synced: afterwards one of both is there, and stays; from now on goes a commit. */
static void
cut(const uint8_t *synced, const uint8_t *written, const struct keystate *old,
    const struct keystate *new, const uint8_t *with, bool may_be_old)
{
	static uint8_t image[KEYS_FILE];
	static struct keystate found, next;

	for (int i = 0; i < 400; i++) {
		mix(image, synced, written, i % 4);
		image_put(image, KEYS_FILE);
		assert_int_equal(keys_open(&fx.k, with), 0);
		found = fx.got;
		assert_true(keys_same(&found, new) || (may_be_old && keys_same(&found, old)));
		image_get(image);
		assert_true(keys_same(&found, old) || !image_has_key(image, old));
		keys_make(&next, 77, 1);
		assert_int_equal(keyfile_commit(&fx.k, &next), 0);
		image_get(image);
		assert_false(image_has_key(image, old) || image_has_key(image, new));
		keys_forget(&fx.k);
		keys_expect(&next, with);
	}
}

static void
cut_anywhere(const uint8_t *with)
{
	static uint8_t start[KEYS_FILE], one[KEYS_FILE], two[KEYS_FILE];
	static struct keystate old, new;

	keys_make(&old, 5, 3);
	keys_make(&new, 6, KEYSTATE_PENDING - 2);
	keys_begin(&fx.k, with);
	assert_int_equal(keyfile_create(&fx.k, &old), 0);
	keys_forget(&fx.k);
	image_get(start);
	image_after(1, start, &new, with, one); /* the new slot is written, and not synced */
	cut(start, one, &old, &new, with, true);
	image_after(2, start, &new, with, one); /* it is synced */
	cut(one, one, &old, &new, with, false);
	image_put(one, KEYS_FILE);
	assert_int_equal(
	    keys_open(&fx.k, with), 0); /* which erases, from here, what a commit would */
	image_get(two);
	keys_forget(&fx.k);
	cut(one, two, &old, &new, with, false);
	image_after(4, start, &new, with, two);
	cut(two, two, &old, &new, with, false);
}

static void
power_is_cut(void **state)
{
	(void)state;
	cut_anywhere(NULL);
}

static void
power_is_cut_wrapped(void **state)
{
	(void)state;
	cut_anywhere(keys_secret);
}

/*
 * Two whole slots in the page cache do not say that the newer one is on the disk: a process killed
 * before its sync, or after a failed one, leaves that. Erasing first would lose both.
 */
static void
opening_writes_the_newer_before_it_erases(void **state)
{
	static uint8_t image[KEYS_FILE];
	static struct keystate old, new;
	struct keyfile f;

	(void)state;
	keys_make(&old, 5, 1);
	keys_make(&new, 6, 1);
	keys_begin(&fx.k, NULL);
	assert_int_equal(keyfile_create(&fx.k, &old), 0);
	image_get(image);
	assert_int_equal(keyslot_encode(image + KEYSTATE_SLOT, &new, 2, NULL, NULL, fx.sum), 0);
	image_put(image, KEYS_FILE);
	dir_fault_only("pwrite");
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	assert_int_equal(keys_open(&f, NULL), 0);
	assert_int_equal(dir_fault_calls(), 2);
	keys_forget(&f);
	image_put(image, KEYS_FILE);
	dir_fault_only("fdatasync");
	dir_fault_set(DIR_FAULT_FAIL, 1, 1, EIO);
	assert_int_equal(keys_open(&f, NULL), -EIO);
	image_get(image);
	assert_true(image_has_key(image, &old)); /* not touched before that sync */
}

/* A slot that is durable is not written again while the other one is being erased. */
static void
a_retry_does_not_touch_the_durable_slot(void **state)
{
	static struct keystate s;

	(void)state;
	keys_make(&s, 0, 0);
	keys_begin(&fx.k, keys_secret);
	assert_int_equal(keyfile_create(&fx.k, &s), 0);
	keys_make(&s, 1, 1);
	dir_fault_only("pwrite");
	dir_fault_set(DIR_FAULT_FAIL, 2, 1, EIO);
	assert_int_equal(keyfile_commit(&fx.k, &s), -EIO);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	assert_int_equal(fx.k.fd, -1);
	assert_int_equal(keyfile_commit(&fx.k, &s), 0);
	assert_int_equal(dir_fault_calls(), 1);
	keys_expect(&s, keys_secret);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, keys_setup, keys_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(commits_fail_and_are_repeated),
	    TEST(wrapped_commits_fail_and_are_repeated),
	    TEST(creation_fails),
	    TEST(creation_is_interrupted),
	    TEST(opening_fails),
	    TEST(power_is_cut),
	    TEST(power_is_cut_wrapped),
	    TEST(opening_writes_the_newer_before_it_erases),
	    TEST(a_retry_does_not_touch_the_durable_slot),
	};

	keys_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
