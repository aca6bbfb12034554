/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/jscan.h"
#include "common/text.h"

#define TOKENS 4096

static const struct jscan_rules plain = {.max_depth = 16, .max_members = 64, .max_tokens = TOKENS};
static const struct jscan_rules commented = {
    .comments = true,
    .max_depth = 16,
    .max_members = 64,
    .max_tokens = TOKENS,
};

static struct jscan_token tokens[TOKENS];

struct jscan_case {
	const char *text;
	size_t n;
	bool comments;
	bool accept;
	size_t at;
	const char *what;
};

static const struct jscan_case cases[] = {
#define ACCEPT(text) {text, sizeof(text) - 1, false, true, 0, ""},
#define REJECT(text, at, what) {text, sizeof(text) - 1, false, false, at, what},
#define ACCEPT_COMMENT(text) {text, sizeof(text) - 1, true, true, 0, ""},
#define REJECT_COMMENT(text, at, what) {text, sizeof(text) - 1, true, false, at, what},
#include "tests/unit/jscan_cases.def"
};

/* A copy that ends where the text ends, so that a sanitizer sees any look beyond it. */
static char *
exact_copy(struct str s)
{
	char *copy = malloc(s.n ? s.n : 1);

	assert_non_null(copy);
	if (s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}

static int
scan(struct str text, const struct jscan_rules *rules, struct jscan_tape *ret_tape,
    struct jscan_fault *ret_fault)
{
	*ret_tape = (struct jscan_tape){.tokens = tokens, .cap = ARRAY_SIZE(tokens)};
	return jscan(text, rules, ret_tape, ret_fault);
}

static int
scan_case(const struct jscan_case *c, struct str text, struct jscan_tape *ret_tape,
    struct jscan_fault *ret_fault)
{
	return scan(text, c->comments ? &commented : &plain, ret_tape, ret_fault);
}

static void
assert_scan(struct str text, const struct jscan_rules *rules, struct jscan_tape *ret_tape)
{
	struct jscan_fault fault;

	if (scan(text, rules, ret_tape, &fault) != 0)
		fail_msg("%.*s: %s at %zu", STR_ARG(text), fault.what, fault.at);
}

static void
assert_place(struct str text, const struct jscan_fault *fault)
{
	uint32_t line = 1, column = 1;

	for (size_t i = 0; i < fault->at; i++) {
		column = text.p[i] == '\n' ? 1 : column + 1;
		line += text.p[i] == '\n';
	}
	assert_int_equal(fault->line, line);
	assert_int_equal(fault->column, column);
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct jscan_case *c = &cases[i];
		struct jscan_fault fault = {.what = "untouched"};
		CLEANUP_FREE char *copy = exact_copy((struct str){c->text, c->n});
		struct str text = {copy, c->n};
		struct jscan_tape tape;
		int error = scan_case(c, text, &tape, &fault);

		if (c->accept) {
			if (error != 0 || strcmp(fault.what, "untouched") != 0)
				fail_msg("refused: %s: %s at %zu", c->text, fault.what, fault.at);
			continue;
		}
		if (error != -EINVAL && error != -E2BIG)
			fail_msg("taken: %s", c->text);
		if (fault.at != c->at || !str_starts(str_from(fault.what), str_from(c->what)))
			fail_msg("%s: %s at %zu", c->text, fault.what, fault.at);
		if ((error == -E2BIG) != (strstr(c->what, "deeper") != NULL))
			fail_msg("%s: error %d", c->text, error);
		assert_place(text, &fault);
	}
}

/* A comment that goes on to the end, a number that its lost exponent would have made small. */
static bool
faults_at_its_start(const char *what)
{
	return !strncmp(what, "comment without", 15) || !strncmp(what, "number too large", 16);
}

