/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seals: staged, committed, published, and what lies there already. What anybody could have seen is never
 * signed anew.
 */
#include "tests/unit/sealer_case.h"

/* --- seals ------------------------------------------------------------------------------------ */

static void
seals_one_after_the_other(void **state)
{
	(void)state;
	lay(0, 4);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(seal(i, i), 0);
		expect_sealed(i + 1);
	}
	fixture_expect(&f, 1, 5 * LINES);
}

static void
seals_a_group_with_one_commit(void **state)
{
	uint64_t generation = keys.file.generation;

	(void)state;
	lay(0, KEYSTATE_PENDING - 1);
	assert_int_equal(seal(0, KEYSTATE_PENDING - 1), 0);
	expect_sealed(KEYSTATE_PENDING);
	assert_int_equal(keys.file.generation, generation + 1);
	assert_int_equal(keys.sealer.state.n_pending, KEYSTATE_PENDING);
}

static void
takes_as_many_commits_as_it_needs(void **state)
{
	(void)state;
	lay(0, SEGMENTS - 1);
	assert_int_equal(seal(0, SEGMENTS - 1), 0);
	expect_sealed(SEGMENTS);
	assert_int_equal(keys.sealer.state.n_pending, SEGMENTS - KEYSTATE_PENDING);
}

static void
says_what_it_was_told(void **state)
{
	static const char *const states[] = {"clean", "recovered", "poisoned"};
	char text[128];
	size_t n;

	(void)state;
	lay(0, 2);
	for (unsigned i = 0; i < 3; i++) {
		CLEANUP_FREE char *bytes = NULL;

		group[i].state = (enum seal_state)i;
		group[i].torn_bytes = i * 4711;
		assert_int_equal(seal(i, i), 0);
		(void)snprintf(text, sizeof(text),
		    "\"state\":\"%s\",\"torn_bytes\":%u,\"session\":", states[i], i * 4711);
		bytes = seal_bytes(i, &n);
		assert_non_null(memmem(bytes, n, text, strlen(text)));
		assert_non_null(
		    memmem(bytes, n, keys.identity.session, strlen(keys.identity.session)));
		assert_non_null(
		    memmem(bytes, n, keys.identity.boot_id, strlen(keys.identity.boot_id)));
	}
}

static void
passes_over_what_is_sealed(void **state)
{
	(void)state;
	lay(0, 3);
	assert_int_equal(seal(0, 1), 0);
	assert_int_equal(seal(0, 1), 0);
	assert_int_equal(seal(0, 3), 0);
	assert_int_equal(seal(2, 2), 0);
	expect_sealed(4);
}

/* What does not continue the log waits; what comes before it in the group is sealed. */
static void
seals_nothing_before_what_comes_first(void **state)
{
	(void)state;
	lay(0, 4);
	assert_int_equal(seal(1, 1), -EBUSY);
	assert_true(sealer_has_to_wait(&keys.sealer, &totals[1]));
	expect_sealed(0);
	group[2] = group[4];
	assert_int_equal(seal(0, 2), -EBUSY);
	expect_sealed(2);
	assert_true(sealer_has_to_wait(&keys.sealer, &totals[4]));
	assert_false(sealer_has(&keys.sealer, &totals[4]));
	group[2] = (struct sealing){.base = bases[2], .total = &totals[2]};
	assert_int_equal(seal(2, 4), 0);
	expect_sealed(5);
}

/* The same records once more, as no honest caller has them. */
static void
seals_no_record_twice(void **state)
{
	struct tally_total overlapping;

	(void)state;
	lay(0, 1);
	assert_int_equal(seal(0, 0), 0);
	overlapping = seal_fixture_total(&keys, LINES, 2 * LINES);
	group[1].total = &overlapping;
	assert_int_equal(seal(1, 1), -EBUSY);
	expect_sealed(1);
}

