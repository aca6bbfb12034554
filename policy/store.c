/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/store.h"

#include <errno.h>
#include <stdlib.h>

#define ARENA_CHUNK ((size_t)64 << 10)

struct arena_chunk {
	struct arena_chunk *before;
	size_t n, cap;
	max_align_t bytes[];
};

static struct arena_chunk *
arena_grow(struct arena *a, size_t n)
{
	size_t cap = n > ARENA_CHUNK ? n : ARENA_CHUNK;
	struct arena_chunk *c = calloc(1, sizeof(*c) + cap);

	if (!c)
		return NULL;
	c->cap = cap;
	c->before = a->last;
	a->last = c;
	return c;
}

void *
arena_take(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_chunk *c = a->last;
	void *taken;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + align - 1) / align * align;
	if (!c || n > c->cap - c->n)
		c = arena_grow(a, n);
	if (!c)
		return NULL;
	taken = (char *)c->bytes + c->n;
	c->n += n;
	return taken;
}

struct str
arena_str(struct arena *a, struct str s)
{
	char *p = arena_take(a, s.n + 1);

	if (!p)
		return STR_NONE;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return (struct str){p, s.n};
}

void
arena_free(struct arena *a)
{
	while (a->last) {
		struct arena_chunk *before = a->last->before;

		free(a->last);
		a->last = before;
	}
}

void *
vec_add(struct vec *v, size_t size)
{
	if (v->n == v->cap) {
		uint32_t cap = v->cap ? v->cap * 2 : 8;
		void *grown = cap > v->cap ? reallocarray(v->p, cap, size) : NULL;

		if (!grown)
			return NULL;
		v->p = grown;
		v->cap = cap;
	}
	return memset((char *)v->p + size * v->n++, 0, size);
}

void
vec_free(struct vec *v)
{
	free(v->p);
	*v = (struct vec){NULL, 0, 0};
}

struct strmap_slot {
	struct str key; /* STR_NONE: free */
	uint32_t hash;
	uint32_t value;
};

/* FNV-1a: keys come from the operator's own files, and a slow load harms only the loader. */
static uint32_t
strmap_hash(struct str key)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 16777619u;
	return h;
}

static struct strmap_slot *
strmap_find(const struct strmap *m, struct str key, uint32_t hash)
{
	for (uint32_t i = hash;; i++) {
		struct strmap_slot *slot = &m->slots[i & (m->cap - 1)];

		if (!str_given(slot->key) || (slot->hash == hash && str_eq(slot->key, key)))
			return slot;
	}
}

static int
strmap_grow(struct strmap *m)
{
	struct strmap larger = {.n = m->n, .cap = m->cap ? m->cap * 2 : 64};

	larger.slots = larger.cap > m->cap ? calloc(larger.cap, sizeof(*larger.slots)) : NULL;
	if (!larger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->cap; i++)
		if (str_given(m->slots[i].key))
			*strmap_find(&larger, m->slots[i].key, m->slots[i].hash) = m->slots[i];
	free(m->slots);
	*m = larger;
	return 0;
}

int
strmap_add(struct strmap *m, struct str key, uint32_t value, uint32_t *ret_value)
{
	uint32_t hash = strmap_hash(key);
	struct strmap_slot *slot;

	if (m->n >= m->cap / 2 && strmap_grow(m) < 0)
		return -ENOMEM;
	slot = strmap_find(m, key, hash);
	if (str_given(slot->key)) {
		*ret_value = slot->value;
		return 1;
	}
	*slot = (struct strmap_slot){key, hash, value};
	m->n++;
	return 0;
}

uint32_t *
strmap_get(const struct strmap *m, struct str key)
{
	struct strmap_slot *slot = m->cap ? strmap_find(m, key, strmap_hash(key)) : NULL;

	return slot && str_given(slot->key) ? &slot->value : NULL;
}

void
strmap_free(struct strmap *m)
{
	free(m->slots);
	*m = (struct strmap){NULL, 0, 0};
}
