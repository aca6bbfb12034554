/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "common/clock.h"

#define YEAR_0 (INT64_C(-62167219200) * US_PER_S)
#define YEAR_10000 (INT64_C(253402300800) * US_PER_S)

static void
assert_format(int64_t us, const char *full, const char *compact)
{
	char out[RFC3339_SIZE], small[COMPACT_SIZE];

	clock_format(us, out);
	assert_string_equal(out, full);
	clock_format_compact(us, small);
	assert_string_equal(small, compact);
}

static void
test_format(void **state)
{
	(void)state;
	assert_format(0, "1970-01-01T00:00:00.000000Z", "19700101T000000Z");
	assert_format(-1, "1969-12-31T23:59:59.999999Z", "19691231T235959Z");
	assert_format(1795232817123456, "2026-11-21T03:46:57.123456Z", "20261121T034657Z");
	assert_format(951782400 * US_PER_S, "2000-02-29T00:00:00.000000Z", "20000229T000000Z");
	assert_format(YEAR_0, "0000-01-01T00:00:00.000000Z", "00000101T000000Z");
	assert_format(YEAR_10000 - 1, "9999-12-31T23:59:59.999999Z", "99991231T235959Z");
}

static void
test_format_clamps(void **state)
{
	(void)state;
	assert_format(YEAR_0 - 1, "0000-01-01T00:00:00.000000Z", "00000101T000000Z");
	assert_format(INT64_MIN, "0000-01-01T00:00:00.000000Z", "00000101T000000Z");
	assert_format(YEAR_10000, "9999-12-31T23:59:59.999999Z", "99991231T235959Z");
	assert_format(INT64_MAX, "9999-12-31T23:59:59.999999Z", "99991231T235959Z");
}

/* The C library as the other opinion. */
static void
test_format_as_libc(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t r = (uint64_t)random() << 31 ^ (uint64_t)random() << 20 ^
			     (uint64_t)random();
		int64_t us = YEAR_0 + (int64_t)(r % (uint64_t)(YEAR_10000 - YEAR_0));
		int64_t seconds = (us - YEAR_0) / US_PER_S + YEAR_0 / US_PER_S;
		time_t t = (time_t)seconds;
		char out[RFC3339_SIZE], want[64], fraction[16];
		struct tm tm;

		assert_non_null(gmtime_r(&t, &tm));
		(void)strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
		(void)snprintf(
		    fraction, sizeof(fraction), ".%06dZ", (int)(us - seconds * US_PER_S));
		clock_format(us, out);
		/* strftime writes years below 1000 with fewer digits. */
		if (tm.tm_year + 1900 >= 1000)
			assert_memory_equal(out, want, 19);
		assert_string_equal(out + 19, fraction);
		assert_int_equal(
		    clock_weekday(clock_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday)),
		    tm.tm_wday);
	}
}

static int
month_length(int year, int month)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);

	return lengths[month - 1] + (month == 2 && leap);
}

static void
check_day(int64_t days, int year, int month, int day)
{
	int y, m, d;

	clock_civil(days, &y, &m, &d);
	if (y != year || m != month || d != day)
		fail_msg("day %d is %d-%d-%d", (int)days, y, m, d);
	if (clock_days(year, month, day) != days)
		fail_msg("%d-%d-%d", year, month, day);
}

static void
test_every_day(void **state)
{
	int64_t days = YEAR_0 / US_PER_S / 86400;

	(void)state;
	for (int year = 0; year < 10000; year++)
		for (int month = 1; month <= 12; month++)
			for (int day = 1; day <= month_length(year, month); day++)
				check_day(days++, year, month, day);
	assert_int_equal(days, YEAR_10000 / US_PER_S / 86400);
}

static void
test_days_before_year_0(void **state)
{
	int y, m, d;

	(void)state;
	clock_civil(clock_days(-1, 12, 31), &y, &m, &d);
	assert_int_equal(y, -1);
	assert_int_equal(m, 12);
	assert_int_equal(d, 31);
	assert_int_equal(clock_days(0, 1, 1) - clock_days(-1, 12, 31), 1);
	assert_int_equal(clock_days(-400, 3, 1) - clock_days(-401, 3, 1), 366);
}

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"1970-01-01t00:00:00z", 0},
	    {"1970-01-01T00:00:00.5Z", 500000},
	    {"1970-01-01T00:00:00.000001Z", 1},
	    {"1970-01-01T00:00:00.000000999Z", 0},
	    {"1970-01-01T00:00:00.123456789Z", 123456},
	    {"1969-12-31T23:59:59.999999Z", -1},
	    {"1970-01-01T01:00:00+01:00", 0},
	    {"1969-12-31T19:30:00-04:30", 0},
	    {"1970-01-01T00:00:00-00:00", 0},
	    {"1970-01-01T23:59:00+23:59", 0},
	    {"2026-11-21T03:46:57.123456Z", 1795232817123456},
	    {"2026-12-31T00:00:00Z", 1798675200 * US_PER_S},
	    {"2000-02-29T00:00:00Z", 951782400 * US_PER_S},
	    {"0000-01-01T00:00:00Z", YEAR_0},
	    {"9999-12-31T23:59:59.999999Z", YEAR_10000 - 1},
	    /* leap seconds: the last of 2016, also seen from elsewhere */
	    {"2016-12-31T23:59:60Z", 1483228799 * US_PER_S},
	    {"2016-12-31T23:59:60.25Z", 1483228799 * US_PER_S + 250000},
	    {"2017-01-01T00:59:60+01:00", 1483228799 * US_PER_S},
	    {"2016-12-31T15:59:60-08:00", 1483228799 * US_PER_S},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t us = -42;

		if (clock_parse(str_from(cases[i].text), &us) != 0 || us != cases[i].us)
			fail_msg("%s: %lld", cases[i].text, (long long)us);
	}
}

