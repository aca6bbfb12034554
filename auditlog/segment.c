/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/limits.h"

/* What is left of a line is moved before the next buffer: reads stay whole and aligned. */
#define SEGMENT_MARGIN (2u * LIMIT_LINE)

int
segment_reader_init(struct segment_reader *r, const struct logdir *dir, _Atomic(uint64_t) *done)
{
	*r = (struct segment_reader){.dir = dir, .done = done};
	r->whole = linesum_new();
	r->small = hash_new();
	r->buf = malloc(SEGMENT_MARGIN + SEGMENT_BUFFER);
	if (record_reader_init(&r->record, r->small) < 0 || !r->whole || !r->small || !r->buf)
		return -ENOMEM;
	return 0;
}

void
segment_reader_free(struct segment_reader *r)
{
	record_reader_free(&r->record);
	linesum_free(r->whole);
	hash_free(r->small);
	free(r->buf);
}

/* --- lines ----------------------------------------------------------------------------------- */

void
segment_lines_open(struct segment_lines *l, int fd)
{
	*l = (struct segment_lines){.fd = fd, .start = SEGMENT_MARGIN, .end = SEGMENT_MARGIN};
}

/* More bytes behind what is left, which is less than a line. */
static void
lines_fill(struct segment_lines *l, struct segment_reader *r)
{
	size_t left = l->end - l->start;
	ssize_t got;

	memmove(r->buf + SEGMENT_MARGIN - left, r->buf + l->start, left);
	l->start = SEGMENT_MARGIN - left;
	do
		got = read(l->fd, r->buf + SEGMENT_MARGIN, SEGMENT_BUFFER);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		l->error = -errno;
	l->end = SEGMENT_MARGIN + (got > 0 ? (size_t)got : 0);
	l->over = got <= 0;
	if (got <= 0)
		return;
	if (r->done)
		atomic_fetch_add_explicit(r->done, (uint64_t)got, memory_order_relaxed);
}

struct str
segment_lines_next(struct segment_lines *l, struct segment_reader *r)
{
	struct str s = {NULL, 0};

	for (;;) {
		const char *newline;

		s = (struct str){r->buf + l->start, l->end - l->start};
		newline = s.n > 0 ? memchr(s.p, '\n', s.n) : NULL;
		if (newline)
			s.n = (size_t)(newline - s.p) + 1;
		if (newline || s.n > LIMIT_LINE || l->over)
			break;
		lines_fill(l, r);
		if (l->error < 0)
			return (struct str){NULL, 0};
	}
	l->start += s.n;
	l->at += s.n;
	return s;
}

/* --- the tree -------------------------------------------------------------------------------- */

/* Many leaves at once: their parents are made side by side. */
static void
tree_add(struct segment_reader *r, const uint8_t leaf[HASH_SIZE])
{
	unsigned height = 0;

	memcpy(r->leaves[r->n_leaves++], leaf, HASH_SIZE);
	if (r->n_leaves < SEGMENT_LEAVES)
		return;
	for (unsigned n = SEGMENT_LEAVES / 2; n > 0; n /= 2, height++)
		linesum_parents(r->whole, r->leaves, n);
	merkle_add_tree(&r->merkle, r->small, height, r->leaves[0]);
	r->n_leaves = 0;
}

static void
tree_root(struct segment_reader *r, uint8_t out[HASH_SIZE])
{
	for (unsigned i = 0; i < r->n_leaves; i++)
		merkle_add(&r->merkle, r->small, r->leaves[i]);
	r->n_leaves = 0;
	merkle_root(&r->merkle, r->small, out);
}

/* --- a segment ------------------------------------------------------------------------------- */

/* The sum of what is checked. */
struct segment_sum {
	uint64_t records, bytes;
	uint64_t last_at; /* byte of the last line */
	int64_t first_time;
};

static bool
more_lines(const struct seal *s, const char *name, uint64_t at, struct fault *f)
{
	fault_set(f, FAULT_BROKEN, name, "more lines than are sealed");
	fault_at(f, s->records + 1, at);
	fault_expect_number(f, s->records, s->records + 1);
	return false;
}

static bool
fewer_lines(const struct seal *s, const char *name, const struct segment_sum *sum, struct fault *f)
{
	fault_set(f, FAULT_BROKEN, name, "ends before the last sealed line");
	fault_at(f, sum->records + 1, sum->bytes);
	fault_expect_number(f, s->records, sum->records);
	return false;
}

