/* SPDX-License-Identifier: Apache-2.0 */
/* A real auditd-writer: what it records, acknowledges, rotates, refuses, and how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/clock.h"
#include "proto/value.h"
#include "tests/unit/writer_harness.h"

static struct harness h;
static struct log lg;

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
	log_free(&lg);
	harness_deinit(&h);
	return 0;
}

#define OPTIONS(...)              \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static void
finish_after_crash(void)
{
	assert_int_equal(harness_finish(&h), 0);
	log_read(&lg, h.audit);
	assert_int_equal(lg.closed, lg.files);
	assert_true(lg.empty <= 3); /* that stood by */
	assert_int_equal(lg.other, 0);
}

static void
finish_and_read(void)
{
	finish_after_crash();
	assert_int_equal(lg.small, 0);
	assert_int_equal(log_count(&lg, "\"session\":{\"event\":\"start\""),
	    log_count(&lg, "\"session\":{\"event\":\"stop\""));
}

/* --- records ----------------------------------------------------------------------------------- */

static void
a_life_without_work(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	assert_int_equal(h.ready.next_seq, 3);
	assert_int_equal(h.ready.records_recovered, 0);
	finish_and_read();
	assert_int_equal(lg.files, 1);
	assert_int_equal(lg.seals, 1);
	assert_int_equal(lg.lines, 3);
	assert_non_null(log_find(&lg, "\"durability\":\"sync\""));
	assert_non_null(log_find(&lg, "\"cause\":\"finish\""));
}

/* Whatever is acknowledged can be read in the file at that moment. */
static void
acknowledges_what_is_in_the_file(void **state)
{
	(void)state;
	harness_start(&h, OPTIONS("--rotate-records=100000"));
	for (unsigned i = 1; i < 60; i++) {
		harness_decide(&h, 1 + i % 2, i);
		harness_await_acks(&h, 1 + i % 2);
		log_read(&lg, h.audit);
		assert_int_equal(lg.line[lg.lines - 1].seq, h.end[1 + i % 2].last_seq);
		log_free(&lg);
	}
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 59 * 60 / 2);
	assert_int_equal(log_count_both(&lg, "\"evaluator\":1,", "\"request_id\":\"c1-"), 870);
	assert_int_equal(log_count_both(&lg, "\"evaluator\":2,", "\"request_id\":\"c2-"), 900);
}

static void
acknowledges_in_commit_mode(void **state)
{
	(void)state;
	harness_start(&h, OPTIONS("--durability", "commit", "--rotate-records=100000"));
	for (unsigned i = 0; i < 40; i++)
		harness_decide(&h, 1, 100);
	harness_await_acks(&h, 1);
	log_read(&lg, h.audit);
	assert_int_equal(lg.line[lg.lines - 1].seq, h.end[1].last_seq);
	log_free(&lg);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 4000);
}

/* Nothing that a sender puts into a string can end or forge a line: log_read() would see it. */
static void
escapes_what_it_is_given(void **state)
{
	static const char evil[] = "\"}\n{\"audit_event_id\":\"x\",\"seq\":1\xff\xc0\x80\x1b[2J\\";
	struct record r = harness_decision(evil);
	uint8_t details[256];
	struct wire_out out = wire_out_over(details, sizeof(details));

	(void)state;
	value_open_object(&out);
	value_member_str(&out, STR("protocol"), STR("tcp"));
	value_put_key(&out, STR("context"));
	value_open_object(&out);
	value_member_str(&out, STR("k\"\n"), str_from(evil));
	value_close_object(&out);
	value_close_object(&out);
	harness_start(&h, NULL);
	r.username = r.resource_id = r.action = r.policy_id = r.rule_id = str_from(evil);
	r.client_name = r.agent = r.sandbox_id = r.policy_revision = str_from(evil);
	r.decision = DECISION_DENY;
	r.reasons = 2;
	r.deny_reason[0] = r.deny_reason[1] = str_from(evil);
	r.payload = (struct str){(const char *)details, (size_t)(out.p - details)};
	harness_send(&h, 1, MSG_DECISION, &r, 1);
	harness_await_acks(&h, 1);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_DECISION_DENY"), 1);
	assert_int_equal(lg.lines, 4);
}

