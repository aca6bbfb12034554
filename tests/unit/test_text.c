/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "common/ascii.h"
#include "common/jscan.h"
#include "common/text.h"

static void
assert_text(const struct text *t, struct str want)
{
	assert_true(text_ok(t));
	assert_int_equal(t->n, want.n);
	assert_memory_equal(t->p, want.p, want.n);
}

static void
test_numbers(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x0f, 0xf0, 0xff, 0x5a};
	char buf[128];
	struct text t = text_over(buf, sizeof(buf));

	(void)state;
	text_u64(&t, 0);
	text_char(&t, ' ');
	text_u64(&t, UINT64_MAX);
	text_char(&t, ' ');
	text_i64(&t, INT64_MIN);
	text_char(&t, ' ');
	text_i64(&t, INT64_MAX);
	text_char(&t, ' ');
	text_i64(&t, -1);
	text_char(&t, ' ');
	text_hex(&t, bytes, sizeof(bytes));
	assert_text(&t, STR("0 18446744073709551615 -9223372036854775808 9223372036854775807 -1 "
			    "000ff0ff5a"));
}

static void
test_full_stays_full(void **state)
{
	char buf[8] = "........";
	struct text t = text_over(buf, 4);

	(void)state;
	text_put(&t, STR("abc"));
	assert_true(text_ok(&t));
	text_put(&t, STR("de"));
	assert_false(text_ok(&t));
	/* One byte would still fit, but the text would have a hole. */
	text_char(&t, 'f');
	text_put(&t, STR("g"));
	text_put(&t, STR_NONE);
	assert_false(text_ok(&t));
	assert_true(str_eq(text_str(&t), STR("abc")));
	assert_memory_equal(buf, "abc.....", 8);
}

static void
test_exact_fit(void **state)
{
	char buf[4];
	struct text t = text_over(buf, sizeof(buf));

	(void)state;
	text_put(&t, STR("abcd"));
	text_put(&t, STR(""));
	text_put(&t, STR_NONE);
	assert_text(&t, STR("abcd"));
	text_char(&t, 'e');
	assert_false(text_ok(&t));
}

struct text_case {
	struct str in, out;
};

