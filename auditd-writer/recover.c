/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auditd-writer/linescan.h"
#include "auditd-writer/repair.h"
#include "common/cleanup.h"
#include "proto/facts.h"

/* A file that was not closed. */
struct leftover {
	const char *base;
	enum segname_kind kind;  /* TMP, or TORN when nothing else of its name is there */
	uint64_t first, last;    /* records of its whole lines that follow each other; 0: none */
	uint8_t prev[LINE_HASH]; /* that its first line continues */
	bool content;            /* there is anything but NUL in it */
	unsigned again;          /* which .torn it is, as in its name */
	bool torn;               /* a .tmp with a .torn beside it: from there it was copied */
	unsigned torn_again;     /* ... which: the last */
};

struct work {
	const struct dir *dir;
	const struct catalog *catalog;
	struct hash *hash;
	struct text *why;
	struct sealer *sealer;
	struct tally tally;
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
	if (l->again > 0)
		segname_torn_again(name, l->base, l->again);
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
	bool any; /* else any line may come next */
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

/* The end of the log as it is sealed. */
static struct chain
chain_of(const struct keystate *s)
{
	struct chain c = {.any = true, .log_id = s->log_id, .seq = s->seq, .time = s->last_time};

	memcpy(c.head, s->head, LINE_HASH);
	return c;
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
	return strcmp(x->base, y->base) != 0 ? strcmp(x->base, y->base)
					     : (int)x->again - (int)y->again;
}

/* --- one file ---------------------------------------------------------------------------------- */

/* Where in their order those begin whose first record is this one, or a later. */
static const struct leftover *
from_record(const struct work *k, uint64_t seq)
{
	size_t low = 0, high = k->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (k->left[middle].first < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return k->left + low;
}

/*
 * Whether a later file has the record that comes next, continues what is there up to now, and goes
 * further than l. Asked for each line: there may be very many files.
 */
static bool
superseded(const struct work *k, const struct leftover *l, const struct chain *c)
{
	const struct leftover *o = from_record(k, c->seq + 1);

	for (o = o > l ? o : l + 1; o < k->left + k->n && o->first == c->seq + 1; o++)
		if (o->last > l->last && memcmp(o->prev, c->head, LINE_HASH) == 0)
			return true;
	return false;
}

static void
tally_line(struct work *k, const struct chain *c, struct str line)
{
	struct mark mark = {.seq = c->seq, .time = c->time};

	memcpy(mark.leaf, c->head, HASH_SIZE);
	tally_add(&k->tally, line, &mark, 1);
}

/* How much of it continues the log. */
static int
measure(struct work *k, const struct leftover *l, struct tally_total *ret)
{
	struct chain c = chain_of(&k->sealer->state);
	struct str line;

	tally_begin(&k->tally);
	while (!superseded(k, l, &c)) {
		int got = linescan_next(k->scan, &line);

		if (got < 0)
			return wrong(k, l->base, "read", got);
		if (got == 0 || !chain_takes(k, &c, line))
			break;
		tally_line(k, &c, line);
	}
	tally_end(&k->tally, ret);
	return 0;
}

/* Bytes behind the good ones, up to the last that is not NUL. */
static int
measure_torn(struct work *k, const struct leftover *l, int64_t good, uint64_t *ret)
{
	int64_t end;

	k->scan->at = good;
	end = linescan_content_end(k->scan);
	if (end < 0)
		return wrong(k, l->base, "read", (int)end);
	*ret = (uint64_t)(end - good);
	return 0;
}

/*
 * A copy that an interrupted start has put in place already: what was torn then, the file beside it
 * tells.
 */
static int
measure_torn_beside(struct work *k, const struct leftover *l, int64_t good, uint64_t *ret)
{
	struct leftover beside = {.base = l->base, .kind = SEGNAME_TORN, .again = l->torn_again};
	CLEANUP_FD int fd = open_left(k, &beside);

	if (fd < 0)
		return fd;
	return k->scan->size < good ? 0 : measure_torn(k, &beside, good, ret);
}

static int
set_aside(struct work *k, const struct leftover *l)
{
	char torn[SEGNAME_SIZE];
	int error = 0;

	if (l->kind == SEGNAME_TMP)
		error = repair_set_aside(k->dir, l->base, SEGNAME_TMP, torn);
	if (error == 0)
		error = dir_sync(k->dir);
	return error < 0 ? wrong(k, l->base, "keep as .torn", error) : 0;
}

/* What is good of it as its .tmp, durable with its name. */
static int
replace(struct work *k, const struct leftover *l, int fd, const struct tally_total *t, bool torn)
{
	char tmp[SEGNAME_SIZE];
	const char *step;
	int error = repair_copy(k->dir, fd, t->bytes, k->hash, t->sha256, &step);

	if (error < 0)
		return wrong(k, l->base, step, error);
	if (torn) {
		error = set_aside(k, l);
		if (error < 0)
			return error;
	}
	segname_with(tmp, l->base, SEGNAME_TMP);
	error = torn ? repair_place(k->dir, tmp) : repair_replace(k->dir, tmp);
	if (error == 0)
		error = dir_sync(k->dir);
	return error < 0 ? wrong(k, tmp, "put the copy in place", error) : 0;
}

static int
seal(struct work *k, const struct leftover *l, const struct tally_total *t, uint64_t torn_bytes)
{
	const struct sealing sealing = {
	    .base = l->base, .total = t, .state = SEAL_RECOVERED, .torn_bytes = torn_bytes};
	const char *step;
	int error = sealer_seal(k->sealer, &sealing, 1, &step);

	return error < 0 ? wrong(k, l->base, step, error) : 0;
}

static void
report(struct work *k, const struct leftover *l, uint64_t records, uint64_t torn)
{
	struct recovered *r = &k->result->closed[k->result->n_closed++];

	memcpy(r->base, l->base, strlen(l->base) + 1);
	r->records = records;
	r->torn_bytes = torn;
	k->result->records += records;
}

static int
close_left(
    struct work *k, const struct leftover *l, int fd, const struct tally_total *t, uint64_t torn)
{
	int error = replace(k, l, fd, t, torn > 0 || l->kind == SEGNAME_TORN);

	if (error == 0 && l->torn && torn == 0)
		error = measure_torn_beside(k, l, t->bytes, &torn);
	if (error == 0)
		error = seal(k, l, t, torn);
	if (error == 0)
		report(k, l, t->records, torn);
	return error;
}

/* By another .torn of its. */
static bool
is_closed(const struct work *k, const struct leftover *l)
{
	for (size_t i = 0; l->kind == SEGNAME_TORN && i < k->result->n_closed; i++)
		if (strcmp(k->result->closed[i].base, l->base) == 0)
			return true;
	return false;
}

static int
recover_one(struct work *k, const struct leftover *l)
{
	CLEANUP_FD int fd = open_left(k, l);
	struct tally_total total;
	uint64_t torn = 0;
	int error = fd < 0 ? fd : measure(k, l, &total);

	if (error == 0)
		error = measure_torn(k, l, total.bytes, &torn);
	if (error < 0)
		return error;
	if (total.records > 0 && !is_closed(k, l))
		return close_left(k, l, fd, &total, torn);
	/* Evidence of a segment that was closed and removed, or that never had a good line. */
	if (l->kind == SEGNAME_TORN)
		return 0;
	error = set_aside(k, l);
	if (error == 0)
		report(k, l, 0, torn);
	return error;
}

/* --- all of them ------------------------------------------------------------------------------- */

/* Whether file i was left by an interruption: it has no seal, and nothing stands in its place. */
static bool
is_left(const struct catalog *c, size_t i)
{
	enum segname_kind kind = c->files[i].kind;

	if ((kind != SEGNAME_TMP && kind != SEGNAME_TORN) || catalog_has(c, i, SEGNAME_SEAL) ||
	    catalog_has(c, i, SEGNAME_CLOSED))
		return false;
	return kind == SEGNAME_TMP || !catalog_has(c, i, SEGNAME_TMP);
}

/* What was set aside last of its base. They come behind it. */
static void
look_beside(struct leftover *l, const struct catalog *c, size_t i)
{
	for (i++; i < c->n && strcmp(c->files[i].base, l->base) == 0; i++) {
		if (c->files[i].kind != SEGNAME_TORN)
			continue;
		l->torn = true;
		l->torn_again = c->files[i].again;
	}
}

static int
collect(struct work *k)
{
	const struct catalog *c = k->catalog;

	for (size_t i = 0; i < c->n; i++) {
		struct leftover *l = &k->left[k->n];
		enum segname_kind kind = c->files[i].kind;
		int error;

		if (!is_left(c, i))
			continue;
		*l = (struct leftover){
		    .base = c->files[i].base, .kind = kind, .again = c->files[i].again};
		if (kind == SEGNAME_TMP)
			look_beside(l, c, i);
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

	if (error == 0 && k->n > 0)
		qsort(k->left, k->n, sizeof(*k->left), by_first);
	for (size_t i = 0; i < k->n && error == 0; i++)
		error = recover_one(k, &k->left[i]);
	return error;
}

static size_t
files_left(const struct catalog *c)
{
	size_t n = 1; /* never an allocation of nothing */

	for (size_t i = 0; i < c->n; i++)
		n += is_left(c, i);
	return n;
}

int
recover_all(struct recovery *ret, struct sealer *s, const struct dir *d, const struct catalog *c,
    struct hash *h, struct text *why)
{
	size_t n = files_left(c);
	CLEANUP_FREE struct leftover *left = calloc(n, sizeof(*left));
	CLEANUP_FREE struct linescan *scan = malloc(sizeof(*scan));
	struct recovery r = {
	    .closed = calloc(n, sizeof(*r.closed)), .empty = calloc(n, sizeof(*r.empty))};
	struct work k = {.dir = d,
	    .catalog = c,
	    .hash = h,
	    .why = why,
	    .sealer = s,
	    .result = &r,
	    .left = left,
	    .scan = scan};
	int error = tally_init(&k.tally);

	if (error == 0 && (!left || !scan || !r.closed || !r.empty))
		error = -ENOMEM;
	if (error == 0)
		error = recover_in_order(&k);
	tally_deinit(&k.tally);
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
