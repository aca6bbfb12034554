/* SPDX-License-Identifier: Apache-2.0 */

/* Parts of auditlog report: the bars of a period, text as it is shown, the first of many incidents in any order. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "auditlog/incident.h"
#include "auditlog/shown.h"
#include "auditlog/timeline.h"

/* --- bars ------------------------------------------------------------------------------------- */

static int64_t
us_of(const char *time)
{
	int64_t us;

	assert_int_equal(clock_parse(str_from(time), &us), 0);
	return us;
}

static void
expect_bars(const char *from, const char *to, const char *unit, size_t n, const char *first,
    const char *last)
{
	char label[TIMELINE_LABEL];
	struct timeline t;
	size_t bar;

	print_message("%s %s\n", from, to);
	timeline_init(&t, us_of(from), us_of(to));
	assert_string_equal(timeline_unit(&t), unit);
	assert_int_equal(t.n, n);
	timeline_label(&t, 0, label);
	assert_string_equal(label, first);
	timeline_label(&t, n - 1, label);
	assert_string_equal(label, last);
	assert_true(timeline_bar(&t, us_of(to), &bar));
	assert_int_equal(bar, n - 1);
	if (strcmp(from, "0001-01-01T00:00:00Z") != 0) {
		assert_true(timeline_bar(&t, us_of(from), &bar));
		assert_int_equal(bar, 0);
	}
	assert_false(timeline_bar(&t, INT64_MAX / 4, &bar));
	assert_false(timeline_bar(&t, INT64_MIN / 4, &bar));
}