/* What is cut off is refused where it ends, or at the start of the escape or character cut. */
static void
test_cut_short(void **state)
{
	size_t refused = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t n = 0; cases[i].accept && n < cases[i].n; n++) {
			CLEANUP_FREE char *copy = exact_copy((struct str){cases[i].text, n});
			struct str text = {copy, n};
			struct jscan_fault fault;
			struct jscan_tape tape;

			if (scan_case(&cases[i], text, &tape, &fault) == 0)
				continue;
			refused++;
			assert_true(fault.at <= n);
			if (faults_at_its_start(fault.what))
				continue;
			if (fault.at + 12 <= n)
				fail_msg("%.*s: %s at %zu", STR_ARG(text), fault.what, fault.at);
		}
	}
	assert_true(refused > 1000);
}

/* Up to where the fault is, the text could have gone on to be good. */
static void
test_fault_is_the_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str before = {cases[i].text, cases[i].at};
		struct jscan_fault fault;
		struct jscan_tape tape;

		if (cases[i].accept || scan_case(&cases[i], before, &tape, &fault) == 0)
			continue;
		if (fault.at != before.n && !faults_at_its_start(fault.what))
			fail_msg("%s: %s at %zu", cases[i].text, fault.what, fault.at);
	}
}

/* --- the tape -------------------------------------------------------------------------------- */

/* Checks the value at i and all it holds; returns the token after it. */
static uint32_t
check_value(const struct jscan_tape *tape, uint32_t i)
{
	static const char first[] = {'n', 'f', 't', 0, '"', '[', '{'};
	const struct jscan_token *token = &tape->tokens[i];
	struct str raw = jscan_raw(tape, i);
	bool object = token->type == JSCAN_OBJECT;
	uint32_t at = i + 1, inside = token->count;

	assert_true(i < tape->n);
	assert_true(raw.p >= tape->text.p && raw.p + raw.n <= tape->text.p + tape->text.n);
	if (token->type == JSCAN_NUMBER)
		assert_true(raw.p[0] == '-' || (raw.p[0] >= '0' && raw.p[0] <= '9'));
	else
		assert_int_equal(raw.p[0], first[token->type]);
	if (object || token->type == JSCAN_ARRAY)
		assert_int_equal(raw.p[raw.n - 1], object ? '}' : ']');
	else
		assert_int_equal(inside, 0);
	for (uint32_t k = 0; k < inside; k++) {
		assert_int_equal(tape->tokens[at].key, object);
		if (object) {
			assert_int_equal(tape->tokens[at].type, JSCAN_STRING);
			at = check_value(tape, at);
			assert_false(tape->tokens[at].key);
		}
		at = check_value(tape, at);
	}
	assert_int_equal(token->next, at);
	return at;
}

static void
test_tape(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct jscan_fault fault;
		struct jscan_tape tape;

		if (!cases[i].accept)
			continue;
		assert_int_equal(
		    scan_case(&cases[i], (struct str){cases[i].text, cases[i].n}, &tape, &fault),
		    0);
		assert_int_equal(check_value(&tape, 0), tape.n);
	}
}

static void
test_accessors(void **state)
{
	static const char doc[] =
	    " {\"op\":\"emit\", \"n\":-12, \"f\":1.0, \"z\":-0, \"l\":[1,\"x\",{}],"
	    " \"e\\u00e4\\n\":\"q\\ud83d\\ude00\\\"\", \"o\":{\"op\":null}, "
	    "\"big\":9007199254740991,"
	    " \"exp\":1e2, \"t\":true} ";
	struct jscan_tape tape;
	uint32_t i;

	(void)state;
	assert_scan(STR(doc), &plain, &tape);
	assert_int_equal(tape.tokens[0].count, 10);
	i = jscan_member(&tape, 0, STR("op"));
	assert_true(jscan_string_is(&tape, i, STR("emit")));
	assert_false(jscan_string_is(&tape, i, STR("emi")));
	assert_false(jscan_string_is(&tape, i, STR("emit ")));
	assert_true(str_eq(jscan_raw(&tape, i), STR("\"emit\"")));
	i = jscan_member(&tape, 0, STR("o"));
	assert_true(str_eq(jscan_raw(&tape, i), STR("{\"op\":null}")));
	assert_int_equal(tape.tokens[jscan_member(&tape, i, STR("op"))].type, JSCAN_NULL);
	assert_int_equal(jscan_member(&tape, i, STR("n")), 0);
	assert_int_equal(jscan_member(&tape, 0, STR("absent")), 0);
	assert_int_equal(jscan_member(&tape, 0, STR("")), 0);
	assert_int_equal(jscan_member(&tape, jscan_member(&tape, 0, STR("l")), STR("x")), 0);
	assert_int_equal(tape.tokens[jscan_member(&tape, 0, STR("l"))].count, 3);
	/* a key found by what its escapes mean */
	i = jscan_member(&tape, 0, STR("e\xc3\xa4\n"));
	assert_true(i > 0);
	assert_true(jscan_string_is(&tape, i, STR("q\xf0\x9f\x98\x80\"")));
	assert_false(jscan_string_is(&tape, i, STR("q\xf0\x9f\x98\x80")));
	assert_false(jscan_string_is(&tape, i, STR("q\xf0\x9f\x98\x80\"\"")));
}

