/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "proto/seal.h"

static int
bad(struct text *why, const char *base, const char *what)
{
	text_put(why, str_from(base));
	text_put(why, STR(": "));
	text_put(why, str_from(what));
	text_put(why, STR(KEYSTATE_WAY_OUT));
	return -EBADMSG;
}

static int
bad_seal(struct text *why, const char *base, const char *what)
{
	char name[SEGNAME_SIZE];

	segname_with(name, base, SEGNAME_SEAL);
	return bad(why, name, what);
}

/* A seal, its file's bytes in room. */
static int
read_seal(const struct dir *d, const char *base, struct hash *h, char room[SEAL_NOTE + 1],
    struct seal *ret, struct str *ret_text, struct text *why)
{
	char name[SEGNAME_SIZE];
	CLEANUP_FD int fd = -1;
	const char *what;
	ssize_t n;
	size_t at;

	segname_with(name, base, SEGNAME_SEAL);
	fd = dir_open_read(d, name);
	n = fd < 0 ? fd : dir_read(fd, room, SEAL_NOTE + 1, 0);
	if (n < 0) {
		(void)bad(why, name, strerrordesc_np((int)-n));
		return (int)n;
	}
	if (seal_open((struct str){room, (size_t)n}, h, ret, ret_text, &what, &at) < 0)
		return bad(why, name, what);
	if (!str_eq(ret->file, str_from(base)))
		return bad(why, name, "it is the seal of another segment");
	return 0;
}

/* --- whether they belong together -------------------------------------------------------------- */

static int
foreign(struct text *why, const char *base, const struct seal *seal, const struct keystate *s)
{
	text_put(why, str_from(base));
	text_put(why, STR(".seal: of origin "));
	text_put(why, seal->origin);
	text_put(why, STR(", but the key state is of origin "));
	text_put(why, str_from(s->origin));
	text_put(why, STR(KEYSTATE_WAY_OUT));
	return -EBADMSG;
}

static int
rolled_back(struct text *why, const char *base, const struct seal *seal, const struct keystate *s)
{
	text_put(why, str_from(base));
	text_put(why, STR(".seal: has index "));
	text_u64(why, seal->index);
	text_put(why, STR(", but the key state would give index "));
	text_u64(why, s->next_index);
	text_put(why, STR(" next: it was put back to an earlier state" KEYSTATE_WAY_OUT));
	return -EBADMSG;
}

static int
check_seal(const struct dir *d, const char *base, const struct keystate *s, struct hash *h,
    struct text *why)
{
	uint8_t found[HASH_SIZE];
	char room[SEAL_NOTE + 1];
	struct seal seal;
	struct str text;
	int error = read_seal(d, base, h, room, &seal, &text, why);

	if (error < 0)
		return error;
	if (!str_eq(seal.origin, str_from(s->origin)))
		return foreign(why, base, &seal, s);
	if (seal.index >= s->next_index)
		return rolled_back(why, base, &seal, s);
	if (seal.index + 1 < s->next_index)
		return 0;
	hash_begin(h);
	hash_add(h, text);
	hash_end(h, found);
	if (memcmp(found, s->prev_seal, HASH_SIZE) != 0)
		return bad_seal(why, base, "is not the seal that the key state has made");
	return 0;
}

static bool
pending(const struct keystate *s, const char *base)
{
	for (unsigned i = 0; i < s->n_pending; i++)
		if (strcmp(s->pending[i].base, base) == 0)
			return true;
	return false;
}

int
history_check(const struct dir *d, const struct catalog *c, const struct keystate *s,
    struct hash *h, struct text *why)
{
	for (size_t i = 0; i < c->n;) {
		const char *session = c->files[i].session, *last = NULL;

		for (; i < c->n && strcmp(c->files[i].session, session) == 0; i++) {
			const struct segname *f = &c->files[i];

			if (f->kind == SEGNAME_SEAL)
				last = f->base;
			if (f->kind == SEGNAME_CLOSED && !catalog_has(c, i, SEGNAME_SEAL) &&
			    !pending(s, f->base))
				return bad(why, f->base, "closed, but its seal is not there");
		}
		if (last) {
			int error = check_seal(d, last, s, h, why);

			if (error < 0)
				return error;
		}
	}
	return 0;
}

/* --- how far back it goes ---------------------------------------------------------------------- */

static int
take_first(uint64_t *first, const struct dir *d, const char *base, struct hash *h, struct text *why)
{
	char room[SEAL_NOTE + 1];
	struct seal seal;
	struct str text;
	int error = read_seal(d, base, h, room, &seal, &text, why);

	if (error < 0)
		return error;
	if (*first == 0 || seal.first_seq < *first)
		*first = seal.first_seq;
	return 0;
}

int
history_first(
    uint64_t *ret, const struct dir *d, const struct catalog *c, struct hash *h, struct text *why)
{
	const char *session = "";
	uint64_t first = 0;

	/* The first of each session: the numbers of one run grow with its records. */
	for (size_t i = 0; i < c->n; i++) {
		int error;

		if (c->files[i].kind != SEGNAME_CLOSED || strcmp(c->files[i].session, session) == 0)
			continue;
		session = c->files[i].session;
		error = take_first(&first, d, c->files[i].base, h, why);
		if (error < 0)
			return error;
	}
	*ret = first;
	return 0;
}

