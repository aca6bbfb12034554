/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes of a stream as lines. The buffer starts small and grows only for a line that needs it, up to
 * the limit; a line and its newline together are never longer than that. Lines are handed out in
 * place.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

#define LINES_FIRST (16u << 10) /* bytes that the buffer starts with */

struct lines {
	char *buf;
	size_t cap;
	size_t max;   /* the limit */
	size_t begin; /* first byte not taken */
	size_t end;   /* first byte free */
	size_t seen;  /* no newline in [begin, seen) */
};

void lines_init(struct lines *l, size_t max);
void lines_deinit(struct lines *l);

/*
 * Room to read into: at least one byte unless lines_overlong(). -ENOMEM. Moves what is held: lines
 * handed out before are gone.
 */
int lines_space(struct lines *l, char **ret_p, size_t *ret_n);
/* n bytes of it were filled. */
void lines_added(struct lines *l, size_t n);

/* The next whole line without its newline, which stays until lines_take(). */
bool lines_peek(struct lines *l, struct str *ret_line);
/* Done with the line that was peeked; its bytes stay in place until lines_space(). */
void lines_take(struct lines *l, struct str line);

/* After lines_peek() was false: bytes of a line that has not ended. */
static inline size_t
lines_partial(const struct lines *l)
{
	return l->end - l->begin;
}

/* After lines_peek() was false: the line that is coming is over the limit. */
static inline bool
lines_overlong(const struct lines *l)
{
	return lines_partial(l) >= l->max;
}
