/* SPDX-License-Identifier: Apache-2.0 */
/* A real auditd-writer: what it goes on from, also after a crash, and what it does not start on. */
#include "tests/unit/writer_case.h"

/* --- starting ---------------------------------------------------------------------------------- */

static void
continues_the_log_of_earlier_runs(void **state)
{
	uint64_t log_id = 0;

	(void)state;
	for (int run = 0; run < 4; run++) {
		harness_start(&h, NULL);
		if (run > 0)
			assert_int_equal(h.ready.log_id, log_id);
		log_id = h.ready.log_id;
		harness_decide(&h, 1, 10);
		harness_await_acks(&h, 1);
		finish_and_read();
		assert_int_equal(lg.files, run + 1);
		assert_int_equal(lg.lines, 12 * (run + 1) + 1);
		assert_int_equal(log_count(&lg, "\"action_type\":\"recovery\""), 0);
		assert_int_equal(log_count(&lg, "\"action_type\":\"segments\""), 0);
		log_free(&lg);
	}
}

static void
says_that_earlier_segments_are_absent(void **state)
{
	char path[512];

	(void)state;
	for (int run = 0; run < 3; run++) {
		harness_start(&h, NULL);
		finish_and_read();
		if (run == 0) {
			(void)snprintf(path, sizeof(path), "%s/%s", h.audit, lg.file[0].name);
			log_free(&lg);
			continue;
		}
		if (run == 1)
			assert_int_equal(unlink(path), 0);
		log_free(&lg);
	}
	log_read(&lg, h.audit);
	assert_int_equal(log_count(&lg, "\"segments\":{\"first_seq\":4}"), 1);
}

/* --- after a crash ------------------------------------------------------------------------------ */

static const struct log_file *
open_segment(void)
{
	assert_true(lg.files > 0);
	assert_false(lg.file[lg.files - 1].closed);
	return &lg.file[lg.files - 1];
}

static void
recovers_what_was_killed(void **state)
{
	static struct harness before;

	(void)state;
	harness_start(&h, OPTIONS("--rotate-records=50"));
	harness_decide(&h, 1, 120);
	harness_await_acks(&h, 1);
	harness_kill(&h);
	before = h;
	harness_start(&h, NULL);
	assert_true(h.ready.records_recovered >= 21);
	finish_after_crash();
	log_expect_acked(&lg, &before, 1);
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 120);
	assert_true(log_count(&lg, "\"action_type\":\"recovery\"") >= 1);
	assert_int_equal(
	    log_count(&lg, "\"torn_bytes\":0"), log_count(&lg, "\"action_type\":\"recovery\""));
	assert_int_equal(lg.torn, 0);
}

/* What a power cut can leave behind the last whole line. */
static void
keeps_a_torn_tail_as_evidence(void **state)
{
	static const char tail[] = "{\"audit_event_id\":\"half a li";
	char path[512], torn[160];
	int fd;

	(void)state;
	harness_start(&h, NULL);
	harness_decide(&h, 1, 10);
	harness_await_acks(&h, 1);
	harness_kill(&h);
	log_read(&lg, h.audit);
	(void)snprintf(path, sizeof(path), "%s/%s", h.audit, open_segment()->name);
	(void)snprintf(torn, sizeof(torn), "%.*s.torn", (int)(strlen(open_segment()->name) - 4),
	    open_segment()->name);
	assert_int_equal(chmod(path, 0640), 0);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(
	    pwrite(fd, tail, sizeof(tail) - 1, (off_t)open_segment()->content), sizeof(tail) - 1);
	(void)close(fd);
	log_free(&lg);
	harness_start(&h, NULL);
	assert_true(harness_said(&h, "28 torn bytes"));
	finish_after_crash();
	assert_int_equal(log_count(&lg, "\"records\":12,\"torn_bytes\":28"), 1);
	assert_int_equal(lg.torn, 1);
	assert_string_equal(lg.torn_name[0], torn);
}

/* However often it is killed, at most the open and the standby segment are left over. */
static void
left_over_segments_do_not_pile_up(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		harness_start(&h, NULL);
		if (i % 2)
			(void)usleep(20000); /* or before there is a standby */
		harness_kill(&h);
		log_read(&lg, h.audit);
		assert_true(lg.empty <= 2);
		assert_true(lg.files - lg.closed <= 2);
		log_free(&lg);
	}
	harness_start(&h, NULL);
	finish_after_crash();
	assert_int_equal(log_count(&lg, "\"event\":\"start\""), 7);
}

