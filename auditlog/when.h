/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A time as people name it: RFC 3339 with any offset, a date (2026-11-21), one without an offset (2026-11-21 03:46,
 * 03:46:57, 03:46:57.127), @seconds since 1970, now, today, yesterday, or how long ago (-90s, -10m, -1h, -7d, -2w). All
 * of UTC, as the log's are.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

/*
 * The time in us since 1970. end: of what is longer than a moment (a day, a minute, a second without a fraction) the last microsecond, else
 * the first. now: us since 1970. False: it is none of these.
 */
bool when_parse(struct str s, int64_t now, bool end, int64_t *ret);

/*
 * Whether a segment may hold a record of a time, going by its first and last one (in any order): behind a step of the
 * clock back by more than a second the writer begins a new segment, if it can. Within one, no record is earlier than the
 * first by more than that, and none later than the last. from, to: both inclusive; NULL: no end there.
 */
bool when_meets(int64_t first, int64_t last, const int64_t *from, const int64_t *to);