static void
private_keys_are_gone_once_they_have_signed(void **state)
{
	uint8_t seed[ED25519_SEED];

	(void)state;
	lay(0, 2);
	for (unsigned i = 0; i < 3; i++) {
		memcpy(seed, keys.sealer.state.seed, sizeof(seed));
		assert_int_equal(seal(i, i), 0);
		assert_null(memmem(&keys.sealer, sizeof(keys.sealer), seed, sizeof(seed)));
	}
	/* The one that signs next is there once. */
	memcpy(seed, keys.sealer.state.seed, sizeof(seed));
	assert_null(memmem(&keys.sealer.next, sizeof(keys.sealer.next), seed, sizeof(seed)));
}

/* --- what lies there already -------------------------------------------------------------------- */

static void
put_seal(unsigned i, struct str bytes)
{
	fixture_put(&f, bases[i], ".jsonl.seal", 0, 0, bytes, 0);
}

static void
an_equal_seal_is_fine_another_is_not(void **state)
{
	CLEANUP_FREE char *bytes = NULL;
	size_t n;

	(void)state;
	lay(0, 2);
	assert_int_equal(seal(0, 0), 0);
	bytes = seal_bytes(0, &n);
	put_seal(1, (struct str){bytes, n}); /* another segment's */
	assert_int_equal(seal(1, 1), -EBADMSG);
	assert_false(sealer_has(&keys.sealer, &totals[1]));
	assert_true(there(1, SEGNAME_TMP));
	assert_int_equal(seal(2, 2), -EBADMSG); /* nothing goes on before that is settled */
	drop(1, SEGNAME_SEAL);
	put_seal(
	    1, (struct str){keys.sealer.state.pending[0].note, keys.sealer.state.pending[0].n});
	assert_int_equal(seal(2, 2), 0);
	expect_sealed(3);
}

static void
a_longer_one_is_another(void **state)
{
	static char more[SEAL_NOTE + 2];
	const struct keystate_pending *p = &keys.sealer.state.pending[0];
	char gone[SEGNAME_SIZE];

	(void)state;
	lay(0, 0);
	assert_int_equal(seal(0, 0), 0);
	memcpy(more, p->note, p->n);
	more[p->n] = '\n';
	drop(0, SEGNAME_SEAL);
	put_seal(0, (struct str){more, p->n + 1});
	reopen();
	assert_int_equal(sealer_resume(&keys.sealer, gone, &step), -EBADMSG);
	drop(0, SEGNAME_SEAL);
	put_seal(0, (struct str){more, p->n - 1});
	assert_int_equal(sealer_resume(&keys.sealer, gone, &step), -EBADMSG);
}

/* Somebody has put another file in its place since it was looked at last. */
static void
another_file_gets_no_last_name(void **state)
{
	char name[SEGNAME_SIZE];
	int fd;

	(void)state;
	lay(0, 0);
	segname_with(name, bases[0], SEGNAME_TMP);
	fd = dir_open_read(&f.dir, name);
	group[0].file = dir_which(fd);
	assert_int_not_equal(group[0].file.inode, 0);
	assert_int_equal(renameat(f.dir.fd, name, f.dir.fd, "away"), 0);
	fixture_put(&f, bases[0], ".jsonl.tmp", 30, 33, STR(""), 0);
	assert_int_equal(seal(0, 0), -ENOENT);
	assert_string_equal(step, "find a segment");
	assert_false(there(0, SEGNAME_CLOSED));
	assert_false(sealer_has_placed(&keys.sealer, bases[0]));
	assert_int_equal(renameat(f.dir.fd, "away", f.dir.fd, name), 0);
	assert_int_equal(seal(0, 0), 0);
	assert_true(sealer_has_placed(&keys.sealer, bases[0]));
	expect_sealed(1);
	(void)close(fd);
}

