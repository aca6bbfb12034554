/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluator's channels, notes and limits, with a writer and a supervisor that do what a test wants. */
#include <sys/socket.h>

#include "policyd/client/role.h"
#include "tests/unit/evaluator_case.h"

/* --- protocol --------------------------------------------------------------------------------- */

static void
test_predecessors_answers_are_dropped(void **state)
{
	struct record r;
	int c;

	(void)state;
	start();
	harness_ack_state(&h, 17, 3, REFUSAL_NONE, STORAGE_OK);
	harness_writer_sends(&h, "rubbish", 7);
	harness_welcome(&h, HARNESS_GENERATION - 1, STORAGE_FAILED, 1);
	harness_ack_state(&h, 18, 1, REFUSAL_NONE, STORAGE_OK);
	harness_welcome(&h, HARNESS_GENERATION, STORAGE_OK, 10);
	h.seq = 0;
	c = harness_connect(&h);
	harness_send(c, ALLOWED);
	harness_take(&h, &r);
	harness_ack(&h, 1);
	harness_expect(c, YES, 1);
	(void)close(c);
}

static void
test_acknowledgement_of_what_was_not_sent(void **state)
{
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	harness_ack_state(&h, 1, 1, REFUSAL_NONE, STORAGE_OK);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_NO_WRITER);
	harness_ends(c);
	(void)close(c);
}

static void
test_acknowledgement_that_does_not_add_up(void **state)
{
	struct record r;
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	harness_send(c, ALLOWED DENIED);
	harness_take(&h, &r);
	harness_take(&h, &r);
	harness_ack_state(&h, 2, 1, REFUSAL_NONE, STORAGE_OK);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_NO_WRITER);
	(void)close(c);
}

static void
test_rubbish_from_the_writer(void **state)
{
	(void)state;
	serve();
	harness_writer_sends(&h, "rubbish", 7);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_NO_WRITER);
}

static void
test_writer_gone(void **state)
{
	struct record r;
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	harness_send(c, ALLOWED);
	harness_take(&h, &r);
	(void)shutdown(h.record, SHUT_RDWR);
	harness_ends(c);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_NO_WRITER);
	(void)close(c);
}

static void
test_supervisor_gone(void **state)
{
	(void)state;
	serve();
	(void)shutdown(h.control, SHUT_RDWR);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_NO_SUPERVISOR);
}

static void
test_message_that_is_not_for_evaluators(void **state)
{
	(void)state;
	serve();
	harness_tell_number(&h, MSG_ROTATE, 1);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_NO_SUPERVISOR);
}

static void
test_finish(void **state)
{
	struct record r;
	int busy, idle;

	(void)state;
	serve();
	busy = harness_connect(&h);
	idle = harness_connect(&h);
	harness_send(idle, PING "rubbish\n");
	(void)harness_line(idle);
	(void)harness_line(idle);
	harness_send(busy, ALLOWED);
	harness_take(&h, &r);
	harness_tell(&h, MSG_FINISH, STR(""), -1);
	harness_ends(idle);
	assert_false(harness_comes(busy, 100));
	/* Its last words: the note of the rubbish. */
	harness_take(&h, &r);
	assert_int_equal(r.action_type, ACTION_INPUT);
	harness_ack(&h, 2);
	harness_expect(busy, YES, 1);
	harness_ends(busy);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_DONE);
	(void)close(busy);
	(void)close(idle);
}

static void
test_finish_does_not_wait_for_ever(void **state)
{
	struct record r;
	int c;

	(void)state;
	h.settings.answer_ms = 300;
	serve();
	c = harness_connect(&h);
	harness_send(c, ALLOWED);
	harness_take(&h, &r);
	harness_tell(&h, MSG_FINISH, STR(""), -1);
	assert_int_equal(harness_wait(&h), ROLE_EXIT_DONE);
	harness_ends(c);
	(void)close(c);
}

/* --- the supervisor's other messages ---------------------------------------------------------- */

static void
tell_image(const char *policy, bool sealed)
{
	uint64_t size;
	int fd = harness_image(policy, sealed, &size);

	harness_tell_image(&h, fd, size);
	(void)close(fd);
}

static void
assert_rule(int c, const char *line, const char *rule)
{
	struct record r;

	harness_send(c, line);
	harness_take(&h, &r);
	if (rule)
		assert_is(r.rule_id, rule);
	else
		assert_false(str_given(r.rule_id));
	harness_ack(&h, 1);
	(void)harness_line(c);
}

static void
test_new_image(void **state)
{
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	assert_rule(c, ALLOWED, "a");
	assert_rule(c, DENIED, NULL);
	/* Not sealed: not believed. */
	tell_image(POLICY_OF(RULE("b", "/b")), false);
	assert_rule(c, ALLOWED, "a");
	tell_image(POLICY_OF(RULE("b", "/b")), true);
	assert_rule(c, ALLOWED, NULL);
	assert_rule(c, DENIED, "b");
	(void)close(c);
}

