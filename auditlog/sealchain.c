/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/sealchain.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auditlog/pool.h"

/*
 * A fault must be seen in two listings, one after the other, to be one: a listing may leave out
 * what is renamed while it goes on, but nothing that was there before it began.
 */
#define CHAIN_ROUNDS 100
#define CHAIN_PAUSE (20 * 1000 * 1000) /* ns */

enum part_state {
	PART_UNREAD,
	PART_GOOD,
	PART_ALONE, /* lines without a seal */
	PART_BAD,   /* a seal that is none: error, why, at */
	PART_GONE,  /* neither lines nor a seal any more */
};

struct sealchain_part {
	struct sealchain_seal seal; /* only base while it is not good */
	enum part_state state;
	int error;
	const char *why; /* static */
	size_t at;       /* byte in the seal's file */
	/* Its place: behind the good seal before it by name, if it is not good itself. */
	uint64_t order;
};

/* Nearly always there is one. */
struct sealchain_origin {
	struct sealchain_origin *next;
	size_t n;
	char text[];
};

/* --- one part -------------------------------------------------------------------------------- */

struct chain_load {
	struct sealchain *chain;
	struct hash *hash[POOL_WORKERS];
	struct pool_progress progress;
	pthread_mutex_t lock; /* of the origins */
};

/* -ENOMEM. The text lives as long as the chain. */
static int
origin_keep(struct chain_load *load, struct str *origin)
{
	struct sealchain_origin *o;

	(void)pthread_mutex_lock(&load->lock);
	o = load->chain->origins;
	if (!o || !str_eq(*origin, (struct str){o->text, o->n})) {
		o = malloc(sizeof(*o) + origin->n);
		if (o) {
			memcpy(o->text, origin->p, origin->n);
			o->n = origin->n;
			o->next = load->chain->origins;
			load->chain->origins = o;
		}
	}
	(void)pthread_mutex_unlock(&load->lock);
	if (!o)
		return -ENOMEM;
	origin->p = o->text;
	return 0;
}

static int
part_parse(struct chain_load *load, struct hash *h, struct sealchain_part *part, struct str file)
{
	struct sealchain_seal *s = &part->seal;
	struct str text;
	int error = seal_open(file, h, &s->seal, &text, &part->why, &part->at);

	if (error < 0)
		return error;
	if (!str_eq(s->seal.file, str_from(s->base))) {
		part->why = "file: names another segment";
		part->at = (size_t)(s->seal.file.p - file.p);
		return -EINVAL;
	}
	hash_begin(h);
	hash_add(h, text);
	hash_end(h, s->hash);
	hash_leaf(h, text, s->leaf);
	s->seal.session = s->seal.boot_id = STR_NONE;
	return origin_keep(load, &s->seal.origin);
}

static void
part_read(struct chain_load *load, struct hash *h, struct sealchain_part *part)
{
	char name[SEGNAME_SIZE], buf[SEAL_NOTE];
	struct str file;
	int error;

	segname_with(name, part->seal.base, SEGNAME_SEAL);
	part->why = NULL;
	part->at = 0;
	error = logdir_read(load->chain->dir, name, buf, sizeof(buf), &file);
	if (error == 0)
		error = part_parse(load, h, part, file);
	part->error = error;
	part->state = error == 0 ? PART_GOOD : error == -ENOENT ? PART_ALONE : PART_BAD;
}

/* Where the listing has no lines, names are looked up: .tmp may have become .jsonl in between. */
static bool
part_has_lines(const struct logdir *d, const struct sealchain_part *part)
{
	static const enum segname_kind order[] = {SEGNAME_CLOSED, SEGNAME_TMP, SEGNAME_CLOSED};
	char name[SEGNAME_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		segname_with(name, part->seal.base, order[i]);
		if (logdir_has(d, name) > 0)
			return true;
	}
	return false;
}

static void
part_job(void *context, unsigned worker, size_t i)
{
	struct chain_load *load = context;
	struct sealchain_part *part = &load->chain->parts[i];

	if (part->state == PART_UNREAD)
		part_read(load, load->hash[worker], part);
	/* The lines of one without a seal were listed. They may be gone since then, as its seal is. */
	if (!part->seal.present || part->state == PART_ALONE)
		part->seal.present = part_has_lines(load->chain->dir, part);
	if (!part->seal.present && part->state == PART_ALONE)
		part->state = PART_GONE;
	part->seal.seal.file = str_from(part->seal.base);
	atomic_fetch_add_explicit(&load->progress.done, 1, memory_order_relaxed);
}

/* --- all parts ------------------------------------------------------------------------------- */

/* What was good in the round before stays so. */
static struct sealchain_part *
part_known(struct sealchain_part *parts, size_t n, size_t *at, const char *base)
{
	while (*at < n && strcmp(parts[*at].seal.base, base) < 0)
		(*at)++;
	if (*at == n || strcmp(parts[*at].seal.base, base) != 0 || parts[*at].state != PART_GOOD)
		return NULL;
	return &parts[*at];
}

