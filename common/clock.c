/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#define US_PER_DAY (86400 * US_PER_S)
/* 0000-01-01 and 9999-12-31, in days since 1970-01-01. */
#define CLOCK_FIRST_DAY INT64_C(-719528)
#define CLOCK_LAST_DAY INT64_C(2932896)

/* These three clocks exist on every kernel we run on; the call has no other way to fail. */
static int64_t
clock_now(clockid_t id)
{
	struct timespec ts = {0, 0};

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t
clock_real(void)
{
	return clock_now(CLOCK_REALTIME);
}

int64_t
clock_monotonic(void)
{
	return clock_now(CLOCK_MONOTONIC);
}

int64_t
clock_boottime(void)
{
	return clock_now(CLOCK_BOOTTIME);
}

/* Days are counted in eras of 400 years that start on March 1st, so that leap days come last. */
#define DAYS_PER_ERA 146097
#define DAYS_TO_1970 719468 /* from 0000-03-01 */

void
clock_civil(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t shifted = days + DAYS_TO_1970;
	int64_t era = (shifted >= 0 ? shifted : shifted - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	int day_of_era = (int)(shifted - era * DAYS_PER_ERA);
	int year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month = (5 * day_of_year + 2) / 153; /* 0 is March */

	*ret_day = day_of_year - (153 * month + 2) / 5 + 1;
	*ret_month = month < 10 ? month + 3 : month - 9;
	*ret_year = (int)(year_of_era + era * 400) + (*ret_month <= 2);
}

int64_t
clock_days(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

/* 1970-01-01 was a Thursday. */
int
clock_weekday(int64_t days)
{
	return (int)((days % 7 + 7 + 4) % 7);
}

struct clock_fields {
	int year, month, day;
	int second; /* of the day */
	int us;
};

static struct clock_fields
clock_split(int64_t us)
{
	struct clock_fields f;
	int64_t first = CLOCK_FIRST_DAY * US_PER_DAY;
	int64_t last = (CLOCK_LAST_DAY + 1) * US_PER_DAY - 1;
	int64_t days, rest;

	us = us < first ? first : us > last ? last : us;
	days = us / US_PER_DAY;
	rest = us % US_PER_DAY;
	if (rest < 0) {
		rest += US_PER_DAY;
		days--;
	}
	clock_civil(days, &f.year, &f.month, &f.day);
	f.second = (int)(rest / US_PER_S);
	f.us = (int)(rest % US_PER_S);
	return f;
}

/* n decimal digits of v and the character after them. Returns what comes next. */
static char *
clock_put(char *p, int v, int n, char after)
{
	for (int i = n - 1; i >= 0; i--) {
		p[i] = (char)('0' + v % 10);
		v /= 10;
	}
	p[n] = after;
	return p + n + 1;
}

void
clock_format(int64_t us, char out[RFC3339_SIZE])
{
	struct clock_fields f = clock_split(us);
	char *p = out;

	p = clock_put(p, f.year, 4, '-');
	p = clock_put(p, f.month, 2, '-');
	p = clock_put(p, f.day, 2, 'T');
	p = clock_put(p, f.second / 3600, 2, ':');
	p = clock_put(p, f.second / 60 % 60, 2, ':');
	p = clock_put(p, f.second % 60, 2, '.');
	p = clock_put(p, f.us, 6, 'Z');
	*p = '\0';
}

void
clock_format_compact(int64_t us, char out[COMPACT_SIZE])
{
	struct clock_fields f = clock_split(us);
	char *p = out;

	p = clock_put(p, f.year * 10000 + f.month * 100 + f.day, 8, 'T');
	p = clock_put(
	    p, f.second / 3600 * 10000 + f.second / 60 % 60 * 100 + f.second % 60, 6, 'Z');
	*p = '\0';
}

/* --- reading --------------------------------------------------------------------------------- */

/* What is left to read; failed stays set. */
struct clock_reader {
	struct str rest;
	bool failed;
};

static bool
clock_at_digit(const struct clock_reader *r)
{
	return r->rest.n > 0 && r->rest.p[0] >= '0' && r->rest.p[0] <= '9';
}

/* Exactly n digits, as a number from low to high. */
static int
clock_number(struct clock_reader *r, int n, int low, int high)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (!clock_at_digit(r)) {
			r->failed = true;
			return low;
		}
		v = v * 10 + (r->rest.p[0] - '0');
		r->rest = str_skip(r->rest, 1);
	}
	if (v < low || v > high)
		r->failed = true;
	return v;
}

static bool
clock_take(struct clock_reader *r, char c)
{
	if (r->rest.n == 0 || r->rest.p[0] != c)
		return false;
	r->rest = str_skip(r->rest, 1);
	return true;
}

static void
clock_expect(struct clock_reader *r, char c)
{
	if (!clock_take(r, c))
		r->failed = true;
}

static int
clock_month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static int64_t
clock_read_date(struct clock_reader *r)
{
	int year, month, day;

	year = clock_number(r, 4, 0, 9999);
	clock_expect(r, '-');
	month = clock_number(r, 2, 1, 12);
	clock_expect(r, '-');
	day = clock_number(r, 2, 1, 31);
	if (r->failed || day > clock_month_days(year, month)) {
		r->failed = true;
		return 0;
	}
	return clock_days(year, month, day);
}

/* Microseconds of ".123456789"; 0 when there is no fraction. Digits beyond the sixth are cut. */
static int
clock_read_fraction(struct clock_reader *r)
{
	int us = 0, n = 0;

	if (!clock_take(r, '.'))
		return 0;
	for (; clock_at_digit(r); n++) {
		if (n < 6)
			us = us * 10 + (r->rest.p[0] - '0');
		r->rest = str_skip(r->rest, 1);
	}
	if (n < 1 || n > 9)
		r->failed = true;
	for (; n < 6; n++)
		us *= 10;
	return us;
}

/* Seconds east of UTC. */
static int
clock_read_offset(struct clock_reader *r)
{
	int sign, hour, minute;

	if (clock_take(r, 'Z') || clock_take(r, 'z'))
		return 0;
	sign = clock_take(r, '-') ? -1 : 1;
	if (sign > 0)
		clock_expect(r, '+');
	hour = clock_number(r, 2, 0, 23);
	clock_expect(r, ':');
	minute = clock_number(r, 2, 0, 59);
	return sign * (hour * 3600 + minute * 60);
}

/* Leap seconds end a UTC day, whatever the local time there is. */
static bool
clock_last_minute(int64_t seconds)
{
	return (seconds % 86400 + 86400) % 86400 == 86400 - 60;
}

int
clock_parse(struct str s, int64_t *ret_us)
{
	struct clock_reader r = {s, false};
	int64_t days = clock_read_date(&r);
	int64_t seconds;
	int hour, minute, second, fraction, offset;

	if (!clock_take(&r, 'T') && !clock_take(&r, 't'))
		return -EINVAL;
	hour = clock_number(&r, 2, 0, 23);
	clock_expect(&r, ':');
	minute = clock_number(&r, 2, 0, 59);
	clock_expect(&r, ':');
	second = clock_number(&r, 2, 0, 60);
	fraction = clock_read_fraction(&r);
	offset = clock_read_offset(&r);
	seconds = days * 86400 + (hour * 60 + minute) * INT64_C(60) - offset;
	if (r.failed || r.rest.n > 0 || (second == 60 && !clock_last_minute(seconds)))
		return -EINVAL;
	seconds += second == 60 ? 59 : second;
	*ret_us = seconds * US_PER_S + fraction;
	return 0;
}