/* --- what was recovered before ------------------------------------------------------------------ */

/* A segment with the seal that recovery has given it. */
struct past {
	struct recovered segment;
	uint64_t index;
	bool first; /* nothing of its session is older: with it that session's records begin */
};

struct pasts {
	struct past *all;
	size_t n, cap;
};

static struct past *
pasts_add(struct pasts *p)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;
		struct past *grown = reallocarray(p->all, cap, sizeof(*grown));

		if (!grown)
			return NULL;
		p->all = grown;
		p->cap = cap;
	}
	return &p->all[p->n++];
}

/* 1: it was recovered, and is in p. 0: it was not, or is none: no reason not to start (history_check). */
static int
take_recovered(
    struct pasts *p, const struct dir *d, const char *base, struct hash *h, struct text *why)
{
	char room[SEAL_NOTE + 1];
	struct seal seal;
	struct str text;
	struct past *past;
	int error = read_seal(d, base, h, room, &seal, &text, why);

	if (error == -EBADMSG || error == -EINVAL || error == -ELOOP)
		return 0;
	if (error < 0 || seal.state != SEAL_RECOVERED)
		return error;
	past = pasts_add(p);
	if (!past)
		return -ENOMEM;
	*past = (struct past){.index = seal.index,
	    .segment = {.records = seal.records, .torn_bytes = seal.torn_bytes}};
	memcpy(past->segment.base, base, strlen(base) + 1);
	return 1;
}

/* Of one session, from its last seal back as long as they are of recovery. */
static int
take_session(struct pasts *p, const struct dir *d, const struct catalog *c, size_t from, size_t to,
    struct hash *h, struct text *why)
{
	int got = 0;

	for (size_t i = to; i > from; i--) {
		if (c->files[i - 1].kind != SEGNAME_SEAL)
			continue;
		got = take_recovered(p, d, c->files[i - 1].base, h, why);
		if (got <= 0)
			return got;
	}
	if (got > 0)
		p->all[p->n - 1].first = true;
	return 0;
}

static int
by_index(const void *a, const void *b)
{
	const struct past *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static int
take_pasts(
    struct pasts *p, const struct dir *d, const struct catalog *c, struct hash *h, struct text *why)
{
	int error = 0;

	for (size_t i = 0, from = 0; i < c->n && error == 0; from = i) {
		while (i < c->n && strcmp(c->files[i].session, c->files[from].session) == 0)
			i++;
		error = take_session(p, d, c, from, i, h, why);
	}
	if (error == 0 && p->n > 0)
		qsort(p->all, p->n, sizeof(*p->all), by_index);
	return error;
}

/* Whether it is the oldest that there is of its session. */
static bool
begins_session(const struct catalog *c, const struct recovery *now, size_t k)
{
	struct segname own, other;

	if (!segname_parse(str_from(now->closed[k].base), &own))
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (c->files[i].kind == SEGNAME_SEAL &&
		    strcmp(c->files[i].session, own.session) == 0)
			return false;
	for (size_t i = 0; i < k; i++)
		if (now->closed[i].records > 0 &&
		    segname_parse(str_from(now->closed[i].base), &other) &&
		    strcmp(other.session, own.session) == 0)
			return false;
	return true;
}

/* A session begins with one record, and one for each segment that no session before it has told of. */
static size_t
told(size_t from, size_t to, uint64_t records)
{
	return records > to - from ? to : from;
}

/*
 * The first of those that nothing tells of. With anything else sealed behind them there was a session
 * that came so far; else its first segment is one of these, or of those that are recovered now.
 */
static size_t
first_untold(
    const struct pasts *p, uint64_t next_index, const struct catalog *c, const struct recovery *now)
{
	size_t from = p->n;

	for (; from > 0 && p->all[from - 1].index + 1 == next_index; from--)
		next_index--;
	for (size_t i = from; i < p->n; i++)
		if (p->all[i].first)
			from = told(from, i, p->all[i].segment.records);
	for (size_t i = 0; i < now->n_closed && from < p->n; i++)
		if (begins_session(c, now, i))
			from = told(from, p->n, now->closed[i].records);
	return from;
}

int
history_untold(struct untold *ret, const struct dir *d, const struct catalog *c,
    uint64_t next_index, const struct recovery *now, struct hash *h, struct text *why)
{
	struct pasts p = {0};
	int error = take_pasts(&p, d, c, h, why);
	size_t from = error == 0 ? first_untold(&p, next_index, c, now) : p.n;

	*ret = (struct untold){0};
	if (from < p.n) {
		ret->segments = calloc(p.n - from, sizeof(*ret->segments));
		error = ret->segments ? 0 : -ENOMEM;
	}
	for (; ret->segments && from < p.n; from++)
		ret->segments[ret->n++] = p.all[from].segment;
	free(p.all);
	return error;
}
