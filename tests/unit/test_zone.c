/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Named time zones: every file of the system's database is read as the C library reads it, and
 * damaged files are refused, or read within their bounds.
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fds.h"
#include "policy/policy.h"
#include "policy/zone.h"

#define LINKS 8 /* directories that nftw() keeps open */

static unsigned seed, zones, moments;

static struct str
read_file(const char *path)
{
	CLEANUP_FD int fd = open(path, ZONE_OPEN);
	char *bytes;
	size_t n;

	assert_true(fd >= 0);
	assert_int_equal(fd_read_file(fd, ZONE_FILE_MAX, &bytes, &n), 0);
	return (struct str){bytes, n};
}

static int32_t
offset_at(const struct vec *shifts, int64_t second)
{
	const struct zone_shift *all = shifts->p;
	uint32_t i = shifts->n;

	while (all[--i].from > second)
		;
	return all[i].offset;
}

static void
compare_moment(const char *name, const struct vec *shifts, int64_t second)
{
	static const int64_t far = 4102444800 + 365 * INT64_C(86400); /* 2101-01-01 */
	time_t t = (time_t)second;
	struct tm tm;

	if (second < -(INT64_C(1) << 37) || second >= far)
		return;
	assert_non_null(localtime_r(&t, &tm));
	moments++;
	if (tm.tm_gmtoff != offset_at(shifts, second))
		fail_msg("%s at %lld: %ld, not %d", name, (long long)second, tm.tm_gmtoff,
		    offset_at(shifts, second));
}

static void
compare_zone(const char *name, const struct vec *shifts)
{
	const struct zone_shift *all = shifts->p;

	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
	assert_true(all[0].from == INT64_MIN);
	for (uint32_t i = 1; i < shifts->n; i++) {
		assert_true(all[i].from > all[i - 1].from && all[i].offset != all[i - 1].offset);
		compare_moment(name, shifts, all[i].from - 1);
		compare_moment(name, shifts, all[i].from);
	}
	for (int i = 0; i < 50; i++)
		compare_moment(name, shifts, (int64_t)rand_r(&seed) * 2 - (INT64_C(1) << 30));
}

static int
visit(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	const char *name = path + sizeof(ZONE_DIRECTORY);
	struct vec shifts = {NULL, 0, 0};
	const char *why = NULL;
	struct str file;

	(void)st;
	(void)at;
	if (kind != FTW_F || !zone_name_ok(str_from(name)))
		return 0;
	file = read_file(path);
	if (str_starts(file, STR("TZif"))) {
		if (zone_parse(file, &shifts, &why) < 0)
			fail_msg("%s: %s", name, why);
		compare_zone(name, &shifts);
		zones++;
	}
	vec_free(&shifts);
	free((void *)(uintptr_t)file.p);
	return 0;
}

static void
test_database(void **state)
{
	(void)state;
	if (access(ZONE_DIRECTORY "/Europe/Berlin", R_OK) < 0)
		skip(); /* no tzdata */
	assert_int_equal(nftw(ZONE_DIRECTORY, visit, LINKS, 0), 0);
	print_message("# %u zones, %u moments\n", zones, moments);
	assert_true(zones > 100);
}

/* --- names ------------------------------------------------------------------------------------ */

