/* SPDX-License-Identifier: Apache-2.0 */
/* Base64: the vectors of RFC 4648, section 10, and that nothing but the canonical text is taken. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void
published_vectors(void **state)
{
	static const struct {
		const char *bytes, *text;
	} vectors[] = {
	    {"", ""},
	    {"f", "Zg=="},
	    {"fo", "Zm8="},
	    {"foo", "Zm9v"},
	    {"foob", "Zm9vYg=="},
	    {"fooba", "Zm9vYmE="},
	    {"foobar", "Zm9vYmFy"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		size_t n = strlen(vectors[i].bytes);
		uint8_t bytes[8] = {0};
		char buf[16];
		struct text t = text_over(buf, sizeof(buf));

		base64_put(&t, (const uint8_t *)vectors[i].bytes, n);
		assert_true(str_eq(text_str(&t), str_from(vectors[i].text)));
		assert_int_equal(t.n, BASE64_SIZE(n));
		assert_int_equal(base64_get(text_str(&t), bytes, n), 0);
		assert_memory_equal(bytes, vectors[i].bytes, n);
	}
}

/* The definition, one bit after another. */
static size_t
naive(const uint8_t *bytes, size_t n, char *out)
{
	size_t length = 0;

	for (size_t bit = 0; bit < n * 8; bit += 6) {
		unsigned v = 0;

		for (size_t i = bit; i < bit + 6; i++)
			v = v << 1 | (i < n * 8 ? bytes[i / 8] >> (7 - i % 8) & 1U : 0);
		out[length++] = alphabet[v];
	}
	while (length % 4 != 0)
		out[length++] = '=';
	return length;
}

static void
random_bytes_go_through(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	uint8_t bytes[300], back[300];
	char want[404], buf[404];

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		struct text t = text_over(buf, sizeof(buf));
		size_t length;

		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)random();
		length = naive(bytes, n, want);
		base64_put(&t, bytes, n);
		assert_true(str_eq(text_str(&t), (struct str){want, length}));
		assert_int_equal(base64_get(text_str(&t), back, n), 0);
		assert_memory_equal(back, bytes, n);
	}
}

/* Of all texts of four characters around a valid one, exactly the canonical one gives the bytes. */
static void
every_character_in_every_place(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {{"Zm9v", 3}, {"Zm8=", 2}, {"Zg==", 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t at = 0; at < 4; at++) {
			for (unsigned c = 0; c < 256; c++) {
				char text[4], again[4];
				uint8_t bytes[3];
				bool taken;

				memcpy(text, cases[i].text, 4);
				text[at] = (char)c;
				taken = base64_get((struct str){text, 4}, bytes, cases[i].n) == 0;
				if (taken) {
					assert_int_equal(naive(bytes, cases[i].n, again), 4);
					assert_memory_equal(again, text, 4);
				}
				if (c == (unsigned char)cases[i].text[at])
					assert_true(taken);
				else if (!strchr(alphabet, (int)c) || c == 0)
					assert_false(taken);
			}
		}
	}
}

static void
refused(void **state)
{
	const struct {
		struct str text;
		size_t n;
	} cases[] = {
	    {STR(""), 1},          /* too short */
	    {STR("Zg=="), 0},      /* too long */
	    {STR("Zg=="), 2},      /* one byte, not two */
	    {STR("Zg"), 1},        /* no padding */
	    {STR("Zg="), 1},       /* half of it */
	    {STR("Zh=="), 1},      /* bits behind the last byte */
	    {STR("Zm9="), 2},      /* the same */
	    {STR(" Zg=="), 1},     /* white space, which the library would skip */
	    {STR("Zg==\n"), 1},    /* the same */
	    {STR("\nZg="), 1},     /* the same, of the right length */
	    {STR("Zm9vYg=\n"), 4}, /* the same */
	    {STR("Z==="), 1},      /* less than a byte */
	    {STR("===="), 1},      /* nothing */
	    {STR("Zm8=Zm8="), 5},  /* padding inside */
	    {STR("Zg==Zg=="), 4},  /* the same */
	    {STR("Zm-_"), 3},      /* base64url */
	    {STR("Zm9\0"), 3},     /* NUL */
	    {STR("Zm9\xff"), 3},   /* no ASCII */
	    {STR_NONE, 1},
	};
	uint8_t bytes[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(base64_get(cases[i].text, bytes, cases[i].n), -EINVAL);
	assert_int_equal(base64_get(STR_NONE, bytes, 0), 0);
}

/* Nothing is written that does not fit, and nothing behind the bytes asked for. */
static void
bounds(void **state)
{
	char buf[8] = "........";
	struct text t = text_over(buf, 7);
	uint8_t bytes[4] = {1, 2, 3, 0x5a};

	(void)state;
	base64_put(&t, (const uint8_t *)"foobar", 6);
	assert_false(text_ok(&t));
	assert_memory_equal(buf, "........", 8);
	assert_int_equal(base64_get(STR("Zm9v"), bytes, 3), 0);
	assert_int_equal(bytes[3], 0x5a);
	assert_int_equal(base64_get(STR("Zg=="), bytes, 1), 0);
	assert_memory_equal(bytes, "foo\x5a", 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_vectors),
	    cmocka_unit_test(random_bytes_go_through),
	    cmocka_unit_test(every_character_in_every_place),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
