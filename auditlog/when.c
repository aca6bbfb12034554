/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/when.h"

#include <stdio.h>

#include "common/clock.h"

#define US_PER_DAY (86400 * US_PER_S)
#define DATE_TEXT 10 /* 2026-11-21 */
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
		return ago_parse(s, now, ret) || date_parse(s, end, ret) ||
		       clock_parse(s, ret) == 0;
	return true;
}

bool
when_meets(int64_t first, int64_t last, const int64_t *from, const int64_t *to)
{
	int64_t low = (first < last ? first : last) - US_PER_S;
	int64_t high = first < last ? last : first;

	return !(from && high < *from - US_PER_S) && !(to && low > *to);
}
