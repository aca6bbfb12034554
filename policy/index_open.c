/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checking an index, once: afterwards a search may go wherever a slot or a root leads. That it comes to
 * an end needs no check: below a key it looks for keys of later steps only, and reads no more than
 * INDEX_REACH buckets for one.
 */

#include "policy/image.h"

/* The nodes that are checked lie before `at`. */
struct walk {
	const struct policy_image *img;
	const uint8_t *nodes;
	size_t at, size; /* bytes */
};

static bool
entry_ok(const struct policy_image *img, const uint8_t *p)
{
	struct image_entry e;

	memcpy(&e, p, sizeof(e));
	if (e.sort >= INDEX_SORTS || e.ask > ASK_ALL)
		return false;
	if (e.about == ABOUT_POLICY)
		return e.of < image_section(img, IMAGE_POLICIES).n &&
		       !(e.ask & (ASK_PATTERN | ASK_METHODS));
	return e.about == ABOUT_RULE && e.of < image_section(img, IMAGE_RULES).n &&
	       (!(e.ask & ASK_PATTERN) || e.pattern < image_section(img, IMAGE_PATTERNS).n);
}

/* The next node, which must begin at this unit; then the walk is behind it. */
static bool
walk_node(struct walk *w, uint32_t unit)
{
	const uint8_t *p = w->nodes + w->at;
	size_t left = w->size - w->at, entries;
	struct image_node n;

	if ((size_t)unit * INDEX_NODE_UNIT != w->at || left < sizeof(n))
		return false;
	memcpy(&n, p, sizeof(n));
	entries = index_entries_at(&n);
	if (entries > left || n.n_entries > (left - entries) / sizeof(struct image_entry) ||
	    index_node_size(&n) > left)
		return false;
	for (uint32_t i = 0; i < n.n_entries; i++)
		if (!entry_ok(w->img, p + entries + i * sizeof(struct image_entry)))
			return false;
	w->at += index_node_size(&n);
	return true;
}

static bool
walk_bucket(struct walk *w, uint32_t i)
{
	struct image_bucket b;

	image_get(w->img, IMAGE_BUCKETS, i, &b);
	for (size_t k = 0; k < INDEX_SLOTS; k++)
		if (b.tag[k] && !walk_node(w, b.node[k]))
			return false;
	return true;
}

bool
index_ok(const struct policy_image *img)
{
	uint32_t n = image_section(img, IMAGE_BUCKETS).n;
	struct walk w = {
	    .img = img,
	    .nodes = image_at(img, IMAGE_NODES, 0),
	    .size = (size_t)image_section(img, IMAGE_NODES).n * INDEX_NODE_UNIT,
	};

	if (n == 0 || (n & (n - 1)) != 0)
		return false;
	for (unsigned i = 0; i < INDEX_ROOTS; i++)
		if (!walk_node(&w, image_root(img, (enum index_root)i)))
			return false;
	for (uint32_t i = 0; i < n; i++)
		if (!walk_bucket(&w, i))
			return false;
	return w.at == w.size;
}
