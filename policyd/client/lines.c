/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/lines.h"

#include <errno.h>
#include <stdlib.h>

void
lines_init(struct lines *l, size_t max)
{
	*l = (struct lines){.max = max};
}

void
lines_deinit(struct lines *l)
{
	free(l->buf);
	*l = (struct lines){.max = l->max};
}

/* Two sizes only: most clients never need the second. */
static int
lines_grow(struct lines *l)
{
	size_t cap = l->cap == 0 && l->max > LINES_FIRST ? LINES_FIRST : l->max;
	char *buf = realloc(l->buf, cap);

	if (!buf)
		return -ENOMEM;
	l->buf = buf;
	l->cap = cap;
	return 0;
}

static void
lines_compact(struct lines *l)
{
	if (l->begin == 0)
		return;
	memmove(l->buf, l->buf + l->begin, l->end - l->begin);
	l->end -= l->begin;
	l->seen = l->seen > l->begin ? l->seen - l->begin : 0;
	l->begin = 0;
}

int
lines_space(struct lines *l, char **ret_p, size_t *ret_n)
{
	/* The long line has gone: back to the small buffer. */
	if (l->begin == l->end && l->cap > LINES_FIRST)
		lines_deinit(l);
	lines_compact(l);
	if (l->end == l->cap && l->cap < l->max) {
		int error = lines_grow(l);

		if (error < 0)
			return error;
	}
	*ret_p = l->buf + l->end;
	*ret_n = l->cap - l->end;
	return 0;
}

void
lines_added(struct lines *l, size_t n)
{
	l->end += n;
}

bool
lines_peek(struct lines *l, struct str *ret_line)
{
	const char *newline;

	if (l->seen < l->begin)
		l->seen = l->begin;
	if (l->seen == l->end)
		return false;
	newline = memchr(l->buf + l->seen, '\n', l->end - l->seen);
	if (!newline) {
		l->seen = l->end;
		return false;
	}
	l->seen = (size_t)(newline - l->buf);
	*ret_line = (struct str){l->buf + l->begin, l->seen - l->begin};
	return true;
}

void
lines_take(struct lines *l, struct str line)
{
	l->begin += line.n + 1;
	l->seen = l->begin;
}