static bool
check_lines(struct segment_reader *r, struct segment_lines *l, const struct seal *s,
    const char *name, struct record_chain *c, struct segment_sum *sum, struct fault *f)
{
	struct str line;

	for (; (line = segment_lines_next(l, r)).n > 0; sum->bytes = l->at) {
		uint64_t at = l->at - line.n;

		if (sum->records == s->records)
			return more_lines(s, name, at, f);
		if (!record_check(&r->record, line, c, f)) {
			memcpy(f->file, name, SEGNAME_SIZE);
			f->offset += at;
			return false;
		}
		tree_add(r, c->head);
		if (sum->records++ == 0)
			sum->first_time = c->time;
		sum->last_at = at;
	}
	if (l->error < 0) {
		fault_io(f, name, "cannot be read", l->error);
		return false;
	}
	return sum->records == s->records ? true : fewer_lines(s, name, sum, f);
}

static bool
wrong_hash(struct fault *f, const char *name, const char *what, const uint8_t *expected,
    const uint8_t *found)
{
	fault_set(f, FAULT_BROKEN, name, "%s", what);
	fault_expect_hash(f, expected, found);
	return false;
}

static bool
wrong_time(struct fault *f, const char *name, const char *what, int64_t expected, int64_t found)
{
	char e[RFC3339_SIZE], g[RFC3339_SIZE];

	fault_set(f, FAULT_BROKEN, name, "%s", what);
	clock_format(expected, e);
	clock_format(found, g);
	fault_expect(f, str_from(e), str_from(g));
	return false;
}

/* No line after it that would show a change of the last one: the seal's head does. */
static bool
check_whole(struct segment_reader *r, const struct seal *s, const char *name,
    const struct record_chain *c, const struct segment_sum *sum, struct fault *f)
{
	uint8_t hash[HASH_SIZE];

	if (memcmp(c->head, s->head, HASH_SIZE) != 0) {
		wrong_hash(
		    f, name, "head: the seal's is not the hash of the last line", s->head, c->head);
		fault_at(f, sum->records, sum->last_at);
		return false;
	}
	if (sum->bytes != s->bytes) {
		fault_set(f, FAULT_BROKEN, name, "bytes: not as many as are sealed");
		fault_expect_number(f, s->bytes, sum->bytes);
		return false;
	}
	if (sum->first_time != s->first_time)
		return wrong_time(
		    f, name, "first_time: not the first record's", s->first_time, sum->first_time);
	if (c->time != s->last_time)
		return wrong_time(
		    f, name, "last_time: not the last record's", s->last_time, c->time);
	tree_root(r, hash);
	if (memcmp(hash, s->root, HASH_SIZE) != 0)
		return wrong_hash(f, name, "root: not the lines'", s->root, hash);
	linesum_end(r->whole, hash);
	if (memcmp(hash, s->sha256, HASH_SIZE) != 0)
		return wrong_hash(f, name, "sha256: not the file's", s->sha256, hash);
	return true;
}

static bool
segment_open(const struct segment_reader *r, const struct sealchain_seal *s,
    char name[SEGNAME_SIZE], int *ret_fd, struct fault *f, bool *ret_gone)
{
	int fd = logdir_lines(r->dir, s->base, name, NULL);

	*ret_gone = fd == -ENOENT;
	if (fd == -ENOENT)
		fault_set(f, FAULT_BROKEN, s->base, "a sealed segment is missing");
	else if (fd == -ENXIO)
		fault_set(f, FAULT_BROKEN, name, "not a regular file");
	else if (fd < 0)
		fault_io(f, name, "cannot be opened", fd);
	*ret_fd = fd;
	return fd >= 0;
}

bool
segment_check(struct segment_reader *r, const struct sealchain_seal *s, struct record_chain *c,
    struct fault *f, bool *ret_gone)
{
	struct segment_sum sum = {.records = 0};
	char name[SEGNAME_SIZE] = "";
	struct segment_lines lines;
	CLEANUP_FD int fd = -1;
	bool good;

	if (!segment_open(r, s, name, &fd, f, ret_gone))
		return false;
	segment_lines_open(&lines, fd);
	linesum_begin(r->whole);
	r->record.whole = r->whole;
	merkle_init(&r->merkle);
	r->n_leaves = 0;
	good = check_lines(r, &lines, &s->seal, name, c, &sum, f) &&
	       check_whole(r, &s->seal, name, c, &sum, f);
	r->record.whole = NULL;
	return good;
}
