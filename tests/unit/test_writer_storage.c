/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole writer, in a process of its own, with calls that fail: what was acknowledged is there,
 * nothing is there twice, what cannot be recorded is refused with the cause, and service comes back.
 */
#include "tests/unit/dir_faults.h"
#include "tests/unit/writer_case.h"

/* The writer's own main(), with another name. */
#define main writer_main
int writer_main(int argc, char **argv);
#include "auditd-writer/main.c"
#undef main

static int
set_up(void **state)
{
	dir_fault_only(NULL);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	(void)setup(state);
	h.enter = writer_main;
	return 0;
}

static void
decide(unsigned n)
{
	harness_decide(&h, 1, n);
	harness_await_acks(&h, 1);
}

/* From the next call of this name on, for `times` calls. */
static void
fail_next(const char *name, int times, int error)
{
	dir_fault_only(name);
	dir_fault_set(DIR_FAULT_FAIL, 1, times, error);
}

/* Nothing fails any more; all is closed, and every record that was acknowledged is there. */
static void
finish_well(void)
{
	dir_fault_only(NULL);
	assert_int_equal(harness_finish(&h), 0);
	log_read(&lg, h.audit);
	assert_int_equal(lg.closed, lg.files);
	assert_int_equal(lg.other, 0);
	log_expect_acked(&lg, &h, 1);
	log_expect_acked(&lg, &h, 2);
}

/* --- one error: nobody notices ----------------------------------------------------------------- */

static void
moves_on_from(const char *call, int error)
{
	harness_start(&h, NULL);
	decide(10);
	fail_next(call, 1, error);
	decide(7);
	decide(5);
	assert_int_equal(h.end[1].refused[REFUSAL_NONE], 22);
	finish_well();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 22);
}

static void
a_sync_that_fails(void **state)
{
	(void)state;
	moves_on_from("fdatasync", EIO);
	/* The first segment was closed with what a sync had covered, the bad file is kept. */
	assert_int_equal(lg.torn, 1);
	assert_int_equal(lg.file[0].lines, 12);
	assert_non_null(log_find(&lg, "\"state\":\"poisoned\""));
	assert_non_null(log_find(&lg, "\"cause\":\"Input/output error\",\"records\":12"));
	assert_true(log_seal_says(h.audit, lg.file[0].name, "\"state\":\"poisoned\""));
	assert_false(log_seal_says(h.audit, lg.file[0].name, "\"torn_bytes\":0,"));
	assert_true(
	    log_seal_says(h.audit, lg.file[1].name, "\"state\":\"clean\",\"torn_bytes\":0,"));
	assert_non_null(log_find(&lg, ".jsonl.torn\""));
}

static void
a_sync_without_space(void **state)
{
	(void)state;
	moves_on_from("fdatasync", ENOSPC); /* poisons like any other */
	assert_int_equal(lg.torn, 1);
}

static void
a_write_that_fails(void **state)
{
	(void)state;
	moves_on_from("pwrite", EIO);
	assert_int_equal(lg.torn, 1);
}

static void
half_a_write_that_fails(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	decide(10);
	dir_fault_only("pwrite");
	dir_fault_set(DIR_FAULT_SHORT, 1, 1, EIO);
	decide(40);
	finish_well();
	assert_int_equal(lg.torn, 1);
	assert_int_equal(lg.file[0].lines, 12);
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 50);
}

/* The segment ends with its last whole line; the standby is the reserve. Nothing is torn. */
static void
a_write_without_space(void **state)
{
	(void)state;
	moves_on_from("pwrite", ENOSPC);
	assert_int_equal(lg.torn, 0);
	assert_int_equal(lg.file[0].lines, 12);
}

static void
half_a_write_without_space(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	decide(10);
	dir_fault_only("pwrite");
	dir_fault_set(DIR_FAULT_SHORT, 1, 1, EDQUOT);
	decide(40);
	finish_well();
	assert_int_equal(lg.torn, 0);
	assert_int_equal(lg.file[0].lines, 12);
}