/* The evaluator's counters; they lie in what was told last. */
static struct str
counters_now(void)
{
	struct str body, counters;
	struct wire_in in;

	harness_tell_number(&h, MSG_STATUS_ASK, 77);
	assert_int_equal(harness_told(&h, &body), MSG_STATUS);
	in = wire_in_over(body.p, body.n);
	assert_int_equal(wire_get_u32(&in), 77);
	assert_int_equal(wire_get_u32(&in), 1);
	counters = wire_get_bytes(&in, in.left);
	assert_int_equal(value_check_object(counters), 0);
	return counters;
}

static void
test_status(void **state)
{
	struct str counters;
	struct record r;
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	harness_send(c, ALLOWED DENIED PING "rubbish\n");
	harness_take(&h, &r);
	harness_take(&h, &r);
	harness_ack(&h, 2);
	for (int i = 0; i < 4; i++)
		(void)harness_line(c);
	counters = counters_now();
	assert_int_equal(number_in(counters, "pid"), h.pid);
	assert_int_equal(number_in(counters, "generation"), HARNESS_GENERATION);
	assert_int_equal(number_in(counters, "connections"), 1);
	assert_int_equal(number_in(counters, "accepted"), 1);
	assert_int_equal(number_in(counters, "asked"), 4);
	assert_int_equal(number_in(counters, "answered"), 4);
	assert_int_equal(number_in(counters, "allowed"), 1);
	assert_int_equal(number_in(counters, "denied"), 1);
	assert_int_equal(number_in(counters, "recorded"), 2);
	assert_int_equal(number_in(counters, "without_record"), 2);
	assert_int_equal(number_in(counters, "malformed"), 1);
	assert_int_equal(number_in(counters, "unacked"), 0);
	(void)close(c);
}

/* Events of several sockets come in any order. */
static struct str
await_count(const char *name, int64_t want)
{
	struct str counters = counters_now();

	for (int i = 0; i < 5000 && number_in(counters, name) != want; i++) {
		(void)usleep(1000);
		counters = counters_now();
	}
	assert_int_equal(number_in(counters, name), want);
	return counters;
}

static void
assert_fates(struct str counters, int64_t answered, int64_t unanswered)
{
	assert_int_equal(number_in(counters, "answered"), answered);
	assert_int_equal(number_in(counters, "unanswered"), unanswered);
	assert_int_equal(
	    number_in(counters, "asked"), answered + unanswered + number_in(counters, "waiting"));
}

/* What became of each line, also of those whose client does not wait for the answer, or cannot have one. */
static void
test_counters_add_up(void **state)
{
	struct str counters;
	struct record r;
	int stays, goes;

	(void)state;
	serve();
	stays = harness_connect(&h);
	goes = harness_connect(&h);
	harness_send(stays, ALLOWED);
	harness_take(&h, &r);
	harness_send(goes, PING DENIED EMIT);
	harness_take(&h, &r);
	harness_take(&h, &r);
	assert_fates(await_count("waiting", 3), 1, 0);
	(void)close(goes); /* with a reply unread: a reset */
	(void)await_count("connections", 1);
	harness_ack_state(&h, 2, 2, REFUSAL_NONE, STORAGE_OK);
	(void)harness_line(stays);
	assert_fates(await_count("waiting", 1), 2, 1);
	harness_ack_state(&h, 3, 1, REFUSAL_NO_SPACE, STORAGE_OK);
	counters = await_count("waiting", 0);
	assert_fates(counters, 2, 2);
	assert_int_equal(number_in(counters, "recorded"), 2);
	assert_int_equal(number_in(counters, "unrecorded"), 1);
	assert_int_equal(number_in(counters, "without_record"), 1);
	assert_int_equal(number_in(counters, "unrecorded_denials"), 0);
	(void)close(stays);
}

/* --- notes ------------------------------------------------------------------------------------ */

static void
test_one_note_per_connection_and_kind(void **state)
{
	struct record r;
	int c;

	(void)state;
	serve();
	c = harness_connect(&h);
	harness_send(c, "rubbish\n\n{}\n{\"op\":\"x\"}\n[]\n");
	for (int i = 0; i < 5; i++)
		(void)harness_line(c);
	assert_false(harness_record_comes(&h, 100));
	(void)close(c);
	harness_take(&h, &r);
	assert_int_equal(r.action_type, ACTION_INPUT);
	assert_int_equal(r.peer.pid, getpid());
	assert_text_in(r.payload, "kind", "not_json");
	assert_int_equal(number_in(r.payload, "count"), 2);
	harness_take(&h, &r);
	assert_text_in(r.payload, "kind", "not_understood");
	assert_int_equal(number_in(r.payload, "count"), 3);
	harness_ack(&h, 2);
	assert_false(harness_record_comes(&h, 1500));
}

