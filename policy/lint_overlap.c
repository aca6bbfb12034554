/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "policy/lint.h"

/* Comparisons of two patterns: about a second. Beyond that lint says that it has not looked. */
#define OVERLAP_WORK (UINT64_C(1) << 23)

/* --- when one rule makes another needless ---------------------------------------------------- */

static bool
has_method(const struct doc_rule *r, struct str method)
{
	for (uint32_t i = 0; i < r->methods.n; i++)
		if (str_eq(r->methods.v[i], method))
			return true;
	return false;
}

static bool
actions_cover(const struct doc_rule *a, const struct doc_rule *b)
{
	if (b->actions & ~a->actions)
		return false;
	if (a->methods.n == 0)
		return true;
	for (uint32_t i = 0; i < b->methods.n; i++)
		if (!has_method(a, b->methods.v[i]))
			return false;
	return b->methods.n > 0;
}

static bool
is_unscoped(const struct doc_policy *p)
{
	for (size_t i = 0; i < SCOPE_KINDS; i++)
		if (p->scope[i].n > 0)
			return false;
	return true;
}

/* Whenever b applies, a applies too, as far as scope, conditions and time go. */
static bool
reach_covers(const struct doc *d, const struct doc_rule *a, const struct doc_rule *b)
{
	return (a->policy == b->policy || is_unscoped(doc_policy(d, a->policy))) && !a->when &&
	       a->expires >= b->expires;
}

static bool
same_mode(const struct doc *d, const struct doc_rule *a, const struct doc_rule *b)
{
	return doc_policy(d, a->policy)->mode == doc_policy(d, b->policy)->mode;
}

static void
complain(
    const struct doc *d, const struct lint_item *a, const struct lint_item *b, const char *what)
{
	const struct doc_policy *p = doc_policy(d, a->rule->policy);

	report_add(d->report, d->texts, b->rule->pattern_places[b->pattern],
	    "rule \"%.*s\": \"%.*s\" %s \"%.*s\" of rule \"%.*s\" in policy \"%.*s\"",
	    STR_ARG(b->rule->id),
	    (int)(lint_pattern(b)->text.n > 48 ? 48 : lint_pattern(b)->text.n),
	    lint_pattern(b)->text.p, what,
	    (int)(lint_pattern(a)->text.n > 48 ? 48 : lint_pattern(a)->text.n),
	    lint_pattern(a)->text.p, STR_ARG(a->rule->id), STR_ARG(p->id));
}

/* Of two that say the same, the later one does it in vain; or the one that we were asked about. */
static bool
comes_after(const struct lint *l, const struct lint_item *a, const struct lint_item *b)
{
	if (l->wanted && !l->wanted[a->index] != !l->wanted[b->index])
		return l->wanted[b->index] != NULL;
	return b->index > a->index || (b->index == a->index && b->pattern > a->pattern);
}

/* b says nothing new. */
static bool
is_needless(const struct lint *l, const struct lint_item *a, const struct lint_item *b)
{
	const struct doc *d = l->doc;

	if (a->rule->deny != b->rule->deny || !same_mode(d, a->rule, b->rule) ||
	    !pattern_covers(lint_pattern(a), lint_pattern(b)))
		return false;
	return comes_after(l, a, b) || !reach_covers(d, b->rule, a->rule) ||
	       !actions_cover(b->rule, a->rule) ||
	       !pattern_covers(lint_pattern(b), lint_pattern(a));
}

static void
note_needless(const struct lint *l, const struct lint_item *a, const struct lint_item *b)
{
	if (l->wanted && l->wanted[b->index] && !l->wanted[a->index] && b->rule->n_patterns == 1)
		l->wanted[b->index]->needless = true;
}

/* Whether it complained: one complaint for each pattern is enough. */
static bool
compare(const struct lint *l, const struct lint_item *a, const struct lint_item *b)
{
	const struct doc *d = l->doc;

	if (a == b || a->rule->family != b->rule->family || !actions_cover(a->rule, b->rule) ||
	    !reach_covers(d, a->rule, b->rule))
		return false;
	if (l->wanted && !l->wanted[a->index] && !l->wanted[b->index])
		return false;
	if (is_needless(l, a, b)) {
		complain(d, a, b, "is covered already by");
		note_needless(l, a, b);
		return true;
	}
	if (a->rule->deny && !b->rule->deny && same_mode(d, a->rule, b->rule) &&
	    pattern_covers(lint_pattern(a), lint_pattern(b))) {
		complain(d, a, b, "never allows: it is denied by");
		return true;
	}
	return false;
}

