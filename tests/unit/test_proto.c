/* SPDX-License-Identifier: Apache-2.0 */
/* Frames, small messages, values and records: what is accepted, and that nothing else is. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/text.h"
#include "proto/line.h"
#include "proto/msg.h"
#include "proto/record.h"
#include "proto/value.h"

/* --- frames ---------------------------------------------------------------------------------- */

static size_t
hello_frame(uint8_t *buf, size_t cap)
{
	struct frame_out f;
	struct wire_out body;

	frame_begin(&f, buf, cap, MSG_HELLO, 0);
	body = frame_message(&f);
	msg_hello_put(&body, &(struct msg_hello){.generation = 7, .pid = 4711});
	assert_int_equal(frame_commit(&f, &body), 0);
	frame_end(&f);
	return f.n;
}

static int
open_hello(const uint8_t *buf, size_t n, const char **why)
{
	struct frame_in f;

	return frame_open(&f, buf, n, PEER_EVALUATOR, PEER_WRITER, CHAN_NEW, false, why);
}

static void
frame_round_trip(void **state)
{
	uint8_t buf[256];
	size_t n = hello_frame(buf, sizeof(buf));
	struct frame_in f;
	struct wire_in body;
	struct msg_hello hello;
	const char *why = NULL;

	(void)state;
	assert_int_equal(n, FRAME_HEADER + 2 + 8);
	assert_int_equal(
	    frame_open(&f, buf, n, PEER_EVALUATOR, PEER_WRITER, CHAN_NEW, false, &why), 0);
	assert_int_equal(f.type, MSG_HELLO);
	assert_true(frame_next(&f, &body));
	assert_int_equal(msg_hello_get(&body, &hello), 0);
	assert_int_equal(hello.generation, 7);
	assert_int_equal(hello.pid, 4711);
	assert_false(frame_next(&f, &body));
}

/* Every shorter and every longer datagram, and every changed header byte, is refused. */
static void
frame_refuses_all_but_itself(void **state)
{
	uint8_t buf[256] = {0};
	size_t n = hello_frame(buf, sizeof(buf));
	const char *why = NULL;

	(void)state;
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(open_hello(buf, cut, &why), -EPROTO);
	assert_int_equal(open_hello(buf, n + 1, &why), -EPROTO);
	assert_string_equal(why, "frame length does not match the datagram");
	for (size_t i = 0; i < 12; i++) {
		buf[i] ^= 0x41;
		assert_int_equal(open_hello(buf, n, &why), -EPROTO);
		buf[i] ^= 0x41;
	}
	assert_int_equal(open_hello(buf, n, &why), 0);
}

static void
frame_permissions(void **state)
{
	uint8_t buf[256];
	size_t n = hello_frame(buf, sizeof(buf));
	struct frame_in f;
	const char *why = NULL;

	(void)state;
	assert_int_equal(
	    frame_open(&f, buf, n, PEER_SUPERVISOR, PEER_WRITER, CHAN_NEW, false, &why), -EPROTO);
	assert_string_equal(why, "message type not for this direction");
	assert_int_equal(
	    frame_open(&f, buf, n, PEER_EVALUATOR, PEER_WRITER, CHAN_NEW, true, &why), -EPROTO);
	assert_string_equal(why, "descriptor attached where none is wanted");

	struct frame_out out;
	struct wire_out body;

	frame_begin(&out, buf, sizeof(buf), MSG_DECISION, 1);
	body = frame_message(&out);
	wire_put_u64(&body, 0);
	assert_int_equal(frame_commit(&out, &body), 0);
	frame_end(&out);
	assert_int_equal(
	    frame_open(&f, buf, out.n, PEER_EVALUATOR, PEER_WRITER, CHAN_NEW, false, &why),
	    -EPROTO);
	assert_string_equal(why, "message type not permitted now");
	assert_int_equal(
	    frame_open(&f, buf, out.n, PEER_ADMIN, PEER_WRITER, CHAN_OPEN, false, &why), -EPROTO);
	assert_int_equal(
	    frame_open(&f, buf, out.n, PEER_EVALUATOR, PEER_WRITER, CHAN_OPEN, false, &why), 0);
}

