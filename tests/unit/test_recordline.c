/* SPDX-License-Identifier: Apache-2.0 */
/* Lines cut into members: the writer's own, and everything that is none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "common/text.h"
#include "proto/line.h"
#include "proto/recordline.h"
#include "proto/value.h"

static struct recordline cut;
static struct recordline_fault fault;
static char line_buf[LIMIT_LINE];

static struct str
member(enum recordline_member m)
{
	const struct recordline_value *v = recordline_value(&cut, m);

	return v ? (struct str){v->p, v->n} : STR_NONE;
}

#define ASSERT_MEMBER(m, expected)                                            \
	do {                                                                  \
		struct str found = member(m);                                 \
		assert_int_equal(found.n, sizeof(expected) - 1);              \
		assert_memory_equal(found.p, expected, sizeof(expected) - 1); \
	} while (0)

static const struct line_stamp stamp = {
    .log_id = 7,
    .seq = 42,
    .time = 1795233600000000,
    .session = "01234567-89ab-4def-8123-456789abcdef",
    .hostname = "build7",
    .channel = 3,
};

/* As the writer makes it. */
static struct str
formatted(const struct record *r)
{
	struct text t = text_over(line_buf, sizeof(line_buf));

	assert_int_equal(line_format(&t, r, &stamp), 0);
	return text_str(&t);
}

static void
test_a_denial(void **state)
{
	char value[256];
	struct wire_out out = wire_out_over(value, sizeof(value));
	struct record r = {.category = RECORD_EVALUATION,
	    .decision = DECISION_DENY,
	    .enforcement_mode = MODE_ENFORCE,
	    .username = STR("j\xc3\xb6rg"),
	    .resource_id = STR("/a\"b\\c\n"),
	    .reasons = 2,
	    .deny_reason = {STR("one, \"quoted\""), STR("two]")},
	    .action_type = ACTION_NETWORK_EGRESS,
	    .action = STR("net:connect:tcp"),
	    .has_peer = true,
	    .peer = {1, 2, 3}};
	struct recordline_value key, v;
	struct recordline_walk w;
	char buf[64];
	int64_t n;

	(void)state;
	value_open_object(&out);
	value_member_str(&out, STR("protocol"), STR("tcp"));
	value_close_object(&out);
	r.payload = (struct str){value, sizeof(value) - out.left};
	assert_int_equal(recordline_cut(&cut, formatted(&r), &fault), 0);
	ASSERT_MEMBER(MEMBER_decision, "AUDIT_DECISION_DENY");
	ASSERT_MEMBER(MEMBER_username, "j\xc3\xb6rg");
	ASSERT_MEMBER(MEMBER_payload, "{\"protocol\":\"tcp\"}");
	ASSERT_MEMBER(MEMBER_peer, "{\"uid\":1,\"gid\":2,\"pid\":3}");
	ASSERT_MEMBER(MEMBER_seq, "42");
	assert_false(recordline_has(&cut, MEMBER_policy_id));
	assert_true(recordline_is(recordline_value(&cut, MEMBER_resource_id), STR("/a\"b\\c\n")));
	assert_ptr_equal(
	    recordline_named(&cut, STR("network_egress"))->p, member(MEMBER_payload).p);
	assert_true(recordline_int(recordline_value(&cut, MEMBER_seq), &n) && n == 42);
	assert_false(recordline_int(recordline_value(&cut, MEMBER_action), &n));

	w = recordline_walk(recordline_value(&cut, MEMBER_deny_reason));
	assert_true(recordline_next(&w, &key, &v));
	assert_true(str_eq(recordline_string(&v, buf, sizeof(buf)), STR("one, \"quoted\"")));
	assert_true(recordline_next(&w, &key, &v) && recordline_is(&v, STR("two]")));
	assert_false(recordline_next(&w, &key, &v));
	w = recordline_walk(recordline_value(&cut, MEMBER_peer));
	assert_true(recordline_next(&w, &key, &v) && recordline_is(&key, STR("uid")));
	assert_true(recordline_int(&v, &n) && n == 1);
}

