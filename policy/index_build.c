/* SPDX-License-Identifier: Apache-2.0 */

/* The tree of the index: from rules to nodes. */

#include "policy/index_build.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "policy/action.h"

/* So many entries are looked at one after the other as fast as they are told apart. */
#define FEW 8
/* Against these an entry is held to see whether it can ever matter. */
#define WITNESSES 16

/* An item, and one of its keys. */
struct keyed {
	struct index_key key;
	struct index_item item;
};

static struct index_node *
tree_node(const struct index_tree *t, uint32_t i)
{
	return (struct index_node *)t->nodes.p + i;
}

/* --- entries --------------------------------------------------------------------------------- */

static uint8_t
sort_of(const struct index_item *item)
{
	enum policy_mode mode = item->policy->mode;

	if (!item->rule)
		return mode == POLICY_ENFORCE ? SORT_ENFORCE
		       : mode == POLICY_WARN  ? SORT_WARN
					      : SORT_AUDIT;
	if (mode == POLICY_ENFORCE)
		return item->rule->deny ? SORT_DENY : SORT_ALLOW;
	return item->rule->deny ? SORT_WATCH_DENY : SORT_WATCH_ALLOW;
}

static uint32_t
does_of(const struct doc_rule *r)
{
	uint32_t does = 0;

	if (!r || (r->family == FAMILY_HTTP && r->methods.n == 0))
		return UINT32_MAX;
	if (r->family != FAMILY_HTTP)
		return r->actions;
	for (uint32_t i = 0; i < r->methods.n; i++)
		does |= index_method(r->methods.v[i]);
	return does;
}

static struct image_entry
entry_of(const struct index_item *item)
{
	const struct pattern *p = item->pattern;
	struct image_entry e = {
	    .of = item->of,
	    .policy = item->rule ? item->rule->policy : item->of,
	    .id_at = item->id.at,
	    .id_n = (uint8_t)item->id.n,
	    .pattern = item->pattern_index,
	    .does = does_of(item->rule),
	    .high = UINT16_MAX,
	    .sort = sort_of(item),
	    .ask = index_ask(item),
	    .schemes = INDEX_ANY_SCHEME,
	};

	if (p && p->scheme != SCHEME_ANY)
		e.schemes = (uint8_t)(1u << p->scheme);
	if (p && p->n_ports == 1) {
		e.low = pattern_port(p, 0).low;
		e.high = pattern_port(p, 0).high;
	}
	return e;
}

static bool
settles(const struct image_entry *e)
{
	return e->sort == SORT_DENY || e->sort == SORT_ENFORCE;
}

/*
 * Whenever b matches, a does, too, and then b cannot change the verdict. a comes before b in the order of
 * by_weight(), and nothing is to be asked about it.
 */
static bool
makes_idle(const struct image_entry *a, const struct image_entry *b)
{
	return (settles(a) || a->sort == b->sort) && (a->does & b->does) == b->does &&
	       a->low <= b->low && a->high >= b->high && (a->schemes & b->schemes) == b->schemes;
}

/* Denies first: they may make all others idle. */
static int
by_weight(const void *a, const void *b)
{
	const struct image_entry *x = a, *y = b;

	if (settles(x) != settles(y))
		return settles(x) ? -1 : 1;
	if (x->of != y->of)
		return x->of < y->of ? -1 : 1;
	return (x->pattern > y->pattern) - (x->pattern < y->pattern);
}

struct witnesses {
	struct image_entry v[WITNESSES];
	size_t n;
};

static bool
is_idle(const struct witnesses *w, const struct image_entry *e)
{
	for (size_t i = 0; i < w->n; i++)
		if (makes_idle(&w->v[i], e))
			return true;
	return false;
}

static int
keep_entries(struct index_tree *t, struct index_node *node, const struct image_entry *v, size_t n)
{
	struct witnesses w = {.n = 0};

	node->first_entry = t->entries.n;
	for (size_t i = 0; i < n; i++) {
		struct image_entry *kept;

		if (is_idle(&w, &v[i]))
			continue;
		kept = vec_add(&t->entries, sizeof(*kept));
		if (!kept)
			return -ENOMEM;
		*kept = v[i];
		node->head.n_entries++;
		if (w.n < WITNESSES && v[i].ask == 0)
			w.v[w.n++] = v[i];
	}
	return 0;
}

