/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auditlog/checkpoint.h"

#define ROOT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define HASH "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define TIME "2026-11-21T03:46:57.123456Z"
#define FIRST "build7/sealwright/0123456789abcde\n42\n" ROOT "\n"
#define TEXT FIRST "seal 41 " HASH "\nseq 42000 " TIME "\n"
#define SIGNATURE "\xe2\x80\x94 witness.example/w1 AAAAAAAAAAAAAAAA\n"

static struct checkpoint
sample(void)
{
	struct checkpoint c = {
	    .origin = STR("build7/sealwright/0123456789abcde"),
	    .seals = 42,
	    .seq = 42000,
	    .time = INT64_C(1795232817123456),
	};

	for (uint8_t i = 0; i < HASH_SIZE; i++) {
		c.root[i] = i;
		c.seal[i] = (uint8_t)(i + HASH_SIZE);
	}
	return c;
}

static void
test_text(void **state)
{
	struct checkpoint c = sample(), again;
	char buf[CHECKPOINT_TEXT];
	struct text t = text_over(buf, sizeof(buf));
	const char *why;
	size_t at;

	(void)state;
	checkpoint_format(&t, &c);
	assert_true(text_ok(&t));
	assert_int_equal(t.n, sizeof(TEXT) - 1);
	assert_memory_equal(buf, TEXT, t.n);
	assert_int_equal(checkpoint_parse(text_str(&t), &again, &why, &at), 0);
	assert_true(str_eq(again.origin, c.origin));
	assert_int_equal(again.seals, c.seals);
	assert_int_equal(again.seq, c.seq);
	assert_int_equal(again.time, c.time);
	assert_memory_equal(again.root, c.root, HASH_SIZE);
	assert_memory_equal(again.seal, c.seal, HASH_SIZE);
}

/* The longest origin and numbers there are fit. */
static void
test_longest(void **state)
{
	struct checkpoint c = sample(), again;
	char origin[SEAL_ORIGIN], buf[CHECKPOINT_TEXT];
	struct text t = text_over(buf, sizeof(buf));
	const char *why;
	size_t at;

	(void)state;
	memset(origin, 'o', sizeof(origin));
	c.origin = (struct str){origin, sizeof(origin)};
	c.seals = c.seq = (UINT64_C(1) << 53) - 1;
	checkpoint_format(&t, &c);
	assert_true(text_ok(&t));
	assert_int_equal(checkpoint_parse(text_str(&t), &again, &why, &at), 0);
	assert_int_equal(again.seals, c.seals);
}

static const struct {
	const char *text, *why;
	size_t at;
} refused[] = {
    {"", "ends before its fifth line", 0},
    {"\n42\n", "first line: not an origin", 0},
    {"a b\n42\n", "first line: not an origin", 0},
    {"a\n0\n", "second line: not a number of seals", 2},
    {"a\n-1\n", "second line: not a number of seals", 2},
    {"a\n \n", "second line: not a number of seals", 2},
    {"a\n9007199254740992\n", "second line: not a number of seals", 2},
    {"a\n99999999999999999999\n", "second line: not a number of seals", 2},
    {"a\n1\nAAEC\n", "third line: not a root in canonical base64", 4},
    {FIRST, "ends before its fifth line", sizeof(FIRST) - 1},
    {FIRST "seal 42 " HASH "\n", "fourth line: not the index and hash of the newest seal",
	sizeof(FIRST) - 1},
    {FIRST "seal 41 " HASH "0\n", "fourth line: not the index and hash of the newest seal",
	sizeof(FIRST) - 1},
    {FIRST "seal 41\n", "fourth line: not the index and hash of the newest seal",
	sizeof(FIRST) - 1},
    {FIRST "seal 41 " HASH "\nseq 42 now\n", "fifth line: not seq and time of the newest record",
	sizeof(FIRST "seal 41 " HASH "\n") - 1},
    {FIRST "seal 41 " HASH "\nseq 42 " TIME, "ends before its fifth line",
	sizeof(FIRST "seal 41 " HASH "\n") - 1},
    /* Other ways to say the same. */
    {FIRST "seal 041 " HASH "\nseq 42000 " TIME "\n", "not written as checkpoints are",
	sizeof(FIRST "seal ") - 1},
    {FIRST "seal 41 " HASH "\nseq 42000 2026-11-21T03:46:57.1234560Z\n",
	"not written as checkpoints are", sizeof(TEXT) - 3},
    {TEXT "more\n", "not written as checkpoints are", sizeof(TEXT) - 1},
    {TEXT "\n", "no signature", sizeof(TEXT)},
    {TEXT "\nsigned\n", "not a signature line", sizeof(TEXT)},
};

static void
test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct checkpoint c;
		struct str text;
		const char *why;
		size_t at;

		if (checkpoint_open(str_from(refused[i].text), &c, &text, &why, &at) == 0)
			fail_msg("taken: %s", refused[i].text);
		assert_string_equal(why, refused[i].why);
		assert_int_equal(at, refused[i].at);
	}
}

/* No bit of it may be another without notice, or it is another checkpoint. */
static void
test_every_bit(void **state)
{
	char text[sizeof(TEXT)] = TEXT;

	(void)state;
	for (size_t i = 0; i < 8 * (sizeof(TEXT) - 1); i++) {
		struct checkpoint c;
		char buf[CHECKPOINT_TEXT];
		struct text t = text_over(buf, sizeof(buf));
		struct str s = {text, sizeof(TEXT) - 1};
		const char *why;
		size_t at;

		text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
		if (checkpoint_parse(s, &c, &why, &at) == 0) {
			checkpoint_format(&t, &c);
			assert_true(str_eq(text_str(&t), s));
		}
		text[i / 8] = TEXT[i / 8];
	}
}

static void
test_file(void **state)
{
	static char large[CHECKPOINT_SIZE + 1];
	struct checkpoint c;
	struct str text;
	const char *why;
	size_t at;

	(void)state;
	assert_int_equal(checkpoint_open(STR(TEXT), &c, &text, &why, &at), 0);
	assert_true(str_eq(text, STR(TEXT)));
	assert_int_equal(checkpoint_open(STR(TEXT "\n" SIGNATURE), &c, &text, &why, &at), 0);
	assert_true(str_eq(text, STR(TEXT)));
	assert_int_equal(c.seals, 42);
	memset(large, 'a', sizeof(large));
	assert_true(checkpoint_open((struct str){large, sizeof(large)}, &c, &text, &why, &at) < 0);
	assert_string_equal(why, "longer than any checkpoint");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_longest),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_every_bit),
	    cmocka_unit_test(test_file),
	};

	if (hash_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