static void
frame_full(void **state)
{
	static uint8_t buf[LIMIT_FRAME];
	static const char bytes[1000];
	struct frame_out f;
	size_t messages = 0;
	const char *why = NULL;
	struct frame_in in;

	(void)state;
	frame_begin(&f, buf, sizeof(buf), MSG_DECISION, 1);
	for (;; messages++) {
		struct wire_out body = frame_message(&f);

		wire_put_bytes(&body, (struct str){bytes, sizeof(bytes)});
		if (frame_commit(&f, &body) < 0)
			break;
	}
	frame_end(&f);
	assert_int_equal(messages, (LIMIT_FRAME - FRAME_HEADER) / 1002);
	assert_int_equal(
	    frame_open(&in, buf, f.n, PEER_EVALUATOR, PEER_WRITER, CHAN_OPEN, false, &why), 0);
}

/* EXPECT and CLEARED: channel 0 and generation 0 are nobody's, an answer's error is none or negative. */
static void
announcement_round_trip(void **state)
{
	static const struct msg_cleared good[] = {
	    {{1, 1}, 0}, {{65, UINT32_MAX}, -EPIPE}, {{UINT32_MAX, 7}, 0}};
	static const struct msg_cleared bad[] = {{{0, 1}, 0}, {{1, 0}, 0}, {{1, 1}, 1}};
	uint8_t buf[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good) + ARRAY_SIZE(bad); i++) {
		bool fine = i < ARRAY_SIZE(good);
		const struct msg_cleared *m = fine ? &good[i] : &bad[i - ARRAY_SIZE(good)];
		struct wire_out out = wire_out_over(buf, sizeof(buf));
		struct msg_cleared back;
		struct msg_expect expect;
		struct wire_in in;

		msg_cleared_put(&out, m);
		assert_int_equal(out.left, sizeof(buf) - 12);
		in = wire_in_over(buf, 12);
		assert_int_equal(msg_cleared_get(&in, &back), fine ? 0 : -EPROTO);
		if (fine)
			assert_memory_equal(&back, m, sizeof(back));
		in = wire_in_over(buf, 11);
		assert_int_equal(msg_cleared_get(&in, &back), -EPROTO);
		in = wire_in_over(buf, 8);
		assert_int_equal(msg_expect_get(&in, &expect),
		    m->expect.channel && m->expect.generation ? 0 : -EPROTO);
		in = wire_in_over(buf, 9);
		assert_int_equal(msg_expect_get(&in, &expect), -EPROTO);
	}
}

static void
ack_round_trip(void **state)
{
	static uint8_t buf[LIMIT_FRAME];
	static struct msg_ack ack, back;
	struct wire_out out = wire_out_over(buf, sizeof(buf));
	struct wire_in in;

	(void)state;
	ack.through = ACK_RUNS_MAX;
	ack.state = STORAGE_LOW;
	ack.runs = ACK_RUNS_MAX;
	for (uint16_t i = 0; i < ACK_RUNS_MAX; i++)
		ack.run[i] = (struct ack_run){1, i % 2 ? 0 : 1000u + i, i % 2 ? REFUSAL_IO : 0};
	msg_ack_put(&out, &ack);
	assert_true(wire_out_ok(&out));
	assert_in_range(sizeof(buf) - out.left, 0, msg_info(MSG_ACK)->max);
	in = wire_in_over(buf, sizeof(buf) - out.left);
	assert_int_equal(msg_ack_get(&in, &back), 0);
	assert_memory_equal(&ack.run[1], &back.run[1], sizeof(ack.run[1]));
	buf[11 + 4] = 0; /* a recorded run without a record number */
	memset(buf + 11 + 4, 0, 8);
	in = wire_in_over(buf, sizeof(buf) - out.left);
	assert_int_equal(msg_ack_get(&in, &back), -EPROTO);
}

/* --- values ---------------------------------------------------------------------------------- */

