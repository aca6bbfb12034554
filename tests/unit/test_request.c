/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as the evaluator reads them, and what of them goes on record. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policyd/evaluator/details.h"
#include "policyd/evaluator/jvalue.h"
#include "policyd/evaluator/request.h"
#include "proto/value.h"

#define OP "\"action\":\"fs:read\",\"resource\":\"fs:path:/a\""

static struct request_reader reader;
static struct request rq;
static struct request_fault fault;

static int
parse(struct str line)
{
	memset(&fault, 0, sizeof(fault));
	return request_parse(&reader, line, &rq, &fault);
}

static void
assert_str(struct str got, const char *want)
{
	assert_true(str_given(got));
	assert_int_equal(got.n, strlen(want));
	assert_memory_equal(got.p, want, got.n);
}

/* --- what is understood ----------------------------------------------------------------------- */

static void
test_evaluate(void **state)
{
	(void)state;
	assert_int_equal(
	    parse(STR("{\"id\":\"1\"," OP
		      ",\"subject\":{\"user\":\"u\",\"groups\":[\"g\",\"h\"],\"email\":\"e@x\","
		      "\"more\":1},\"client_name\":\"c\",\"sandbox_id\":\"s\",\"agent\":\"a\","
		      "\"context\":{\"k\":1},\"unknown\":[{}]}")),
	    0);
	assert_int_equal(rq.op, REQUEST_EVALUATE);
	assert_str(rq.id, "1");
	assert_str(rq.id_json, "\"1\"");
	assert_str(rq.action, "fs:read");
	assert_str(rq.resource, "fs:path:/a");
	assert_true(rq.has_subject);
	assert_str(rq.user, "u");
	assert_str(rq.email, "e@x");
	assert_int_equal(rq.n_groups, 2);
	assert_str(rq.groups[0], "g");
	assert_str(rq.groups[1], "h");
	assert_str(rq.client_name, "c");
	assert_str(rq.sandbox_id, "s");
	assert_str(rq.agent, "a");
	assert_int_not_equal(rq.context, 0);
	assert_int_equal(rq.details, 0);
}

static void
test_absent_is_not_empty(void **state)
{
	(void)state;
	assert_int_equal(parse(STR("{" OP ",\"agent\":\"\"}")), 0);
	assert_str(rq.agent, "");
	assert_false(str_given(rq.id));
	assert_false(str_given(rq.id_json));
	assert_false(str_given(rq.sandbox_id));
	assert_false(str_given(rq.client_name));
	assert_false(rq.has_subject);
	assert_false(str_given(rq.user));
}

/* Nothing of one request may show in the next. */
static void
test_nothing_stays(void **state)
{
	(void)state;
	assert_int_equal(
	    parse(STR("{\"id\":1," OP ",\"subject\":{\"user\":\"u\",\"groups\":[\"g\"]},"
		      "\"context\":{\"k\":\"\\u0041\"},\"agent\":\"a\"}")),
	    0);
	assert_int_equal(parse(STR("{" OP "}")), 0);
	assert_false(str_given(rq.id));
	assert_false(rq.has_subject);
	assert_int_equal(rq.n_groups, 0);
	assert_int_equal(rq.context, 0);
	assert_false(str_given(rq.agent));
}

static void
test_ids_as_written(void **state)
{
	(void)state;
	assert_int_equal(parse(STR("{\"id\":-7," OP "}")), 0);
	assert_str(rq.id, "-7");
	assert_str(rq.id_json, "-7");
	assert_int_equal(parse(STR("{\"id\":\"\\u00fc\\n\"," OP "}")), 0);
	assert_str(rq.id, "\xc3\xbc\n");
	assert_str(rq.id_json, "\"\\u00fc\\n\"");
}

static void
test_escapes(void **state)
{
	(void)state;
	assert_int_equal(
	    parse(STR("{\"\\u0061ction\":\"fs\\u003aread\",\"resource\":\"fs:path:\\/a\\\"b\","
		      "\"agent\":\"\\ud83d\\ude00\"}")),
	    0);
	assert_str(rq.action, "fs:read");
	assert_str(rq.resource, "fs:path:/a\"b");
	assert_str(rq.agent, "\xf0\x9f\x98\x80");
}

static void
test_emit(void **state)
{
	(void)state;
	assert_int_equal(parse(STR("{\"op\":\"emit\",\"event\":\"auth.fail\",\"level\":\"warning\","
				   "\"actor\":\"bot\",\"details\":{}}")),
	    0);
	assert_int_equal(rq.op, REQUEST_EMIT);
	assert_str(rq.event, "auth.fail");
	assert_int_equal(rq.level, LEVEL_WARNING);
	assert_str(rq.actor, "bot");
	assert_int_not_equal(rq.details, 0);
	assert_int_equal(parse(STR("{\"op\":\"emit\",\"event\":\"e\"}")), 0);
	assert_int_equal(rq.level, LEVEL_INFO);
}

