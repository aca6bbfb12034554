/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/timekeeper.h"

#include "common/clock.h"

#define STEP_US US_PER_S
#define SAME_MOMENT_US 10000
#define READ_TRIES 8

void
timekeeper_init(struct timekeeper *t, int64_t last)
{
	*t = (struct timekeeper){.last = last, .high = last};
}

/* A process that was not run between two readings would see a step where none was: read again. */
void
timekeeper_read(int64_t *ret_real, int64_t *ret_boottime)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < READ_TRIES && best > SAME_MOMENT_US; i++) {
		int64_t before = clock_boottime(), real = clock_real();
		int64_t took = clock_boottime() - before;

		if (took >= best)
			continue;
		best = took;
		*ret_real = real;
		*ret_boottime = before;
	}
}

static bool
moved(const struct timekeeper *t, int64_t offset)
{
	int64_t by = offset - t->offset;

	return t->running && (by > STEP_US || by < -STEP_US);
}

bool
timekeeper_take(struct timekeeper *t, int64_t real, int64_t boottime, struct clock_step *ret_step)
{
	int64_t offset = real - boottime;
	bool stepped = real < t->last || moved(t, offset);

	if (stepped) {
		int64_t expected = t->running ? t->offset + boottime : t->last;

		*ret_step = (struct clock_step){
		    .expected = expected < t->last ? t->last : expected,
		    .now = real,
		    .boottime = boottime,
		    .back = t->high != INT64_MIN && real < t->high - STEP_US,
		};
		if (ret_step->back)
			t->high = real;
	}
	/* Small steps forward may add up: only a step that was told starts a new count. */
	if (stepped || !t->running)
		t->offset = offset;
	t->running = true;
	t->last = real;
	if (t->high < real)
		t->high = real;
	return stepped;
}