static void
test_names(void **state)
{
	static const char *const good[] = {"UTC", "Europe/Berlin", "Etc/GMT+1",
	    "America/Port-au-Prince", "America/Argentina/Buenos_Aires", "W-SU"};
	static const char *const bad[] = {"", "/", "Europe/", "Europe//Berlin", "/Europe",
	    "Europe/..", "../x", "Europe/.", "Europe/Ber.lin", "europe/Berlin", "right/UTC",
	    "localtime", "A b", "A\n", "+01", "Aä",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(zone_name_ok(str_from(good[i])));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(zone_name_ok(str_from(bad[i])));
}

/* --- rules ------------------------------------------------------------------------------------ */

static const char *const bad_rules[] = {"C", "CE-1", "CET", "CET-", "CET-25", "CET-1:60", "CET-1 ",
    "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,", "CET-1CEST,M3.5.0,M10.5.0/3x",
    "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
    "CET-1CEST,J0,J365", "CET-1CEST,J1,J366", "CET-1CEST,0,366", "CET-1CEST,M3.5.0/168,M10.5.0",
    "<CET-1", "<+1>-1", "CE2-1", "CET-9999"};

/* Days in 2024 and 2026, UTC, of clocks at 0 and 1 hours. */
static const struct {
	const char *day;
	const char *in_2024, *in_2026;
} days[] = {
    {"J59/0", "2024-02-28T00:00:00Z", "2026-02-28T00:00:00Z"},
    {"J60/0", "2024-03-01T00:00:00Z", "2026-03-01T00:00:00Z"},
    {"J365/0", "2024-12-31T00:00:00Z", "2026-12-31T00:00:00Z"},
    {"59/0", "2024-02-29T00:00:00Z", "2026-03-01T00:00:00Z"},
    {"M2.5.4", "2024-02-29T02:00:00Z", "2026-02-26T02:00:00Z"},
    {"M3.1.5/-1:30", "2024-02-29T22:30:00Z", "2026-03-05T22:30:00Z"},
    {"M12.5.0/167:59:59", "2025-01-04T23:59:59Z", "2027-01-02T23:59:59Z"},
};

static int64_t
seconds(const char *time)
{
	int64_t us;

	assert_int_equal(clock_parse(str_from(time), &us), 0);
	return us / US_PER_S;
}

static void
test_rules(void **state)
{
	struct zone_rule r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_rules); i++)
		if (zone_rule_parse(str_from(bad_rules[i]), &r) == 0)
			fail_msg("%s is a rule", bad_rules[i]);
	for (size_t i = 0; i < ARRAY_SIZE(days); i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "<+00>0<+01>,%s,%s", days[i].day, days[i].day);
		assert_int_equal(zone_rule_parse(str_from(text), &r), 0);
		assert_int_equal(zone_rule_begins(&r, 2024), seconds(days[i].in_2024));
		assert_int_equal(zone_rule_begins(&r, 2026), seconds(days[i].in_2026));
		assert_int_equal(zone_rule_ends(&r, 2026), seconds(days[i].in_2026) - 3600);
	}
	assert_int_equal(zone_rule_parse(STR("AAA+3:30:15BBB-14,J1/0,J365/23"), &r), 0);
	assert_int_equal(r.offset, -(3 * 3600 + 1815));
	assert_int_equal(r.dst_offset, 14 * 3600);
}

/* --- files ------------------------------------------------------------------------------------ */

/* One kind of time each: version, counts, times, kinds, types, name, footer. */
#define HEAD(version, times, types)                                                       \
	"TZif" version "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" /* reserved */                    \
	"\0\0\0\0\0\0\0\0\0\0\0\0" /* isut, isstd, leaps */ "\0\0\0" times "\0\0\0" types \
	"\0\0\0\4"
#define FIRST HEAD("2", "\0", "\1") "\0\0\0\0\0\0UTC\0"
#define HOUR_EAST "\0\0\016\020\1\0"
#define ZERO "\0\0\0\0\0\0"
#define T(n) "\0\0\0\0\0\0" n

