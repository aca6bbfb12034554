/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which part of a log is asked for: --since and --until, by seal index or by time. */

#include <stdbool.h>
#include <stdint.h>

#include "common/cli.h"
#include "proto/seal.h"

struct span_end {
	bool given, is_time;
	uint64_t index;
	int64_t time; /* us since 1970 */
};

struct span {
	struct span_end since, until; /* both inclusive */
};

/*
 * text may be NULL: no end there. Ends the program when it is neither an index nor a time (when.h, as now and end).
 */
void span_parse(struct span_end *ret, const struct cli_command *command, const char *option,
    const char *text, int64_t now, bool end);

bool span_given(const struct span *s);

/* Whether a segment may hold anything of it, going by its index and its first and last time. */
bool span_has(const struct span *s, const struct seal *seal);

#define SPAN_NO_AGE INT64_C(-1)
/* "90s", "10m", "24h" or "7d", in us; ends the program when it is none. NULL: SPAN_NO_AGE. */
int64_t span_age(const struct cli_command *command, const char *option, const char *text);
