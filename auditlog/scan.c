/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A line that is not whole yet is moved before the next block. */
#define SCAN_MARGIN LIMIT_LINE

int
scanner_init(struct scanner *s)
{
	s->buf = malloc(SCAN_MARGIN + SCAN_BLOCK);
	return s->buf ? 0 : -ENOMEM;
}

void
scanner_free(struct scanner *s)
{
	free(s->buf);
	s->buf = NULL;
}

/* --- blocks ---------------------------------------------------------------------------------- */

/* Where a scan stands. The bytes at hand begin with the start of a line unless skipping. */
struct blocks {
	struct scanner *s;
	const struct scan *scan;
	char *p; /* bytes at hand */
	size_t n;
	uint64_t at; /* byte of the file that p is */
	bool seekable;
	bool skipping; /* within a line that is too long */
	bool over;     /* no byte comes behind those at hand */
};

static void
add_done(const struct scan *scan, size_t n)
{
	if (scan->done)
		atomic_fetch_add_explicit(scan->done, n, memory_order_relaxed);
}

static void
blocks_init(struct blocks *b, struct scanner *s, const struct scan *scan)
{
	*b = (struct blocks){.s = s, .scan = scan, .p = s->buf + SCAN_MARGIN, .at = scan->from};
	b->seekable = lseek(scan->fd, 0, SEEK_CUR) >= 0;
}

