/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checking an index, once: afterwards a search may go wherever a slot or a root leads. That it comes to
 * an end needs no check: below a key it looks for keys of later steps only, and reads no more than
 * INDEX_REACH groups for one.
 */

#include "policy/image.h"

/* Nodes one after the other: those before `at` are checked. */
struct walk {
	const struct policy_image *img;
	const uint8_t *nodes;
	size_t at, end; /* bytes */
};

static bool
entry_ok(const struct policy_image *img, const uint8_t *p)
{
	uint32_t strings = image_section(img, IMAGE_STRINGS).n;
	struct image_entry e;

	memcpy(&e, p, sizeof(e));
	if (e.sort >= INDEX_SORTS || e.ask > ASK_ALL ||
	    e.policy >= image_section(img, IMAGE_POLICIES).n)
		return false;
	if (e.sort >= SORT_ENFORCE)
		return e.of < image_section(img, IMAGE_POLICIES).n;
	return e.of < image_section(img, IMAGE_RULES).n && e.id_at <= strings &&
	       e.id_n <= strings - e.id_at &&
	       (!(e.ask & ASK_PATTERN) || e.pattern < image_section(img, IMAGE_PATTERNS).n);
}

/* The next node, which must begin at this unit; then the walk is behind it. */
static bool
walk_node(struct walk *w, uint32_t unit)
{
	const uint8_t *p = w->nodes + w->at;
	size_t left = w->end - w->at, entries;
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

/* What stands for a large node, and that node. */
static bool
walk_large(struct walk *w, struct walk *large)
{
	uint32_t unit;

	if (w->end - w->at < INDEX_NODE_UNIT)
		return false;
	memcpy(&unit, w->nodes + w->at, sizeof(unit));
	w->at += INDEX_NODE_UNIT;
	return walk_node(large, unit);
}

static bool
walk_slot(struct walk *w, struct walk *large, uint8_t size)
{
	size_t at = w->at;

	if (size == SIZE_LARGE)
		return walk_large(w, large);
	return walk_node(w, (uint32_t)(at / INDEX_NODE_UNIT)) &&
	       w->at - at == (size_t)size * INDEX_NODE_UNIT;
}

static bool
walk_group(struct walk *w, struct walk *large, uint32_t i)
{
	struct image_group g;

	image_get(w->img, IMAGE_GROUPS, i, &g);
	if ((size_t)(g.base & ~GROUP_MORE) * INDEX_NODE_UNIT != w->at)
		return false;
	for (size_t k = 0; k < INDEX_SLOTS; k++)
		if (g.tag[k] ? !walk_slot(w, large, g.size[k]) : g.size[k] != 0)
			return false;
	return true;
}

bool
index_ok(const struct policy_image *img)
{
	uint32_t n = image_section(img, IMAGE_GROUPS).n;
	struct walk first = {.img = img, .nodes = image_at(img, IMAGE_NODES, 0)}, rest;
	struct image_group g;

	first.end = (size_t)image_section(img, IMAGE_NODES).n * INDEX_NODE_UNIT;
	if (n == 0 || image_section(img, IMAGE_HINTS).n == 0)
		return false;
	for (unsigned i = 0; i < INDEX_ROOTS; i++)
		if (!walk_node(&first, image_root(img, (enum index_root)i)))
			return false;
	/* The large ones lie between the roots and what the first group begins with. */
	image_get(img, IMAGE_GROUPS, 0, &g);
	rest = first;
	rest.at = (size_t)(g.base & ~GROUP_MORE) * INDEX_NODE_UNIT;
	if (rest.at < first.at || rest.at > rest.end)
		return false;
	first.end = rest.at;
	for (uint32_t i = 0; i < n; i++)
		if (!walk_group(&rest, &first, i))
			return false;
	return first.at == first.end && rest.at == rest.end;
}
