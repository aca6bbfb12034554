/* SPDX-License-Identifier: Apache-2.0 */
/* Small parts of auditlog: times as people name them, counting in bounded memory. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "auditlog/tally.h"
#include "auditlog/when.h"
#include "common/clock.h"

/* --- times ------------------------------------------------------------------------------------ */

#define NOW "2026-03-01T12:34:56.789012Z"

static void
expect_time(const char *text, bool end, const char *expected)
{
	int64_t now = 0, us = 0;
	char found[RFC3339_SIZE];

	assert_int_equal(clock_parse(STR(NOW), &now), 0);
	print_message("%s\n", text);
	assert_true(when_parse(str_from(text), now, end, &us));
	clock_format(us, found);
	assert_string_equal(found, expected);
}

static void
test_times(void **state)
{
	(void)state;
	expect_time("now", false, NOW);
	expect_time("today", false, "2026-03-01T00:00:00.000000Z");
	expect_time("today", true, "2026-03-01T23:59:59.999999Z");
	expect_time("yesterday", false, "2026-02-28T00:00:00.000000Z");
	expect_time("yesterday", true, "2026-02-28T23:59:59.999999Z");
	expect_time("-90s", true, "2026-03-01T12:33:26.789012Z");
	expect_time("-1h", false, "2026-03-01T11:34:56.789012Z");
	expect_time("-10m", false, "2026-03-01T12:24:56.789012Z");
	expect_time("-7d", false, "2026-02-22T12:34:56.789012Z");
	expect_time("-2w", false, "2026-02-15T12:34:56.789012Z");
	expect_time("-0s", false, NOW);
	expect_time("2024-02-29", false, "2024-02-29T00:00:00.000000Z");
	expect_time("2024-02-29", true, "2024-02-29T23:59:59.999999Z");
	expect_time("2026-01-01T00:30:00+01:00", true, "2025-12-31T23:30:00.000000Z");
	expect_time("2026-01-01T00:30:00Z", true, "2026-01-01T00:30:00.000000Z");
}

/* Without an offset it is UTC, and as long as what is not said of it. */
static void
test_times_in_part(void **state)
{
	(void)state;
	expect_time("2026-11-21 03:46", false, "2026-11-21T03:46:00.000000Z");
	expect_time("2026-11-21 03:46", true, "2026-11-21T03:46:59.999999Z");
	expect_time("2026-11-21T03:46:57", false, "2026-11-21T03:46:57.000000Z");
	expect_time("2026-11-21T03:46:57", true, "2026-11-21T03:46:57.999999Z");
	expect_time("2026-11-21 03:46:57.127", false, "2026-11-21T03:46:57.127000Z");
	expect_time("2026-11-21 03:46:57.127", true, "2026-11-21T03:46:57.127999Z");
	expect_time("2026-11-21 03:46:57.123456", true, "2026-11-21T03:46:57.123456Z");
	expect_time("2026-11-21 03:46:57.1", true, "2026-11-21T03:46:57.199999Z");
	expect_time("2026-11-21 03:46:57 UTC", true, "2026-11-21T03:46:57.999999Z");
	expect_time("2026-11-21 03:46 UTC", false, "2026-11-21T03:46:00.000000Z");
	expect_time("2026-11-21 03:46:57Z", true, "2026-11-21T03:46:57.000000Z");
	expect_time("2026-11-21 03:46:57.5+05:30", true, "2026-11-20T22:16:57.500000Z");
	expect_time("2016-12-31 23:59:60", true, "2016-12-31T23:59:59.999999Z");
	expect_time("9999-12-31 23:59", true, "9999-12-31T23:59:59.999999Z");
	expect_time("@1795232817", false, "2026-11-21T03:46:57.000000Z");
	expect_time("@1795232817", true, "2026-11-21T03:46:57.999999Z");
	expect_time("@0", false, "1970-01-01T00:00:00.000000Z");
	expect_time("@253402300799", true, "9999-12-31T23:59:59.999999Z");
}

static void
test_no_times(void **state)
{
	static const char *const none[] = {"", "-", "-h", "-1", "-1y", "--1h", "-1.5h", "1h",
	    "-99999999999d", "-36501d", "2026-02-29", "2026-2-1", "2026-01-01T00",
	    "2026-01-01 00:0", "2026-01-01 24:00", "2026-01-01 00:00:", "2026-01-01 00:00:00.",
	    "2026-01-01 00:00:00.1234567", "2026-01-01  00:00", "2026-01-01_00:00",
	    "2026-01-01 00:00 ", "2026-01-01 00:00 CET", "2026-01-01 UTC", " UTC", "@", "@-1",
	    "@1x", "@253402300800", "@99999999999999999999", "1795232817", "Now", "yesterday ",
	    "tomorrow"};
	int64_t us;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		print_message("%s\n", none[i]);
		assert_false(when_parse(str_from(none[i]), 0, false, &us));
	}
}

/* --- counting --------------------------------------------------------------------------------- */

static const struct siphash_key zero;

static struct str
key_of(char buf[32], unsigned i)
{
	return (struct str){buf, (size_t)snprintf(buf, 32, "%u", i * i)};
}

