/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Several pieces that differ in one thing become one. Each step (suggest_step.c) has a key (what they
 * must have in common) and makes one piece of a group, or leaves it.
 */

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "policyctl/suggest_step.h"

static int
by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
	int order = n > 0 ? memcmp(x->key.p, y->key.p, n) : 0;

	if (order == 0)
		order = (x->key.n > y->key.n) - (x->key.n < y->key.n);
	/* Then as they came: the same log gives the same rules. */
	return order ? order : (x->piece > y->piece) - (x->piece < y->piece);
}

static int
make_keys(
    const struct suggest *s, const struct suggest_step *step, struct arena *arena, struct keyed *v)
{
	static char buf[SUGGEST_KEY];

	for (uint32_t i = 0; i < s->pieces.n; i++) {
		struct piece *p = suggest_piece(s, i);
		struct text t = text_over(buf, sizeof(buf));

		v[i] = (struct keyed){STR_NONE, p};
		if (!suggest_step_key(step, s, p, &t) || !text_ok(&t))
			continue;
		v[i].key = arena_str(arena, text_str(&t));
		if (!str_given(v[i].key))
			return -ENOMEM;
	}
	qsort(v, s->pieces.n, sizeof(*v), by_key);
	return 0;
}

static bool
has_forbidden(const struct group *g)
{
	for (uint32_t i = 0; i < g->n; i++)
		if (g->v[i].piece->forbidden)
			return true;
	return false;
}

/* What was counted of all of them belongs to the first; the others are taken out (requests == 0). */
static void
add_up(const struct group *g)
{
	struct piece *all = g->v[0].piece;

	for (uint32_t i = 1; i < g->n; i++) {
		struct piece *p = g->v[i].piece;

		all->denials += p->denials;
		all->requests += p->requests;
		all->first = p->first < all->first ? p->first : all->first;
		all->last = p->last > all->last ? p->last : all->last;
		all->more = str_given(all->more) ? all->more : p->more;
		p->requests = 0;
	}
}

static void
run_groups(struct suggest *s, const struct suggest_step *step, struct keyed *v, uint32_t n)
{
	for (uint32_t i = 0; i < n;) {
		struct group g = {v + i, 1};

		while (i + g.n < n && str_eq(v[i].key, v[i + g.n].key))
			g.n++;
		i += g.n;
		if (!str_given(g.v[0].key) || (step->forbidden_stops && has_forbidden(&g)))
			continue;
		if (step->merge(s, &g))
			add_up(&g);
	}
}

static void
drop(struct suggest *s, bool forbidden)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->pieces.n; i++) {
		const struct piece *p = suggest_piece(s, i);

		if (p->requests > 0 && !(forbidden && p->forbidden))
			*suggest_piece(s, n++) = *p;
	}
	s->pieces.n = n;
}

static int
run_step(struct suggest *s, const struct suggest_step *step)
{
	CLEANUP_FREE struct keyed *v = calloc((size_t)s->pieces.n + 1, sizeof(*v));
	struct arena arena = {NULL};
	int error = v ? make_keys(s, step, &arena, v) : -ENOMEM;

	if (error == 0)
		run_groups(s, step, v, s->pieces.n);
	arena_free(&arena);
	drop(s, false);
	return error;
}

int
suggest_merge(struct suggest *s)
{
	size_t n;
	const struct suggest_step *steps = suggest_steps(&n);
	int error = 0;

	for (size_t i = 0; error == 0 && i < n; i++)
		error = run_step(s, &steps[i]);
	drop(s, true);
	return error;
}
