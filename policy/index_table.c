/* SPDX-License-Identifier: Apache-2.0 */

/* The index as bytes: in which group each key comes to lie, and the nodes in that order. */

#include <errno.h>
#include <stdlib.h>

#include "policy/index_build.h"

#define LOAD 16 /* of INDEX_SLOTS, on average */
#define WIDER 4 /* times the table may grow when a key finds no place */

/* A table while it is filled. */
struct table {
	const struct index_tree *tree;
	struct index_bytes *b;
	uint32_t *slots; /* INDEX_SLOTS for each group: which node */
	size_t at;       /* bytes of nodes that are written */
};

static const struct index_node *
table_node(const struct table *t, uint32_t i)
{
	return (const struct index_node *)t->tree->nodes.p + i;
}

/* --- places ---------------------------------------------------------------------------------- */

/* False: there is no room in reach. */
static bool
place_key(struct table *t, uint32_t node)
{
	uint64_t hash = table_node(t, node)->hash;
	size_t at = index_home(hash, (uint32_t)t->b->n_groups);

	for (size_t i = 0; i < INDEX_REACH; i++) {
		struct image_group *group = &t->b->groups[at];

		for (size_t k = 0; k < INDEX_SLOTS; k++) {
			if (group->tag[k])
				continue;
			group->tag[k] = index_tag(hash);
			t->slots[at * INDEX_SLOTS + k] = node;
			return true;
		}
		group->base |= GROUP_MORE;
		at = at + 1 < t->b->n_groups ? at + 1 : 0;
	}
	return false;
}

static int
place_keys(struct table *t)
{
	free(t->b->groups);
	free(t->slots);
	t->slots = calloc(t->b->n_groups, INDEX_SLOTS * sizeof(*t->slots));
	t->b->groups = calloc(t->b->n_groups, sizeof(*t->b->groups));
	if (!t->slots || !t->b->groups)
		return -ENOMEM;
	for (uint32_t i = INDEX_ROOTS; i < t->tree->nodes.n; i++)
		if (!place_key(t, i))
			return -EOVERFLOW;
	return 0;
}

static int
make_groups(struct table *t)
{
	int error = -EOVERFLOW;

	t->b->n_groups = (t->tree->nodes.n - INDEX_ROOTS) / LOAD + 1;
	for (unsigned i = 0; error == -EOVERFLOW && i < WIDER; i++) {
		t->b->n_groups *= i > 0 ? 2 : 1;
		if (t->b->n_groups > IMAGE_MAX / sizeof(*t->b->groups))
			return -EFBIG;
		error = place_keys(t);
	}
	return error;
}

/* --- nodes ----------------------------------------------------------------------------------- */

static bool
is_large(const struct index_node *n)
{
	return index_node_size(&n->head) >= (size_t)SIZE_LARGE * INDEX_NODE_UNIT;
}

static size_t
nodes_size(const struct table *t)
{
	size_t size = 0;

	for (uint32_t i = 0; i < t->tree->nodes.n; i++) {
		const struct index_node *n = table_node(t, i);

		size += index_node_size(&n->head);
		if (i >= INDEX_ROOTS && is_large(n))
			size += INDEX_NODE_UNIT;
	}
	return size;
}

/* Returns the unit where it lies. */
static uint32_t
put_node(struct table *t, const struct index_node *n)
{
	uint8_t *p = t->b->nodes + t->at;
	uint32_t unit = (uint32_t)(t->at / INDEX_NODE_UNIT);

	memcpy(p, &n->head, sizeof(n->head));
	if (n->head.has_ways)
		memcpy(p + sizeof(n->head), &n->ways, sizeof(n->ways));
	if (n->key.n > 0)
		memcpy(p + index_key_at(&n->head), n->key.p, n->key.n);
	if (n->head.n_entries > 0)
		memcpy(p + index_entries_at(&n->head),
		    (const struct image_entry *)t->tree->entries.p + n->first_entry,
		    n->head.n_entries * sizeof(struct image_entry));
	t->at += index_node_size(&n->head);
	return unit;
}

/* Roots and large nodes. Of these the slot keeps the unit from now on. */
static void
put_first(struct table *t)
{
	for (uint32_t i = 0; i < INDEX_ROOTS; i++)
		t->b->root[i] = put_node(t, table_node(t, i));
	for (size_t i = 0; i < t->b->n_groups * INDEX_SLOTS; i++) {
		const struct index_node *n = table_node(t, t->slots[i]);

		if (t->slots[i] == 0 || !is_large(n))
			continue;
		t->slots[i] = put_node(t, n);
		t->b->groups[i / INDEX_SLOTS].size[i % INDEX_SLOTS] = SIZE_LARGE;
	}
}

static void
put_group(struct table *t, size_t group)
{
	struct image_group *g = &t->b->groups[group];

	g->base |= (uint32_t)(t->at / INDEX_NODE_UNIT);
	for (size_t k = 0; k < INDEX_SLOTS && g->tag[k]; k++) {
		uint32_t slot = t->slots[group * INDEX_SLOTS + k];

		if (g->size[k] == SIZE_LARGE) {
			memcpy(t->b->nodes + t->at, &slot, sizeof(slot));
			t->at += INDEX_NODE_UNIT;
		} else {
			const struct index_node *n = table_node(t, slot);

			g->size[k] = (uint8_t)(index_node_size(&n->head) / INDEX_NODE_UNIT);
			(void)put_node(t, n);
		}
	}
}

static int
put_nodes(struct table *t)
{
	t->b->nodes_size = nodes_size(t);
	if (t->b->nodes_size > IMAGE_MAX)
		return -EFBIG;
	t->b->nodes = calloc(t->b->nodes_size / INDEX_NODE_UNIT + 1, INDEX_NODE_UNIT);
	if (!t->b->nodes)
		return -ENOMEM;
	put_first(t);
	for (size_t i = 0; i < t->b->n_groups; i++)
		put_group(t, i);
	return 0;
}

/* --- hints ----------------------------------------------------------------------------------- */

static bool
has_hint(const struct index_node *n)
{
	return (n->head.kind == INDEX_IP4 && n->head.sub > HINT_AFTER4) ||
	       (n->head.kind == INDEX_IP6 && n->head.sub > HINT_AFTER6);
}

static int
put_hints(struct table *t)
{
	uint32_t n = 0;

	for (uint32_t i = INDEX_ROOTS; i < t->tree->nodes.n; i++)
		n += has_hint(table_node(t, i));
	t->b->n_hints = 2 * (size_t)n + 1;
	t->b->hints = calloc(t->b->n_hints, sizeof(*t->b->hints));
	if (!t->b->hints)
		return -ENOMEM;
	for (uint32_t i = INDEX_ROOTS; i < t->tree->nodes.n; i++) {
		const struct index_node *node = table_node(t, i);
		uint8_t bytes = (uint8_t)node->key.n;

		if (has_hint(node))
			t->b->hints[index_hint(node->head.parent, (const uint8_t *)node->key.p,
			    bytes, (uint32_t)t->b->n_hints)] |= index_hint_bit(node->head.sub,
			    bytes);
	}
	return 0;
}

int
index_place(const struct index_tree *tree, struct index_bytes *ret)
{
	struct table t = {.tree = tree, .b = ret};
	int error;

	*ret = (struct index_bytes){.groups = NULL};
	error = make_groups(&t);
	if (error == 0)
		error = put_nodes(&t);
	if (error == 0)
		error = put_hints(&t);
	free(t.slots);
	return error;
}