static void
test_bars(void **state)
{
	(void)state;
	expect_bars("2026-11-21T03:00:00Z", "2026-11-21T03:00:00Z", "minute", 1, "2026-11-21 03:00",
	    "2026-11-21 03:00");
	expect_bars("2026-11-21T03:00:59.999999Z", "2026-11-21T04:59:00Z", "minute", 120,
	    "2026-11-21 03:00", "2026-11-21 04:59");
	expect_bars("2026-11-21T03:00:00Z", "2026-11-21T05:00:00Z", "hour", 3, "2026-11-21 03:00",
	    "2026-11-21 05:00");
	expect_bars("2026-11-01T00:00:00Z", "2026-11-30T23:59:59.999999Z", "day", 30, "2026-11-01",
	    "2026-11-30");
	/* A Sunday to a Monday: two weeks of them are none. */
	expect_bars(
	    "2026-06-28T00:00:00Z", "2026-11-23T00:00:00Z", "week", 23, "2026-06-22", "2026-11-23");
	expect_bars(
	    "1969-12-28T00:00:00Z", "1970-06-01T00:00:00Z", "week", 24, "1969-12-22", "1970-06-01");
	expect_bars(
	    "2023-12-31T23:59:59Z", "2026-11-23T00:00:00Z", "month", 36, "2023-12", "2026-11");
	expect_bars("1901-03-01T00:00:00Z", "2026-11-23T00:00:00Z", "year", 126, "1901", "2026");
	expect_bars(
	    "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "year", TIMELINE_BARS, "9744", "9999");
}

/* Each moment falls into one bar, and none of them before the one of an earlier moment. */
static void
test_moments(void **state)
{
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (unsigned i = 0; i < 2000; i++) {
		int64_t from = us_of("2020-01-01T00:00:00Z") + random() * INT64_C(100000);
		int64_t step = 1 + random() % (INT64_C(1) << (20 + random() % 24));
		struct timeline t;
		size_t before = 0, bar;

		timeline_init(&t, from, from + 50 * step);
		assert_in_range(t.n, 1, TIMELINE_BARS);
		for (int64_t k = 0; k <= 50; k++) {
			assert_true(timeline_bar(&t, from + k * step, &bar));
			assert_in_range(bar, before, t.n - 1);
			before = bar;
		}
	}
}

/* --- texts ------------------------------------------------------------------------------------ */

static void
expect_shown(const char *text, size_t most, const char *expected)
{
	char buf[256];
	struct text t = text_over(buf, sizeof(buf) - 1);

	shown_put(&t, str_from(text), most);
	assert_true(text_ok(&t));
	buf[t.n] = '\0';
	assert_string_equal(buf, expected);
}

static void
test_shown(void **state)
{
	(void)state;
	expect_shown("", 5, "");
	expect_shown("plain <&> \"'", 99, "plain <&> \"'");
	expect_shown("j\xc3\xb6rg", 4, "j\xc3\xb6rg");
	expect_shown("j\xc3\xb6rg", 3, "j\xc3\xb6r\xe2\x80\xa6");
	expect_shown("a\033[1mb", 99, "a\\x1b[1mb");
	expect_shown("\xff\xc3", 99, "\\xff\\xc3");
	expect_shown("\xe2\x80\xae", 99, "\\xe2\\x80\\xae");          /* right to left override */
	expect_shown("\xe2\x80\x8b", 99, "\\xe2\\x80\\x8b");          /* zero width space */
	expect_shown("\xef\xbf\xbf", 99, "\\xef\\xbf\\xbf");          /* no character */
	expect_shown("\xf3\xa0\x81\x81", 99, "\\xf3\\xa0\\x81\\x81"); /* a tag */
	expect_shown("\xf0\x9f\x94\x91", 1, "\xf0\x9f\x94\x91");
}

static void
expect_text(
    const char *expected, void (*put)(struct text *, uint64_t, uint64_t), uint64_t a, uint64_t b)
{
	char buf[64];
	struct text t = text_over(buf, sizeof(buf) - 1);

	put(&t, a, b);
	buf[t.n] = '\0';
	assert_string_equal(buf, expected);
}

static void
put_number(struct text *t, uint64_t n, uint64_t unused)
{
	(void)unused;
	shown_number(t, n);
}

static void
test_numbers(void **state)
{
	(void)state;
	expect_text("0", put_number, 0, 0);
	expect_text("999", put_number, 999, 0);
	expect_text("1,000", put_number, 1000, 0);
	expect_text("18,446,744,073,709,551,615", put_number, UINT64_MAX, 0);
	expect_text("0.0", shown_percent, 0, 0);
	expect_text("0.0", shown_percent, 0, 7);
	expect_text("33.3", shown_percent, 1, 3);
	expect_text("100.0", shown_percent, 7, 7);
	expect_text("<0.1", shown_percent, 1, 1001);
	expect_text("49.9", shown_percent, UINT64_MAX / 2, UINT64_MAX);
}

/* --- incidents --------------------------------------------------------------------------------- */

static void
take(struct incidents *x, const char *line, size_t source, uint64_t at)
{
	struct recordline r;
	struct recordline_fault fault;
	const struct incident_place place = {source, "audit-x.jsonl", at};

	assert_int_equal(recordline_cut(&r, str_from(line), &fault), 0);
	assert_true(incidents_take(x, &r, &place));
}

/* In whatever order threads find them, the first in the order of the log are kept. */
static void
test_first(void **state)
{
	static struct incidents x;
	unsigned order[200], seed = (unsigned)time(NULL);
	char line[256];

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	incidents_init(&x);
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		order[i] = i;
	for (unsigned i = ARRAY_SIZE(order) - 1; i > 0; i--) {
		unsigned other = (unsigned)random() % (i + 1), kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
		(void)snprintf(line, sizeof(line),
		    "{\"action_type\":\"unrecorded\",\"unrecorded\":{\"count\":%u},\"seq\":%u}",
		    order[i], order[i] + 1);
		take(&x, line, order[i] / 7, order[i] % 7);
	}
	assert_int_equal(x.list[INCIDENT_UNRECORDED].n, 200);
	assert_int_equal(x.list[INCIDENT_UNRECORDED].sum, 199 * 200 / 2);
	assert_int_equal(x.list[INCIDENT_UNRECORDED].kept, INCIDENT_KEPT);
	for (unsigned i = 0; i < INCIDENT_KEPT; i++)
		assert_int_equal(x.list[INCIDENT_UNRECORDED].v[i].seq, i + 1);
}

static void
test_kinds(void **state)
{
	static struct incidents x;
	struct recordline r;
	struct recordline_fault fault;
	const struct incident_place place = {0, "f", 0};

	(void)state;
	incidents_init(&x);
	take(&x,
	    "{\"action_type\":\"policy\",\"policy\":{\"result\":\"loaded\",\"revision\":"
	    "\"r\\u00e9\"}}",
	    0, 1);
	take(&x, "{\"action_type\":\"policy\",\"policy\":{\"result\":\"refused\"}}", 0, 2);
	take(&x,
	    "{\"action_type\":\"application_event\",\"event\":\"e\",\"level\":\"error\",\"actor\":"
	    "\"a\"}",
	    0, 3);
	assert_int_equal(x.list[INCIDENT_LOADED].n, 1);
	assert_string_equal(x.list[INCIDENT_LOADED].v[0].text, "revision r\xc3\xa9");
	assert_string_equal(x.list[INCIDENT_LOADED].v[0].who, "the service");
	assert_int_equal(x.list[INCIDENT_REFUSED].n, 1);
	assert_string_equal(x.list[INCIDENT_ERROR].v[0].who, "a");
	assert_int_equal(recordline_cut(&r, STR("{\"action_type\":\"heartbeat\"}"), &fault), 0);
	assert_false(incidents_take(&x, &r, &place));
	/* Payloads that are none. */
	take(&x, "{\"action_type\":\"unrecorded\",\"unrecorded\":[1,2]}", 0, 4);
	take(&x, "{\"action_type\":\"storage\"}", 0, 5);
	assert_int_equal(x.list[INCIDENT_UNRECORDED].sum, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bars),
	    cmocka_unit_test(test_moments),
	    cmocka_unit_test(test_shown),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_first),
	    cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
