/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluator's answers, with a writer that does what a test wants. */
#include "tests/unit/evaluator_case.h"

/* --- answers and records ---------------------------------------------------------------------- */

static void
test_no_answer_before_the_record(void **state)
{
	struct record r;
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	harness_send(c, ALLOWED DENIED);
	harness_take(&h, &r);
	assert_int_equal(r.category, RECORD_EVALUATION);
	assert_int_equal(r.decision, DECISION_ALLOW);
	assert_int_equal(r.enforcement_mode, MODE_ENFORCE);
	assert_is(r.resource_id, "/a");
	assert_is(r.action, "fs:read");
	assert_is(r.policy_id, "p");
	assert_is(r.rule_id, "a");
	assert_is(r.policy_revision, "r1");
	assert_is(r.request_id, "1");
	assert_int_equal(r.peer.uid, getuid());
	assert_int_equal(r.peer.pid, getpid());
	assert_text_in(r.payload, "operation", "read");
	harness_take(&h, &r);
	assert_int_equal(r.decision, DECISION_DENY);
	assert_int_equal(r.reasons, 1);
	assert_false(str_given(r.rule_id));
	assert_false(harness_comes(c, 200));
	harness_ack_state(&h, 1, 1, REFUSAL_NONE, STORAGE_OK);
	harness_expect(c, YES, 1);
	assert_false(harness_comes(c, 100));
	harness_ack(&h, 1);
	harness_expect(c, NO, 2);
	(void)close(c);
}

static void
test_order(void **state)
{
	struct record r;
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	harness_send(c, PING ALLOWED PING "rubbish\n" EMIT PING);
	harness_expect(c, PONG, 0);
	assert_false(harness_comes(c, 100));
	harness_take(&h, &r);
	harness_take(&h, &r);
	assert_int_equal(r.category, RECORD_EVENT);
	harness_ack_state(&h, 1, 1, REFUSAL_NONE, STORAGE_OK);
	harness_expect(c, YES, 1);
	harness_expect(c, PONG, 0);
	assert_non_null(strstr(harness_line(c), "\"error\""));
	assert_false(harness_comes(c, 100));
	harness_ack(&h, 1);
	harness_expect(c, RECORDED, 2);
	harness_expect(c, PONG, 0);
	(void)close(c);
}

static void
test_refused(void **state)
{
	struct record r;
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	harness_send(c, ALLOWED PING EMIT);
	harness_take(&h, &r);
	harness_take(&h, &r);
	harness_ack_state(&h, 2, 2, REFUSAL_NO_SPACE, STORAGE_FAILED);
	harness_expect(c, DENY_BECAUSE("1", "no space left"), 0);
	harness_expect(c, PONG, 0);
	harness_expect(c, "{\"id\":3,\"error\":\"audit log unavailable: no space left\"}", 0);
	/* The note of it is refused as well, and counted on. */
	expect_unrecorded(1);
	harness_ack_state(&h, 3, 1, REFUSAL_NO_SPACE, STORAGE_FAILED);
	harness_send(c, DENIED);
	harness_take(&h, &r);
	harness_ack_state(&h, 4, 1, REFUSAL_IO, STORAGE_FAILED);
	harness_expect(c, DENY_BECAUSE("2", "input/output error"), 0);
	expect_unrecorded(2);
	harness_ack(&h, 1);
	harness_send(c, ALLOWED);
	harness_take(&h, &r);
	assert_int_equal(r.category, RECORD_EVALUATION);
	harness_ack(&h, 1);
	harness_expect(c, YES, 2);
	(void)close(c);
}

static void
test_storage_low(void **state)
{
	struct record r;
	int c;

	(void)state;
	start();
	harness_welcome(&h, HARNESS_GENERATION, STORAGE_LOW, 10);
	c = harness_connect(&h);
	harness_send(c, ALLOWED EMIT PING);
	harness_expect(c, DENY_BECAUSE("1", "storage low"), 0);
	harness_expect(c, "{\"id\":3,\"error\":\"audit log unavailable: storage low\"}", 0);
	harness_expect(c, PONG, 0);
	expect_unrecorded(1);
	/* The state comes with the acknowledgement. */
	harness_ack(&h, 1);
	harness_send(c, ALLOWED);
	harness_take(&h, &r);
	harness_ack(&h, 1);
	harness_expect(c, YES, 2);
	(void)close(c);
}

/* A change of state may come by itself, without any message acknowledged. */
static void
test_storage_low_for_trusted(void **state)
{
	struct record r;
	int c;

	(void)state;
	h.settings.n_trusted = 1;
	h.settings.trusted[0] = getuid();
	serve();
	c = harness_connect(&h);
	harness_ack_state(&h, 0, 0, REFUSAL_NONE, STORAGE_LOW);
	harness_send(c, ALLOWED);
	harness_take(&h, &r);
	harness_ack_state(&h, 1, 1, REFUSAL_NONE, STORAGE_LOW);
	harness_expect(c, YES, 1);
	(void)close(c);
}

/* --- a writer that is late -------------------------------------------------------------------- */