static void
test_outcome(void **state)
{
	(void)state;
	assert_int_equal(
	    parse(STR(
		"{\"op\":\"outcome\",\"evaluation_id\":\"00000000-0000-8000-8000-000000000001\","
		"\"success\":false,\"duration_ms\":0,\"error_class\":\"timeout\"}")),
	    0);
	assert_int_equal(rq.op, REQUEST_OUTCOME);
	assert_str(rq.evaluation_id, "00000000-0000-8000-8000-000000000001");
	assert_true(rq.has_success);
	assert_false(rq.success);
	assert_true(rq.has_duration);
	assert_int_equal(rq.duration_ms, 0);
	assert_str(rq.error_class, "timeout");
	assert_int_equal(
	    parse(STR(
		"{\"op\":\"outcome\",\"evaluation_id\":\"00000000-0000-8000-8000-00000000000A\","
		"\"success\":true}")),
	    0);
	assert_true(rq.success);
	assert_false(rq.has_duration);
}

/* --- what is not ------------------------------------------------------------------------------ */

/* A fault is where ~ stands, which is taken out before the line is read. */
struct bad {
	const char *line;
	const char *what; /* of the fault; NULL: the scanner's own */
	bool denial;      /* action and resource were named */
};

#define LONG_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG_256 LONG_64 LONG_64 LONG_64 LONG_64

/* clang-format off */
static const struct bad bads[] = {
    {"~", NULL, false},
    {"~[]", "a request must be an object", false},
    {" ~\"x\"", "a request must be an object", false},
    {"~{}", "action is missing", false},
    {"~{\"action\":\"a\"}", "resource is missing", false},
    {"{\"action\":~1,\"resource\":\"r\"}", "action must be a string", false},
    {"{\"action\":\"a\",\"resource\":~null}", "resource must be a string", false},
    {"{" OP ",\"op\":~\"shutdown\"}", "op must be \"evaluate\", \"emit\", \"outcome\" or \"ping\"", true},
    {"{\"id\":~1.5," OP "}", "id must be a string or an integer", true},
    {"{\"id\":~1e2," OP "}", "id must be a string or an integer", true},
    {"{\"id\":~[]," OP "}", "id must be a string or an integer", true},
    {"{\"id\":~\"" LONG_256 "\"," OP "}", "id is longer than 128 bytes", true},
    {"{" OP ",\"subject\":~[]}", "subject must be an object", true},
    {"{" OP ",\"subject\":~null}", "subject must be an object", true},
    {"{" OP ",\"subject\":{\"user\":~1}}", "subject.user must be a string", true},
    {"{" OP ",\"subject\":{\"groups\":~\"g\"}}", "subject.groups must be an array", true},
    {"{" OP ",\"subject\":{\"groups\":[\"g\",~2]}}", "a name in subject.groups must be a string", true},
    {"{" OP ",\"agent\":~\"" LONG_256 "a\"}", "agent is longer than 256 bytes", true},
    {"{" OP ",\"context\":~[]}", "context must be an object", true},
    {"{" OP ",\"context\":{\"a\":[[[[[[~[1]]]]]]]}}", "context: nested too deeply", true},
    {"{" OP ",\"context\":{~\"" LONG_256 "\":1}}", "context: key longer than 128 bytes", true},
    {"{" OP ",\"context\":{\"n\":~0.1234567890123456789012345}}", "context: number longer than 24 bytes", true},
    {"{" OP ",\"level\":~\"loud\"}", "level must be debug, info, warning or error", true},
    {"{" OP ",\"success\":~1}", "success must be true or false", true},
    {"{" OP ",\"duration_ms\":~-1}", "duration_ms must be an integer, 0 or more", true},
    {"{" OP ",\"duration_ms\":~1.0}", "duration_ms must be an integer, 0 or more", true},
    {"{" OP ",\"evaluation_id\":~\"x\"}", "evaluation_id must be the audit_event_id of an evaluation", true},
    {"~{\"op\":\"emit\"}", "event is missing or empty", false},
    {"~{\"op\":\"emit\",\"event\":\"\"}", "event is missing or empty", false},
    {"{\"op\":\"emit\",\"event\":\"e\",\"details\":~1}", "details must be an object", false},
    {"~{\"op\":\"outcome\",\"success\":true}", "evaluation_id is missing", false},
    {"~{\"op\":\"outcome\",\"evaluation_id\":\"00000000-0000-8000-8000-000000000001\"}", "success is missing", false},
    /* The first fault counts. */
    {"{\"id\":~{},\"action\":1,\"resource\":2}", "id must be a string or an integer", false},
    {"{" OP ",\"a\":1,~\"a\":2}", NULL, false},
    {"{" OP "}~x", NULL, false},
};
/* clang-format on */