static void
refuses_one_message_and_goes_on(void **state)
{
	static char big[LIMIT_RESOURCE + 1];
	struct record r[4] = {harness_decision("1"), harness_decision("2"), harness_decision("3"),
	    harness_decision("4")};

	(void)state;
	harness_start(&h, NULL);
	memset(big, '"', LIMIT_RESOURCE); /* twice as long when it is escaped */
	r[1].resource_id = str_from(big);
	r[2].has_peer = false;
	harness_send(&h, 1, MSG_DECISION, r, 4);
	harness_await_acks(&h, 1);
	assert_int_equal(h.end[1].refused[REFUSAL_NONE], 2);
	assert_int_equal(h.end[1].refused[REFUSAL_TOO_LARGE], 1);
	assert_int_equal(h.end[1].refused[REFUSAL_INVALID], 1);
	harness_decide(&h, 1, 1);
	harness_await_acks(&h, 1);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 3);
	assert_int_equal(
	    log_count_both(&lg, "\"channel\":{\"channel\":1", "mandatory field missing"), 1);
}

static void
only_refusals_are_acknowledged_too(void **state)
{
	struct record r = harness_decision("1");

	(void)state;
	harness_start(&h, NULL);
	r.has_peer = false;
	for (int i = 0; i < 5; i++) {
		harness_send(&h, 2, MSG_DECISION, &r, 1);
		harness_await_acks(&h, 2);
	}
	assert_int_equal(h.end[2].refused[REFUSAL_INVALID], 5);
	finish_and_read();
	/* The first at once; the others would follow after a minute, or at the end. */
	assert_int_equal(log_count(&lg, "\"action_type\":\"channel\""), 2);
	assert_non_null(log_find(&lg, "\"count\":4}"));
}

static void
compares_outcomes_with_their_evaluations(void **state)
{
	uint8_t payload[64];
	struct wire_out out = wire_out_over(payload, sizeof(payload));
	struct record r = {.category = RECORD_EXECUTION,
	    .action_type = ACTION_EXECUTION,
	    .has_peer = true,
	    .peer = {1000, 1000, 4711}};
	char id[64];

	(void)state;
	value_open_object(&out);
	value_member_bool(&out, STR("success"), true);
	value_close_object(&out);
	r.payload = (struct str){(const char *)payload, (size_t)(out.p - payload)};
	harness_start(&h, NULL);
	harness_decide(&h, 1, 3);
	harness_await_acks(&h, 1);
	log_read(&lg, h.audit);
	memcpy(id, lg.line[2].text.p + 19, 36);
	id[36] = '\0';
	log_free(&lg);
	r.evaluation_id = str_from(id);
	harness_send(&h, 2, MSG_OUTCOME, &r, 1); /* the same peer, by way of another evaluator */
	r.peer.pid++;
	harness_send(&h, 2, MSG_OUTCOME, &r, 1);
	r.peer.pid--;
	id[35] = 'f'; /* no such record */
	harness_send(&h, 2, MSG_OUTCOME, &r, 1);
	id[35] = '3';
	id[0] = id[0] == '0' ? '1' : '0'; /* another log's */
	harness_send(&h, 2, MSG_OUTCOME, &r, 1);
	harness_await_acks(&h, 2);
	finish_and_read();
	assert_int_equal(log_count(&lg, "{\"success\":true,\"evaluation_peer\":\"same\"}"), 1);
	assert_int_equal(log_count(&lg, "\"evaluation_peer\":\"different\""), 1);
	assert_int_equal(log_count(&lg, "\"evaluation_peer\":\"unknown\""), 2);
}