static void
value_round_trip(void **state)
{
	uint8_t buf[512];
	char json[512];
	struct wire_out out = wire_out_over(buf, sizeof(buf));
	struct text t = text_over(json, sizeof(json));
	struct str bytes;

	(void)state;
	value_open_object(&out);
	value_member_str(&out, STR("a\n\"b"), STR("x\ny"));
	value_member_int(&out, STR("n"), -(LIMIT_JSON_INT - 1));
	value_put_key(&out, STR("list"));
	value_open_array(&out);
	value_put_null(&out);
	value_put_bool(&out, true);
	value_put_number(&out, STR("1.5e-3"));
	value_open_object(&out);
	value_close_object(&out);
	value_close_array(&out);
	value_member_bool(&out, STR("last"), false);
	value_close_object(&out);
	assert_true(wire_out_ok(&out));
	bytes = (struct str){(const char *)buf, sizeof(buf) - out.left};
	assert_int_equal(value_check_object(bytes), 0);
	value_to_json(&t, bytes);
	assert_true(text_ok(&t));
	json[t.n] = '\0';
	assert_string_equal(json, "{\"a\\n\\\"b\":\"x\\ny\",\"n\":-9007199254740991,\"list\":[null,"
				  "true,1.5e-3,{}],\"last\":false}");
	assert_int_equal(value_int(value_member(bytes, STR("n")), 0), -(LIMIT_JSON_INT - 1));
	assert_false(str_given(value_member(bytes, STR("list2"))));
	assert_int_equal(value_int(value_member(bytes, STR("last")), 42), 42);
	for (size_t cut = 0; cut < bytes.n; cut++)
		assert_int_equal(value_check((struct str){bytes.p, cut}), -EPROTO);
}