/* What stands on a line goes through the writer and back. */
static void
test_any_bytes(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	char junk[600], ours[LIMIT_LINE], said[4 * sizeof(junk)];

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int round = 0; round < 3000; round++) {
		size_t n = (size_t)random() % sizeof(junk);
		struct record r = {.category = RECORD_EVALUATION,
		    .action_type = ACTION_UNKNOWN_ACTION,
		    .resource_id = {junk, n}};
		struct text t = text_over(said, sizeof(said));
		struct str got;

		for (size_t i = 0; i < n; i++)
			junk[i] = (char)(random() % 3 ? 32 + random() % 90 : random() % 256);
		assert_int_equal(recordline_cut(&cut, formatted(&r), &fault), 0);
		got = recordline_string(
		    recordline_value(&cut, MEMBER_resource_id), ours, sizeof(ours));
		text_json(&t, got);
		assert_true(str_ends(text_str(&t), STR("\"")));
		/* The same once more: what was no UTF-8 has been replaced. */
		assert_memory_equal(said + 1, member(MEMBER_resource_id).p, t.n - 2);
		assert_int_equal(t.n - 2, member(MEMBER_resource_id).n);
	}
}

static void
test_any_order(void **state)
{
	(void)state;
	assert_int_equal(recordline_cut(&cut,
			     STR("{\"x\":[],\"seq\":1,\"policy\":{\"a\":[{},[1,{\"b\":-0.5e+3}]]},"
				 "\"action_type\":\"policy\",\"decision\":null}"),
			     &fault),
	    0);
	ASSERT_MEMBER(MEMBER_seq, "1");
	ASSERT_MEMBER(MEMBER_payload, "{\"a\":[{},[1,{\"b\":-0.5e+3}]]}");
	assert_non_null(recordline_named(&cut, STR("x")));
	assert_null(recordline_named(&cut, STR("y")));
	assert_int_equal(recordline_cut(&cut, STR("{}\n"), &fault), 0);
	assert_true(cut.have == 0 && cut.n_others == 0);
}

static void
test_what_is_none(void **state)
{
	const struct {
		struct str line;
		size_t at;
	} cases[] = {
	    {STR(""), 0},
	    {STR("\n"), 0},
	    {STR("{"), 1},
	    {STR("{}{}"), 2},
	    {STR("[]"), 0},
	    {STR("{\"seq\" :1}"), 6},
	    {STR("{\"seq\": 1}"), 7},
	    {STR("{ \"seq\":1}"), 1},
	    {STR("{\"seq\":1,}"), 9},
	    {STR("{\"seq\":1}}"), 9},
	    {STR("{\"seq\":01}"), 7},
	    {STR("{\"seq\":-}"), 7},
	    {STR("{\"seq\":1.}"), 7},
	    {STR("{\"seq\":1e}"), 7},
	    {STR("{\"seq\":+1}"), 7},
	    {STR("{\"seq\":nul}"), 7},
	    {STR("{\"seq\":1,\"seq\":1}"), 9},
	    {STR("{\"a\":1,\"a\":1}"), 8},
	    {STR("{\"\\u0061\":1}"), 2},
	    {STR("{\"a\":\"\x01\"}"), 6},
	    {STR("{\"a\":\"\xff\"}"), 6},
	    {STR("{\"a\":\"\xc0\x80\"}"), 6},
	    {STR("{\"a\":\"\\x\"}"), 6},
	    {STR("{\"a\":\"\\u12\"}"), 6},
	    {STR("{\"a\":\"\\u0000\"}"), 6},
	    {STR("{\"a\":\"\\ud800\"}"), 6},
	    {STR("{\"a\":\"\\udc00\\ud800\"}"), 6},
	    {STR("{\"a\":\"\\"), 6},
	    {STR("{\"a\":\"x\n"), 7},
	    {STR("{\"a\":[}"), 6},
	    {STR("{\"a\":[1}"), 7},
	    {STR("{\"a\":{\"b\"}}"), 9},
	    {STR("{\"a\":{1:2}}"), 6},
	    {STR("{\"a\":[1,]}"), 8},
	    {STR("{\"a\":[1 ]}"), 7},
	    {STR("{\"a\":{\"b\":1]}"), 11},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%.*s\n", STR_ARG(cases[i].line));
		fault.why = NULL;
		assert_int_equal(recordline_cut(&cut, cases[i].line, &fault), -EINVAL);
		assert_non_null(fault.why);
		assert_int_equal(fault.at, cases[i].at);
	}
}

