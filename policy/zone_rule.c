/* SPDX-License-Identifier: Apache-2.0 */
/* The rule at the end of a time zone file: CET-1CEST,M3.5.0,M10.5.0/3 */
#include <errno.h>

#include "common/clock.h"
#include "policy/canon.h"
#include "policy/zone.h"

#define HOUR 3600
#define DAY INT64_C(86400)
#define RULE_TIME (2 * HOUR) /* when none is given */
#define HOURS_MAX 167        /* of a rule's time */
#define MARCH_1 60           /* of a year without 29 February */

/* Errors stick; what is read after one is 0. */
struct cursor {
	struct str rest;
	bool bad;
};

static char
peek(const struct cursor *r)
{
	return r->rest.n > 0 ? r->rest.p[0] : '\0';
}

static bool
take(struct cursor *r, char c)
{
	if (peek(r) != c)
		return false;
	r->rest = str_skip(r->rest, 1);
	return true;
}

static void
expect(struct cursor *r, char c)
{
	r->bad = !take(r, c) || r->bad;
}

/* 1 to 3 digits. */
static int
take_number(struct cursor *r, int low, int high)
{
	int n = 0, digits = 0;

	for (; digits < 3 && canon_is_digit(peek(r)); digits++) {
		n = n * 10 + (peek(r) - '0');
		r->rest = str_skip(r->rest, 1);
	}
	r->bad = r->bad || digits == 0 || n < low || n > high;
	return n;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static int32_t
take_time(struct cursor *r, int hours)
{
	bool minus = take(r, '-');
	int32_t t;

	if (!minus)
		(void)take(r, '+');
	t = take_number(r, 0, hours) * HOUR;
	if (take(r, ':')) {
		t += take_number(r, 0, 59) * 60;
		if (take(r, ':'))
			t += take_number(r, 0, 59);
	}
	return minus ? -t : t;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* An abbreviation: three letters or more, or in <> also digits and signs. Nobody needs it. */
static void
take_name(struct cursor *r)
{
	bool quoted = take(r, '<');
	size_t n = 0;

	while (is_letter(peek(r)) ||
	       (quoted && (canon_is_digit(peek(r)) || peek(r) == '+' || peek(r) == '-'))) {
		r->rest = str_skip(r->rest, 1);
		n++;
	}
	r->bad = r->bad || n < 3;
	if (quoted)
		expect(r, '>');
}

static void
take_day(struct cursor *r, struct zone_rule_day *ret)
{
	expect(r, ',');
	if (take(r, 'M')) {
		ret->kind = 'M';
		ret->month = take_number(r, 1, 12);
		expect(r, '.');
		ret->week = take_number(r, 1, 5);
		expect(r, '.');
		ret->day = take_number(r, 0, 6);
	} else if (take(r, 'J')) {
		ret->kind = 'J';
		ret->day = take_number(r, 1, 365);
	} else {
		ret->kind = 'n';
		ret->day = take_number(r, 0, 365);
	}
	ret->time = take(r, '/') ? take_time(r, HOURS_MAX) : RULE_TIME;
}

/* Offsets count west there. */
int
zone_rule_parse(struct str s, struct zone_rule *ret)
{
	struct cursor r = {.rest = s};

	*ret = (struct zone_rule){.dst = false};
	take_name(&r);
	ret->offset = -take_time(&r, 24);
	if (!r.bad && r.rest.n > 0) {
		ret->dst = true;
		ret->dst_offset = ret->offset + HOUR;
		take_name(&r);
		if (peek(&r) != ',')
			ret->dst_offset = -take_time(&r, 24);
		take_day(&r, &ret->begins);
		take_day(&r, &ret->ends);
	}
	return r.bad || r.rest.n > 0 ? -EINVAL : 0;
}

/* --- in a year -------------------------------------------------------------------------------- */

/* The week-th such weekday of a month; the fifth is the last. */
static int64_t
day_of_month(const struct zone_rule_day *d, int year)
{
	int64_t first = clock_days(year, d->month, 1);
	int64_t next = d->month == 12 ? clock_days(year + 1, 1, 1)
				      : clock_days(year, d->month + 1, 1);
	int64_t day = first + (d->day - clock_weekday(first) + 7) % 7 + 7 * (d->week - 1);

	return day < next ? day : day - 7;
}

static int64_t
day_of_year(const struct zone_rule_day *d, int year)
{
	int64_t first = clock_days(year, 1, 1);

	if (d->kind == 'M')
		return day_of_month(d, year);
	if (d->kind == 'n')
		return first + d->day;
	return d->day >= MARCH_1 ? clock_days(year, 3, 1) + d->day - MARCH_1 : first + d->day - 1;
}

int64_t
zone_rule_begins(const struct zone_rule *r, int year)
{
	return day_of_year(&r->begins, year) * DAY + r->begins.time - r->offset;
}

int64_t
zone_rule_ends(const struct zone_rule *r, int year)
{
	return day_of_year(&r->ends, year) * DAY + r->ends.time - r->dst_offset;
}