static int64_t
member_int(const struct jscan_tape *tape, const char *key, int want)
{
	int64_t v = -77;

	assert_int_equal(jscan_int(tape, jscan_member(tape, 0, str_from(key)), &v), want);
	return v;
}

static void
test_int(void **state)
{
	struct jscan_tape tape;

	(void)state;
	assert_scan(STR("{\"a\":-12,\"b\":1.0,\"c\":-0,\"d\":9007199254740991,\"e\":1e2,\"f\":true,"
			"\"g\":\"1\",\"h\":-9007199254740991,\"i\":0}"),
	    &plain, &tape);
	assert_int_equal(member_int(&tape, "a", 0), -12);
	assert_int_equal(member_int(&tape, "b", -ERANGE), -77);
	assert_int_equal(member_int(&tape, "c", 0), 0);
	assert_int_equal(member_int(&tape, "d", 0), INT64_C(9007199254740991));
	assert_int_equal(member_int(&tape, "e", -ERANGE), -77);
	assert_int_equal(member_int(&tape, "f", -EINVAL), -77);
	assert_int_equal(member_int(&tape, "g", -EINVAL), -77);
	assert_int_equal(member_int(&tape, "h", 0), INT64_C(-9007199254740991));
	assert_int_equal(member_int(&tape, "i", 0), 0);
	assert_int_equal(member_int(&tape, "absent", -EINVAL), -77);
}

static void
test_string(void **state)
{
	struct jscan_tape tape;
	struct str s = STR_NONE;
	char buf[8];

	(void)state;
	assert_scan(
	    STR("[\"plain\",\"\",\"\\u00e9\\n\\/\",1,\"\\u4e2d\\ud83d\\ude00\"]"), &plain, &tape);
	/* without escapes: a slice, no room needed */
	assert_int_equal(jscan_string(&tape, 1, NULL, 0, &s), 0);
	assert_true(str_eq(s, STR("plain")));
	assert_int_equal(jscan_string(&tape, 2, NULL, 0, &s), 0);
	assert_int_equal(s.n, 0);
	assert_true(str_given(s));
	/* with: exactly as much as it takes, and not a byte less */
	assert_int_equal(jscan_string(&tape, 3, buf, 4, &s), 0);
	assert_true(str_eq(s, STR("\xc3\xa9\n/")));
	assert_int_equal(jscan_string(&tape, 3, buf, 3, &s), -ENOBUFS);
	assert_int_equal(jscan_string(&tape, 4, buf, sizeof(buf), &s), -EINVAL);
	assert_int_equal(jscan_string(&tape, 0, buf, sizeof(buf), &s), -EINVAL);
	assert_int_equal(jscan_string(&tape, 5, buf, sizeof(buf), &s), 0);
	assert_true(str_eq(s, STR("\xe4\xb8\xad\xf0\x9f\x98\x80")));
}