static void
unsynced_records_survive_in_commit_mode(void **state)
{
	(void)state;
	harness_start(&h, OPTIONS("--durability=commit", "--rotate-records=100000"));
	decide(10);
	dir_fault_only("fdatasync");
	dir_fault_set(DIR_FAULT_FAIL, 1, 1, EIO);
	for (int i = 0; i < 20; i++)
		decide(20);
	/* The sync comes within a second, of the writer's. */
	for (int i = 0; i < 200 && dir_fault_calls() == 0; i++)
		(void)usleep(100000);
	assert_true(dir_fault_calls() > 0);
	decide(1);
	finish_well();
	assert_int_equal(lg.torn, 1);
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 411);
}

/*
 * Until they are safe elsewhere, the file that failed is all there is of records that were
 * acknowledged without a sync: it is not touched before.
 */
static void
a_crash_between_the_error_and_the_second_try(void **state)
{
	static struct harness before;

	(void)state;
	harness_start(&h, OPTIONS("--durability=commit", "--rotate-records=100000"));
	decide(10);
	(void)usleep(1200000); /* these are synced */
	decide(30);
	dir_fault_only("fdatasync");
	dir_fault_set(DIR_FAULT_FAIL_DIE, 1, 2, EIO);
	harness_reap(&h, 20000);
	assert_true(dir_fault_calls() == 2);
	before = h;
	dir_fault_only(NULL);
	harness_start(&h, NULL);
	assert_int_equal(harness_finish(&h), 0);
	log_read(&lg, h.audit);
	log_expect_acked(&lg, &before, 1);
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 40);
}

/* The covered part is not what was written: it is neither closed nor hidden. */
static void
a_covered_part_that_reads_differently(void **state)
{
	char path[512];
	int fd;

	(void)state;
	harness_start(&h, NULL);
	decide(10);
	log_read(&lg, h.audit);
	(void)snprintf(path, sizeof(path), "%s/%s", h.audit, lg.file[0].name);
	log_free(&lg);
	assert_int_equal(chmod(path, 0640), 0);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "#", 1, 1000), 1);
	(void)close(fd);
	fail_next("fdatasync", 1, EIO);
	decide(7);
	assert_int_equal(harness_finish(&h), EXIT_STORAGE);
	assert_true(harness_said(&h, "cannot compare with what was written"));
	assert_int_equal(access(path, F_OK), 0);
	path[strlen(path) - 4] = '\0';
	assert_int_equal(access(path, F_OK), -1);
}

/* --- closing ------------------------------------------------------------------------------------ */

static void
closes_in_spite_of(const char *call, int error)
{
	char name[128];

	harness_start(&h, NULL);
	decide(10);
	fail_next(call, 1, error);
	(void)harness_rotate(&h, name);
	decide(5);
	finish_well();
	assert_true(lg.files >= 2);
	assert_int_equal(lg.file[0].lines, 12);
	assert_true(lg.file[0].closed);
}

static void
a_cut_that_fails(void **state)
{
	(void)state;
	closes_in_spite_of("ftruncate", EIO);
	assert_int_equal(lg.torn, 1);
	assert_int_equal(log_count(&lg, "\"state\":\"poisoned\""), 1);
}

static void
a_rename_that_fails(void **state)
{
	(void)state;
	closes_in_spite_of("renameat2", EIO);
	assert_int_equal(lg.torn, 0); /* it is only done again */
}

/* Of the standby, of the closed segment, of the directory: whichever it hits. */
static void
an_fsync_that_fails(void **state)
{
	for (int at = 1; at <= 8; at++) {
		char name[128];
		int error;

		harness_start(&h, NULL);
		decide(10);
		dir_fault_only("fsync");
		dir_fault_set(DIR_FAULT_FAIL, at, 1, EIO);
		error = harness_rotate(&h, name);
		assert_true(error == 0 || error == -EIO);
		decide(5);
		finish_well();
		(void)teardown(state);
		(void)set_up(state);
	}
}

