/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Making the index (policy/index.h), by the load half. */

#include "policy/document.h"
#include "policy/image.h"

/* What one entry is made from. */
struct index_item {
	const struct doc_policy *policy;
	const struct doc_rule *rule;   /* NULL: the entry is about the policy */
	const struct pattern *pattern; /* NULL: same */
	struct image_str id;           /* of the rule */
	uint32_t of, pattern_index;    /* as in struct image_entry */
	uint32_t settled;              /* INDEX_BIT of the keys above */
	uint32_t copies;               /* into how many the keys above have made it */
};

/* A key that an item can be put under. */
struct index_key {
	uint64_t bytes; /* hash of text */
	struct str text;
	uint32_t depth; /* labels or segments, where the kind counts them */
	uint16_t sub;
	uint8_t kind;
};

#define INDEX_KEYS 65   /* that an item has in one step: names or ports, and "missing" */
#define INDEX_COPIES 64 /* that become of one pattern */

/*
 * The keys of an item in one step (index_step()). Every request that the item is to be asked about has
 * one of them. 0: it has none, or too many. (index_key.c)
 */
size_t index_keys(const struct index_item *item, uint32_t step, struct index_key ret[INDEX_KEYS]);
/* What is still to be asked below the keys that are settled: ASK_... (index_key.c) */
uint8_t index_ask(const struct index_item *item);

/* A node before it is placed. */
struct index_node {
	struct image_node head;
	struct image_ways ways;
	struct str key;
	uint64_t hash; /* of the whole key, not for roots */
	uint32_t first_entry;
};

/* The tree, before it is in bytes: the roots, then everything else. */
struct index_tree {
	struct vec nodes;   /* struct index_node */
	struct vec entries; /* struct image_entry, node by node */
};

/* rules: as they are in the image. 0 or -ENOMEM; index_tree_free() in any case. */
int index_tree_build(struct index_tree *t, const struct doc *doc, const struct image_rule *rules);
void index_tree_free(struct index_tree *t);

/* The bytes of three sections, and where the roots are in them. */
struct index_bytes {
	struct image_group *groups;
	uint8_t *nodes;
	uint16_t *hints;
	size_t n_groups, nodes_size, n_hints;
	uint32_t root[INDEX_ROOTS];
};

/*
 * 0; -ENOMEM; -EFBIG: over IMAGE_MAX; -EOVERFLOW: too many keys in one place of the table. What is in ret
 * is the caller's to free in any case. (index_table.c)
 */
int index_place(const struct index_tree *t, struct index_bytes *ret);