/* Every code point, escaped and decoded. */
static void
test_every_escape(void **state)
{
	(void)state;
	for (uint32_t code = 1; code < 0x110000; code += code < 0x11000 ? 1 : 13) {
		char text[16], buf[4];
		struct jscan_fault fault;
		struct jscan_tape tape;
		struct str s;
		int n;

		if (code < 0x10000)
			n = snprintf(text, sizeof(text), "\"\\u%04x\"", code);
		else
			n = snprintf(text, sizeof(text), "\"\\u%04X\\u%04X\"",
			    0xd800 + ((code - 0x10000) >> 10), 0xdc00 + (code & 0x3ff));
		if (code >= 0xd800 && code <= 0xdfff) {
			assert_int_equal(
			    scan((struct str){text, (size_t)n}, &plain, &tape, &fault), -EINVAL);
			continue;
		}
		assert_scan((struct str){text, (size_t)n}, &plain, &tape);
		assert_int_equal(jscan_string(&tape, 0, buf, sizeof(buf), &s), 0);
		assert_int_equal(utf8_length(s.p, s.n), s.n);
		assert_int_equal(s.n, code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);
		n = s.n == 1 ? s.p[0] : s.p[s.n - 1] & 0x3f;
		assert_int_equal(n, s.n == 1 ? code : code & 0x3f);
	}
}

static void
test_type_names(void **state)
{
	(void)state;
	assert_string_equal(jscan_type_name(JSCAN_NULL), "null");
	assert_string_equal(jscan_type_name(JSCAN_FALSE), "false");
	assert_string_equal(jscan_type_name(JSCAN_TRUE), "true");
	assert_string_equal(jscan_type_name(JSCAN_NUMBER), "number");
	assert_string_equal(jscan_type_name(JSCAN_STRING), "string");
	assert_string_equal(jscan_type_name(JSCAN_ARRAY), "array");
	assert_string_equal(jscan_type_name(JSCAN_OBJECT), "object");
}

static void
test_place(void **state)
{
	static const struct {
		size_t at;
		uint32_t line, column;
	} places[] = {{0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {4, 3, 1}, {6, 3, 3}, {7, 3, 4}, {99, 3, 4}};
	uint32_t line, column;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		jscan_place(STR("ab\n\n\xc3\xa4\r"), places[i].at, &line, &column);
		assert_int_equal(line, places[i].line);
		assert_int_equal(column, places[i].column);
	}
	jscan_place(STR_NONE, 0, &line, &column);
	assert_int_equal(line, 1);
	assert_int_equal(column, 1);
}

/* --- limits ---------------------------------------------------------------------------------- */

static void
assert_fault(
    struct str text, const struct jscan_rules *rules, int want, size_t at, const char *what)
{
	struct jscan_fault fault;
	struct jscan_tape tape;

	assert_int_equal(scan(text, rules, &tape, &fault), want);
	assert_string_equal(fault.what, what);
	assert_int_equal(fault.at, at);
	assert_place(text, &fault);
}

static void
test_depth(void **state)
{
	char text[200], what[40];
	struct jscan_rules rules = plain;
	struct jscan_tape tape;

	(void)state;
	for (rules.max_depth = 0; rules.max_depth < 70; rules.max_depth++) {
		/* 64 is as deep as it goes, whatever the rules say. */
		uint32_t depth = rules.max_depth < 64 ? rules.max_depth : 64;

		memset(text, '[', depth + 1);
		memset(text + depth + 1, ']', depth + 1);
		(void)snprintf(what, sizeof(what), "nested deeper than %u", depth);
		assert_fault((struct str){text, 2 * depth + 2}, &rules, -E2BIG, depth, what);
		text[depth] = '0';
		assert_scan((struct str){text, 2 * depth + 1}, &rules, &tape);
	}
	/* Side by side is not deep. */
	rules.max_depth = 3;
	assert_scan(STR("[[],[[]],{},[{}],{},[],[[]]]"), &rules, &tape);
}