static int
chain_parts(struct sealchain *c)
{
	const struct logdir *d = c->dir;
	struct sealchain_part *parts = calloc(d->n ? d->n : 1, sizeof(*parts));
	size_t n = 0, at = 0;

	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++) {
		const struct logdir_segment *s = &d->segments[i];
		struct sealchain_part *known;

		if (!(s->kinds & (LOGDIR_CLOSED | LOGDIR_SEAL)))
			continue;
		known = part_known(c->parts, c->n_parts, &at, s->base);
		if (known)
			parts[n] = *known;
		memcpy(parts[n].seal.base, s->base, sizeof(s->base));
		parts[n].seal.present = s->kinds & (LOGDIR_CLOSED | LOGDIR_TMP);
		n++;
	}
	free(c->parts);
	c->parts = parts;
	c->n_parts = n;
	c->n = 0; /* they pointed there */
	return 0;
}

static int
load_init(struct chain_load *load, struct sealchain *c)
{
	*load = (struct chain_load){
	    .chain = c, .progress = {.what = "reading seals", .total = c->n_parts}};
	(void)pthread_mutex_init(&load->lock, NULL);
	for (unsigned i = 0; i < pool_workers(c->n_parts); i++) {
		load->hash[i] = hash_new();
		if (!load->hash[i])
			return -ENOMEM;
	}
	return 0;
}

static void
load_end(struct chain_load *load)
{
	for (unsigned i = 0; i < POOL_WORKERS; i++)
		hash_free(load->hash[i]);
	(void)pthread_mutex_destroy(&load->lock);
}

static int
chain_read(struct sealchain *c)
{
	struct chain_load load;
	int error = load_init(&load, c);

	if (error == 0)
		pool_run(c->n_parts, part_job, &load, &load.progress);
	load_end(&load);
	return error;
}

/* --- in order -------------------------------------------------------------------------------- */

static int
by_order(const void *a, const void *b)
{
	const struct sealchain_part *x = *(struct sealchain_part *const *)a;
	const struct sealchain_part *y = *(struct sealchain_part *const *)b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if ((x->state == PART_GOOD) != (y->state == PART_GOOD))
		return x->state == PART_GOOD ? -1 : 1;
	return strcmp(x->seal.base, y->seal.base);
}

/* Good ones at their index + 1, others behind the good one before them by name. */
static size_t
parts_order(struct sealchain *c, struct sealchain_part **order)
{
	uint64_t at = 0;
	size_t n = 0;

	for (size_t i = 0; i < c->n_parts; i++) {
		struct sealchain_part *part = &c->parts[i];

		if (part->state == PART_GONE)
			continue;
		if (part->state == PART_GOOD)
			at = part->seal.seal.index + 1;
		part->order = at;
		order[n++] = part;
	}
	if (n > 1)
		qsort(order, n, sizeof(struct sealchain_part *), by_order);
	return n;
}

static void
part_fault(const struct sealchain_part *part, struct fault *f)
{
	char name[SEGNAME_SIZE];

	segname_with(name, part->seal.base, SEGNAME_SEAL);
	if (part->state == PART_ALONE) {
		fault_set(f, FAULT_BROKEN, part->seal.base, "a closed segment without its seal");
		fault_expect(f, str_from(name), STR("no such file"));
	} else if (part->error == -EFBIG) {
		fault_set(f, FAULT_BROKEN, name, "longer than %d bytes", SEAL_NOTE);
	} else if (part->error == -ENXIO) {
		fault_set(f, FAULT_BROKEN, name, "not a regular file");
	} else if (!part->why || (part->error != -EINVAL && part->error != -EBADMSG)) {
		fault_io(f, name, "cannot be read", part->error);
	} else {
		fault_set(f, FAULT_BROKEN, name, "%s", part->why);
		fault_at(f, 0, part->at);
	}
}

static void
seal_vkey(const struct seal *s, const uint8_t key[ED25519_KEY], struct hash *h, struct text *t)
{
	struct note_key k = {.name = s->origin, .algorithm = NOTE_ED25519};

	memcpy(k.key, key, sizeof(k.key));
	note_key_identify(&k, h);
	note_key_put(t, &k);
}

static void
expect_key(struct fault *f, const struct seal *before, const struct seal *s, struct hash *h)
{
	char expected[NOTE_VKEY], found[NOTE_VKEY];
	struct text e = text_over(expected, sizeof(expected)), d = text_over(found, sizeof(found));

	seal_vkey(before, before->next_key, h, &e);
	seal_vkey(s, s->key, h, &d);
	fault_expect(f, text_str(&e), text_str(&d));
}

void
sealchain_follow(const struct sealchain_seal *before, const struct sealchain_seal *next,
    struct hash *h, struct fault *f)
{
	static const uint8_t zeros[HASH_SIZE];
	const struct seal *b = before ? &before->seal : NULL, *s = &next->seal;
	const uint8_t *prev = before ? before->hash : zeros;
	uint64_t index = b ? b->index + 1 : 0, seq = b ? b->last_seq + 1 : 1;
	char name[SEGNAME_SIZE];

