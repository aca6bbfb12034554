/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Each decision on record was sent once, was not refused, and is there once. */
static void
expect_no_other(const struct trial *t, const struct log *log)
{
	static bool seen[LIFE_CHANNELS + 1][HARNESS_TRACKED];

	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < log->lines; i++) {
		const struct str line = log->line[i].text;
		const char *id = memmem(line.p, line.n, "\"request_id\":\"c", 15);
		unsigned channel;
		unsigned long long number;

		if (!id)
			continue;
		assert_int_equal(sscanf(id + 15, "%u-%llu\"", &channel, &number), 2);
		assert_true(channel >= 1 && channel <= LIFE_CHANNELS && number < HARNESS_TRACKED);
		if (number >= t->said[channel].next)
			fail_msg("%s: c%u-%llu was never sent", t->h.top, channel, number);
		if (t->said[channel].refusal[number] != 0)
			fail_msg("%s: c%u-%llu was refused", t->h.top, channel, number);
		if (seen[channel][number])
			fail_msg("%s: c%u-%llu is there twice", t->h.top, channel, number);
		seen[channel][number] = true;
	}
}

/* Behind the last record of a session, a seal tells, or standard error. */
static bool
sealed_as_torn(const struct trial *t, const struct log *log)
{
	for (unsigned i = 0; i < log->files; i++)
		if (log_seal_says(t->h.audit, log->file[i].name, "\"state\":\"poisoned\""))
			return true;
	return false;
}

/* Of each segment, however often the start that recovered it was cut short. */
static void
expect_recoveries(const struct trial *t, const struct log *log)
{
	char text[192];

	for (unsigned i = 0; i < log->files; i++) {
		if (!log_seal_says(t->h.audit, log->file[i].name, "\"state\":\"recovered\""))
			continue;
		(void)snprintf(
		    text, sizeof(text), "\"recovery\":{\"file\":\"%s\"", log->file[i].name);
		if (log_count(log, text) == 0)
			fail_msg("%s: no record tells that %s was recovered", t->h.top,
			    log->file[i].name);
	}
}

static void
expect_told(const struct trial *t, const struct log *log)
{
	if (t->failed && t->resumed &&
	    log_count(log, "\"state\":\"recovered\",\"from\":\"failed\"") == 0)
		fail_msg("%s: no record tells that storage had failed", t->h.top);
	if (t->recovers && log_count(log, "\"recovery\":{") == 0)
		fail_msg("%s: no record tells of the recovery", t->h.top);
	if (log->torn > 0 && log_count(log, "\"state\":\"poisoned\"") == 0 &&
	    log_count(log, "\"recovery\":{") == 0 && !sealed_as_torn(t, log) &&
	    !harness_said(&t->h, "its records are written again"))
		fail_msg("%s: nothing tells of what is torn", t->h.top);
	expect_recoveries(t, log);
}

void
told_expect(const struct trial *t, const struct log *log)
{
	expect_no_other(t, log);
	expect_told(t, log);
}