static void
test_members(void **state)
{
	const struct jscan_rules rules = {.max_depth = 4, .max_members = 2, .max_tokens = 100};
	const struct jscan_rules none = {.max_depth = 3, .max_members = 0, .max_tokens = 100};
	struct jscan_tape tape;

	(void)state;
	assert_scan(
	    STR("[{\"a\":1,\"b\":2},{\"a\":1,\"b\":{\"a\":1,\"b\":[1,2,3,4]}}]"), &rules, &tape);
	assert_fault(STR("{\"a\":1,\n\"b\":2,\"c\":3}"), &rules, -E2BIG, 14,
	    "more than 2 members in an object");
	assert_fault(STR("{\"a\":1,\"a\":2,\"c\":3}"), &rules, -EINVAL, 7, "duplicate key \"a\"");
	assert_scan(STR("{}"), &none, &tape);
	assert_fault(STR("{\"a\":1}"), &none, -E2BIG, 1, "more than 0 members in an object");
}

static void
test_tokens(void **state)
{
	const struct jscan_rules rules = {.max_depth = 3, .max_members = 9, .max_tokens = 5};
	const struct jscan_rules none = {.max_depth = 3, .max_members = 9, .max_tokens = 0};
	struct jscan_token few[3];
	struct jscan_tape tape;
	struct jscan_fault fault;

	(void)state;
	assert_scan(STR("{\"a\":1,\"b\":2}"), &rules, &tape);
	assert_int_equal(tape.n, 5);
	assert_fault(STR("{\"a\":1,\"b\":[0]}"), &rules, -E2BIG, 12, "more than 5 values and keys");
	assert_fault(STR("[1,2,3,4,5]"), &rules, -E2BIG, 9, "more than 5 values and keys");
	assert_fault(STR("1"), &none, -E2BIG, 0, "more than 0 values and keys");
	/* The room there is counts as a limit too. */
	tape = (struct jscan_tape){.tokens = few, .cap = ARRAY_SIZE(few)};
	assert_int_equal(jscan(STR("[1,2]"), &rules, &tape, &fault), 0);
	assert_int_equal(jscan(STR("[1,2,3]"), &rules, &tape, &fault), -E2BIG);
	assert_string_equal(fault.what, "more than 3 values and keys");
	assert_int_equal(fault.at, 5);
	assert_ptr_equal(tape.tokens, few);
}

static void
test_growing_tape(void **state)
{
	const struct jscan_rules rules = {.max_depth = 2, .max_tokens = 5000, .grow = true};
	struct jscan_tape tape = {.tokens = NULL};
	struct jscan_fault fault;
	char text[12000];
	size_t n = 0;

	(void)state;
	text[n++] = '[';
	for (int i = 0; i < 4999; i++) {
		text[n++] = '7';
		text[n++] = ',';
	}
	text[n - 1] = ']';
	for (int round = 0; round < 2; round++) {
		assert_int_equal(jscan((struct str){text, n}, &rules, &tape, &fault), 0);
		assert_int_equal(tape.n, 5000);
		assert_int_equal(tape.tokens[0].count, 4999);
		assert_true(tape.cap <= 5000);
	}
	text[n - 1] = ',';
	text[n++] = '8';
	text[n++] = ']';
	assert_int_equal(jscan((struct str){text, n}, &rules, &tape, &fault), -E2BIG);
	assert_string_equal(fault.what, "more than 5000 values and keys");
	jscan_tape_free(&tape);
	assert_null(tape.tokens);
	jscan_tape_free(&tape);
}

/* Refused by its length alone: nothing is read. */
static void
test_too_long(void **state)
{
	struct jscan_fault fault;
	struct jscan_tape tape;

	(void)state;
	assert_int_equal(scan(STR_NONE, &plain, &tape, &fault), -EINVAL);
	assert_string_equal(fault.what, "expected a value, found the end");
	assert_fault(
	    (struct str){"", ((size_t)1 << 30) + 1}, &plain, -E2BIG, 0, "text longer than 1 GiB");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_cut_short),
	    cmocka_unit_test(test_fault_is_the_first),
	    cmocka_unit_test(test_tape),
	    cmocka_unit_test(test_accessors),
	    cmocka_unit_test(test_int),
	    cmocka_unit_test(test_string),
	    cmocka_unit_test(test_every_escape),
	    cmocka_unit_test(test_type_names),
	    cmocka_unit_test(test_place),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_tokens),
	    cmocka_unit_test(test_growing_tape),
	    cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