	segname_with(name, next->base, SEGNAME_SEAL);
	if (s->index != index) {
		fault_set(f, FAULT_BROKEN, name, "index: does not follow the seal before it");
		fault_expect_number(f, index, s->index);
	} else if (b && !str_eq(s->origin, b->origin)) {
		fault_set(f, FAULT_BROKEN, name, "origin: not that of the seal before it");
		fault_expect(f, b->origin, s->origin);
	} else if (b && memcmp(s->key, b->next_key, sizeof(s->key)) != 0) {
		fault_set(f, FAULT_BROKEN, name, "key: not the one that the seal before it names");
		expect_key(f, b, s, h);
	} else if (memcmp(s->prev_seal, prev, HASH_SIZE) != 0) {
		fault_set(f, FAULT_BROKEN, name, "prev_seal: not the hash of the seal before it");
		fault_expect_hash(f, prev, s->prev_seal);
	} else if (s->first_seq != seq) {
		fault_set(f, FAULT_BROKEN, name, "first_seq: does not follow the seal before it");
		fault_expect_number(f, seq, s->first_seq);
	}
}

static void
chain_link(struct sealchain *c, struct sealchain_part **order, size_t n, struct hash *h)
{
	c->n = 0;
	c->fault = (struct fault){.kind = FAULT_NONE};
	for (size_t i = 0; i < n && c->fault.kind == FAULT_NONE; i++) {
		const struct sealchain_seal *s = &order[i]->seal;

		if (order[i]->state != PART_GOOD)
			part_fault(order[i], &c->fault);
		else if (c->n > 0 || s->seal.index == 0)
			sealchain_follow(c->n > 0 ? c->seals[c->n - 1] : NULL, s, h, &c->fault);
		if (c->fault.kind == FAULT_NONE)
			c->seals[c->n++] = s;
	}
}

static int
chain_order(struct sealchain *c)
{
	struct sealchain_part **order = calloc(c->n_parts + 1, sizeof(struct sealchain_part *));
	struct hash *h = hash_new();
	int error = order && h ? 0 : -ENOMEM;

	free(c->seals);
	c->seals = calloc(c->n_parts + 1, sizeof(struct sealchain_seal *));
	if (!c->seals)
		error = -ENOMEM;
	if (error == 0)
		chain_link(c, order, parts_order(c, order), h);
	hash_free(h);
	free(order);
	return error;
}

/* --- the whole ------------------------------------------------------------------------------- */

static int
chain_round(struct sealchain *c, struct logdir *dir)
{
	int error = logdir_list(dir);

	if (error == 0)
		error = chain_parts(c);
	if (error == 0)
		error = chain_read(c);
	return error == 0 ? chain_order(c) : error;
}

static bool
same_fault(const struct fault *a, const struct fault *b)
{
	return a->kind == b->kind && strcmp(a->file, b->file) == 0 &&
	       strcmp(a->what, b->what) == 0 && strcmp(a->found, b->found) == 0;
}

int
sealchain_load(struct sealchain *c, struct logdir *dir)
{
	const struct timespec pause = {.tv_nsec = CHAIN_PAUSE};
	struct fault before;
	int error;

	c->dir = dir;
	error = chain_round(c, dir);
	for (int round = 1; round < CHAIN_ROUNDS; round++) {
		if (error < 0 || c->fault.kind == FAULT_NONE)
			break;
		before = c->fault;
		(void)nanosleep(&pause, NULL);
		error = chain_round(c, dir);
		if (error == 0 && same_fault(&before, &c->fault))
			break;
	}
	return error;
}

void
sealchain_free(struct sealchain *c)
{
	while (c->origins) {
		struct sealchain_origin *o = c->origins;

		c->origins = o->next;
		free(o);
	}
	free(c->parts);
	free(c->seals);
	*c = (struct sealchain){.n = 0};
}

void
sealchain_look(struct sealchain *c, size_t n)
{
	for (size_t i = 0; i < n && i < c->n; i++) {
		/* A part begins with its seal. */
		size_t k = (size_t)((const struct sealchain_part *)c->seals[i] - c->parts);

		c->parts[k].seal.present = part_has_lines(c->dir, &c->parts[k]);
	}
}

const struct sealchain_seal *
sealchain_find(const struct sealchain *c, uint64_t index)
{
	uint64_t first = c->n > 0 ? c->seals[0]->seal.index : 0;

	return index >= first && index - first < c->n ? c->seals[index - first] : NULL;
}

int
sealchain_note(const struct sealchain *c, const struct sealchain_seal *s, struct hash *h, char *buf,
    struct str *ret_note)
{
	char name[SEGNAME_SIZE];
	uint8_t hash[HASH_SIZE];
	const char *why;
	struct str file;
	struct note note;
	size_t at;
	int error;

	segname_with(name, s->base, SEGNAME_SEAL);
	error = logdir_read(c->dir, name, buf, SEAL_NOTE, &file);
	if (error < 0)
		return error;
	if (note_parse(file, &note, &why, &at) < 0)
		return -ESTALE;
	hash_begin(h);
	hash_add(h, note.text);
	hash_end(h, hash);
	if (memcmp(hash, s->hash, HASH_SIZE) != 0)
		return -ESTALE;
	*ret_note = file;
	return 0;
}