/* Asked to close while nothing can be closed: the answer says so, and it is made up for later. */
static void
closing_that_fails_for_a_while(void **state)
{
	char name[128];

	(void)state;
	harness_start(&h, NULL);
	decide(10);
	fail_next("renameat2", 1000, EIO);
	assert_int_equal(harness_rotate(&h, name), -EIO);
	decide(5);
	assert_int_equal(harness_rotate(&h, name), -EBUSY); /* not before the earlier one */
	decide(5);
	finish_well();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 20);
	assert_true(log_count(&lg, "\"step\":\"write a seal\"") >= 1);
}

/* --- failed ------------------------------------------------------------------------------------- */

static bool
state_becomes(unsigned channel, enum storage_state state)
{
	int64_t until = clock_monotonic() + 10 * US_PER_S;

	while (h.end[channel].state != state && clock_monotonic() < until)
		(void)harness_take(&h, channel, 100);
	return h.end[channel].state == state;
}

/* Two errors in a row: everything is refused, with the cause, until it works again. */
static void
refuses_while(const char *call, int error, enum refusal refusal)
{
	harness_start(&h, NULL);
	decide(10);
	fail_next(call, 1 << 20, error);
	harness_decide(&h, 1, 7);
	assert_true(state_becomes(2, STORAGE_FAILED));
	/* A channel with nothing under way hears at once. */
	harness_decide(&h, 2, 3);
	harness_await_acks(&h, 2);
	assert_int_equal(h.end[2].refused[refusal], 3);
	assert_int_equal(h.end[1].acked, 10);
	dir_fault_only(NULL);
	/* What was under way is recorded after all: its sender could not be told otherwise. */
	harness_await_acks(&h, 1);
	assert_true(state_becomes(2, STORAGE_OK));
	harness_decide(&h, 2, 2);
	harness_await_acks(&h, 2);
	finish_well();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 19);
	assert_int_equal(
	    log_count_both(&lg, "\"state\":\"recovered\",\"from\":\"failed\"", "\"refused\":3"), 1);
}

static void
syncs_that_go_on_failing(void **state)
{
	(void)state;
	refuses_while("fdatasync", EIO, REFUSAL_IO);
}

static void
writes_that_go_on_failing(void **state)
{
	(void)state;
	refuses_while("pwrite", EROFS, REFUSAL_READ_ONLY);
}

static void
no_space_at_all(void **state)
{
	(void)state;
	refuses_while("pwrite", ENOSPC, REFUSAL_NO_SPACE);
	assert_int_equal(lg.torn, 0);
}

static void
no_quota_at_all(void **state)
{
	(void)state;
	refuses_while("pwrite", EDQUOT, REFUSAL_QUOTA);
}

static void
ends_badly_with_what_it_could_not_write(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	decide(10);
	fail_next("fdatasync", 1 << 20, EIO);
	harness_decide(&h, 1, 7);
	assert_true(state_becomes(2, STORAGE_FAILED));
	assert_int_equal(harness_finish(&h), EXIT_STORAGE);
	dir_fault_only(NULL);
	/* The next start finds what there is. */
	harness_start(&h, NULL);
	assert_true(h.ready.next_seq > 11);
	finish_well();
}

/* --- space -------------------------------------------------------------------------------------- */

static void
says_that_space_is_low(void **state)
{
	(void)state;
	harness_start(&h, OPTIONS("--low-bytes=1125899906842624"));
	assert_int_equal(h.end[1].state, STORAGE_LOW);
	decide(3);
	finish_well();
	assert_int_equal(log_count(&lg, "\"storage\":{\"state\":\"low\""), 1);
}

static void
lives_on_its_reserve(void **state)
{
	(void)state;
	harness_start(&h, OPTIONS("--rotate-records=100000", "--reserve-bytes=65536"));
	fail_next("fallocate", 1 << 20, ENOSPC);
	for (int i = 0; i < 100 && h.end[1].state != STORAGE_LOW; i++)
		decide(5);
	assert_int_equal(h.end[1].state, STORAGE_LOW);
	decide(5);
	dir_fault_only(NULL);
	/* By itself: whoever is refused asks for nothing that would show it. */
	assert_true(state_becomes(1, STORAGE_OK));
	finish_well();
	assert_int_equal(log_count(&lg, "\"storage\":{\"state\":\"full\""), 1);
	assert_int_equal(
	    log_count(&lg, "\"storage\":{\"state\":\"recovered\",\"from\":\"full\""), 1);
}