static struct str
without_mark(const char *line, size_t *ret_at)
{
	static char buf[4096];
	struct text t = text_over(buf, sizeof(buf));

	*ret_at = (size_t)(strchr(line, '~') - line);
	text_put(&t, (struct str){line, *ret_at});
	text_put(&t, str_from(line + *ret_at + 1));
	return text_str(&t);
}

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
		const struct bad *b = &bads[i];
		size_t at;

		assert_int_equal(parse(without_mark(b->line, &at)), -EINVAL);
		assert_int_equal(fault.json, b->what == NULL);
		assert_true(strlen(fault.what) > 3);
		if (b->what)
			assert_string_equal(fault.what, b->what);
		assert_int_equal(fault.at, at);
		if (!fault.json)
			assert_int_equal(str_given(rq.action) && str_given(rq.resource), b->denial);
	}
}

/* What was too long must not be used for anything but to be cut. */
static void
test_too_long_is_not_kept(void **state)
{
	(void)state;
	assert_int_equal(
	    parse(STR("{\"action\":\"" LONG_256
		      "x\",\"resource\":\"r\",\"subject\":{\"user\":\"" LONG_256 "x\"}}")),
	    -EINVAL);
	assert_string_equal(fault.what, "action is longer than 256 bytes");
	assert_int_equal(rq.action.n, 257);
	assert_false(str_given(rq.user));
}

static void
test_ids_survive_faults(void **state)
{
	(void)state;
	assert_int_equal(parse(STR("{\"action\":5,\"id\":\"later\"}")), -EINVAL);
	assert_str(rq.id_json, "\"later\"");
}

static void
test_too_many_groups(void **state)
{
	static char line[4096];
	struct text t = text_over(line, sizeof(line));

	(void)state;
	text_put(&t, STR("{" OP ",\"subject\":{\"groups\":[\"g\""));
	for (int i = 1; i < LIMIT_GROUPS; i++)
		text_put(&t, STR(",\"g\""));
	text_put(&t, STR("]}}"));
	assert_int_equal(parse(text_str(&t)), 0);
	assert_int_equal(rq.n_groups, LIMIT_GROUPS);
	t.n -= 3;
	text_put(&t, STR(",\"g\"]}}"));
	assert_int_equal(parse(text_str(&t)), -EINVAL);
	assert_int_equal(rq.n_groups, 0);
}

/* --- context and details ---------------------------------------------------------------------- */

static void
test_context_attributes(void **state)
{
	static const char *const want[][2] = {{"s", "ab\ncd"}, {"n", "-1.5e3"}, {"t", "true"},
	    {"f", "false"}, {"o", NULL}, {"a", NULL}, {"z", NULL}, {"l\xc3\xa4st", "x"}};
	struct request_attribute a;
	uint32_t iterator = 0;

	(void)state;
	assert_int_equal(
	    parse(STR(
		"{\"context\":{\"s\":\"ab\\ncd\",\"n\":-1.5e3,\"t\":true,\"f\":false,"
		"\"o\":{\"s\":\"no\"},\"a\":[\"no\"],\"z\":null,\"l\\u00e4st\":\"x\"}," OP "}")),
	    0);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_true(request_context_next(&reader, &rq, &iterator, &a));
		assert_str(a.key, want[i][0]);
		if (want[i][1])
			assert_str(a.value, want[i][1]);
		else
			assert_false(str_given(a.value));
	}
	assert_false(request_context_next(&reader, &rq, &iterator, &a));
	assert_int_equal(parse(STR("{" OP ",\"context\":{}}")), 0);
	iterator = 0;
	assert_false(request_context_next(&reader, &rq, &iterator, &a));
	assert_int_equal(parse(STR("{" OP "}")), 0);
	iterator = 0;
	assert_false(request_context_next(&reader, &rq, &iterator, &a));
}

/* What is given, as it goes on record: the same JSON without spaces. */
static void
assert_same_json(const char *json)
{
	static char line[4096], back[4096];
	static uint8_t bytes[4096];
	struct text t = text_over(line, sizeof(line)), out = text_over(back, sizeof(back));
	struct wire_out w = wire_out_over(bytes, sizeof(bytes));
	struct str value;

	text_put(&t, STR("{\"op\":\"emit\",\"event\":\"e\",\"details\":"));
	text_put(&t, str_from(json));
	text_char(&t, '}');
	assert_int_equal(parse(text_str(&t)), 0);
	jvalue_put(&w, &reader.tape, rq.details);
	assert_true(wire_out_ok(&w));
	value = (struct str){(const char *)bytes, (size_t)(w.p - bytes)};
	assert_int_equal(value_check_object(value), 0);
	value_to_json(&out, value);
	assert_true(text_ok(&out));
	assert_str(text_str(&out), json);
}

