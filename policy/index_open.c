/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checking an index, once: afterwards a search may go wherever a slot or a root leads. That it comes to
 * an end needs no check: below a key it looks for keys of later steps only, and reads no more than
 * INDEX_REACH groups for one.
 *
 * The check can rest after each entry. A node is met, which settles where it ends and how many entries it
 * has; then its entries are looked at, and after the last one comes the next node.
 */

#include <errno.h>

#include "policy/image.h"
#include "policy/image_check.h"

static const uint8_t *
nodes_of(const struct policy_image *img)
{
	return image_at(img, IMAGE_NODES, 0);
}

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

static bool
check_entries(struct index_check *c, const struct policy_image *img, size_t *budget)
{
	const uint8_t *nodes = nodes_of(img);

	for (; c->entries > 0 && *budget > 0; c->entries--) {
		if (!entry_ok(img, nodes + c->entry))
			return false;
		c->entry += sizeof(struct image_entry);
		image_spend(budget, sizeof(struct image_entry));
	}
	return true;
}

/* The next node, which must begin at this unit; then the walk is behind it, and its entries are due. */
static bool
meet_node(
    struct index_check *c, const struct policy_image *img, struct index_walk *w, uint32_t unit)
{
	size_t left = w->end - w->at, entries;
	struct image_node n;

	if ((size_t)unit * INDEX_NODE_UNIT != w->at || left < sizeof(n))
		return false;
	memcpy(&n, nodes_of(img) + w->at, sizeof(n));
	entries = index_entries_at(&n);
	if (entries > left || n.n_entries > (left - entries) / sizeof(struct image_entry) ||
	    index_node_size(&n) > left)
		return false;
	c->entry = w->at + entries;
	c->entries = n.n_entries;
	w->at += index_node_size(&n);
	return true;
}

/* What stands for a large node, and that node. */
static bool
meet_large(struct index_check *c, const struct policy_image *img)
{
	uint32_t unit;

	if (c->rest.end - c->rest.at < INDEX_NODE_UNIT)
		return false;
	memcpy(&unit, nodes_of(img) + c->rest.at, sizeof(unit));
	c->rest.at += INDEX_NODE_UNIT;
	return meet_node(c, img, &c->large, unit);
}

static bool
meet_slot(struct index_check *c, const struct policy_image *img, uint8_t size)
{
	size_t at = c->rest.at;

	if (size == SIZE_LARGE)
		return meet_large(c, img);
	return meet_node(c, img, &c->rest, (uint32_t)(at / INDEX_NODE_UNIT)) &&
	       c->rest.at - at == (size_t)size * INDEX_NODE_UNIT;
}

static size_t
group_begins(const struct image_group *g)
{
	return (size_t)(g->base & ~GROUP_MORE) * INDEX_NODE_UNIT;
}

/* The large ones lie between the roots and what the first group begins with. */
static bool
part_nodes(struct index_check *c, const struct policy_image *img)
{
	struct image_group g;

	image_get(img, IMAGE_GROUPS, 0, &g);
	c->rest = (struct index_walk){group_begins(&g), c->large.end};
	if (c->rest.at < c->large.at || c->rest.at > c->rest.end)
		return false;
	c->large.end = c->rest.at;
	return true;
}

static bool
meet_root(struct index_check *c, const struct policy_image *img, size_t *budget)
{
	image_spend(budget, sizeof(struct image_node));
	if (!meet_node(c, img, &c->large, image_root(img, (enum index_root)c->root)))
		return false;
	return ++c->root < INDEX_ROOTS || part_nodes(c, img);
}

/* Slots of a group until there is one with entries to check. */
static bool
meet_slots(struct index_check *c, const struct policy_image *img, size_t *budget)
{
	struct image_group g;

	image_get(img, IMAGE_GROUPS, c->group, &g);
	if (c->slot == 0 && group_begins(&g) != c->rest.at)
		return false;
	while (c->slot < INDEX_SLOTS && c->entries == 0 && *budget > 0) {
		uint32_t k = c->slot++;

		if (g.tag[k] ? !meet_slot(c, img, g.size[k]) : g.size[k] != 0)
			return false;
		image_spend(budget, g.tag[k] ? sizeof(struct image_node) : sizeof(g.tag[k]));
	}
	if (c->slot == INDEX_SLOTS) {
		c->group++;
		c->slot = 0;
	}
	return true;
}

bool
index_check_begin(struct index_check *c, const struct policy_image *img)
{
	*c = (struct index_check){
	    .large.end = (size_t)image_section(img, IMAGE_NODES).n * INDEX_NODE_UNIT};
	return image_section(img, IMAGE_GROUPS).n > 0 && image_section(img, IMAGE_HINTS).n > 0;
}

int
index_check_step(struct index_check *c, const struct policy_image *img, size_t *budget)
{
	uint32_t groups = image_section(img, IMAGE_GROUPS).n;

	while (*budget > 0) {
		if (!check_entries(c, img, budget))
			return -EINVAL;
		if (*budget == 0)
			break;
		if (c->group == groups)
			return c->large.at == c->large.end && c->rest.at == c->rest.end ? 1
											: -EINVAL;
		if (c->root < INDEX_ROOTS ? !meet_root(c, img, budget)
					  : !meet_slots(c, img, budget))
			return -EINVAL;
	}
	return 0;
}
