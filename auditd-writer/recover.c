/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/facts.h"
#include "auditd-writer/linescan.h"
#include "auditd-writer/repair.h"
#include "common/cleanup.h"

/* A file that was not closed. */
struct leftover {
	const char *base;
	size_t at;               /* in the catalog */
	enum segname_kind kind;  /* TMP, or TORN when nothing else of its name is there */
	uint64_t first, last;    /* records of its whole lines that follow each other; 0: none */
	uint8_t prev[LINE_HASH]; /* that its first line continues */
	bool content;            /* there is anything but NUL in it */
};

struct work {
	const struct dir *dir;
	struct catalog *catalog;
	struct hash *hash;
	struct text *why;
	struct history *y;
	struct recovery *result;
	struct leftover *left;
	size_t n;
	struct linescan *scan;
};

static int
wrong(struct work *k, const char *base, const char *what, int error)
{
	text_put(k->why, str_from(base));
	text_put(k->why, STR(": "));
	text_put(k->why, str_from(what));
	text_put(k->why, STR(": "));
	text_put(k->why, str_from(strerrordesc_np(-error)));
	return error;
}

/* --- looking ---------------------------------------------------------------------------------- */

static int
open_left(struct work *k, const struct leftover *l)
{
	char name[SEGNAME_SIZE];
	int fd, error;

	segname_with(name, l->base, l->kind);
	fd = dir_open_read(k->dir, name);
	if (fd < 0)
		return wrong(k, name, "open", fd);
	error = linescan_open(k->scan, fd);
	if (error == 0)
		return fd;
	(void)close(fd);
	return wrong(k, name, "look at", error);
}

/* The end of a chain of lines: what the next one has to continue. */
struct chain {
	bool any;
	uint64_t log_id, seq;
	uint8_t head[LINE_HASH];
	int64_t time;
};

static bool
chain_takes(struct work *k, struct chain *c, struct str line)
{
	struct facts f;

	if (!facts_parse(line, &f))
		return false;
	if (c->any && (f.log_id != c->log_id || f.seq != c->seq + 1 ||
			  memcmp(f.prev_hash, c->head, LINE_HASH) != 0))
		return false;
	c->any = true;
	c->log_id = f.log_id;
	c->seq = f.seq;
	c->time = f.time;
	hash_leaf(k->hash, line, c->head);
	return true;
}

/* Which records are in it, whatever the rest of the log is. */
static int
survey(struct work *k, struct leftover *l)
{
	CLEANUP_FD int fd = open_left(k, l);
	struct chain c = {0};
	struct str line;
	struct facts f;
	int got;

	if (fd < 0)
		return fd;
	while ((got = linescan_next(k->scan, &line)) > 0) {
		bool is_first = !c.any;

		if (!chain_takes(k, &c, line))
			break;
		if (is_first && facts_parse(line, &f)) {
			l->first = f.seq;
			memcpy(l->prev, f.prev_hash, LINE_HASH);
		}
	}
	if (got < 0)
		return wrong(k, l->base, "read", got);
	l->last = c.seq;
	if (l->first == 0) {
		int64_t end;

		k->scan->at = 0;
		end = linescan_content_end(k->scan);
		if (end < 0)
			return wrong(k, l->base, "read", (int)end);
		l->content = end > 0;
	}
	return 0;
}

static int
by_first(const void *a, const void *b)
{
	const struct leftover *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	return strcmp(x->base, y->base);
}

/* --- one file ---------------------------------------------------------------------------------- */

/*
 * Whether a later file has the record that comes next, continues what is there up to now, and goes
 * further than l.
 */
static bool
superseded(const struct work *k, const struct leftover *l, const struct chain *c)
{
	uint64_t next = c->any ? c->seq + 1 : l->first;
	const uint8_t *head = c->any ? c->head : l->prev;

	for (const struct leftover *o = l + 1; o < k->left + k->n; o++)
		if (o->first == next && o->last > l->last && memcmp(o->prev, head, LINE_HASH) == 0)
			return true;
	return false;
}

/*
 * How much of it continues the log: k->scan->at. An empty log (nothing closed is there) is begun by
 * the first record found; for a .torn that must be the very first of a log: others lie there as
 * evidence of segments that were removed.
 */
static int
measure(struct work *k, const struct leftover *l, struct chain *c, uint64_t *ret_records)
{
	struct str line;
	int64_t good = 0;

	if (!c->any && l->kind == SEGNAME_TORN && l->first != 1)
		return 0;
	while (!superseded(k, l, c)) {
		int got = linescan_next(k->scan, &line);

		if (got < 0)
			return wrong(k, l->base, "read", got);
		if (got == 0 || !chain_takes(k, c, line))
			break;
		good = k->scan->at;
		(*ret_records)++;
	}
	k->scan->at = good;
	return 0;
}

