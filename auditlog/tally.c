/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/tally.h"

#include <stdlib.h>

#define TALLY_FIRST 64

void
tally_init(struct tally *t, const struct siphash_key *key, size_t most, size_t most_bytes)
{
	*t = (struct tally){.key = key, .most = most, .most_bytes = most_bytes};
}

void
tally_free(struct tally *t)
{
	free(t->entry);
	free(t->bytes);
	*t = (struct tally){.most = 0};
}

static uint32_t
key_hash(const struct tally *t, struct str key)
{
	return (uint32_t)siphash(t->key, key);
}

/* The entry of this text, or the free one where it would be. */
static struct tally_entry *
find_entry(const struct tally *t, struct str key, uint32_t hash)
{
	for (size_t i = hash & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
		struct tally_entry *e = &t->entry[i];

		if (e->count == 0)
			return e;
		if (e->hash == hash && str_eq((struct str){t->bytes + e->at, e->n}, key))
			return e;
	}
}

static bool
grow_entries(struct tally *t)
{
	size_t cap = t->cap ? 2 * t->cap : TALLY_FIRST;
	struct tally_entry *old = t->entry, *grown = calloc(cap, sizeof(*grown));
	size_t n = t->cap;

	if (!grown)
		return false;
	t->entry = grown;
	t->cap = cap;
	for (size_t i = 0; i < n; i++) {
		struct str key = {t->bytes + old[i].at, old[i].n};

		if (old[i].count > 0)
			*find_entry(t, key, old[i].hash) = old[i];
	}
	free(old);
	return true;
}

static bool
keep_text(struct tally *t, struct str key, uint32_t *ret_at)
{
	/* Doubles: the old size is the next power of two from what is used. */
	size_t cap = 1024, want = 1024;
	char *grown;

	while (t->n_bytes > 0 && cap < t->n_bytes)
		cap *= 2;
	while (want < t->n_bytes + key.n)
		want *= 2;
	if (!t->bytes || want > cap) {
		grown = realloc(t->bytes, want);
		if (!grown)
			return false;
		t->bytes = grown;
	}
	if (key.n > 0)
		memcpy(t->bytes + t->n_bytes, key.p, key.n);
	*ret_at = (uint32_t)t->n_bytes;
	t->n_bytes += key.n;
	return true;
}

bool
tally_add(struct tally *t, struct str key, uint64_t n)
{
	struct tally_entry *e;
	uint32_t hash, at;

	key.n = key.n > TALLY_KEY ? TALLY_KEY : key.n;
	hash = key_hash(t, key);
	if (2 * (t->n + 1) > t->cap && t->n < t->most && !grow_entries(t))
		return false;
	e = find_entry(t, key, hash);
	if (e->count > 0) {
		e->count += n;
		return true;
	}
	if (t->n >= t->most || key.n > t->most_bytes - t->n_bytes || !keep_text(t, key, &at))
		return false;
	*e = (struct tally_entry){.count = n, .hash = hash, .at = at, .n = (uint32_t)key.n};
	t->n++;
	return true;
}

uint64_t
tally_count(const struct tally *t, struct str key)
{
	key.n = key.n > TALLY_KEY ? TALLY_KEY : key.n;
	return t->cap > 0 ? find_entry(t, key, key_hash(t, key))->count : 0;
}

void
tally_merge(struct tally *t, struct tally *from)
{
	for (size_t i = 0; i < from->cap; i++) {
		struct tally_entry *e = &from->entry[i];
		struct str key = {from->bytes + e->at, e->n};

		if (e->count > 0 && !tally_add(t, key, e->count))
			t->others += e->count;
		e->count = 0;
	}
	t->others += from->others;
	from->n = from->n_bytes = 0;
	from->others = 0;
}

/* --- rows ------------------------------------------------------------------------------------ */

static int
by_text(const void *a, const void *b)
{
	const struct tally_row *x = a, *y = b;
	size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
	int c = n > 0 ? memcmp(x->key.p, y->key.p, n) : 0;

	if (c != 0 || x->key.n == y->key.n)
		return c;
	return x->key.n < y->key.n ? -1 : 1;
}

static int
by_count(const void *a, const void *b)
{
	const struct tally_row *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return by_text(a, b);
}

struct tally_row *
tally_rows(const struct tally *t, bool by_key)
{
	struct tally_row *rows = calloc(t->n + 1, sizeof(*rows));
	size_t n = 0;

	for (size_t i = 0; rows && i < t->cap; i++) {
		const struct tally_entry *e = &t->entry[i];

		if (e->count > 0)
			rows[n++] = (struct tally_row){{t->bytes + e->at, e->n}, e->count};
	}
	if (n > 1)
		qsort(rows, n, sizeof(*rows), by_key ? by_text : by_count);
	return rows;
}