/* A file that was elsewhere when its segment was closed comes back. What is closed has to be what was sealed. */
static void
what_comes_back_beside_a_closed_one(void **state)
{
	char gone[SEGNAME_SIZE];

	(void)state;
	lay(0, 0);
	assert_int_equal(seal(0, 0), 0);
	fixture_put(&f, bases[0], ".jsonl.tmp", 1, LINES, STR(""), 5000);
	reopen();
	assert_int_equal(sealer_resume(&keys.sealer, gone, &step), 0);
	assert_string_equal(gone, "");
	assert_true(there(0, SEGNAME_TMP));
	drop(0, SEGNAME_CLOSED);
	fixture_put(&f, bases[0], ".jsonl", 1, LINES, STR("x"), 0);
	reopen();
	assert_int_equal(sealer_resume(&keys.sealer, gone, &step), -EEXIST);
	drop(0, SEGNAME_CLOSED);
	fixture_put(&f, bases[0], ".jsonl", LINES + 1, 2 * LINES, STR(""), 0);
	reopen();
	assert_int_equal(sealer_resume(&keys.sealer, gone, &step), -EEXIST);
}

/* ... or in its place: its beginning is what was sealed. */
static void
what_comes_back_in_the_place_of_a_copy(void **state)
{
	char gone[SEGNAME_SIZE];

	(void)state;
	lay(0, 0);
	assert_int_equal(seal(0, 0), 0);
	drop(0, SEGNAME_CLOSED);
	fixture_put(&f, bases[0], ".jsonl.tmp", 1, LINES, f.line[LINES + 1], 5000);
	reopen();
	assert_int_equal(sealer_resume(&keys.sealer, gone, &step), 0);
	assert_string_equal(gone, "");
	assert_true(there(0, SEGNAME_TMP));
	expect_sealed(1);
}

static void
a_segment_that_is_gone(void **state)
{
	char gone[SEGNAME_SIZE];

	(void)state;
	lay(0, 1);
	drop(0, SEGNAME_TMP);
	assert_int_equal(seal(0, 0), -ENOENT);
	assert_int_equal(seal(0, 1), -ENOENT);
	/* At a start it may be: nobody else knows what became of it. Its seal is there all the same. */
	reopen();
	assert_int_equal(sealer_resume(&keys.sealer, gone, &step), 0);
	assert_string_equal(gone, bases[0]);
	assert_true(there(0, SEGNAME_SEAL));
	assert_int_equal(seal(1, 1), 0);
}

/* Whoever takes away what is closed need not wait until all of its group is. */
static void
what_is_published_may_be_taken_away(void **state)
{
	(void)state;
	lay(0, 2);
	dir_fault_only("renameat2");
	dir_fault_set(DIR_FAULT_FAIL, 4, 1 << 20, ENOSPC); /* three renames publish the first */
	assert_int_equal(seal(0, 1), -ENOSPC);
	assert_true(there(0, SEGNAME_CLOSED));
	assert_true(there(1, SEGNAME_TMP));
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	drop(0, SEGNAME_CLOSED);
	drop(0, SEGNAME_SEAL);
	assert_int_equal(seal(1, 2), 0);
	assert_true(there(2, SEGNAME_CLOSED));
	/* And does not find a part of it there again. */
	assert_false(there(0, SEGNAME_SEAL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(seals_one_after_the_other),
	    TEST(seals_a_group_with_one_commit),
	    TEST(takes_as_many_commits_as_it_needs),
	    TEST(says_what_it_was_told),
	    TEST(passes_over_what_is_sealed),
	    TEST(seals_nothing_before_what_comes_first),
	    TEST(seals_no_record_twice),
	    TEST(private_keys_are_gone_once_they_have_signed),
	    TEST(an_equal_seal_is_fine_another_is_not),
	    TEST(a_longer_one_is_another),
	    TEST(another_file_gets_no_last_name),
	    TEST(what_comes_back_beside_a_closed_one),
	    TEST(what_comes_back_in_the_place_of_a_copy),
	    TEST(a_segment_that_is_gone),
	    TEST(what_is_published_may_be_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
