/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/timeline.h"

#include <stdio.h>

#include "common/clock.h"

#define US_PER_MINUTE (60 * US_PER_S)
#define US_PER_HOUR (60 * US_PER_MINUTE)
#define US_PER_DAY (24 * US_PER_HOUR)
#define DAYS_PER_WEEK 7
#define TO_MONDAY 3 /* 1970-01-01 was a Thursday */

static const struct {
	const char *name;
	size_t most; /* bars of it; more: the next unit */
	size_t text; /* of a label */
} units[] = {
    [UNIT_MINUTE] = {"minute", 120, 16},
    [UNIT_HOUR] = {"hour", 100, 16},
    [UNIT_DAY] = {"day", 100, 10},
    [UNIT_WEEK] = {"week", 110, 10},
    [UNIT_MONTH] = {"month", 120, 7},
    [UNIT_YEAR] = {"year", TIMELINE_BARS, 4},
};

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t
unit_of(enum time_unit unit, int64_t us)
{
	int64_t days = floor_div(us, US_PER_DAY);
	int year, month, day;

	switch (unit) {
	case UNIT_MINUTE:
		return floor_div(us, US_PER_MINUTE);
	case UNIT_HOUR:
		return floor_div(us, US_PER_HOUR);
	case UNIT_DAY:
		return days;
	case UNIT_WEEK:
		return floor_div(days + TO_MONDAY, DAYS_PER_WEEK);
	case UNIT_MONTH:
	case UNIT_YEAR:
		break;
	}
	clock_civil(days, &year, &month, &day);
	return unit == UNIT_YEAR ? year : (int64_t)year * 12 + month - 1;
}

static int64_t
unit_start(enum time_unit unit, int64_t number)
{
	switch (unit) {
	case UNIT_MINUTE:
		return number * US_PER_MINUTE;
	case UNIT_HOUR:
		return number * US_PER_HOUR;
	case UNIT_DAY:
		return number * US_PER_DAY;
	case UNIT_WEEK:
		return (number * DAYS_PER_WEEK - TO_MONDAY) * US_PER_DAY;
	case UNIT_MONTH:
		return clock_days((int)floor_div(number, 12),
			   (int)(number - floor_div(number, 12) * 12) + 1, 1) *
		       US_PER_DAY;
	case UNIT_YEAR:
		break;
	}
	return clock_days((int)number, 1, 1) * US_PER_DAY;
}

void
timeline_init(struct timeline *t, int64_t from, int64_t to)
{
	int64_t last = unit_of(UNIT_YEAR, to);

	*t = (struct timeline){.unit = UNIT_YEAR, .first = unit_of(UNIT_YEAR, from)};
	for (enum time_unit u = UNIT_MINUTE; u < UNIT_YEAR; u++) {
		int64_t first = unit_of(u, from), end = unit_of(u, to);

		if (end - first >= (int64_t)units[u].most)
			continue;
		t->unit = u;
		t->first = first;
		last = end;
		break;
	}
	if (last - t->first >= TIMELINE_BARS)
		t->first = last - TIMELINE_BARS + 1;
	t->n = last < t->first ? 1 : (size_t)(last - t->first) + 1;
}

bool
timeline_bar(const struct timeline *t, int64_t us, size_t *ret)
{
	int64_t number = unit_of(t->unit, us);

	if (number < t->first || number - t->first >= (int64_t)t->n)
		return false;
	*ret = (size_t)(number - t->first);
	return true;
}

int64_t
timeline_start(const struct timeline *t, size_t bar)
{
	return unit_start(t->unit, t->first + (int64_t)bar);
}

void
timeline_label(const struct timeline *t, size_t bar, char out[TIMELINE_LABEL])
{
	char time[RFC3339_SIZE];

	clock_format(timeline_start(t, bar), time);
	time[10] = ' ';
	(void)snprintf(out, TIMELINE_LABEL, "%.*s", (int)units[t->unit].text, time);
}

const char *
timeline_unit(const struct timeline *t)
{
	return units[t->unit].name;
}
