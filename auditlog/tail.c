/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

/* Bytes of one file that are looked through for the last that is not NUL; the rest counts as is. */
#define TAIL_LOOK (UINT64_C(1) << 30)

struct tail_file {
	const char *base;
	uint64_t seq; /* of the first line; 0: it is no record */
};

/* A file may be sealed and renamed while we look: its lines stay what they are. */
static int
tail_open(const struct segment_reader *r, const char *base, uint64_t *ret_bytes)
{
	char name[SEGNAME_SIZE];

	return logdir_lines(r->dir, base, name, ret_bytes);
}

static uint64_t
first_seq(struct segment_reader *r, const char *base)
{
	CLEANUP_FD int fd = tail_open(r, base, NULL);
	struct segment_lines lines;
	struct record_chain c;
	struct fault f;

	if (fd < 0)
		return 0;
	segment_lines_open(&lines, fd);
	return record_read(&r->record, segment_lines_next(&lines, r), &c, &f) ? c.seq : 0;
}

/* Just behind the last byte from `from` on that is not NUL; from when there is none. */
static uint64_t
text_end(struct segment_reader *r, int fd, uint64_t from, uint64_t bytes)
{
	uint64_t end = from;
	off_t at;

	for (uint64_t p = from; p < bytes && p - from < TAIL_LOOK;) {
		ssize_t got;

		at = lseek(fd, (off_t)p, SEEK_DATA);
		if (at < 0 && errno == ENXIO)
			return end;
		p = at < 0 ? p : (uint64_t)at;
		got = pread(fd, r->buf, SEGMENT_BUFFER, (off_t)p);
		if (got <= 0)
			return got < 0 ? bytes : end;
		for (size_t i = (size_t)got; i > 0; i--) {
			if (r->buf[i - 1] == '\0')
				continue;
			end = p + i;
			break;
		}
		p += (uint64_t)got;
		if (p - from >= TAIL_LOOK)
			return bytes;
	}
	return end;
}

/* Its lines as far as they go on. Returns the byte behind them. */
static uint64_t
tail_lines(struct segment_reader *r, int fd, struct record_chain *c, struct tail *tail)
{
	struct segment_lines lines;
	struct fault f;
	uint64_t end = 0;

	segment_lines_open(&lines, fd);
	c->line = 0;
	for (;;) {
		struct str line = segment_lines_next(&lines, r);
		uint64_t seq = c->seq;

		if (line.n == 0 || !record_check(&r->record, line, c, &f))
			return end;
		if (tail->records++ == 0)
			tail->first_seq = seq;
		tail->last_seq = seq;
		end = lines.at;
	}
}

static void
tail_one(struct segment_reader *r, const struct tail_file *file, struct record_chain *c,
    struct tail *tail)
{
	uint64_t bytes = 0, end = 0, behind;
	CLEANUP_FD int fd = tail_open(r, file->base, &bytes);

	if (fd < 0) {
		tail->files += fd != -ENOENT;
		return;
	}
	if (file->seq == c->seq)
		end = tail_lines(r, fd, c, tail);
	behind = bytes > end ? text_end(r, fd, end, bytes) : end;
	tail->bytes_not_checked += behind - end;
	tail->files += behind > 0;
}

static int
by_seq(const void *a, const void *b)
{
	const struct tail_file *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return strcmp(x->base, y->base);
}

int
tail_check(struct segment_reader *r, struct record_chain *c, struct tail *ret)
{
	const struct logdir *d = r->dir;
	CLEANUP_FREE struct tail_file *files = calloc(d->n ? d->n : 1, sizeof(*files));
	size_t n = 0;

	if (!files)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		if (d->segments[i].kinds == LOGDIR_TMP)
			files[n++].base = d->segments[i].base;
	for (size_t i = 0; i < n; i++)
		files[i].seq = first_seq(r, files[i].base);
	if (n > 1)
		qsort(files, n, sizeof(*files), by_seq);
	*ret = (struct tail){.records = 0};
	for (size_t i = 0; i < n; i++)
		tail_one(r, &files[i], c, ret);
	return 0;
}