static void
test_deadline(void **state)
{
	struct record r;
	int late, other;

	(void)state;
	h.settings.answer_ms = 800;
	serve();
	late = harness_connect(&h);
	harness_send(late, ALLOWED);
	harness_take(&h, &r);
	/* Never a different answer: none. */
	harness_ends(late);
	other = harness_connect(&h);
	harness_send(other, ALLOWED EMIT PING);
	harness_expect(other, DENY_BECAUSE("1", "the writer does not answer"), 0);
	harness_expect(
	    other, "{\"id\":3,\"error\":\"audit log unavailable: the writer does not answer\"}", 0);
	harness_expect(other, PONG, 0);
	/* It does, at last. */
	harness_ack(&h, 1);
	expect_unrecorded(1);
	harness_ack(&h, 1);
	harness_send(other, ALLOWED);
	harness_take(&h, &r);
	harness_ack(&h, 1);
	harness_expect(other, YES, 3);
	(void)close(late);
	(void)close(other);
}

static void
test_writer_silent_from_the_start(void **state)
{
	struct record r;
	int c;

	(void)state;
	h.settings.answer_ms = 800;
	start();
	c = harness_connect(&h);
	harness_send(c, ALLOWED);
	harness_expect(c, DENY_BECAUSE("1", "the writer does not answer"), 0);
	harness_welcome(&h, HARNESS_GENERATION, STORAGE_OK, 10);
	expect_unrecorded(1);
	harness_ack(&h, 1);
	harness_send(c, ALLOWED);
	harness_take(&h, &r);
	harness_ack(&h, 1);
	harness_expect(c, YES, 2);
	(void)close(c);
}

/* As many as the writer allows; two clients have their turns. */
static void
test_window(void **state)
{
	struct record r;
	int a, b;

	(void)state;
	start();
	harness_welcome(&h, HARNESS_GENERATION, STORAGE_OK, 4);
	a = harness_connect(&h);
	harness_send(a, ALLOWED ALLOWED ALLOWED ALLOWED ALLOWED ALLOWED ALLOWED ALLOWED);
	for (int i = 0; i < 4; i++)
		harness_take(&h, &r);
	assert_false(harness_record_comes(&h, 100));
	b = harness_connect(&h);
	harness_send(b, DENIED PING);
	assert_false(harness_record_comes(&h, 100));
	harness_ack(&h, 4);
	for (int i = 0; i < 4; i++)
		harness_take(&h, &r);
	harness_ack(&h, 4);
	harness_take(&h, &r);
	assert_is(r.resource_id, "/b");
	harness_ack(&h, 1);
	for (uint64_t i = 1; i <= 8; i++)
		harness_expect(a, YES, i);
	harness_expect(b, NO, 9);
	harness_expect(b, PONG, 0);
	(void)close(a);
	(void)close(b);
}

/* Many busy connections of one uid together take no more of a turn than the writer's window. */
static void
test_many_connections_of_one_uid(void **state)
{
#define MANY 128
#define WINDOW 64
	int c[MANY + 1];
	struct record r;
	unsigned before = 0;

	(void)state;
	h.settings.connections = h.settings.connections_per_uid = MANY + 1;
	start();
	harness_welcome(&h, HARNESS_GENERATION, STORAGE_OK, WINDOW);
	for (int i = 0; i < MANY; i++) {
		c[i] = harness_connect(&h);
		for (int k = 0; k < 64; k++)
			harness_send(c[i], ASK_SHORT("a"));
	}
	c[MANY] = harness_connect(&h);
	harness_send(c[MANY], ASK_SHORT("b"));
	harness_sleep(500); /* all of it has been read and waits for the window */
	for (harness_take(&h, &r); !str_eq(r.resource_id, STR("/b")); harness_take(&h, &r))
		if (++before % WINDOW == 0)
			harness_ack(&h, WINDOW);
	assert_in_range(before, MANY, LIMIT_UNACKED + WINDOW);
	for (int i = 0; i <= MANY; i++)
		(void)close(c[i]);
}

/* One uid may not fill what is under way; and when nothing moves it is told so all the same. */
static void
test_share(void **state)
{
	struct record r;
	int c, other;

	(void)state;
	h.settings.answer_ms = 800;
	serve();
	c = harness_connect(&h);
	for (int i = 0; i < 200; i++)
		harness_send(c, ALLOWED);
	for (int i = 0; i < 125; i++)
		harness_take(&h, &r);
	assert_false(harness_record_comes(&h, 100));
	harness_ends(c);
	other = harness_connect(&h);
	harness_send(other, ALLOWED);
	harness_expect(other, DENY_BECAUSE("1", "the writer does not answer"), 0);
	harness_ack(&h, 125);
	expect_unrecorded(1);
	harness_ack(&h, 1);
	harness_send(other, ALLOWED);
	harness_take(&h, &r);
	harness_ack(&h, 1);
	harness_expect(other, YES, 127);
	(void)close(c);
	(void)close(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_no_answer_before_the_record),
	    TEST(test_order),
	    TEST(test_refused),
	    TEST(test_storage_low),
	    TEST(test_storage_low_for_trusted),
	    TEST(test_deadline),
	    TEST(test_writer_silent_from_the_start),
	    TEST(test_window),
	    TEST(test_many_connections_of_one_uid),
	    TEST(test_share),
	};

	srandom((unsigned)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
