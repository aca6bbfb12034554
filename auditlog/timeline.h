/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A period cut into bars of one unit, as short as keeps them few: minutes, hours, days, weeks (from Monday), months
 * or years of UTC.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

#define TIMELINE_BARS 256
#define TIMELINE_LABEL 24

enum time_unit {
	UNIT_MINUTE,
	UNIT_HOUR,
	UNIT_DAY,
	UNIT_WEEK,
	UNIT_MONTH,
	UNIT_YEAR,
};

struct timeline {
	enum time_unit unit;
	int64_t first; /* the first bar's unit, counted from 1970 (years: from 0) */
	size_t n;      /* bars, 1 to TIMELINE_BARS */
};

/* us since 1970, both ends inclusive. Of more than TIMELINE_BARS years the last ones. */
void timeline_init(struct timeline *t, int64_t from, int64_t to);

/* The bar that holds this time. False: none does. */
bool timeline_bar(const struct timeline *t, int64_t us, size_t *ret);

/* When the bar begins, us since 1970. */
int64_t timeline_start(const struct timeline *t, size_t bar);

/* The same as a text, no longer than its unit needs: "2026-11-21 03:00", "2026-11". */
void timeline_label(const struct timeline *t, size_t bar, char out[TIMELINE_LABEL]);

/* "hour" */
const char *timeline_unit(const struct timeline *t);