static void
test_json_cases(void **state)
{
	const struct text_case cases[] = {
	    {STR(""), STR("\"\"")},
	    {STR("plain text, longer than eight bytes"),
		STR("\"plain text, longer than eight bytes\"")},
	    {STR("\"\\/"), STR("\"\\\"\\\\/\"")},
	    {STR("\b\f\n\r\t"), STR("\"\\b\\f\\n\\r\\t\"")},
	    {STR("\0\x01\x1f\x7f"), STR("\"\xef\xbf\xbd\\u0001\\u001f\\u007f\"")},
	    {STR("a\nb\"c\",\"decision\":\"allow"),
		STR("\"a\\nb\\\"c\\\",\\\"decision\\\":\\\"allow\"")},
	    {STR("\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80"),
		STR("\"\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80\"")},
	    {STR("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"), STR("\"\\u2028\\u2029\xe2\x80\xaa\"")},
	    {STR("\xff"
		 "a\xc0\xaf"),
		STR("\"\xef\xbf\xbd"
		    "a\xef\xbf\xbd\xef\xbf\xbd\"")},
	    /* a surrogate, a form too long, one beyond U+10FFFF, one cut short */
	    {STR("\xed\xa0\x80"), STR("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"")},
	    {STR("\xe0\x80\x80"), STR("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"")},
	    {STR("\xf4\x90\x80\x80"), STR("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"")},
	    {STR("\xe4\xb8"), STR("\"\xef\xbf\xbd\xef\xbf\xbd\"")},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char buf[128];
		struct text t = text_over(buf, sizeof(buf));

		text_json(&t, cases[i].in);
		assert_text(&t, cases[i].out);
	}
}

static void
test_json_expands_sixfold_at_most(void **state)
{
	char in[64], out[64 * 6 + 2];

	(void)state;
	for (int c = 0; c < 256; c++) {
		struct text t = text_over(out, sizeof(out));

		memset(in, c, sizeof(in));
		text_json(&t, (struct str){in, sizeof(in)});
		assert_true(text_ok(&t));
		assert_null(memchr(t.p, '\n', t.n));
	}
}

/* What text_json() should make of s when it is read back: every stray byte and NUL is U+FFFD. */
static void
replace_invalid(struct text *t, struct str s)
{
	while (s.n > 0) {
		size_t n = utf8_length(s.p, s.n);
		bool good = n > 0 && s.p[0] != '\0';

		text_put(t, good ? (struct str){s.p, n} : STR("\xef\xbf\xbd"));
		s = str_skip(s, n ? n : 1);
	}
}

/* Bytes from a set in which what matters is frequent. */
static struct str
random_bytes(char *buf, size_t cap)
{
	static const char hot[] = "\"\\\n\r\t\b\f\x01\x1f\x7f\x80\xa8\xbf\xc2\xe2\xed\xf0\xf4\xff";
	size_t n = (size_t)random() % cap;

	for (size_t i = 0; i < n; i++) {
		long r = random();

		buf[i] = (char)('a' + r % 26);
		if (r % 3 == 0)
			buf[i] = hot[(size_t)(r >> 8) % (sizeof(hot) - 1)];
		if (r % 11 == 0)
			buf[i] = (char)(r >> 12);
	}
	return (struct str){buf, n};
}

static void
test_json_reads_back(void **state)
{
	const struct jscan_rules rules = {.max_depth = 1, .max_members = 1, .max_tokens = 1};
	char in[100], out[700], back[700], want[400];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct str s = random_bytes(in, sizeof(in));
		struct text t = text_over(out, sizeof(out)), w = text_over(want, sizeof(want));
		struct jscan_token token;
		struct jscan_tape tape = {.tokens = &token, .cap = 1};
		struct jscan_fault fault;
		struct str read;

		text_json(&t, s);
		replace_invalid(&w, s);
		assert_int_equal(jscan(text_str(&t), &rules, &tape, &fault), 0);
		assert_int_equal(jscan_string(&tape, 0, back, sizeof(back), &read), 0);
		assert_true(str_eq(read, text_str(&w)));
	}
}

/* Whatever the room: never a byte beyond it. */
static void
test_never_overruns(void **state)
{
	char in[60], out[400];

	(void)state;
	for (int round = 0; round < 5000; round++) {
		struct str s = random_bytes(in, sizeof(in));
		size_t room = (size_t)random() % 200;
		struct text t = text_over(out, room);

		memset(out, '#', sizeof(out));
		if (round & 1)
			text_json(&t, s);
		else
			text_safe(&t, s);
		assert_true(t.n <= room);
		for (size_t i = room; i < sizeof(out); i++)
			assert_int_equal(out[i], '#');
	}
}

static void
test_safe(void **state)
{
	const struct text_case cases[] = {
	    {STR("plain \\ \"quoted\" \xc3\xa4"), STR("plain \\ \"quoted\" \xc3\xa4")},
	    {STR("\x1b[31m\n\r\t\0"), STR("\\x1b[31m\\x0a\\x0d\\x09\\x00")},
	    {STR("\x7f"), STR("\\x7f")},
	    {STR("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0"),
		STR("\\xc2\\x80\\xc2\\x9b\\xc2\\x9f\xc2\xa0")},
	    /* RIGHT-TO-LEFT OVERRIDE, FIRST STRONG ISOLATE, ARABIC LETTER MARK */
	    {STR("a\xe2\x80\xae"
		 "b"),
		STR("a\\xe2\\x80\\xaeb")},
	    {STR("\xe2\x81\xa8"), STR("\\xe2\\x81\\xa8")},
	    {STR("\xd8\x9c"), STR("\\xd8\\x9c")},
	    {STR("\xe2\x80\xa8"), STR("\\xe2\\x80\\xa8")},
	    {STR("\xff\xc3"), STR("\\xff\\xc3")},
	    {STR("\xf0\x9f\x98\x80"), STR("\xf0\x9f\x98\x80")},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char buf[128];
		struct text t = text_over(buf, sizeof(buf));

		text_safe(&t, cases[i].in);
		assert_text(&t, cases[i].out);
	}
}

static void
test_safe_keeps_what_fits(void **state)
{
	char buf[5];
	struct text t = text_over(buf, sizeof(buf));

	(void)state;
	text_safe(&t, STR("abc\nd"));
	assert_false(text_ok(&t));
	assert_true(str_eq(text_str(&t), STR("abc")));
}

/* --- UTF-8 ----------------------------------------------------------------------------------- */

static size_t
encode(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

static void
test_utf8_every_code_point(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < 0x110100; code++) {
		char s[4];
		size_t n = encode(code, s);
		bool good = code < 0x110000 && (code < 0xd800 || code > 0xdfff);

		if (utf8_length(s, n) != (good ? n : 0))
			fail_msg("U+%04X", code);
		if (n > 1 && utf8_length(s, n - 1) != 0)
			fail_msg("U+%04X cut short", code);
	}
}

/*
 * Every code point is taken (above), so that counting all sequences that are taken shows that
 * nothing else is: no second way to write any of them.
 */
static void
test_utf8_nothing_else(void **state)
{
	static const unsigned char ends[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
	size_t two = 0, three = 0, four = 0;

	(void)state;
	for (uint32_t v = 0; v < 0x10000; v++) {
		char s[4] = {(char)(v >> 8), (char)v, 0, 0};

		two += utf8_length(s, 2) == 2;
		for (uint32_t third = 0; third < 256; third++) {
			s[2] = (char)third;
			three += utf8_length(s, 3) == 3;
		}
		for (size_t i = 0; i < 36; i++) {
			s[2] = (char)ends[i / 6];
			s[3] = (char)ends[i % 6];
			four += utf8_length(s, 4) == 4;
		}
	}
	assert_int_equal(two, 0x800 - 0x80);
	assert_int_equal(three, 0x10000 - 0x800 - 0x800);
	/* Two first bytes stand for 64 * 64 code points; of `ends` 2 * 2 may follow them. */
	assert_int_equal(four, 4 * (0x100000 >> 12));
}

static void
test_utf8_valid(void **state)
{
	(void)state;
	assert_true(utf8_valid(STR_NONE));
	assert_true(
	    utf8_valid(STR("long enough to be taken eight bytes at a time: \xc3\xa4 \x01\"")));
	assert_false(utf8_valid(STR("long enough to be taken eight bytes at a time: \xc3")));
	assert_false(utf8_valid(STR("\x80")));
	assert_int_equal(utf8_length("", 0), 0);
}

/* Every byte, at every place among plain ones and beside every neighbour that could hide it. */
static void
test_ascii_every_byte(void **state)
{
	static const char neighbours[] = {0x00, 0x1f, 0x20, '"', '\\', 'a', 0x7f, '\x80', '\xff'};
	char buf[16];

	(void)state;
	for (int c = 0; c < 256; c++) {
		for (size_t at = 0; at < 15; at++) {
			for (size_t i = 0; i < ARRAY_SIZE(neighbours); i++) {
				size_t next = ascii_is_plain(neighbours[i]) ? 16 : at + 1;

				memset(buf, 'x', sizeof(buf));
				buf[at] = (char)c;
				buf[at + 1] = neighbours[i];
				assert_int_equal(
				    ascii_plain(buf, 16), ascii_is_plain((char)c) ? next : at);
			}
		}
	}
}

/* Eight at a time gives what one at a time gives, wherever the odd bytes are. */
static void
test_ascii_plain(void **state)
{
	char buf[40];

	(void)state;
	for (int round = 0; round < 200000; round++) {
		size_t n = (size_t)random() % sizeof(buf), slow = 0;

		for (size_t i = 0; i < n; i++)
			buf[i] = (char)(random() % 16 ? '!' + random() % 90 : random());
		while (slow < n && ascii_is_plain(buf[slow]))
			slow++;
		assert_int_equal(ascii_plain(buf, n), slow);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_full_stays_full),
	    cmocka_unit_test(test_exact_fit),
	    cmocka_unit_test(test_json_cases),
	    cmocka_unit_test(test_json_expands_sixfold_at_most),
	    cmocka_unit_test(test_json_reads_back),
	    cmocka_unit_test(test_never_overruns),
	    cmocka_unit_test(test_safe),
	    cmocka_unit_test(test_safe_keeps_what_fits),
	    cmocka_unit_test(test_utf8_every_code_point),
	    cmocka_unit_test(test_utf8_nothing_else),
	    cmocka_unit_test(test_utf8_valid),
	    cmocka_unit_test(test_ascii_every_byte),
	    cmocka_unit_test(test_ascii_plain),
	};
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	printf("# SEED=%u\n", seed);
	srandom(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