static void
records_the_supervisors_notes(void **state)
{
	struct record r = {.category = RECORD_MANAGEMENT, .action_type = ACTION_POLICY};
	static uint8_t buf[LIMIT_FRAME];
	uint8_t payload[128];
	struct wire_out out = wire_out_over(payload, sizeof(payload));
	struct wire_in body;

	(void)state;
	value_open_object(&out);
	value_member_str(&out, STR("result"), STR("refused"));
	value_member_int(&out, STR("errors"), 1);
	value_member_str(&out, STR("first"), STR("p.json:1:1: x"));
	value_close_object(&out);
	r.payload = (struct str){(const char *)payload, (size_t)(out.p - payload)};
	harness_start(&h, NULL);
	harness_send(&h, 0, MSG_NOTE, &r, 1);
	harness_ask(&h, MSG_STATUS_ASK, 77);
	harness_await_control(&h, MSG_STATUS, buf, &body);
	assert_int_equal(wire_get_u32(&body), 77);
	assert_int_equal(wire_get_u32(&body), 0);
	{
		struct str counters = wire_get_bytes(&body, body.left);

		assert_int_equal(value_check_object(counters), 0);
		assert_int_equal(value_int(value_member(counters, STR("notes")), -1), 1);
		assert_int_equal(value_int(value_member(counters, STR("seq")), -1), 3);
		assert_int_equal(value_int(value_member(counters, STR("next_seal")), -1), 0);
	}
	/* It may not record what only others may: refused, and acknowledged as such. */
	r.action_type = ACTION_ADMIN;
	r.payload = STR_NONE;
	harness_send(&h, 0, MSG_NOTE, &r, 1);
	while (h.end[0].acked + 1 < h.end[0].next)
		assert_true(harness_take(&h, 0, 5000));
	assert_int_equal(h.end[0].refused[REFUSAL_NONE], 1);
	assert_int_equal(h.end[0].refused[REFUSAL_INVALID], 1);
	finish_and_read();
	assert_int_equal(
	    log_count_both(&lg, "\"policy\":{\"result\":\"refused\",", "\"seq\":3,"), 1);
	assert_int_equal(log_count(&lg, "\"evaluator\":"), 0);
}

/* --- rotation ---------------------------------------------------------------------------------- */

static void
rotates_by_count(void **state)
{
	(void)state;
	harness_start(&h, OPTIONS("--rotate-records=10"));
	harness_decide(&h, 1, 95);
	harness_decide(&h, 2, 104);
	harness_await_acks(&h, 1);
	harness_await_acks(&h, 2);
	finish_and_read();
	assert_int_equal(lg.lines, 202); /* with origin, start and stop */
	assert_int_equal(lg.files, 21);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(lg.file[i].lines, 10);
}

static void
rotates_every_record(void **state)
{
	(void)state;
	harness_start(&h, OPTIONS("--rotate-records=1"));
	harness_decide(&h, 1, 20);
	harness_await_acks(&h, 1);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 20);
	assert_true(lg.files >= 21);
	/* Each was too small for log shippers: log_read() has looked at the size. */
	assert_true(log_count(&lg, "\"action_type\":\"counters\"") >= 21);
}

static void
rotates_by_size(void **state)
{
	(void)state;
	harness_start(&h, OPTIONS("--rotate-bytes=65536", "--rotate-records=100000"));
	for (int i = 0; i < 10; i++)
		harness_decide(&h, 1, 100);
	harness_await_acks(&h, 1);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 1000);
	assert_true(lg.files > 8);
	for (unsigned i = 0; i + 1 < lg.files; i++) {
		assert_true(lg.file[i].size <= 65536);
		assert_true(lg.file[i].size > 65536 - 2 * LIMIT_LINE);
	}
}

static void
rotates_by_age(void **state)
{
	int64_t until = clock_monotonic() + 10 * US_PER_S;

	(void)state;
	harness_start(&h, OPTIONS("--rotate-seconds=1"));
	do {
		(void)usleep(50000);
		log_free(&lg);
		log_read(&lg, h.audit);
	} while (lg.closed == 0 && clock_monotonic() < until);
	assert_int_equal(lg.closed, 1);
	/* An empty segment does not age. */
	(void)usleep(1500000);
	log_free(&lg);
	log_read(&lg, h.audit);
	assert_int_equal(lg.files, 1);
	log_free(&lg);
	finish_and_read();
	assert_int_equal(lg.files, 2);
}

static void
rotates_on_request(void **state)
{
	char name[128];

	(void)state;
	harness_start(&h, NULL);
	assert_int_equal(harness_rotate(&h, name), 0);
	assert_true(has_file(h.audit, name));
	assert_true(str_ends(str_from(name), STR("-000001.jsonl")));
	assert_int_equal(harness_rotate(&h, name), 0);
	assert_string_equal(name, ""); /* nothing to close */
	harness_decide(&h, 1, 1);
	harness_await_acks(&h, 1);
	assert_int_equal(harness_rotate(&h, name), 0);
	assert_true(str_ends(str_from(name), STR("-000002.jsonl")));
	assert_true(has_file(h.audit, name));
	finish_and_read();
	assert_int_equal(lg.files, 3);
}