static void
value_numbers(void **state)
{
	static const char *const good[] = {"0", "-0", "1", "9007199254740991", "-9007199254740991",
	    "1.5", "0.000", "9007199254740991.4", "1e15", "1E+3", "5e-9999", "0e9999", "0.1e2"};
	static const char *const bad[] = {"", "-", "01", "1.", ".5", "1e", "1e+", "+1", "0x1",
	    "9007199254740992", "9007199254740991.5", "900719925474099.15e1", "1e16", "9.1e15",
	    "1e9999", "NaN", "1 ", "1e99999", "--1", "0.00000000000000000000001"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint8_t buf[64];
		struct wire_out out = wire_out_over(buf, sizeof(buf));

		value_put_number(&out, str_from(good[i]));
		if (!wire_out_ok(&out))
			fail_msg("refused %s", good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint8_t buf[64];
		struct wire_out out = wire_out_over(buf, sizeof(buf));

		value_put_number(&out, str_from(bad[i]));
		if (wire_out_ok(&out))
			fail_msg("accepted %s", bad[i]);
	}
}

static void
value_refusals(void **state)
{
	const struct str bad[] = {STR(""), STR("x"), STR("nn"), STR("["), STR("]"), STR("{}x"),
	    STR("[}"), STR("#\1x"), STR("\"\5\0ab"), STR("{n}"), STR("{\"\1\0an\"\1\0an}"),
	    STR("{\"\1\0a}"), STR("[[[[[[[[[]]]]]]]]]"), STR("{\"\1\0\0n}"), /* a key of one NUL */
	    STR("{\"\1\0\xff"
		"n}")};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (value_check(bad[i]) == 0)
			fail_msg("accepted case %zu", i);
	assert_int_equal(value_check(STR("[[[[[[[[]]]]]]]]")), 0);
	assert_int_equal(value_check_object(STR("[]")), -EPROTO);
}

/* --- records --------------------------------------------------------------------------------- */

static uint8_t payload[64];

static struct str
protocol_payload(void)
{
	struct wire_out out = wire_out_over(payload, sizeof(payload));

	value_open_object(&out);
	value_member_str(&out, STR("protocol"), STR("tcp"));
	value_close_object(&out);
	return (struct str){(const char *)payload, sizeof(payload) - out.left};
}

static struct record
denial(void)
{
	return (struct record){
	    .category = RECORD_EVALUATION,
	    .decision = DECISION_DENY,
	    .enforcement_mode = MODE_ENFORCE,
	    .action_type = ACTION_NETWORK_EGRESS,
	    .username = STR("alice\"\n"),
	    .resource_id = STR("example.com:443"),
	    .reasons = 1,
	    .deny_reason = {STR("no applicable policies")},
	    .payload = protocol_payload(),
	    .action = STR("net:connect:tcp"),
	    .policy_revision = STR("1"),
	    .has_peer = true,
	    .peer = {1000, 1001, 4711},
	    .request_id = STR("r\xff"),
	};
}

static struct str
encoded(const struct record *r, uint8_t *buf, size_t cap)
{
	struct wire_out out = wire_out_over(buf, cap);

	record_put(&out, r);
	assert_true(wire_out_ok(&out));
	return (struct str){(const char *)buf, cap - out.left};
}

static int
decoded(struct str bytes, enum msg_type type, enum peer from, struct record *ret)
{
	struct wire_in in = wire_in_over(bytes.p, bytes.n);
	const char *why = NULL;
	int error = record_get(&in, type, from, ret, &why);

	assert_true(error == 0 || why);
	return error;
}

static void
record_round_trip(void **state)
{
	uint8_t buf[4096];
	struct record r = denial(), back;
	struct str bytes = encoded(&r, buf, sizeof(buf));

	(void)state;
	assert_int_equal(decoded(bytes, MSG_DECISION, PEER_EVALUATOR, &back), 0);
	assert_int_equal(back.decision, DECISION_DENY);
	assert_int_equal(back.action_type, ACTION_NETWORK_EGRESS);
	assert_true(str_eq(back.username, r.username));
	assert_true(str_eq(back.deny_reason[0], r.deny_reason[0]));
	assert_true(str_eq(back.request_id, r.request_id));
	assert_int_equal(back.peer.pid, 4711);
	for (size_t cut = 0; cut < bytes.n; cut++) /* any cut loses a field or breaks one */
		(void)decoded((struct str){bytes.p, cut}, MSG_DECISION, PEER_EVALUATOR, &back);
	assert_int_equal(decoded(bytes, MSG_EVENT, PEER_EVALUATOR, &back), -EPROTO);
	assert_int_equal(decoded(bytes, MSG_NOTE, PEER_EVALUATOR, &back), -EPROTO);
}

static void
refused(const struct record *r, enum msg_type type)
{
	uint8_t buf[4096];
	struct record back;

	assert_int_equal(
	    decoded(encoded(r, buf, sizeof(buf)), type, PEER_EVALUATOR, &back), -EPROTO);
}

/* What would make a line that its schema does not permit. */
static void
record_against_its_schema(void **state)
{
	struct record r;

	(void)state;
	r = denial();
	r.deny_reason[0] = STR("");
	refused(&r, MSG_DECISION);
	r = denial();
	r.policy_id = STR("p");
	refused(&r, MSG_DECISION);
	r.rule_id = STR("");
	refused(&r, MSG_DECISION);
	r = denial();
	r.payload = STR_NONE;
	refused(&r, MSG_DECISION);
	r = denial();
	r.decision = DECISION_ALLOW;
	r.reasons = 0;
	r.action_type = ACTION_UNKNOWN_ACTION;
	refused(&r, MSG_DECISION);
	r = (struct record){.category = RECORD_EXECUTION,
	    .action_type = ACTION_EXECUTION,
	    .payload = protocol_payload(),
	    .evaluation_id = STR("1B4E28BA-2FA1-8D2B-883F-0016D3CCA427"),
	    .has_peer = true};
	refused(&r, MSG_OUTCOME);
	r = (struct record){.category = RECORD_EVENT,
	    .action_type = ACTION_APPLICATION_EVENT,
	    .event = STR(""),
	    .level = LEVEL_INFO,
	    .has_peer = true};
	refused(&r, MSG_EVENT);
}

static void
record_missing_fields(void **state)
{
	uint8_t buf[4096];
	struct record back, r;

	(void)state;
	r = denial();
	r.reasons = 0;
	assert_int_equal(
	    decoded(encoded(&r, buf, sizeof(buf)), MSG_DECISION, PEER_EVALUATOR, &back), -EPROTO);
	r = denial();
	r.decision = DECISION_ALLOW; /* an allow has no deny_reason */
	assert_int_equal(
	    decoded(encoded(&r, buf, sizeof(buf)), MSG_DECISION, PEER_EVALUATOR, &back), -EPROTO);
	r = denial();
	r.has_peer = false;
	assert_int_equal(
	    decoded(encoded(&r, buf, sizeof(buf)), MSG_DECISION, PEER_EVALUATOR, &back), -EPROTO);
	r = denial();
	r.action_type = ACTION_SESSION;
	assert_int_equal(
	    decoded(encoded(&r, buf, sizeof(buf)), MSG_DECISION, PEER_EVALUATOR, &back), -EPROTO);
}

static void
note_senders(void **state)
{
	uint8_t buf[256];
	struct record back, r = {.category = RECORD_MANAGEMENT, .action_type = ACTION_INPUT};
	struct str bytes = encoded(&r, buf, sizeof(buf));

	(void)state;
	assert_int_equal(decoded(bytes, MSG_NOTE, PEER_EVALUATOR, &back), 0);
	assert_int_equal(decoded(bytes, MSG_NOTE, PEER_ADMIN, &back), -EPROTO);
	r.action_type = ACTION_SESSION; /* the writer's own */
	bytes = encoded(&r, buf, sizeof(buf));
	assert_int_equal(decoded(bytes, MSG_NOTE, PEER_SUPERVISOR, &back), -EPROTO);
	assert_int_equal(decoded(bytes, MSG_NOTE, PEER_EVALUATOR, &back), -EPROTO);
}

static void
record_repeated_and_unknown_tags(void **state)
{
	uint8_t buf[64];
	struct record back;
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	(void)state;
	wire_put_u8(&out, 12);
	wire_put_str(&out, (struct str){"\x26", 1}); /* ACTION_INPUT */
	wire_put_u8(&out, 12);
	wire_put_str(&out, (struct str){"\x26", 1});
	assert_int_equal(decoded((struct str){(char *)buf, sizeof(buf) - out.left}, MSG_NOTE,
			     PEER_EVALUATOR, &back),
	    -EPROTO);
	assert_int_equal(decoded((struct str){(char *)buf, 4}, MSG_NOTE, PEER_EVALUATOR, &back), 0);
	buf[0] = 0;
	assert_int_equal(
	    decoded((struct str){(char *)buf, 4}, MSG_NOTE, PEER_EVALUATOR, &back), -EPROTO);
	buf[0] = 200;
	assert_int_equal(
	    decoded((struct str){(char *)buf, 4}, MSG_NOTE, PEER_EVALUATOR, &back), -EPROTO);
}

static void
record_mutations_never_crash(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	uint8_t buf[4096];
	struct record r = denial(), back;
	size_t n = encoded(&r, buf, sizeof(buf)).n;

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int round = 0; round < 200000; round++) {
		size_t at = (size_t)random() % n;
		uint8_t old = buf[at];
		char line[LIMIT_LINE];
		struct text t = text_over(line, sizeof(line));
		struct line_stamp stamp = {.seq = 1, .channel = 1};

		buf[at] = (uint8_t)random();
		if (decoded((struct str){(char *)buf, n}, MSG_DECISION, PEER_EVALUATOR, &back) ==
		    0) {
			assert_int_equal(line_format(&t, &back, &stamp), 0);
			assert_ptr_equal(memchr(line, '\n', t.n), line + t.n - 1);
		}
		buf[at] = old;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frame_round_trip),
	    cmocka_unit_test(frame_refuses_all_but_itself),
	    cmocka_unit_test(frame_permissions),
	    cmocka_unit_test(frame_full),
	    cmocka_unit_test(ack_round_trip),
	    cmocka_unit_test(announcement_round_trip),
	    cmocka_unit_test(value_round_trip),
	    cmocka_unit_test(value_numbers),
	    cmocka_unit_test(value_refusals),
	    cmocka_unit_test(record_round_trip),
	    cmocka_unit_test(record_missing_fields),
	    cmocka_unit_test(record_against_its_schema),
	    cmocka_unit_test(note_senders),
	    cmocka_unit_test(record_repeated_and_unknown_tags),
	    cmocka_unit_test(record_mutations_never_crash),
	};

	return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