static void
without_fallocate(void **state)
{
	(void)state;
	fail_next("fallocate", 1 << 20, EOPNOTSUPP);
	harness_start(&h, OPTIONS("--rotate-records=50"));
	for (int i = 0; i < 30; i++)
		decide(10);
	finish_well();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 300);
	assert_int_equal(lg.file[0].lines, 50);
}

static void
without_rename_noreplace(void **state)
{
	(void)state;
	/* Whenever it is asked for, from the first start on: the writer looks for itself, then renames plainly. */
	fail_next("renameat2", 1 << 20, EINVAL);
	harness_start(&h, OPTIONS("--rotate-records=1000000"));
	for (int i = 0; i < 5; i++) {
		char name[128];

		decide(10);
		assert_int_equal(harness_rotate(&h, name), 0);
	}
	decide(10);
	harness_kill(&h);
	/* What was left open is closed by a rename, too; what was closed is no more to be found under its old name. */
	harness_start(&h, NULL);
	dir_fault_only(NULL);
	assert_int_equal(harness_finish(&h), 0);
	log_read(&lg, h.audit);
	assert_int_equal(lg.closed, lg.files);
	assert_int_equal(lg.other, 0);
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 60);
	assert_int_equal(lg.torn, 0);
}

/* --- the clock ----------------------------------------------------------------------------------- */

/* A log whose last record is an hour ahead: somebody has set the clock back since. */
static void
a_clock_that_was_set_back_between_runs(void **state)
{
	struct keystate last = {.log_id = 4711, .origin = "host/x", .next_index = 1, .seq = 3};
	struct hash *hash;
	struct keyfile file;
	struct dir keys;
	char time[RFC3339_SIZE];
	const char *why;

	(void)state;
	assert_int_equal(hash_init(), 0);
	hash = hash_new();
	last.last_time = clock_real() + 3600 * US_PER_S;
	clock_format(last.last_time, time);
	assert_int_equal(dir_open(&keys, h.keys, &why), 0);
	assert_int_equal(keyfile_init(&file, &keys, hash, NULL), 0);
	assert_int_equal(keyfile_create(&file, &last), 0);
	(void)close(file.fd);
	free(file.room);
	(void)close(keys.fd);
	hash_free(hash);
	harness_start(&h, NULL);
	assert_int_equal(h.ready.log_id, 4711);
	assert_int_equal(h.ready.next_seq, 7);
	finish_well();
	/* The step is told before anything else, with a time of its own. */
	assert_int_equal(log_count_both(&lg, "\"clock_step\":{\"old\":\"", "\"seq\":4,"), 1);
	assert_int_equal(log_count_both(&lg, "\"clock_step\":{\"old\":\"", time), 1);
	assert_int_equal(log_count(&lg, "\"action_type\":\"clock_step\""), 1);
	assert_int_equal(log_count(&lg, "\"segments\":{\"first_seq\":4}"), 1);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_sync_that_fails),
	    TEST(a_sync_without_space),
	    TEST(a_write_that_fails),
	    TEST(half_a_write_that_fails),
	    TEST(a_write_without_space),
	    TEST(half_a_write_without_space),
	    TEST(unsynced_records_survive_in_commit_mode),
	    TEST(a_crash_between_the_error_and_the_second_try),
	    TEST(a_covered_part_that_reads_differently),
	    TEST(a_cut_that_fails),
	    TEST(a_rename_that_fails),
	    TEST(an_fsync_that_fails),
	    TEST(closing_that_fails_for_a_while),
	    TEST(syncs_that_go_on_failing),
	    TEST(writes_that_go_on_failing),
	    TEST(no_space_at_all),
	    TEST(no_quota_at_all),
	    TEST(ends_badly_with_what_it_could_not_write),
	    TEST(says_that_space_is_low),
	    TEST(lives_on_its_reserve),
	    TEST(without_fallocate),
	    TEST(without_rename_noreplace),
	    TEST(a_clock_that_was_set_back_between_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
