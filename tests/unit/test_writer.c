/* SPDX-License-Identifier: Apache-2.0 */
/* A real auditd-writer: what it records, acknowledges and rotates, and how it ends. */
#include "tests/unit/writer_case.h"

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
	int64_t began = clock_monotonic(), until = began + 20 * US_PER_S;
	size_t beats;

	(void)state;
	harness_start(&h, OPTIONS("--heartbeat-seconds=1"));
	do {
		(void)usleep(100000);
		log_free(&lg);
		log_read(&lg, h.audit);
		beats = log_count(&lg, "\"action_type\":\"heartbeat\"");
	} while (beats < 2 && clock_monotonic() < until);
	assert_true(beats >= 2);
	assert_true((int64_t)beats <= (clock_monotonic() - began) / US_PER_S);
	log_free(&lg);
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
	    TEST(records_what_is_on_its_way_at_the_end),
	    TEST(ends_with_the_supervisor),
	    TEST(ends_when_the_supervisor_talks_nonsense),
	    TEST(ignores_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