static void
killed_in_mid_load(void **state)
{
	static const char *const modes[] = {"--durability=sync", "--durability=commit"};
	static const char *const sizes[] = {
	    "--rotate-records=7", "--rotate-records=100", "--rotate-records=1000"};
	unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid();

	(void)state;
	print_message("# seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 12; round++) {
		static struct harness before;

		harness_start(&h, OPTIONS(modes[rand() % 2], sizes[rand() % 3]));
		for (int n = rand() % 60; n > 0; n--) {
			harness_decide(&h, 1 + (unsigned)rand() % 2, 1 + (unsigned)rand() % 60);
			(void)harness_take(&h, 1 + (unsigned)rand() % 2, rand() % 3);
		}
		harness_kill(&h);
		before = h;
		harness_start(&h, NULL);
		assert_int_equal(harness_finish(&h), 0);
		log_read(&lg, h.audit);
		log_expect_acked(&lg, &before, 1);
		log_expect_acked(&lg, &before, 2);
		(void)teardown(state);
		(void)setup(state);
	}
}

static void
one_writer_for_a_directory(void **state)
{
	struct harness other;

	(void)state;
	harness_start(&h, NULL);
	other = h;
	other.pid = -1;
	harness_spawn(&other, NULL);
	assert_int_equal(harness_wait(&other), 1);
	assert_true(harness_said(&other, "audit: another writer holds it"));
	finish_and_read();
	assert_int_equal(log_count(&lg, "\"event\":\"start\""), 1);
}

static void
waits_for_its_predecessor(void **state)
{
	static uint8_t buf[LIMIT_FRAME];
	struct harness next;
	struct wire_in body;

	(void)state;
	harness_start(&h, NULL);
	next = h;
	next.pid = -1;
	harness_spawn(&next, NULL);
	(void)usleep(300000);
	assert_int_equal(harness_finish(&h), 0);
	harness_await_control(&next, MSG_READY, buf, &body);
	assert_int_equal(harness_finish(&next), 0);
	log_read(&lg, h.audit);
	assert_int_equal(lg.files, 2);
}

static void
refused_start(const char *said)
{
	harness_spawn(&h, NULL);
	assert_int_equal(harness_wait(&h), 1);
	if (!harness_said(&h, said))
		fail_msg("not said: %s", said);
	assert_int_equal(truncate(h.said, 0), 0);
}

static void
refuses_directories_that_are_not_safe(void **state)
{
	char link[128], audit[80];

	(void)state;
	memcpy(audit, h.audit, sizeof(audit));
	assert_int_equal(chmod(h.audit, 0770), 0);
	refused_start("audit: group or others may write to it");
	assert_int_equal(chmod(h.audit, 0702), 0);
	refused_start("audit: group or others may write to it");
	assert_int_equal(chmod(h.audit, 0700), 0);
	assert_int_equal(chmod(h.keys, 0777), 0);
	refused_start("keys: group or others may write to it");
	assert_int_equal(chmod(h.keys, 0700), 0);
	(void)snprintf(link, sizeof(link), "%s/link", h.top);
	assert_int_equal(symlink(h.audit, link), 0);
	(void)snprintf(h.audit, sizeof(h.audit), "%s/link", h.top);
	refused_start("link: not a directory, or a symbolic link");
	(void)snprintf(h.audit, sizeof(h.audit), "%s/link//", h.top);
	refused_start("link//: not a directory, or a symbolic link");
	(void)snprintf(h.audit, sizeof(h.audit), "%s/keys/.", h.top);
	refused_start("audit and key directory are the same");
	(void)snprintf(h.audit, sizeof(h.audit), "%s/absent", h.top);
	refused_start("absent: No such file or directory");
	memcpy(h.audit, audit, sizeof(audit));
	harness_start(&h, NULL);
	finish_and_read();
}

static void
refuses_wrong_command_lines(void **state)
{
	static const char *const wrong[][3] = {
	    {"--nonsense"},
	    {"--evaluators=0"},
	    {"--evaluators=65"},
	    {"--rotate-bytes=1"},
	    {"--rotate-records", "12x"},
	    {"--rotate-records", "-1"},
	    {"--durability=never"},
	    {"--low-bytes"},
	    {"operand"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		harness_spawn(&h, wrong[i]);
		assert_int_equal(harness_wait(&h), 2);
		assert_true(harness_said(&h, "try 'auditd-writer --help'"));
		assert_int_equal(truncate(h.said, 0), 0);
	}
	harness_spawn(&h, OPTIONS("--help"));
	assert_int_equal(harness_wait(&h), 0);
	harness_spawn(&h, OPTIONS("--evaluators=3")); /* one channel more than there is */
	assert_int_equal(harness_wait(&h), 1);
	assert_true(harness_said(&h, "descriptor 7 is no channel"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(continues_the_log_of_earlier_runs),
	    TEST(says_that_earlier_segments_are_absent),
	    TEST(recovers_what_was_killed),
	    TEST(keeps_a_torn_tail_as_evidence),
	    TEST(left_over_segments_do_not_pile_up),
	    TEST(killed_in_mid_load),
	    TEST(one_writer_for_a_directory),
	    TEST(waits_for_its_predecessor),
	    TEST(refuses_directories_that_are_not_safe),
	    TEST(refuses_wrong_command_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