static int
add_entries(struct index_tree *t, uint32_t node, const struct index_item *items, size_t n)
{
	CLEANUP_FREE struct image_entry *v = calloc(n ? n : 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		v[i] = entry_of(&items[i]);
	qsort(v, n, sizeof(*v), by_weight);
	return keep_entries(t, tree_node(t, node), v, n);
}

/* --- nodes ----------------------------------------------------------------------------------- */

static void
note_way(struct index_node *node, const struct index_key *key)
{
	struct image_ways *w = &node->ways;
	uint32_t depth = index_depth_bit(key->depth);

	node->head.has_ways = 1;
	w->kinds |= INDEX_BIT(key->kind);
	if (key->kind == INDEX_ONE)
		w->one |= depth;
	else if (key->kind == INDEX_DEEP)
		w->deep |= depth;
	else if (key->kind == INDEX_IP4)
		w->ip4 |= UINT64_C(1) << key->sub;
	else if (key->kind == INDEX_IP6)
		w->ip6[key->sub / 64] |= UINT64_C(1) << key->sub % 64;
	else if (key->kind == INDEX_UNDER)
		w->under |= depth;
	else if (key->kind == INDEX_GLOBS)
		w->globs |= depth;
	else if (key->kind == INDEX_SEGMENT)
		w->segments |= UINT32_C(1) << key->sub;
	else if (key->kind == INDEX_HEAD)
		w->head |= (uint8_t)(1u << __builtin_ctz(key->sub));
	else if (key->kind == INDEX_BASE_HEAD)
		w->base_head |= (uint8_t)(1u << __builtin_ctz(key->sub));
	else if (key->kind == INDEX_TAIL)
		w->tail |= (uint8_t)(1u << __builtin_ctz(key->sub));
}

/* A node below another; returns its index, 0 without memory. */
static uint32_t
add_node(struct index_tree *t, uint32_t parent, const struct index_key *key)
{
	struct index_node *node = vec_add(&t->nodes, sizeof(*node));

	if (!node)
		return 0;
	node->ways.id = t->nodes.n - 1;
	node->head = (struct image_node){
	    .parent = parent,
	    .sub = key->sub,
	    .key_n = (uint16_t)key->text.n,
	    .kind = key->kind,
	};
	node->key = key->text;
	node->hash = index_hash_key(key->bytes, parent, (enum index_kind)key->kind, key->sub);
	note_way(tree_node(t, parent), key);
	return t->nodes.n - 1;
}

static int
by_key(const void *a, const void *b)
{
	const struct index_key *x = &((const struct keyed *)a)->key;
	const struct index_key *y = &((const struct keyed *)b)->key;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->sub != y->sub)
		return x->sub < y->sub ? -1 : 1;
	if (x->text.n != y->text.n)
		return x->text.n < y->text.n ? -1 : 1;
	return x->text.n == 0 ? 0 : memcmp(x->text.p, y->text.p, x->text.n);
}

static int
split(struct index_tree *t, uint32_t node, struct index_item *items, size_t n, uint32_t kinds);

/* One key: its node, and what becomes of the items below it. */
static int
split_group(struct index_tree *t, uint32_t parent, const struct keyed *v, size_t n)
{
	uint32_t node = add_node(t, parent, &v->key);
	CLEANUP_FREE struct index_item *items = node > 0 ? calloc(n, sizeof(*items)) : NULL;

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		items[i] = v[i].item;
		items[i].settled |= INDEX_BIT(v->key.kind);
	}
	return split(t, node, items, n, index_below((enum index_kind)v->key.kind));
}

static int
split_groups(struct index_tree *t, uint32_t parent, struct vec *keyed)
{
	struct keyed *v = keyed->p;
	size_t n = keyed->n, end;
	int error = 0;

	if (n > 0)
		qsort(v, n, sizeof(*v), by_key);
	for (size_t i = 0; error == 0 && i < n; i = end) {
		end = i + 1;
		while (end < n && by_key(&v[i], &v[end]) == 0)
			end++;
		error = split_group(t, parent, &v[i], end - i);
	}
	return error;
}