static ssize_t
blocks_read(const struct blocks *b, char *to, size_t n, uint64_t at)
{
	ssize_t got;

	do
		got = b->seekable ? pread(b->scan->fd, to, n, (off_t)at) : read(b->scan->fd, to, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* What has been allocated ahead is no content. */
static void
blocks_cut_nul(struct blocks *b, size_t from)
{
	const char *nul = b->scan->open ? memchr(b->p + from, '\0', b->n - from) : NULL;

	if (!nul)
		return;
	b->n = (size_t)(nul - b->p);
	b->over = true;
}

/* Read on behind what is at hand, which is less than SCAN_MARGIN. */
static void
blocks_more(struct blocks *b)
{
	char *block = b->s->buf + SCAN_MARGIN;
	size_t left = b->n;
	ssize_t got;

	if (left > 0)
		memmove(block - left, b->p, left);
	got = blocks_read(b, block, SCAN_BLOCK, b->at + left);
	if (got < 0)
		damage_file(b->scan->damage, b->scan->name, (int)got);
	b->p = block - left;
	b->n = left + (got > 0 ? (size_t)got : 0);
	add_done(b->scan, got > 0 ? (size_t)got : 0);
	b->over = got <= 0;
	blocks_cut_nul(b, left);
}

static void
blocks_take(struct blocks *b, size_t n)
{
	b->p += n;
	b->n -= n;
	b->at += n;
}

/* Bytes at hand up to behind the last newline. */
static size_t
blocks_whole(const struct blocks *b)
{
	const char *last = b->n > 0 ? memrchr(b->p, '\n', b->n) : NULL;

	return last ? (size_t)(last - b->p) + 1 : 0;
}

/* Past the end of a line that is too long, as far as it is at hand. */
static void
blocks_skip(struct blocks *b)
{
	const char *newline = b->n > 0 ? memchr(b->p, '\n', b->n) : NULL;

	b->skipping = !newline;
	blocks_take(b, newline ? (size_t)(newline - b->p) + 1 : b->n);
}

/*
 * On to bytes that hold whole lines, the last newline last: *ret_n of them at b->p. False: there are
 * none any more. The caller takes them.
 */
static bool
blocks_next(struct blocks *b, size_t *ret_n)
{
	for (;;) {
		if (b->skipping)
			blocks_skip(b);
		*ret_n = b->skipping ? 0 : blocks_whole(b);
		if (*ret_n > 0)
			return true;
		if (b->n >= SCAN_MARGIN) {
			damage_line(b->scan->damage, b->scan->name, b->at,
			    "a line longer than a record can be");
			b->skipping = true;
			continue;
		}
		if (b->over)
			break;
		blocks_more(b);
	}
	if (b->n > 0 && !b->scan->open)
		damage_line(b->scan->damage, b->scan->name, b->at, "the file ends within a line");
	return false;
}

/* --- lines ----------------------------------------------------------------------------------- */

/* Whether to go on. */
static bool
take_line(const struct scan *scan, struct scanner *s, struct str line, uint64_t at)
{
	struct recordline_fault fault;

	if (recordline_cut(&s->cut, line, &fault) < 0) {
		damage_line(scan->damage, scan->name, at + fault.at, fault.why);
		return true;
	}
	if (scan->filter && !filter_matches(scan->filter, &s->cut))
		return true;
	return scan->take(scan->context, &s->cut, line, at);
}

/* The line that holds p, within whole lines. */
static struct str
line_around(struct str lines, const char *p)
{
	const char *before = p > lines.p ? memrchr(lines.p, '\n', (size_t)(p - lines.p)) : NULL;
	const char *start = before ? before + 1 : lines.p;
	const char *end = memchr(p, '\n', (size_t)(lines.p + lines.n - p));

	return (struct str){start, (size_t)(end - start) + 1};
}

static struct str
first_line(struct str lines)
{
	const char *end = memchr(lines.p, '\n', lines.n);

	return (struct str){lines.p, (size_t)(end - lines.p) + 1};
}

static bool
has_needle(const struct scan *scan)
{
	return scan->filter && scan->filter->n_needle > 0;
}

/* The next line worth a look; empty: none. A needle holds no newline, so it is within one line. */
static struct str
next_candidate(const struct scan *scan, struct str lines)
{
	const char *found;

	if (lines.n == 0)
		return lines;
	if (!has_needle(scan))
		return first_line(lines);
	found = memmem(lines.p, lines.n, scan->filter->needle, scan->filter->n_needle);
	return found ? line_around(lines, found) : (struct str){lines.p + lines.n, 0};
}

static bool
take_lines(const struct scan *scan, struct scanner *s, struct str lines, uint64_t at)
{
	const char *start = lines.p;

	for (struct str line = next_candidate(scan, lines); line.n > 0;
	     line = next_candidate(scan, lines)) {
		if (!take_line(scan, s, line, at + (uint64_t)(line.p - start)))
			return false;
		lines = str_skip(lines, (size_t)(line.p - lines.p) + line.n);
	}
	return true;
}

/* Whether the file is a log, by its first line. */
static bool
begins_as_log(const struct scan *scan, struct scanner *s, struct str lines, uint64_t at)
{
	struct recordline_fault fault;

	if (!has_needle(scan) || at > 0 || recordline_cut(&s->cut, first_line(lines), &fault) == 0)
		return true;
	damage_line(scan->damage, scan->name, fault.at, fault.why);
	return false;
}

uint64_t
scan_forward(struct scanner *s, const struct scan *scan)
{
	struct blocks b;
	size_t n;

	blocks_init(&b, s, scan);
	while (blocks_next(&b, &n)) {
		struct str lines = {b.p, n};

		if (!begins_as_log(scan, s, lines, b.at) || !take_lines(scan, s, lines, b.at))
			break;
		blocks_take(&b, n);
	}
	return b.at;
}

/* --- backwards ------------------------------------------------------------------------------- */

/* Whether the file's last byte is a newline, as that of a closed segment is. */
static bool
ends_whole(const struct blocks *b, uint64_t *ret_end)
{
	off_t end = b->scan->open ? 0 : lseek(b->scan->fd, 0, SEEK_END);
	char last;

	*ret_end = end > 0 ? (uint64_t)end : 0;
	return end > 0 && blocks_read(b, &last, 1, *ret_end - 1) == 1 && last == '\n';
}

/* Behind the last whole line of the file. */
static uint64_t
content_end(struct blocks *b)
{
	uint64_t end;
	size_t n;

	if (ends_whole(b, &end))
		return end;
	while (blocks_next(b, &n))
		blocks_take(b, n);
	return b->at;
}

static bool
take_lines_backward(const struct scan *scan, struct scanner *s, struct str lines, uint64_t at)
{
	while (lines.n > 0) {
		const char *before = lines.n > 1 ? memrchr(lines.p, '\n', lines.n - 1) : NULL;
		size_t start = before ? (size_t)(before - lines.p) + 1 : 0;
		struct str line = str_skip(lines, start);

		if (!has_needle(scan) ||
		    memmem(line.p, line.n, scan->filter->needle, scan->filter->n_needle))
			if (!take_line(scan, s, line, at + start))
				return false;
		lines.n = start;
	}
	return true;
}

/* Whole lines that end at `end` and begin at *ret_from, as many as fit: 0 when the last does not. */
static size_t
block_before(struct blocks *b, uint64_t end, uint64_t *ret_from)
{
	size_t n = end < SCAN_BLOCK ? (size_t)end : SCAN_BLOCK, start = 0;
	ssize_t got = blocks_read(b, b->s->buf, n, end - n);

	if (got < 0)
		damage_file(b->scan->damage, b->scan->name, (int)got);
	if (got != (ssize_t)n)
		return 0;
	if (end > n) {
		const char *newline = memchr(b->s->buf, '\n', n - 1);

		start = newline ? (size_t)(newline - b->s->buf) + 1 : n;
	}
	add_done(b->scan, n - start);
	b->p = b->s->buf + start;
	*ret_from = end - n + start;
	if (start == n)
		damage_line(
		    b->scan->damage, b->scan->name, end, "a line longer than a record can be");
	return n - start;
}

void
scan_backward(struct scanner *s, const struct scan *scan)
{
	struct blocks b;
	uint64_t end;

	blocks_init(&b, s, scan);
	if (!b.seekable) {
		damage_line(scan->damage, scan->name, 0, "a pipe cannot be read backwards");
		return;
	}
	end = content_end(&b);
	while (end > 0) {
		uint64_t from;
		size_t n = block_before(&b, end, &from);

		if (n == 0 || !take_lines_backward(scan, s, (struct str){b.p, n}, from))
			return;
		end = from;
	}
}

uint64_t
scan_end(struct scanner *s, const struct scan *scan)
{
	struct blocks b;

	blocks_init(&b, s, scan);
	return content_end(&b);
}

/* --- counting -------------------------------------------------------------------------------- */

static uint64_t
count_newlines(const struct scan *scan, struct str lines, uint64_t at)
{
	const char *p = lines.p, *end = lines.p + lines.n;
	uint64_t n = 0;

	for (; p < end; n++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		if (newline - p >= LIMIT_LINE)
			damage_line(scan->damage, scan->name, at + (uint64_t)(p - lines.p),
			    "a line longer than a record can be");
		p = newline + 1;
	}
	return n;
}

uint64_t
scan_count(struct scanner *s, const struct scan *scan)
{
	struct recordline_fault fault;
	uint64_t records = 0;
	struct blocks b;
	size_t n;

	blocks_init(&b, s, scan);
	while (blocks_next(&b, &n)) {
		struct str lines = {b.p, n};

		if (b.at == 0 && recordline_cut(&s->cut, first_line(lines), &fault) < 0) {
			damage_line(scan->damage, scan->name, fault.at, fault.why);
			break;
		}
		records += count_newlines(scan, lines, b.at);
		blocks_take(&b, n);
	}
	return records;
}