/* --- which pairs to look at ------------------------------------------------------------------ */

static int
compare_str(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

int
lint_compare_items(const struct lint_item *x, const struct lint_item *y)
{
	const struct pattern *a = lint_pattern(x), *b = lint_pattern(y);
	int order = (int)x->rule->family - (int)y->rule->family;

	order = order ? order : a->host - b->host;
	order = order ? order : a->path - b->path;
	order = order ? order : a->prefix - b->prefix;
	order = order ? order : memcmp(a->ip, b->ip, sizeof(a->ip));
	order = order ? order : compare_str(a->host_name, b->host_name);
	return order ? order : compare_str(a->path_text, b->path_text);
}

static int
by_pattern(const void *a, const void *b)
{
	const struct lint_item *x = a, *y = b;
	int order = lint_compare_items(x, y);

	if (order)
		return order;
	return x->index != y->index ? (x->index < y->index ? -1 : 1)
				    : (int)x->pattern - (int)y->pattern;
}

/* Items with the same host and path lie side by side. */
static bool
compare_same(const struct lint *l, const struct lint_item *items, uint32_t n, uint32_t b)
{
	uint32_t low = b > LINT_BESIDE ? b - LINT_BESIDE : 0;
	uint32_t high = n - b > LINT_BESIDE ? b + LINT_BESIDE : n;

	for (uint32_t a = low; a < high; a++)
		if (lint_compare_items(&items[a], &items[b]) == 0 &&
		    compare(l, &items[a], &items[b]))
			return true;
	return false;
}

/* Returns how many it looked at. */
static uint64_t
compare_wide(
    const struct lint *l, const struct lint_item *items, const struct lint_index *index, uint32_t b)
{
	struct lint_walk w;
	uint64_t looked = 0;
	uint32_t a;

	lint_walk_begin(&w, index, &items[b]);
	while (lint_walk_next(&w, &a)) {
		looked++;
		if (compare(l, &items[a], &items[b]))
			break;
	}
	return looked;
}

static void
compare_all(
    const struct lint *l, const struct lint_item *items, uint32_t n, const struct lint_index *index)
{
	const struct doc *d = l->doc;
	uint64_t work = 0;
	uint32_t b = 0;

	for (; b < n && d->report->dropped == 0 && work < OVERLAP_WORK; b++)
		if (!compare_same(l, items, n, b))
			work += compare_wide(l, items, index, b);
	if ((b < n || index->left_out) && d->report->dropped == 0)
		report_add(d->report, d->texts, PLACE_NOWHERE,
		    "too many patterns: not all were looked at for shadowed and duplicate rules");
}

static int
collect(const struct doc *d, int64_t now, struct vec *items)
{
	for (uint32_t i = 0; i < d->rules.n; i++) {
		const struct doc_rule *r = doc_rule(d, i);

		/* Those have been complained about. */
		if (now >= r->expires || doc_rule_inactive(d, r))
			continue;
		for (uint32_t k = 0; k < r->n_patterns; k++) {
			struct lint_item *item = vec_add(items, sizeof(*item));

			if (!item)
				return -ENOMEM;
			*item = (struct lint_item){r, i, k};
		}
	}
	return 0;
}

static int
compare_items(const struct lint *l, struct lint_item *items, uint32_t n)
{
	struct lint_index index = {.general = {NULL, 0, 0}};
	int error;

	if (n == 0)
		return 0;
	qsort(items, n, sizeof(*items), by_pattern);
	error = lint_index_build(&index, items, n);
	if (error == 0)
		compare_all(l, items, n, &index);
	lint_index_free(&index);
	return error;
}

int
lint_overlaps(const struct lint *l)
{
	struct vec items = {NULL, 0, 0};
	int error = collect(l->doc, l->now, &items);

	if (error == 0)
		error = compare_items(l, items.p, items.n);
	vec_free(&items);
	return error;
}