/* n times this, between these. */
static struct str
repeated(const char *head, const char *one, size_t n, const char *tail)
{
	struct text t = text_over(line_buf, sizeof(line_buf));

	text_put(&t, str_from(head));
	for (size_t i = 0; i < n; i++)
		text_put(&t, str_from(one));
	text_put(&t, str_from(tail));
	assert_true(text_ok(&t));
	return text_str(&t);
}

static void
test_limits(void **state)
{
	static char long_line[LIMIT_LINE + 1];
	struct text t;

	(void)state;
	assert_int_equal(
	    recordline_cut(&cut, repeated("{\"a\":", "[", RECORDLINE_DEPTH, ""), &fault), -EINVAL);
	assert_string_equal(fault.why, "not a JSON value in the writer's form");
	assert_int_equal(
	    recordline_cut(&cut, repeated("{\"a\":", "[", RECORDLINE_DEPTH + 1, ""), &fault),
	    -EINVAL);
	assert_string_equal(fault.why, "nested too deeply");

	t = text_over(line_buf, sizeof(line_buf));
	for (int i = 0; i <= RECORDLINE_OTHERS; i++) {
		text_put(&t, i == 0 ? STR("{\"k") : STR(",\"k"));
		text_i64(&t, i);
		text_put(&t, STR("\":1"));
	}
	text_char(&t, '}');
	assert_int_equal(recordline_cut(&cut, text_str(&t), &fault), -EINVAL);
	assert_string_equal(fault.why, "too many members");

	/* With its newline as long as a line may be, and one byte longer. */
	for (size_t n = LIMIT_LINE; n <= LIMIT_LINE + 1; n++) {
		t = text_over(long_line, sizeof(long_line));
		text_put(&t, STR("{\"a\":\""));
		while (t.n < n - 3)
			text_char(&t, 'x');
		text_put(&t, STR("\"}\n"));
		assert_int_equal(
		    recordline_cut(&cut, text_str(&t), &fault), n == LIMIT_LINE ? 0 : -EINVAL);
	}
	assert_string_equal(fault.why, "longer than a record can be");
}

static void
test_strings(void **state)
{
	const struct recordline_value *v;
	char buf[32];
	struct str s;

	(void)state;
	assert_int_equal(
	    recordline_cut(&cut,
		STR("{\"actor\":\"\\u00e9\\ud83d\\ude00\\/\\t\",\"seq\":9007199254740992}"),
		&fault),
	    0);
	v = recordline_value(&cut, MEMBER_actor);
	s = recordline_string(v, buf, sizeof(buf));
	assert_true(str_eq(s, STR("\xc3\xa9\xf0\x9f\x98\x80/\t")));
	assert_true(recordline_is(v, s));
	assert_false(recordline_is(v, STR("\xc3\xa9")));
	assert_false(str_given(recordline_string(v, buf, 5)));
	assert_false(str_given(recordline_string(NULL, buf, sizeof(buf))));
	assert_false(recordline_int(recordline_value(&cut, MEMBER_seq), &(int64_t){0}));
}

static void
test_names(void **state)
{
	(void)state;
	assert_int_equal(recordline_find(STR("resource_id")), MEMBER_resource_id);
	assert_int_equal(recordline_find(STR("")), MEMBER_COUNT);
	assert_int_equal(recordline_find(STR("resource")), MEMBER_COUNT);
	assert_string_equal(recordline_name(MEMBER_prev_hash), "prev_hash");
	assert_null(recordline_name(MEMBER_payload));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_denial),
	    cmocka_unit_test(test_any_bytes),
	    cmocka_unit_test(test_any_order),
	    cmocka_unit_test(test_what_is_none),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