static void
beats_when_idle(void **state)
{
	(void)state;
	harness_start(&h, OPTIONS("--heartbeat-seconds=1"));
	(void)usleep(2500000);
	finish_and_read();
	assert_int_equal(log_count(&lg, "\"action_type\":\"heartbeat\""), 2);
}

/* --- faults ------------------------------------------------------------------------------------ */

static void
expect_faulted(uint32_t channel)
{
	static uint8_t buf[LIMIT_FRAME];
	struct wire_in body;

	harness_await_control(&h, MSG_FAULTED, buf, &body);
	assert_int_equal(wire_get_u32(&body), channel);
	assert_true(wire_in_done(&body));
}

/* A frame with n messages of `size` zero bytes. */
static size_t
zeros(uint8_t *buf, enum msg_type type, uint64_t sequence, unsigned n, size_t size)
{
	static const char zero[64];
	struct frame_out f;

	frame_begin(&f, buf, LIMIT_FRAME, (uint16_t)type, sequence);
	for (unsigned i = 0; i < n; i++) {
		struct wire_out out = frame_message(&f);

		wire_put_bytes(&out, (struct str){zero, size});
		assert_int_equal(frame_commit(&f, &out), 0);
	}
	frame_end(&f);
	return f.n;
}

/* Break the protocol on channel 1 in one way after the other; channel 2 does not notice. */
static void
shuts_a_channel_that_breaks_the_protocol(void **state)
{
	static uint8_t buf[LIMIT_FRAME + 1];
	const unsigned ways = 9;

	(void)state;
	harness_start(&h, NULL);
	for (unsigned way = 0; way < ways; way++) {
		uint64_t next = h.end[1].next;
		size_t n = zeros(buf, MSG_DECISION, next, 1, 16);
		int fd = -1;

		switch (way) {
		case 0: /* no frame at all */
			memset(buf, 'x', n);
			break;
		case 1: /* a message left out */
			n = zeros(buf, MSG_DECISION, next + 1, 1, 16);
			break;
		case 2: /* a message replayed */
			harness_decide(&h, 1, 1);
			harness_await_acks(&h, 1);
			break;
		case 3: /* a descriptor */
			fd = STDERR_FILENO;
			break;
		case 4: /* bytes left over */
			n++;
			break;
		case 5: /* not for evaluators */
			n = zeros(buf, MSG_ROTATE, next, 1, 4);
			break;
		case 6: /* of the writer's own */
			n = zeros(buf, MSG_WELCOME, next, 1, 45);
			break;
		case 7: /* more under way than permitted */
			n = zeros(buf, MSG_DECISION, next, LIMIT_UNACKED + 1, 8);
			break;
		case 8: /* once more */
			n = zeros(buf, MSG_HELLO, 0, 1, 8);
			break;
		default:
			fail();
		}
		harness_send_raw(&h, 1, buf, n, fd);
		expect_faulted(1);
		/* Shut: dropped, not recorded, not acknowledged. */
		harness_send_raw(&h, 1, buf, zeros(buf, MSG_DECISION, next, 1, 16), -1);
		harness_decide(&h, 2, 3);
		harness_await_acks(&h, 2);
		harness_open(&h, 1, way + 2);
		harness_decide(&h, 1, 1);
		harness_await_acks(&h, 1);
	}
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), ways * 4 + 1);
	/* The first at once, the others after a minute or at the end, each kind with its count. */
	assert_int_equal(log_count(&lg, "\"action_type\":\"channel\""), 8);
	assert_non_null(log_find(&lg, "\"fault\":\"wrong magic\",\"count\":1}"));
	assert_non_null(
	    log_find(&lg, "\"fault\":\"message numbers do not follow each other\",\"count\":2}"));
	/* Messages that were refused before it was one too many. */
	assert_non_null(log_find(&lg, "\"count\":4096}"));
	assert_non_null(log_find(&lg, "\"faults\":9,"));
}

static void
records_what_a_predecessor_left_behind(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	assert_int_equal(kill(h.pid, SIGSTOP), 0);
	harness_decide(&h, 1, 7);
	harness_expect(&h, 1, 5);
	assert_int_equal(kill(h.pid, SIGCONT), 0);
	assert_int_equal(harness_await_cleared(&h, 1, 5), 0);
	harness_hello(&h, 1, 5);
	harness_welcome(&h, 1, 5);
	harness_decide(&h, 1, 2);
	harness_await_acks(&h, 1);
	assert_int_equal(h.end[1].refused[REFUSAL_NONE], 2);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 9);
}