static void
test_parse_refuses(void **state)
{
	const struct str cases[] = {
	    STR(""),
	    STR("2026"),
	    STR("2026-11-21"),
	    STR("2026-11-21T03:46:57"),
	    STR("2026-11-21 03:46:57Z"),
	    STR("2026-11-21T03:46Z"),
	    STR("2026-11-21T03:46:57Z "),
	    STR(" 2026-11-21T03:46:57Z"),
	    STR("2026-11-21T03:46:57ZZ"),
	    STR("2026-11-21T03:46:57Z\0"),
	    STR("2026-11-21T03:46:57.Z"),
	    STR("2026-11-21T03:46:57.1234567890Z"),
	    STR("2026-11-21T03:46:57,5Z"),
	    STR("2026-11-21T03:46:57."),
	    STR("2026-11-21T24:00:00Z"),
	    STR("2026-11-21T23:60:00Z"),
	    STR("2026-11-21T23:59:61Z"),
	    STR("2026-11-21T12:00:60Z"),
	    STR("2026-11-21T23:59:60+01:00"),
	    STR("2026-00-21T00:00:00Z"),
	    STR("2026-13-21T00:00:00Z"),
	    STR("2026-11-00T00:00:00Z"),
	    STR("2026-11-31T00:00:00Z"),
	    STR("2026-02-29T00:00:00Z"),
	    STR("1900-02-29T00:00:00Z"),
	    STR("26-11-21T00:00:00Z"),
	    STR("02026-11-21T00:00:00Z"),
	    STR("-026-11-21T00:00:00Z"),
	    STR("2026-1-21T00:00:00Z"),
	    STR("2026/11/21T00:00:00Z"),
	    STR("2026-11-21T00.00.00Z"),
	    STR("2026-11-21T00:00:00+24:00"),
	    STR("2026-11-21T00:00:00+01:60"),
	    STR("2026-11-21T00:00:00+0100"),
	    STR("2026-11-21T00:00:00+01"),
	    STR("2026-11-21T00:00:00+01:0"),
	    STR("2026-11-21T00:00:00--01:00"),
	    STR("2026-11-21T0x:00:00Z"),
	    STR("\xef\xbc\x92"
		"026-11-21T00:00:00Z"),
	    STR_NONE,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t us = -42;

		if (clock_parse(cases[i], &us) != -EINVAL)
			fail_msg("taken: %.*s", STR_ARG(cases[i]));
		assert_int_equal(us, -42);
	}
}

/* Any prefix of a good text is no time, and no byte beyond the slice is looked at. */
static void
test_parse_cut(void **state)
{
	static const char good[] = "2026-11-21T03:46:57.123456+01:00";
	int64_t us;

	(void)state;
	for (size_t n = 0; n < sizeof(good) - 1; n++) {
		char *copy = malloc(n ? n : 1);

		assert_non_null(copy);
		memcpy(copy, good, n);
		assert_int_equal(clock_parse((struct str){copy, n}, &us), -EINVAL);
		free(copy);
	}
	assert_int_equal(clock_parse(STR(good), &us), 0);
}

static void
test_round_trip(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t r = (uint64_t)random() << 31 ^ (uint64_t)random() << 20 ^
			     (uint64_t)random();
		int64_t us = YEAR_0 + (int64_t)(r % (uint64_t)(YEAR_10000 - YEAR_0)), back;
		char out[RFC3339_SIZE];

		clock_format(us, out);
		assert_int_equal(clock_parse(str_from(out), &back), 0);
		assert_true(back == us);
	}
}

static void
test_clocks(void **state)
{
	int64_t a = clock_monotonic(), b = clock_boottime(), real = clock_real();
	struct timespec ts;

	(void)state;
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &ts), 0);
	assert_in_range((int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000 - real, 0, 5 * US_PER_S);
	assert_true(clock_monotonic() >= a);
	assert_true(clock_boottime() >= b);
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	assert_in_range((int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000 - a, 0, 5 * US_PER_S);
	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	assert_in_range((int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000 - b, 0, 5 * US_PER_S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_format_clamps),
	    cmocka_unit_test(test_format_as_libc),
	    cmocka_unit_test(test_every_day),
	    cmocka_unit_test(test_days_before_year_0),
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_parse_refuses),
	    cmocka_unit_test(test_parse_cut),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_clocks),
	};
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	printf("# SEED=%u\n", seed);
	srandom(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
