/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A token bucket: so many a second on average, at most one second's worth at once. Times are
 * clock_monotonic() microseconds; a time before the last one counts as the last one.
 */

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint32_t rate;  /* tokens a second; 0: no limit */
	uint64_t level; /* millionths of a token */
	int64_t at;     /* when level was right */
};

/* Full at first. */
void bucket_init(struct bucket *b, uint32_t rate, int64_t now);

/* Take one token if there is one. */
bool bucket_take(struct bucket *b, int64_t now);

/* Whether a token could be taken. */
bool bucket_has(struct bucket *b, int64_t now);

/* Microseconds until n tokens (at most a full bucket) are there; 0: now. */
int64_t bucket_wait(struct bucket *b, uint32_t n, int64_t now);

/* As it was at first: forgetting the bucket then changes nothing. */
bool bucket_full(struct bucket *b, int64_t now);
