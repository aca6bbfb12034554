/* SPDX-License-Identifier: Apache-2.0 */

/* The index as bytes: where its keys come to lie in the table, and its nodes in that order. */

#include <errno.h>
#include <stdlib.h>

#include "policy/index_build.h"

#define LOAD 7  /* of INDEX_SLOTS, on average at most */
#define WIDER 4 /* times the table may grow when a key finds no place */

static const struct index_node *
table_node(const struct index_tree *t, uint32_t i)
{
	return (const struct index_node *)t->nodes.p + i;
}

/* For now a slot holds the index of its node in the tree. False: there is no room in reach. */
static bool
place_key(struct index_bytes *b, uint64_t hash, uint32_t node)
{
	uint32_t at = index_home(hash, (uint32_t)b->n_buckets);

	for (size_t i = 0; i < INDEX_REACH; i++) {
		struct image_bucket *bucket = &b->buckets[at];

		for (size_t k = 0; k < INDEX_SLOTS; k++) {
			if (bucket->tag[k])
				continue;
			bucket->tag[k] = index_tag(hash);
			bucket->node[k] = node;
			return true;
		}
		bucket->more = 1;
		at = (at + 1) & (uint32_t)(b->n_buckets - 1);
	}
	return false;
}

static int
place_keys(const struct index_tree *t, struct index_bytes *b)
{
	free(b->buckets);
	b->buckets = calloc(b->n_buckets, sizeof(*b->buckets));
	if (!b->buckets)
		return -ENOMEM;
	for (uint32_t i = INDEX_ROOTS; i < t->nodes.n; i++)
		if (!place_key(b, table_node(t, i)->hash, i))
			return -EOVERFLOW;
	return 0;
}

static int
make_table(const struct index_tree *t, struct index_bytes *b)
{
	int error = -EOVERFLOW;

	b->n_buckets = 1;
	while (b->n_buckets * LOAD < t->nodes.n - INDEX_ROOTS)
		b->n_buckets *= 2;
	for (unsigned i = 0; error == -EOVERFLOW && i < WIDER; i++) {
		b->n_buckets *= i > 0 ? 2 : 1;
		if (b->n_buckets > IMAGE_MAX / sizeof(*b->buckets))
			return -EFBIG;
		error = place_keys(t, b);
	}
	return error;
}

/* --- nodes ----------------------------------------------------------------------------------- */

static size_t
nodes_size(const struct index_tree *t)
{
	size_t size = 0;

	for (uint32_t i = 0; i < t->nodes.n; i++)
		size += index_node_size(&table_node(t, i)->head);
	return size;
}

static void
write_node(const struct index_tree *t, const struct index_node *n, uint8_t *p)
{
	memcpy(p, &n->head, sizeof(n->head));
	if (n->head.kinds)
		memcpy(p + sizeof(n->head), &n->ways, sizeof(n->ways));
	if (n->key.n > 0)
		memcpy(p + index_key_at(&n->head), n->key.p, n->key.n);
	if (n->head.n_entries > 0)
		memcpy(p + index_entries_at(&n->head),
		    (const struct image_entry *)t->entries.p + n->first_entry,
		    n->head.n_entries * sizeof(struct image_entry));
}

/* Returns where it lies, in units. */
static uint32_t
put_node(const struct index_tree *t, uint32_t node, struct index_bytes *b, size_t *at)
{
	const struct index_node *n = table_node(t, node);
	uint32_t unit = (uint32_t)(*at / INDEX_NODE_UNIT);

	write_node(t, n, b->nodes + *at);
	*at += index_node_size(&n->head);
	return unit;
}

static void
put_nodes(const struct index_tree *t, struct index_bytes *b)
{
	size_t at = 0;

	for (uint32_t i = 0; i < INDEX_ROOTS; i++)
		b->root[i] = put_node(t, i, b, &at);
	for (size_t i = 0; i < b->n_buckets; i++) {
		struct image_bucket *bucket = &b->buckets[i];

		for (size_t k = 0; k < INDEX_SLOTS; k++)
			if (bucket->tag[k])
				bucket->node[k] = put_node(t, bucket->node[k], b, &at);
	}
}

int
index_place(const struct index_tree *t, struct index_bytes *ret)
{
	int error;

	*ret = (struct index_bytes){.nodes_size = nodes_size(t)};
	if (ret->nodes_size > IMAGE_MAX)
		return -EFBIG;
	error = make_table(t, ret);
	if (error < 0)
		return error;
	ret->nodes = calloc(1, ret->nodes_size);
	if (!ret->nodes)
		return -ENOMEM;
	put_nodes(t, ret);
	return 0;
}
