/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/linescan.h"

#include <string.h>
#include <sys/types.h>

#include "auditd-writer/dir.h"

int
linescan_open(struct linescan *s, int fd)
{
	int64_t size = dir_size(fd);

	if (size < 0)
		return (int)size;
	s->fd = fd;
	s->at = 0;
	s->size = size;
	s->start = s->fill = 0;
	return 0;
}

/* Move what is left to the front and read on behind it. Returns bytes read. */
static ssize_t
linescan_fill(struct linescan *s)
{
	size_t left = s->fill - s->start;
	ssize_t n;

	memmove(s->room, s->room + s->start, left);
	s->start = 0;
	s->fill = left;
	n = dir_read(s->fd, s->room + left, sizeof(s->room) - left, s->at + (int64_t)left);
	if (n > 0)
		s->fill += (size_t)n;
	return n;
}

static bool
linescan_take(struct linescan *s, struct str *ret)
{
	size_t left = s->fill - s->start;
	const char *p = s->room + s->start;
	const char *end = memchr(p, '\n', left < LIMIT_LINE ? left : LIMIT_LINE);

	if (!end || memchr(p, '\0', (size_t)(end - p)))
		return false;
	*ret = (struct str){p, (size_t)(end - p) + 1};
	s->start += ret->n;
	s->at += (int64_t)ret->n;
	return true;
}

int
linescan_next(struct linescan *s, struct str *ret)
{
	ssize_t n;

	if (linescan_take(s, ret))
		return 1;
	if (s->fill - s->start >= LIMIT_LINE)
		return 0;
	n = linescan_fill(s);
	if (n < 0)
		return (int)n;
	return linescan_take(s, ret) ? 1 : 0;
}

/* Index after the last byte that is not NUL among n, 0 when all are. */
static size_t
content_end(const char *p, size_t n)
{
	while (n > 0 && p[n - 1] == '\0')
		n--;
	return n;
}

int64_t
linescan_content_end(struct linescan *s)
{
	int64_t end = s->size;

	/* What room held is read again: it is used for this now. */
	s->start = s->fill = 0;
	while (end > s->at) {
		int64_t from = end - (int64_t)sizeof(s->room);
		ssize_t n;
		size_t used;

		if (from < s->at)
			from = s->at;
		n = dir_read(s->fd, s->room, (size_t)(end - from), from);
		if (n < 0)
			return n;
		used = content_end(s->room, (size_t)n);
		if (used > 0)
			return from + (int64_t)used;
		end = from;
	}
	return s->at;
}