/* Items that have keys in this step, under each of them. -ENOMEM or how many have none and stay. */
static ssize_t
take_keyed(struct index_item *items, size_t n, uint32_t step, struct vec *ret_keyed)
{
	ssize_t stay = 0;

	for (size_t i = 0; i < n; i++) {
		struct index_key keys[INDEX_KEYS];
		size_t k = index_keys(&items[i], step, keys);

		if (k == 0 || items[i].copies * k > INDEX_COPIES) {
			items[stay++] = items[i];
			continue;
		}
		for (size_t j = 0; j < k; j++) {
			struct keyed *e = vec_add(ret_keyed, sizeof(*e));

			if (!e)
				return -ENOMEM;
			*e = (struct keyed){keys[j], items[i]};
			e->item.copies *= (uint32_t)k;
		}
	}
	return stay;
}

/*
 * Put items under keys below a node, step by step until few are left; these become its entries. What
 * tells resources apart is always worth a key below a root.
 */
static int
split(struct index_tree *t, uint32_t node, struct index_item *items, size_t n, uint32_t kinds)
{
	bool is_root = node < INDEX_ROOTS;

	for (unsigned kind = INDEX_ROOT + 1; kind < INDEX_KINDS; kind++) {
		uint32_t step = index_step((enum index_kind)kind);
		struct vec keyed = {.p = NULL};
		ssize_t stay;
		int error;

		if (kind != (unsigned)__builtin_ctz(step) || !(kinds & step) ||
		    (n <= FEW && !(is_root && kind < INDEX_SANDBOX)))
			continue;
		stay = take_keyed(items, n, step, &keyed);
		error = stay < 0 ? (int)stay : split_groups(t, node, &keyed);
		vec_free(&keyed);
		if (error < 0)
			return error;
		n = (size_t)stay;
	}
	return add_entries(t, node, items, n);
}

/* --- from the document ----------------------------------------------------------------------- */

static int
add_rule(struct vec *items, const struct doc *doc, const struct image_rule *rules, uint32_t rule)
{
	const struct doc_rule *r = doc_rule(doc, rule);

	if (doc_rule_inactive(doc, r))
		return 0;
	for (uint32_t i = 0; i < r->n_patterns; i++) {
		struct index_item *item = vec_add(&items[r->family], sizeof(*item));

		if (!item)
			return -ENOMEM;
		*item = (struct index_item){
		    .policy = doc_policy(doc, r->policy),
		    .rule = r,
		    .pattern = &r->patterns[i],
		    .id = rules[rule].id,
		    .of = rule,
		    .pattern_index = rules[rule].patterns.first + i,
		    .copies = 1,
		};
	}
	return 0;
}

/* Items by root. */
static int
add_items(struct vec items[INDEX_ROOTS], const struct doc *doc, const struct image_rule *rules)
{
	for (uint32_t i = 0; i < doc->policies.n; i++) {
		struct index_item *item = vec_add(&items[ROOT_MODES], sizeof(*item));

		if (!item)
			return -ENOMEM;
		*item = (struct index_item){.policy = doc_policy(doc, i), .of = i, .copies = 1};
	}
	for (uint32_t i = 0; i < doc->rules.n; i++)
		if (add_rule(items, doc, rules, i) < 0)
			return -ENOMEM;
	return 0;
}

static int
add_roots(struct index_tree *t)
{
	for (uint32_t i = 0; i < INDEX_ROOTS; i++) {
		struct index_node *root = vec_add(&t->nodes, sizeof(*root));

		if (!root)
			return -ENOMEM;
		root->ways.id = i;
		root->head.parent = i;
		root->head.kind = INDEX_ROOT;
	}
	return 0;
}

int
index_tree_build(struct index_tree *t, const struct doc *doc, const struct image_rule *rules)
{
	struct vec items[INDEX_ROOTS] = {{.p = NULL}};
	int error;

	*t = (struct index_tree){.nodes = {.p = NULL}};
	error = add_roots(t);
	if (error == 0)
		error = add_items(items, doc, rules);
	for (uint32_t i = 0; error == 0 && i < INDEX_ROOTS; i++)
		error = split(t, i, items[i].p, items[i].n, index_below(INDEX_ROOT));
	for (uint32_t i = 0; i < INDEX_ROOTS; i++)
		vec_free(&items[i]);
	return error;
}

void
index_tree_free(struct index_tree *t)
{
	vec_free(&t->nodes);
	vec_free(&t->entries);
}
