/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/outbuf.h"

#include <errno.h>
#include <stdlib.h>

void
outbuf_deinit(struct outbuf *o)
{
	free(o->buf);
	*o = (struct outbuf){0};
}

static int
outbuf_make_room(struct outbuf *o, size_t n)
{
	size_t unsent = o->end - o->begin, cap = o->cap ? o->cap : OUTBUF_FIRST;
	char *buf;

	if (n <= o->cap - o->end)
		return 0;
	if (o->begin > 0) {
		memmove(o->buf, o->buf + o->begin, unsent);
		o->begin = 0;
		o->end = unsent;
	}
	if (n <= o->cap - o->end)
		return 0;
	while (cap - unsent < n)
		cap *= 2;
	buf = realloc(o->buf, cap);
	if (!buf)
		return -ENOMEM;
	o->buf = buf;
	o->cap = cap;
	return 0;
}

int
outbuf_put(struct outbuf *o, struct str s, size_t max)
{
	size_t unsent = o->end - o->begin;
	int error;

	if (s.n > max || unsent > max - s.n)
		return -ENOBUFS;
	if (s.n == 0)
		return 0;
	error = outbuf_make_room(o, s.n);
	if (error < 0)
		return error;
	memcpy(o->buf + o->end, s.p, s.n);
	o->end += s.n;
	return 0;
}

void
outbuf_sent(struct outbuf *o, size_t n)
{
	o->begin += n;
	if (o->begin == o->end)
		o->begin = o->end = 0;
}

void
outbuf_trim(struct outbuf *o)
{
	if (o->begin == o->end && o->cap > OUTBUF_FIRST)
		outbuf_deinit(o);
}