static int
publish(struct work *k, const struct leftover *l)
{
	char tmp[SEGNAME_SIZE];
	int error;

	segname_with(tmp, l->base, SEGNAME_TMP);
	error = dir_rename(k->dir, tmp, l->base, false);
	if (error == 0)
		error = dir_sync(k->dir);
	return error < 0 ? wrong(k, l->base, "close", error) : 0;
}

static int
set_aside(struct work *k, const struct leftover *l)
{
	char torn[SEGNAME_SIZE];
	int error = 0;

	if (l->kind == SEGNAME_TMP)
		error = repair_set_aside(k->dir, l->base, torn);
	if (error == 0)
		error = dir_sync(k->dir);
	return error < 0 ? wrong(k, l->base, "keep as .torn", error) : 0;
}

/* Close it with its first `good` bytes. */
static int
replace(struct work *k, const struct leftover *l, int fd, int64_t good, bool torn)
{
	char tmp[SEGNAME_SIZE];
	const char *step;
	int error = repair_copy(k->dir, fd, good, k->hash, NULL, &step);

	if (error < 0)
		return wrong(k, l->base, step, error);
	if (torn) {
		error = set_aside(k, l);
		if (error < 0)
			return error;
	}
	segname_with(tmp, l->base, SEGNAME_TMP);
	error = repair_place(k->dir, tmp, !torn);
	if (error == 0)
		error = dir_sync(k->dir);
	return error < 0 ? wrong(k, tmp, "put the copy in place", error) : publish(k, l);
}

static void
report(struct work *k, const struct leftover *l, uint64_t records, int64_t torn)
{
	struct recovered *r = &k->result->closed[k->result->n_closed++];

	memcpy(r->base, l->base, strlen(l->base) + 1);
	r->records = records;
	r->torn_bytes = (uint64_t)torn;
	k->result->records += records;
}

static void
move_on(struct history *y, const struct chain *c, const struct leftover *l)
{
	if (!y->any)
		y->first_seq = l->first;
	y->any = true;
	y->log_id = c->log_id;
	y->seq = c->seq;
	y->time = c->time;
	memcpy(y->head, c->head, LINE_HASH);
}

static struct chain
chain_of(const struct history *y)
{
	struct chain c = {.any = y->any, .log_id = y->log_id, .seq = y->seq, .time = y->time};

	memcpy(c.head, y->head, LINE_HASH);
	return c;
}

static int
recover_one(struct work *k, const struct leftover *l)
{
	CLEANUP_FD int fd = open_left(k, l);
	struct chain c = chain_of(k->y);
	uint64_t records = 0;
	int64_t good, torn;
	int error = fd < 0 ? fd : measure(k, l, &c, &records);

	if (error < 0)
		return error;
	good = k->scan->at;
	torn = linescan_content_end(k->scan);
	if (torn < 0)
		return wrong(k, l->base, "read", (int)torn);
	torn -= good;
	/* Evidence of a segment that was closed and removed, or that never had a good line. */
	if (records == 0 && l->kind == SEGNAME_TORN)
		return 0;
	error = records == 0 ? set_aside(k, l)
			     : replace(k, l, fd, good, torn > 0 || l->kind == SEGNAME_TORN);
	if (error < 0)
		return error;
	report(k, l, records, torn);
	if (records > 0)
		move_on(k->y, &c, l);
	return 0;
}

/* --- holes ------------------------------------------------------------------------------------- */

/*
 * A file system may have kept a later rename and lost an earlier one, as long as the directory was not
 * synced: then an open segment lies before a closed one. The closed one's first line tells exactly how
 * the open one has to end.
 */
static const struct segname *
closed_behind(const struct work *k, const struct leftover *l)
{
	const struct segname *files = k->catalog->files, *f = files + l->at;

	while (++f < files + k->catalog->n && strcmp(f->session, files[l->at].session) == 0)
		if (f->kind == SEGNAME_CLOSED)
			return f;
	return NULL;
}

/* 1: facts of the first line of a closed segment; 0: it is not a line of ours. */
static int
first_facts(struct work *k, const char *base, struct facts *ret)
{
	CLEANUP_FD int fd = dir_open_read(k->dir, base);
	int got = fd < 0 ? fd : linescan_open(k->scan, fd);
	struct str line = STR_NONE;

	if (got == 0)
		got = linescan_next(k->scan, &line);
	if (got < 0)
		return wrong(k, base, "read", got);
	return got > 0 && facts_parse(line, ret);
}

/* 1: its lines lead up to exactly the one that comes next; k->scan->at is behind them. */
static int
leads_to(struct work *k, const struct facts *next, uint64_t *ret_records)
{
	struct chain c = {0};
	struct str line;
	int64_t good = 0;

	while (!c.any || c.seq + 1 < next->seq) {
		int got = linescan_next(k->scan, &line);

		if (got < 0)
			return got;
		if (got == 0 || !chain_takes(k, &c, line))
			break;
		good = k->scan->at;
		(*ret_records)++;
	}
	k->scan->at = good;
	return c.any && c.seq + 1 == next->seq && c.log_id == next->log_id &&
	       memcmp(c.head, next->prev_hash, LINE_HASH) == 0;
}