/* Who connects again and again does not fill the log: what comes too fast is added up. */
static void
test_notes_are_added_up(void **state)
{
	uint64_t count = 0, connections = 0;
	unsigned notes = 0;

	(void)state;
	serve();
	for (int i = 0; i < 200; i++) {
		int c = harness_connect(&h);

		harness_send(c, "rubbish\n");
		(void)harness_line(c);
		(void)close(c);
	}
	while (connections < 200 && harness_record_comes(&h, 5000)) {
		struct record r;
		int64_t sum;

		harness_take(&h, &r);
		harness_ack(&h, 1);
		notes++;
		count += (uint64_t)number_in(r.payload, "count");
		sum = number_in(r.payload, "connections");
		connections += sum < 0 ? 1 : (uint64_t)sum;
		assert_int_equal(r.has_peer, sum < 0);
	}
	assert_int_equal(count, 200);
	assert_int_equal(connections, 200);
	assert_in_range(notes, 2, 60);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void
test_connection_limits(void **state)
{
	int a, b, c;

	(void)state;
	h.settings.connections_per_uid = 2;
	serve();
	a = harness_connect(&h);
	b = harness_connect(&h);
	harness_send(a, PING);
	harness_send(b, PING);
	harness_expect(a, PONG, 0);
	harness_expect(b, PONG, 0);
	c = harness_connect(&h);
	harness_expect(
	    c, "{\"id\":null,\"error\":\"too many connections of this user (limit 2)\"}", 0);
	harness_ends(c);
	(void)close(c);
	(void)close(a);
	c = harness_connect(&h);
	harness_send(c, PING);
	assert_true(harness_comes(c, 5000));
	(void)close(b);
	(void)close(c);
}

static void
test_in_flight_limit(void **state)
{
	struct record r;
	int c;

	(void)state;
	h.settings.in_flight = 2;
	serve();
	c = harness_connect(&h);
	harness_send(c, ALLOWED ALLOWED ALLOWED);
	harness_take(&h, &r);
	harness_take(&h, &r);
	assert_false(harness_record_comes(&h, 100));
	harness_ack(&h, 2);
	harness_take(&h, &r);
	harness_ack(&h, 1);
	for (uint64_t i = 1; i <= 3; i++)
		harness_expect(c, YES, i);
	(void)close(c);
}

static void
test_line_limits(void **state)
{
	static char line[2048];
	int c;

	(void)state;
	h.settings.line_bytes = 1024;
	h.settings.line_seconds = 1;
	h.settings.idle_seconds = 2;
	serve();
	memset(line, 'x', sizeof(line) - 1);
	c = harness_connect(&h);
	harness_send(c, line);
	harness_expect(c, "{\"id\":null,\"error\":\"line longer than 1024 bytes\"}", 0);
	harness_ends(c);
	(void)close(c);
	c = harness_connect(&h);
	harness_send(c, PING "{");
	harness_expect(c, PONG, 0);
	harness_expect(c, "{\"id\":null,\"error\":\"line not ended within 1 seconds\"}", 0);
	harness_ends(c);
	(void)close(c);
	c = harness_connect(&h);
	harness_expect(c, "{\"id\":null,\"error\":\"idle for 2 seconds\"}", 0);
	harness_ends(c);
	(void)close(c);
	c = harness_connect(&h);
	harness_send(c, PING "{\"op\":\"ping\"}");
	(void)shutdown(c, SHUT_WR);
	harness_expect(c, PONG, 0);
	harness_expect(
	    c, "{\"id\":null,\"error\":\"the last line does not end with a newline\"}", 0);
	harness_ends(c);
	(void)close(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_predecessors_answers_are_dropped),
	    TEST(test_acknowledgement_of_what_was_not_sent),
	    TEST(test_acknowledgement_that_does_not_add_up),
	    TEST(test_rubbish_from_the_writer),
	    TEST(test_writer_gone),
	    TEST(test_supervisor_gone),
	    TEST(test_message_that_is_not_for_evaluators),
	    TEST(test_finish),
	    TEST(test_finish_does_not_wait_for_ever),
	    TEST(test_new_image),
	    TEST(test_status),
	    TEST(test_counters_add_up),
	    TEST(test_one_note_per_connection_and_kind),
	    TEST(test_notes_are_added_up),
	    TEST(test_connection_limits),
	    TEST(test_in_flight_limit),
	    TEST(test_line_limits),
	};

	srandom((unsigned)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
