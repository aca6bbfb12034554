/* SPDX-License-Identifier: Apache-2.0 */
/* The audit line, byte by byte, and event ids. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <setjmp.h>

#include <cmocka.h>

#include "proto/line.h"
#include "proto/value.h"

static struct line_stamp
stamp(void)
{
	struct line_stamp s = {
	    .log_id = UINT64_C(0x123456789abcdef),
	    .seq = 42,
	    .time = INT64_C(1795232817123456),
	    .session = "0d1e2f30-4152-4637-8849-5a6b7c8d9eaf",
	    .hostname = "host-1",
	    .channel = 2,
	    .evaluation_peer = "same",
	};

	memset(s.prev_hash, 0xab, sizeof(s.prev_hash));
	return s;
}

static char *
formatted(const struct record *r, const struct line_stamp *s)
{
	static char buf[LIMIT_LINE + 1];
	struct text t = text_over(buf, LIMIT_LINE);

	assert_int_equal(line_format(&t, r, s), 0);
	buf[t.n] = '\0';
	return buf;
}

#define AB8 "abababab"
#define HASH AB8 AB8 AB8 AB8 AB8 AB8 AB8 AB8

static void
line_of_a_denial(void **state)
{
	struct line_stamp s = stamp();
	struct record r = {
	    .category = RECORD_EVALUATION,
	    .decision = DECISION_DENY,
	    .enforcement_mode = MODE_AUDIT,
	    .username = STR("al\"ice\n\x1b"),
	    .org_id = STR("o1"),
	    .org_name = STR("Acme"),
	    .sandbox_id = STR("s1"),
	    .agent = STR(""),
	    .resource_id = STR("example.com:443"),
	    .client_name = STR("\xff"),
	    .reasons = 2,
	    .deny_reason = {STR("a"), STR("b\\")},
	    .action_type = ACTION_NETWORK_EGRESS,
	    .payload = STR("{\"\x08\0protocol\"\x03\0tcp}"),
	    .action = STR("net:connect:tcp"),
	    .policy_id = STR("p"),
	    .rule_id = STR("r"),
	    .policy_revision = STR("7"),
	    .has_peer = true,
	    .peer = {1, 2, 3},
	    .request_id = STR("q"),
	};

	(void)state;
	assert_string_equal(formatted(&r, &s),
	    "{\"audit_event_id\":\"12345678-9abc-8def-8000-00000000002a\","
	    "\"timestamp\":\"2026-11-21T03:46:57.123456Z\",\"schema_version\":\"1.0.0\","
	    "\"category\":\"AUDIT_CATEGORY_EVALUATION\",\"decision\":\"AUDIT_DECISION_DENY\","
	    "\"enforcement_mode\":\"audit\",\"username\":\"al\\\"ice\\n\\u001b\",\"org_id\":\"o1\","
	    "\"org_name\":\"Acme\",\"audit_session_id\":\"0d1e2f30-4152-4637-8849-5a6b7c8d9eaf\","
	    "\"sandbox_id\":\"s1\",\"agent\":\"\",\"resource_id\":\"example.com:443\",\"os\":"
	    "\"linux\","
	    "\"app_version\":\"" SEALWRIGHT_VERSION "\",\"client_name\":\"\xef\xbf\xbd\","
	    "\"hostname\":\"host-1\",\"deny_reason\":[\"a\",\"b\\\\\"],"
	    "\"action_type\":\"network_egress\",\"network_egress\":{\"protocol\":\"tcp\"},"
	    "\"action\":\"net:connect:tcp\",\"policy_id\":\"p\",\"rule_id\":\"r\","
	    "\"policy_revision\":\"7\",\"peer\":{\"uid\":1,\"gid\":2,\"pid\":3},\"evaluator\":2,"
	    "\"request_id\":\"q\",\"seq\":42,\"prev_hash\":\"" HASH "\"}\n");
}

static void
line_of_an_outcome(void **state)
{
	struct line_stamp s = stamp();
	struct record r = {
	    .category = RECORD_EXECUTION,
	    .action_type = ACTION_EXECUTION,
	    .payload = STR("{\"\x07\0successt}"),
	    .evaluation_id = STR("12345678-9abc-8def-8000-000000000029"),
	    .has_peer = true,
	};
	char *line = formatted(&r, &s);

	(void)state;
	assert_non_null(strstr(line, "\"action_type\":\"execution\",\"execution\":{\"success\":"
				     "true,\"evaluation_peer\":\"same\"},"
				     "\"evaluation_id\":\"12345678-9abc-8def-8000-000000000029\","
				     "\"peer\":{\"uid\":0,\"gid\":0,"
				     "\"pid\":0},\"evaluator\":2,\"seq\":42,"));
	r.payload = STR("{}");
	line = formatted(&r, &s);
	assert_non_null(strstr(line, "\"execution\":{\"evaluation_peer\":\"same\"}"));
}

static void
line_of_the_writer_itself(void **state)
{
	struct line_stamp s = stamp();
	struct record r = {.category = RECORD_MANAGEMENT, .action_type = ACTION_HEARTBEAT};

	(void)state;
	s.channel = LINE_NO_CHANNEL;
	assert_non_null(strstr(formatted(&r, &s), "\"action_type\":\"heartbeat\",\"seq\":42,"));
}

/* The measure is never below the line, and both agree on what is too long. */
static void
measure_covers_every_line(void **state)
{
	static char junk[LIMIT_LINE];
	unsigned seed = (unsigned)time(NULL);
	struct line_stamp s = stamp();

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (char)random();
	for (size_t n = 0; n < sizeof(junk); n += 7) {
		char buf[LIMIT_LINE];
		struct text t = text_over(buf, sizeof(buf));
		struct record r = {.category = RECORD_EVALUATION,
		    .action_type = ACTION_UNKNOWN_ACTION,
		    .resource_id = {junk, n}};
		size_t measured = line_measure(&r);
		int error = line_format(&t, &r, &s);

		if (measured <= LIMIT_LINE)
			assert_int_equal(error, 0);
		assert_true(t.n <= measured);
		assert_true(t.n <= LIMIT_LINE);
		if (error < 0)
			assert_int_equal(t.n, 0);
	}
}

static void
event_ids(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	uint64_t log_id, seq;
	char id[UUID_TEXT + 1];

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 10000; i++) {
		uint64_t log = ((uint64_t)random() << 31 ^ (uint64_t)random()) & (UINT64_MAX >> 4);
		uint64_t n = ((uint64_t)random() << 31 ^ (uint64_t)random()) & (UINT64_MAX >> 2);

		line_event_id(log, n, id);
		assert_int_equal(line_event_id_parse(str_from(id), &log_id, &seq), 0);
		assert_true(log_id == log && seq == n);
		assert_int_equal(id[14], '8');
	}
	assert_int_equal(
	    line_event_id_parse(STR("12345678-9abc-7def-8000-000000000029"), &log_id, &seq),
	    -EINVAL);
	assert_int_equal(
	    line_event_id_parse(STR("12345678-9abc-8def-c000-000000000029"), &log_id, &seq),
	    -EINVAL);
	assert_int_equal(
	    line_event_id_parse(STR("12345678-9abc-8def-80000-00000000029"), &log_id, &seq),
	    -EINVAL);
	assert_int_equal(line_event_id_parse(STR("12345678"), &log_id, &seq), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(line_of_a_denial),
	    cmocka_unit_test(line_of_an_outcome),
	    cmocka_unit_test(line_of_the_writer_itself),
	    cmocka_unit_test(measure_covers_every_line),
	    cmocka_unit_test(event_ids),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