static const struct {
	struct str file;
	const char *why; /* NULL: it is read */
	uint32_t shifts;
} files[] = {
#define FILE(bytes, why, shifts)                              \
	{                                                     \
		{(bytes), sizeof(bytes) - 1}, (why), (shifts) \
	}
    FILE(FIRST HEAD("2", "\0", "\1") ZERO "UTC\0\n\n", NULL, 1),
    FILE(FIRST HEAD("4", "\0", "\1") ZERO "UTC\0\nCET-1\n", NULL, 1),
    FILE(FIRST HEAD("2", "\0", "\1") ZERO "UTC\0\nCET-1CEST,M3.5.0,M10.5.0/3\n", NULL,
	1 + 2 * (ZONE_LAST_YEAR - 1970 + 1)),
    /* daylight saving time all the year: RFC 9636 3.3.1; then the last year is over */
    FILE(FIRST HEAD("2", "\0", "\1") ZERO "UTC\0\nXXX3EDT4,0/0,J365/23\n", NULL, 3),
    FILE(FIRST HEAD("2", "\2", "\2") T("\0\1") T("\0\2") "\1\0" ZERO HOUR_EAST "UTC\0\nUTC0\n",
	NULL, 3),
    FILE(
	FIRST HEAD("2", "\2", "\2") T("\0\1") T("\0\2") "\1\1" ZERO HOUR_EAST "UTC\0\n\n", NULL, 2),
    FILE(FIRST HEAD("2", "\2", "\2") T("\0\1") T("\0\2") "\1\0" ZERO HOUR_EAST "UTC\0\nCET-1\n",
	"its rule contradicts its times", 0),
    FILE(FIRST HEAD("2", "\2", "\2") T("\0\2") T("\0\2") "\1\0" ZERO HOUR_EAST "UTC\0\n\n",
	"its times are not in order", 0),
    FILE(FIRST HEAD("2", "\1", "\2") "\x7f\xff\xff\xff\xff\xff\xff\xff\1" ZERO HOUR_EAST
				     "UTC\0\n\n",
	"its times are not in order", 0),
    FILE(FIRST HEAD("2", "\1", "\1") T("\0\1") "\1" ZERO "UTC\0\n\n",
	"its file names a kind of time that it has not", 0),
    FILE(FIRST HEAD("2", "\0", "\1") "\0\1\x86\xa0\0\0UTC\0\n\n",
	"its clocks are further from UTC than any", 0),
    FILE(FIRST HEAD("2", "\0", "\1") ZERO "UTC\0\nCET\n", "its rule is not understood", 0),
    FILE(FIRST HEAD("2", "\0", "\1") ZERO "UTC\0\nCET-1CEST,J1/-167,J365/167\n",
	"its rule is out of order", 0),
    FILE(FIRST HEAD("2", "\0", "\1") ZERO "UTC\0\n", "its file is cut off", 0),
    FILE(FIRST HEAD("2", "\0", "\1") ZERO "UTC\0\n\nx", "its file is cut off", 0),
    FILE(FIRST HEAD("2", "\0", "\0") "UTC\0\n\n", "its file has a size that no zone has", 0),
    FILE(HEAD("\0", "\0", "\1") "\0\0\0\0\0\0UTC\0", "its file has another version than 2 to 4", 0),
    FILE("GIF89a", "its file is cut off", 0),
    FILE("#!/bin/sh                                       ", "its file is no time zone", 0),
    FILE("", "its file is cut off", 0),
};

static void
test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct vec shifts = {NULL, 0, 0};
		const char *why = "";
		int error = zone_parse(files[i].file, &shifts, &why);

		if (error != (files[i].why ? -EINVAL : 0) || shifts.n != files[i].shifts ||
		    (files[i].why && strcmp(why, files[i].why) != 0))
			fail_msg(
			    "file %zu: %d, %u shifts, %s", i, error, shifts.n, why ? why : "-");
		vec_free(&shifts);
	}
}

/* Each byte of a real zone changed, each length: within bounds under a sanitizer, and in order. */
static void
test_damage(void **state)
{
	static char bytes[ZONE_FILE_MAX];
	struct str file;

	(void)state;
	if (access(ZONE_DIRECTORY "/Europe/Berlin", R_OK) < 0)
		skip(); /* no tzdata */
	file = read_file(ZONE_DIRECTORY "/Europe/Berlin");
	for (size_t i = 0; i < 2 * file.n; i++) {
		struct vec shifts = {NULL, 0, 0};
		const struct zone_shift *all;
		const char *why;

		memcpy(bytes, file.p, file.n);
		bytes[i / 2] = (char)(i % 2 ? rand_r(&seed) : bytes[i / 2] ^ 1);
		if (zone_parse((struct str){bytes, file.n}, &shifts, &why) == 0) {
			all = shifts.p;
			for (uint32_t k = 1; k < shifts.n; k++)
				assert_true(all[k].from > all[k - 1].from);
		}
		shifts.n = 0;
		assert_int_equal(zone_parse((struct str){bytes, i / 2}, &shifts, &why), -EINVAL);
		vec_free(&shifts);
	}
	free((void *)(uintptr_t)file.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_database),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_rules),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_damage),
	};
	const char *given = getenv("TEST_SEED");

	seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	print_message("# TEST_SEED=%u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
