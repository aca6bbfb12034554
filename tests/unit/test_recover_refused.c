/* SPDX-License-Identifier: Apache-2.0 */
/* Key states and directories that do not belong together: no start. */
#include "tests/unit/recover_case.h"

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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(refuses_a_closed_segment_without_a_seal),
	    TEST(refuses_a_seal_that_is_none),
	    TEST(refuses_a_seal_under_another_name),
	    TEST(refuses_another_logs_key_state),
	    TEST(refuses_a_key_state_of_yesterday),
	    TEST(refuses_a_newest_seal_that_it_did_not_make),
	    TEST(the_newest_by_index_not_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
