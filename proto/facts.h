/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the writer reads back from a line of its own: the fields that stand at fixed places at its
 * two ends. Not a JSON parser: everything between is only looked at for control bytes, which no line
 * of ours has. A string in a line cannot look like these ends, since every quote in it is escaped.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"
#include "proto/line.h"

struct facts {
	uint64_t log_id;
	uint64_t seq;
	int64_t time; /* us since 1970 */
	uint8_t prev_hash[LINE_HASH];
};

/* line: with its newline. False when it is no whole line of ours. */
bool facts_parse(struct str line, struct facts *ret);