/*
 * A process that dies may have left a HELLO for its successor, and more: nothing of that counts, and
 * what it left of its own does.
 */
static void
takes_no_hello_of_a_predecessor(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	assert_int_equal(kill(h.pid, SIGSTOP), 0);
	harness_decide(&h, 1, 3);
	harness_hello(&h, 1, 2);
	harness_decide(&h, 1, 5);
	harness_expect(&h, 1, 2);
	assert_int_equal(kill(h.pid, SIGCONT), 0);
	assert_int_equal(harness_await_cleared(&h, 1, 2), 0);
	harness_hello(&h, 1, 2);
	harness_welcome(&h, 1, 2);
	harness_decide(&h, 1, 7);
	harness_await_acks(&h, 1);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 3 + 7);
	assert_int_equal(
	    log_count(&lg, "\"fault\":\"message type not permitted now\",\"count\":1}"), 1);
}

/* One HELLO for one announcement; the highest number is a number like others, and 1 follows it. */
static void
takes_the_announced_generation_alone(void **state)
{
	const uint32_t wrong[] = {1, 2, 4, UINT32_MAX}, right[] = {3, UINT32_MAX, 1, 2};

	(void)state;
	harness_start(&h, NULL);
	for (unsigned i = 0; i < 4; i++) {
		harness_expect(&h, 1, right[i]);
		assert_int_equal(harness_await_cleared(&h, 1, right[i]), 0);
		if (wrong[i] == right[i])
			continue;
		harness_hello(&h, 1, wrong[i]);
		expect_faulted(1);
		harness_open(&h, 1, right[i]);
		harness_decide(&h, 1, 1);
		harness_await_acks(&h, 1);
		harness_hello(&h, 1, right[i]); /* once more */
		expect_faulted(1);
	}
	harness_decide(&h, 2, 1);
	harness_await_acks(&h, 2);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 5);
	assert_non_null(
	    log_find(&lg, "\"fault\":\"HELLO of a generation that was not announced\","));
}

/* As no evaluator of ours can: its filter has no shutdown(). */
static void
says_that_a_channel_was_shut_down(void **state)
{
	const int ways[] = {SHUT_WR, SHUT_RD, SHUT_RDWR};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		if (i > 0) {
			teardown(NULL);
			assert_int_equal(setup(NULL), 0);
		}
		harness_start(&h, NULL);
		assert_int_equal(shutdown(h.end[1].fd, ways[i]), 0);
		if (ways[i] == SHUT_RD)
			harness_decide(
			    &h, 1, 1); /* found when its acknowledgement cannot be sent */
		harness_decide(&h, 2, 1);
		harness_await_acks(&h, 2);
		harness_expect(&h, 1, 2);
		assert_int_equal(harness_await_cleared(&h, 1, 2), -EPIPE);
		harness_decide(&h, 2, 2);
		harness_await_acks(&h, 2);
		finish_and_read();
		assert_int_equal(
		    log_count(&lg, "\"fault\":\"channel was shut down\",\"count\":1}"), 1);
	}
}

/* Frames on a channel before its HELLO are a fault; its first HELLO opens it. */
static void
wants_hello_first(void **state)
{
	static uint8_t buf[LIMIT_FRAME];
	struct wire_in body;

	(void)state;
	harness_spawn(&h, NULL);
	harness_await_control(&h, MSG_READY, buf, &body);
	assert_int_equal(msg_ready_get(&body, &h.ready), 0);
	harness_decide(&h, 2, 1);
	expect_faulted(2);
	harness_open(&h, 2, 1);
	harness_decide(&h, 2, 1);
	harness_await_acks(&h, 2);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 1);
}

/* A peer that never reads its acknowledgements loses nothing and holds up nobody. */
static void
goes_on_beside_one_that_does_not_read(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	for (unsigned i = 0; i < 4000; i++) {
		harness_decide(&h, 1, 1);
		if (i % 100 == 0) {
			harness_decide(&h, 2, 1);
			harness_await_acks(&h, 2);
		}
	}
	harness_await_acks(&h, 1);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 4040);
	assert_int_equal(log_count(&lg, "\"action_type\":\"channel\""), 0);
}