static void
test_tally(void **state)
{
	struct tally t, small;
	struct tally_row *rows;
	char buf[32];

	(void)state;
	tally_init(&t, &zero, 5000, 1 << 20);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 3000; i++)
			assert_true(tally_add(&t, key_of(buf, i), i + 1));
	assert_int_equal(t.n, 3000);
	rows = tally_rows(&t, false);
	for (unsigned i = 0; i < 3000; i++) {
		assert_int_equal(rows[i].count, 3 * (3000 - i));
		assert_true(str_eq(rows[i].key, key_of(buf, 2999 - i)));
	}
	free(rows);
	rows = tally_rows(&t, true);
	assert_true(str_eq(rows[0].key, STR("0")) && str_eq(rows[1].key, STR("1")));
	free(rows);

	tally_init(&small, &zero, 2, 4);
	assert_true(tally_add(&small, STR("aaa"), 1) && tally_add(&small, STR("b"), 2));
	assert_false(tally_add(&small, STR(""), 1)); /* two texts */
	assert_true(tally_add(&small, STR("b"), 1));
	small.others = 7;
	tally_merge(&t, &small);
	assert_int_equal(t.others, 7);
	assert_int_equal(t.n, 3002);
	assert_true(tally_add(&small, STR("cc"), 1));
	assert_false(tally_add(&small, STR("ddd"), 1)); /* four bytes */
	tally_merge(&small, &t);                        /* what has no room is not lost */
	assert_int_equal(small.n, 2);
	assert_true(small.others > 7);
	tally_free(&t);
	tally_free(&small);
}

static void
test_long_texts(void **state)
{
	static char a[TALLY_KEY + 2];
	struct tally t;

	(void)state;
	tally_init(&t, &zero, 10, 4 * TALLY_KEY);
	memset(a, 'x', sizeof(a));
	assert_true(tally_add(&t, (struct str){a, TALLY_KEY + 1}, 1));
	assert_true(tally_add(&t, (struct str){a, TALLY_KEY + 2}, 1));
	assert_int_equal(t.n, 1); /* they are the same as far as they count */
	assert_true(tally_add(&t, STR(""), 1));
	assert_int_equal(t.n, 2);
	tally_free(&t);
}

/* --- texts that others chose ------------------------------------------------------------------ */

#define HOSTILE_BITS 11
#define HOSTILE (1U << HOSTILE_BITS)

/* Slots that are looked at to find all texts. */
static uint64_t
probes(const struct tally *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->cap; i++)
		if (t->entry[i].count > 0)
			n += ((i - t->entry[i].hash) & (t->cap - 1)) + 1;
	return n;
}

/*
 * A hash that takes words one by one and multiplies them lets the top bit of each through to a place where the next word
 * can undo it, whatever it began with: so there are as many texts of one hash as pairs of words allow.
 */
static struct str
hostile_key(char buf[16 * HOSTILE_BITS], unsigned i)
{
	memset(buf, 'x', 16 * HOSTILE_BITS);
	for (unsigned bit = 0; bit < HOSTILE_BITS; bit++) {
		if (!(i >> bit & 1))
			continue;
		buf[16 * bit + 7] = (char)('x' ^ 0x80);
		buf[16 * bit + 15] = (char)('x' ^ 0x80);
		buf[16 * bit + 12] = 'x' ^ 4; /* the top bit, 29 below */
	}
	return (struct str){buf, 16 * HOSTILE_BITS};
}

static void
test_hostile_texts(void **state)
{
	struct siphash_key key;
	char buf[16 * HOSTILE_BITS];
	struct tally t;

	(void)state;
	assert_int_equal(siphash_key_make(&key), 0);
	print_message("# key %016" PRIx64 " %016" PRIx64 "\n", key.k[0], key.k[1]);
	tally_init(&t, &key, HOSTILE, HOSTILE * sizeof(buf));
	for (unsigned i = 0; i < HOSTILE; i++)
		assert_true(tally_add(&t, hostile_key(buf, i), 1));
	assert_int_equal(t.n, HOSTILE);
	print_message("# %" PRIu64 " probes for %zu texts\n", probes(&t), t.n);
	assert_true(probes(&t) < 3 * t.n);
	tally_free(&t);
}

/* Texts that meet under one key do not under another. */
static void
test_keys_differ(void **state)
{
	struct siphash_key a, b;

	(void)state;
	assert_int_equal(siphash_key_make(&a), 0);
	assert_int_equal(siphash_key_make(&b), 0);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_true(siphash(&a, STR("x")) != siphash(&b, STR("x")));
}

/* What another program makes of them: CPython 3.11, with PYTHONHASHSEED=0. */
static void
test_siphash(void **state)
{
	static const struct {
		size_t n;
		uint64_t hash;
	} known[] = {{1, UINT64_C(0x68a914128e01e473)}, {2, UINT64_C(0x010bac45c41e3669)},
	    {7, UINT64_C(0x2f098ab0c751325a)}, {8, UINT64_C(0xead411e67ebe2eea)},
	    {9, UINT64_C(0x75927f9d95124362)}, {15, UINT64_C(0xf30eb725bb91c9ea)},
	    {16, UINT64_C(0x8972188433a5c5b7)}, {17, UINT64_C(0x4883c49a2c009c1d)},
	    {63, UINT64_C(0x385d3e39e5f37359)}, {255, UINT64_C(0x5dc1f93ea135eb43)}};
	char buf[256];

	(void)state;
	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = (char)i;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		assert_true(siphash(&zero, (struct str){buf, known[i].n}) == known[i].hash);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_times_in_part),
	    cmocka_unit_test(test_no_times),
	    cmocka_unit_test(test_tally),
	    cmocka_unit_test(test_long_texts),
	    cmocka_unit_test(test_hostile_texts),
	    cmocka_unit_test(test_keys_differ),
	    cmocka_unit_test(test_siphash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