static void
test_values(void **state)
{
	(void)state;
	assert_same_json("{}");
	assert_same_json(
	    "{\"\":null,\"t\":true,\"f\":false,\"n\":[0,-1,1.5,1e3,9007199254740991]}");
	assert_same_json(
	    "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":1}}}}}},\"z\":[[],[{}],{}]}");
	assert_same_json("{\"s\":\"\\\"\\\\\\n\xc3\xbc\",\"\\n\":\"\"}");
}

static void
test_value_without_room(void **state)
{
	uint8_t bytes[16];
	struct wire_out w = wire_out_over(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(
	    parse(STR("{" OP ",\"context\":{\"key\":\"longer than there is room for\"}}")), 0);
	jvalue_put(&w, &reader.tape, rq.context);
	assert_false(wire_out_ok(&w));
}

static struct settings settings;

static void
test_which_events(void **state)
{
	(void)state;
	settings = (struct settings){
	    .min_level = LEVEL_WARNING, .n_excluded = 3, .excluded = {"task.*", "noise", "a.b.*"}};
	assert_true(event_is_excluded(&settings, STR("task.start")));
	assert_true(event_is_excluded(&settings, STR("task.")));
	assert_false(event_is_excluded(&settings, STR("task")));
	assert_false(event_is_excluded(&settings, STR("tasks.start")));
	assert_true(event_is_excluded(&settings, STR("noise")));
	assert_false(event_is_excluded(&settings, STR("noise.more")));
	assert_true(event_is_excluded(&settings, STR("a.b.c.d")));
	assert_false(event_is_excluded(&settings, STR("a.bc")));
	rq = (struct request){.event = STR("auth.fail"), .level = LEVEL_INFO};
	assert_false(event_wanted(&settings, &rq));
	rq.level = LEVEL_WARNING;
	assert_true(event_wanted(&settings, &rq));
}

static void
assert_details(const char *details, const char *want)
{
	static char line[4096], back[4096];
	static uint8_t bytes[4096];
	struct text t = text_over(line, sizeof(line)), out = text_over(back, sizeof(back));
	struct wire_out w = wire_out_over(bytes, sizeof(bytes));
	struct str value;

	text_put(&t, STR("{\"op\":\"emit\",\"event\":\"e\""));
	if (details) {
		text_put(&t, STR(",\"details\":"));
		text_put(&t, str_from(details));
	}
	text_char(&t, '}');
	assert_int_equal(parse(text_str(&t)), 0);
	event_put_details(&w, &settings, &reader.tape, rq.details);
	value = (struct str){(const char *)bytes, (size_t)(w.p - bytes)};
	if (!want) {
		assert_true(!wire_out_ok(&w) || value_check_object(value) < 0);
		return;
	}
	assert_true(wire_out_ok(&w));
	assert_int_equal(value_check_object(value), 0);
	value_to_json(&out, value);
	assert_str(text_str(&out), want);
}

/* Neither overrides the other. */
static void
test_metadata(void **state)
{
	(void)state;
	settings = (struct settings){.n_metadata = 2, .metadata = {{"site", "lab"}, {"rack", "7"}}};
	assert_details(NULL, "{\"site\":\"lab\",\"rack\":\"7\"}");
	assert_details("{}", "{\"site\":\"lab\",\"rack\":\"7\"}");
	assert_details("{\"x\":[1]}", "{\"x\":[1],\"site\":\"lab\",\"rack\":\"7\"}");
	assert_details("{\"site\":\"forged\",\"y\":2}",
	    "{\"client.site\":\"forged\",\"y\":2,\"site\":\"lab\",\"rack\":\"7\"}");
	assert_details("{\"s\\u0069te\":1}", "{\"client.site\":1,\"site\":\"lab\",\"rack\":\"7\"}");
	assert_details("{\"site\":1,\"client.site\":2}", NULL);
	settings = (struct settings){0};
	assert_details("{\"site\":1}", "{\"site\":1}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_evaluate),
	    cmocka_unit_test(test_absent_is_not_empty),
	    cmocka_unit_test(test_nothing_stays),
	    cmocka_unit_test(test_ids_as_written),
	    cmocka_unit_test(test_escapes),
	    cmocka_unit_test(test_emit),
	    cmocka_unit_test(test_outcome),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_too_long_is_not_kept),
	    cmocka_unit_test(test_ids_survive_faults),
	    cmocka_unit_test(test_too_many_groups),
	    cmocka_unit_test(test_context_attributes),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_value_without_room),
	    cmocka_unit_test(test_which_events),
	    cmocka_unit_test(test_metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
