/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bytes on their way between two descriptors: start <= ready <= end <= cap. */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buf {
	char *p;
	size_t cap;
	size_t start; /* first byte not yet taken */
	size_t ready; /* what lies before may go on: whole lines */
	size_t end;   /* next byte to fill */
};

static inline void
buf_clear(struct buf *b)
{
	b->start = b->ready = b->end = 0;
}

/* Whether something can be added; moves what is there to the front when the end is reached. */
static inline bool
buf_room(struct buf *b)
{
	if (b->start == b->end)
		buf_clear(b);
	if (b->end == b->cap && b->start > 0) {
		memmove(b->p, b->p + b->start, b->end - b->start);
		b->ready -= b->start;
		b->end -= b->start;
		b->start = 0;
	}
	return b->end < b->cap;
}