static int
close_hole(struct work *k, const struct leftover *l, int fd, uint64_t records)
{
	int64_t good = k->scan->at, torn = linescan_content_end(k->scan);
	int error;

	if (torn < 0)
		return wrong(k, l->base, "read", (int)torn);
	error = replace(k, l, fd, good, torn > good || l->kind == SEGNAME_TORN);
	if (error < 0)
		return error;
	report(k, l, records, torn - good);
	k->catalog->files[l->at].kind = SEGNAME_CLOSED;
	if (l->first < k->y->first_seq)
		k->y->first_seq = l->first;
	return 1;
}

/* 1: it lay before a closed segment, and is closed now. */
static int
fill_hole(struct work *k, const struct leftover *l)
{
	const struct segname *behind = closed_behind(k, l);
	CLEANUP_FD int fd = -1;
	uint64_t records = 0;
	struct facts next;
	int got;

	/* A .torn without its copy: of a segment that was removed, or the copy is still a scratch file. */
	if (l->first == 0 || !behind || (l->kind == SEGNAME_TORN && !k->catalog->scratch))
		return 0;
	got = first_facts(k, behind->base, &next);
	if (got <= 0)
		return got;
	fd = open_left(k, l);
	if (fd < 0)
		return fd;
	got = leads_to(k, &next, &records);
	if (got < 0)
		return wrong(k, l->base, "read", got);
	return got == 0 ? 0 : close_hole(k, l, fd, records);
}

/* From the last to the first: one that is filled may be what the one before it ends at. */
static int
fill_holes(struct work *k)
{
	for (size_t i = k->n; i > 0; i--) {
		struct leftover *l = &k->left[i - 1];
		int filled = fill_hole(k, l);

		if (filled < 0)
			return filled;
		if (filled == 0)
			continue;
		k->n--;
		memmove(l, l + 1, (k->n - (i - 1)) * sizeof(*l));
	}
	return 0;
}

/* --- all of them ------------------------------------------------------------------------------- */

static int
collect(struct work *k)
{
	const struct catalog *c = k->catalog;

	for (size_t i = 0; i < c->n; i++) {
		struct leftover *l = &k->left[k->n];
		enum segname_kind kind = c->files[i].kind;
		int error;

		if (kind == SEGNAME_CLOSED ||
		    (kind == SEGNAME_TORN &&
			(catalog_has(c, i, SEGNAME_CLOSED) || catalog_has(c, i, SEGNAME_TMP))))
			continue;
		*l = (struct leftover){.base = c->files[i].base, .at = i, .kind = kind};
		error = survey(k, l);
		if (error < 0)
			return error;
		if (l->first > 0 || l->content)
			k->n++;
		else if (kind == SEGNAME_TMP)
			memcpy(k->result->empty[k->result->n_empty++], l->base, SEGNAME_SIZE);
	}
	return 0;
}

static int
recover_in_order(struct work *k)
{
	int error = collect(k);

	if (error == 0)
		error = fill_holes(k);
	if (error == 0 && k->n > 0)
		qsort(k->left, k->n, sizeof(*k->left), by_first);
	for (size_t i = 0; i < k->n && error == 0; i++)
		error = recover_one(k, &k->left[i]);
	return error;
}

static size_t
open_files(const struct catalog *c)
{
	size_t n = 1; /* never an allocation of nothing */

	for (size_t i = 0; i < c->n; i++)
		n += c->files[i].kind != SEGNAME_CLOSED;
	return n;
}

int
recover_all(struct recovery *ret, struct history *y, const struct dir *d, struct catalog *c,
    struct hash *h, struct text *why)
{
	size_t n = open_files(c);
	CLEANUP_FREE struct leftover *left = calloc(n, sizeof(*left));
	CLEANUP_FREE struct linescan *scan = malloc(sizeof(*scan));
	struct recovery r = {
	    .closed = calloc(n, sizeof(*r.closed)), .empty = calloc(n, sizeof(*r.empty))};
	struct work k = {.dir = d,
	    .catalog = c,
	    .hash = h,
	    .why = why,
	    .y = y,
	    .result = &r,
	    .left = left,
	    .scan = scan};
	int error = -ENOMEM;

	if (left && scan && r.closed && r.empty)
		error = recover_in_order(&k);
	if (error < 0) {
		recovery_deinit(&r);
		return error;
	}
	*ret = r;
	return 0;
}

void
recovery_deinit(struct recovery *r)
{
	free(r->closed);
	free(r->empty);
	*r = (struct recovery){0};
}
