/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/when.h"

#include <stdio.h>

#include "common/clock.h"

#define US_PER_DAY (86400 * US_PER_S)
#define DATE_TEXT 10 /* 2026-11-21 */
#define MINUTE_TEXT 16
#define SECOND_TEXT 19
#define MOMENT_TEXT 64
#define SECONDS_MAX INT64_C(253402300799) /* to the end of the year 9999 */
#define AGO_MAX (INT64_C(36500) * 86400)

static int64_t
day_of(int64_t us, bool end)
{
	int64_t start = us / US_PER_DAY * US_PER_DAY;

	return end ? start + US_PER_DAY - 1 : start;
}

static bool
date_parse(struct str s, bool end, int64_t *ret)
{
	char text[DATE_TEXT + sizeof("T00:00:00Z")];
	int64_t start;

	if (s.n != DATE_TEXT)
		return false;
	(void)snprintf(text, sizeof(text), "%.*sT00:00:00Z", STR_ARG(s));
	if (clock_parse(str_from(text), &start) < 0)
		return false;
	*ret = day_of(start, end);
	return true;
}

/*
 * 2026-11-21 03:46, 03:46:57 or 03:46:57.127, with a T or a space, or UTC behind: as people are shown times. What is not
 * said is the first or the last there is.
 */
static bool
part_parse(struct str s, bool end, int64_t *ret)
{
	char text[] = "0000-00-00T00:00:00.000000Z";
	const char *last = "0000-00-00T00:00:59.999999Z";

	if (str_ends(s, STR(" UTC")))
		s.n -= 4;
	if (s.n != MINUTE_TEXT && s.n != SECOND_TEXT &&
	    (s.n < SECOND_TEXT + 2 || s.n > sizeof(text) - 2))
		return false;
	if (end)
		memcpy(text, last, sizeof(text));
	memcpy(text, s.p, s.n);
	if (text[DATE_TEXT] == ' ')
		text[DATE_TEXT] = 'T';
	return clock_parse(str_from(text), ret) == 0;
}

/* RFC 3339 leaves it to us whether the T may be a space. */
static bool
moment_parse(struct str s, int64_t *ret)
{
	char text[MOMENT_TEXT];

	if (s.n <= DATE_TEXT || s.n >= sizeof(text) || s.p[DATE_TEXT] != ' ')
		return clock_parse(s, ret) == 0;
	memcpy(text, s.p, s.n);
	text[DATE_TEXT] = 'T';
	return clock_parse((struct str){text, s.n}, ret) == 0;
}

/* @1795232817: seconds since 1970 */
static bool
seconds_parse(struct str s, bool end, int64_t *ret)
{
	int64_t n = 0;

	if (s.n < 2 || s.p[0] != '@')
		return false;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || n > SECONDS_MAX)
			return false;
		n = n * 10 + (s.p[i] - '0');
	}
	if (n > SECONDS_MAX)
		return false;
	*ret = n * US_PER_S + (end ? US_PER_S - 1 : 0);
	return true;
}

static int64_t
unit_seconds(char unit)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (units[i].unit == unit)
			return units[i].seconds;
	return 0;
}

/* -10m */
static bool
ago_parse(struct str s, int64_t now, int64_t *ret)
{
	int64_t n = 0, seconds;

	if (s.n < 3 || s.p[0] != '-')
		return false;
	seconds = unit_seconds(s.p[s.n - 1]);
	for (size_t i = 1; i + 1 < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || n > AGO_MAX)
			return false;
		n = n * 10 + (s.p[i] - '0');
	}
	if (seconds == 0 || n > AGO_MAX / seconds)
		return false;
	*ret = now - n * seconds * US_PER_S;
	return true;
}

bool
when_parse(struct str s, int64_t now, bool end, int64_t *ret)
{
	if (str_eq(s, STR("now")))
		*ret = now;
	else if (str_eq(s, STR("today")))
		*ret = day_of(now, end);
	else if (str_eq(s, STR("yesterday")))
		*ret = day_of(now - US_PER_DAY, end);
	else
		return ago_parse(s, now, ret) || date_parse(s, end, ret) || moment_parse(s, ret) ||
		       part_parse(s, end, ret) || seconds_parse(s, end, ret);
	return true;
}

bool
when_meets(int64_t first, int64_t last, const int64_t *from, const int64_t *to)
{
	int64_t low = (first < last ? first : last) - US_PER_S;
	int64_t high = first < last ? last : first;

	return !(from && high < *from - US_PER_S) && !(to && low > *to);
}
