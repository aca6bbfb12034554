/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The form that nearly all records have, known in advance but for their middles and their times: the
 * next line of a log begins with the id and ends with the seq and the hash that follow from the line
 * before. Comparing with that is a tenth of the work of reading members one by one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/str.h"
#include "proto/line.h"

#define USUAL_BEGIN 70 /* {"audit_event_id":"<36>","timestamp":" */
#define USUAL_END 112  /* ,"seq":<16 digits>,"prev_hash":"<64>"}\n */

/* All zero at first. */
struct usual {
	bool ready; /* what follows is of log_id and seq */
	uint64_t log_id, seq;
	char begin[USUAL_BEGIN];
	char end[USUAL_END];
	size_t digits; /* of seq, in end */
	size_t n_end;
	/* The last time that was read. */
	char second[RFC3339_SIZE]; /* its text up to the fraction; empty: none yet */
	int64_t second_us;
};

/*
 * Whether line, a strict JSON text without duplicate keys and a newline behind it, is an object that
 * begins with audit_event_id and timestamp and ends with seq and prev_hash, all of our form, id and
 * seq and hash as given; then *ret_time is its time. False says nothing.
 *
 * Enough is looked at: a quote that does not stand behind a backslash begins or ends a string, so
 * what is compared at the two ends are tokens of the outermost object and not parts of a string.
 */
bool usual_matches(struct usual *u, struct str line, uint64_t log_id, uint64_t seq,
    const uint8_t prev_hash[LINE_HASH], int64_t *ret_time);
