/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluator with a writer and a supervisor that do what a test wants. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "policyd/client/role.h"
#include "policyd/evaluator/evaluator.h"
#include "proto/value.h"
#include "tests/unit/role_harness.h"

#define POLICY_OF(rules)                                                      \
	"{\"schema\":\"sealwright-policy/"                                    \
	"1\",\"revision\":\"r1\",\"policies\":[{\"id\":\"p\",\"name\":\"P\"," \
	"\"source\":\"host\",\"mode\":\"enforce\",\"rules\":[" rules "]}]}"
#define RULE(id, path)                                                                    \
	"{\"id\":\"" id "\",\"name\":\"n\",\"actions\":[\"read\"],\"resources\":[\"" path \
	"\"],\"decision\":\"allow\"}"
#define POLICY POLICY_OF(RULE("a", "/a"))

#define ALLOWED "{\"id\":1,\"action\":\"fs:read\",\"resource\":\"fs:path:/a\"}\n"
#define DENIED "{\"id\":2,\"action\":\"fs:read\",\"resource\":\"fs:path:/b\"}\n"
#define EMIT "{\"id\":3,\"op\":\"emit\",\"event\":\"e\"}\n"
#define PING "{\"id\":4,\"op\":\"ping\"}\n"

#define YES                                                                                  \
	"{\"id\":1,\"decision\":\"allow\",\"audit_event_id\":\"EVENT\",\"policy_id\":\"p\"," \
	"\"rule_id\":\"a\","                                                                 \
	"\"policy_revision\":\"r1\"}"
#define NO                                                                                         \
	"{\"id\":2,\"decision\":\"deny\",\"audit_event_id\":\"EVENT\",\"policy_revision\":\"r1\"," \
	"\"reason\":[\"no applicable policies for op(action=fs:read, resource=fs:path:/b)\"]}"
#define ASK_SHORT(name) "{\"action\":\"fs:read\",\"resource\":\"fs:path:/" name "\"}\n"
#define RECORDED "{\"id\":3,\"audit_event_id\":\"EVENT\"}"
#define PONG "{\"id\":4,\"pong\":true}"
#define DENY_BECAUSE(id, cause) \
	"{\"id\":" id ",\"decision\":\"deny\",\"reason\":[\"audit log unavailable: " cause "\"]}"

static struct harness h;

static int
setup(void **state)
{
	(void)state;
	harness_init(&h);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	harness_stop(&h);
	return 0;
}

static void
serve(void)
{
	harness_serve(&h, PEER_EVALUATOR, evaluator_main, POLICY);
}

static void
start(void)
{
	harness_start(&h, PEER_EVALUATOR, evaluator_main, POLICY);
	harness_hello(&h);
}

static int64_t
number_in(struct str object, const char *key)
{
	return value_int(value_member(object, str_from(key)), -1);
}

static void
assert_text_in(struct str object, const char *key, const char *want)
{
	struct str v = value_member(object, str_from(key));

	assert_int_equal(v.n, strlen(want) + 3);
	assert_memory_equal(v.p + 3, want, strlen(want));
}

static void
assert_is(struct str s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

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
expect_unrecorded(uint64_t count)
{
	struct record r;

	harness_take(&h, &r);
	assert_int_equal(r.category, RECORD_MANAGEMENT);
	assert_int_equal(r.action_type, ACTION_UNRECORDED);
	assert_int_equal(number_in(r.payload, "count"), count);
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
	h.settings.answer_ms = 200;
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
	h.settings.answer_ms = 200;
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
	h.settings.answer_ms = 300;
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
	uint8_t buf[8];
	struct wire_out out = wire_out_over(buf, sizeof(buf));
	uint64_t size;
	int fd = harness_image(policy, sealed, &size);

	wire_put_u64(&out, size);
	harness_tell(&h, MSG_IMAGE, (struct str){(char *)buf, sizeof(buf)}, fd);
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

static void
test_status(void **state)
{
	struct record r;
	struct wire_in in;
	struct str body, counters;
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
	harness_tell_number(&h, MSG_STATUS_ASK, 77);
	assert_int_equal(harness_told(&h, &body), MSG_STATUS);
	in = wire_in_over(body.p, body.n);
	assert_int_equal(wire_get_u32(&in), 77);
	assert_int_equal(wire_get_u32(&in), 1);
	counters = wire_get_bytes(&in, in.left);
	assert_int_equal(value_check_object(counters), 0);
	assert_int_equal(number_in(counters, "pid"), h.pid);
	assert_int_equal(number_in(counters, "generation"), HARNESS_GENERATION);
	assert_int_equal(number_in(counters, "connections"), 1);
	assert_int_equal(number_in(counters, "accepted"), 1);
	assert_int_equal(number_in(counters, "asked"), 4);
	assert_int_equal(number_in(counters, "answered"), 4);
	assert_int_equal(number_in(counters, "allowed"), 1);
	assert_int_equal(number_in(counters, "denied"), 1);
	assert_int_equal(number_in(counters, "recorded"), 2);
	assert_int_equal(number_in(counters, "malformed"), 1);
	assert_int_equal(number_in(counters, "unacked"), 0);
	(void)close(c);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_no_answer_before_the_record),
	    TEST(test_order),
	    TEST(test_refused),
	    TEST(test_storage_low),
	    TEST(test_storage_low_for_trusted),
	    TEST(test_deadline),
	    TEST(test_writer_silent_from_the_start),
	    TEST(test_window),
	    TEST(test_share),
	    TEST(test_many_connections_of_one_uid),
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
	    TEST(test_one_note_per_connection_and_kind),
	    TEST(test_notes_are_added_up),
	    TEST(test_connection_limits),
	    TEST(test_in_flight_limit),
	    TEST(test_line_limits),
	};

	srandom((unsigned)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