/* One channel's flood does not keep another's message waiting for long. */
static void
drains_fairly(void **state)
{
	int64_t took;

	(void)state;
	harness_start(&h, OPTIONS("--rotate-records=100000"));
	assert_int_equal(kill(h.pid, SIGSTOP), 0);
	for (int i = 0; i < 12; i++)
		harness_decide(&h, 1, 200);
	harness_decide(&h, 2, 1);
	took = -clock_monotonic();
	assert_int_equal(kill(h.pid, SIGCONT), 0);
	harness_await_acks(&h, 2);
	took += clock_monotonic();
	assert_true(took < 2 * US_PER_S);
	/* It came last and did not have to wait for everything of the other. */
	assert_true(h.end[2].last_seq < 12 * 200);
	harness_await_acks(&h, 1);
	finish_and_read();
}

/* --- ends -------------------------------------------------------------------------------------- */

static void
records_what_is_on_its_way_at_the_end(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	assert_int_equal(kill(h.pid, SIGSTOP), 0);
	for (int i = 0; i < 5; i++)
		harness_decide(&h, 1, 100);
	harness_decide(&h, 3 - 1, 50);
	/* FINISH first in its turn, the records behind it. */
	{
		uint8_t buf[64];

		harness_send_raw(&h, 0, buf, zeros(buf, MSG_FINISH, h.end[0].next++, 1, 0), -1);
	}
	assert_int_equal(kill(h.pid, SIGCONT), 0);
	assert_int_equal(harness_wait(&h), 0);
	log_read(&lg, h.audit);
	assert_int_equal(lg.closed, lg.files);
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 550);
	assert_non_null(memmem(
	    lg.line[lg.lines - 1].text.p, lg.line[lg.lines - 1].text.n, "\"event\":\"stop\"", 14));
}

static void
ends_with_the_supervisor(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	harness_decide(&h, 1, 3);
	(void)close(h.end[0].fd);
	h.end[0].fd = -1;
	assert_int_equal(harness_wait(&h), 0);
	log_read(&lg, h.audit);
	assert_int_equal(lg.closed, lg.files);
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 3);
	assert_non_null(log_find(&lg, "\"cause\":\"control channel closed\""));
}

static void
ends_when_the_supervisor_talks_nonsense(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	harness_decide(&h, 1, 3);
	harness_send_raw(&h, 0, "nonsense", 8, -1);
	assert_int_equal(harness_wait(&h), 1);
	assert_true(harness_said(&h, "the supervisor broke the protocol"));
	log_read(&lg, h.audit);
	assert_int_equal(lg.closed, lg.files);
	assert_non_null(log_find(&lg, "\"cause\":\"control channel broken\""));
}

static void
ignores_signals(void **state)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT};

	(void)state;
	harness_start(&h, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		assert_int_equal(kill(h.pid, signals[i]), 0);
	harness_decide(&h, 1, 1);
	harness_await_acks(&h, 1);
	finish_and_read();
}

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
	    TEST(a_life_without_work),
	    TEST(acknowledges_what_is_in_the_file),
	    TEST(acknowledges_in_commit_mode),
	    TEST(escapes_what_it_is_given),
	    TEST(refuses_one_message_and_goes_on),
	    TEST(only_refusals_are_acknowledged_too),
	    TEST(compares_outcomes_with_their_evaluations),
	    TEST(records_the_supervisors_notes),
	    TEST(rotates_by_count),
	    TEST(rotates_every_record),
	    TEST(rotates_by_size),
	    TEST(rotates_by_age),
	    TEST(rotates_on_request),
	    TEST(beats_when_idle),
	    TEST(shuts_a_channel_that_breaks_the_protocol),
	    TEST(records_what_a_predecessor_left_behind),
	    TEST(takes_no_hello_of_a_predecessor),
	    TEST(takes_the_announced_generation_alone),
	    TEST(says_that_a_channel_was_shut_down),
	    TEST(wants_hello_first),
	    TEST(goes_on_beside_one_that_does_not_read),
	    TEST(drains_fairly),
	    TEST(records_what_is_on_its_way_at_the_end),
	    TEST(ends_with_the_supervisor),
	    TEST(ends_when_the_supervisor_talks_nonsense),
	    TEST(ignores_signals),
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
