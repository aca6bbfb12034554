/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/select.h"

#include "policy/action.h"
#include "policy/canon.h"
#include "policy/condition.h"
#include "policy/glob_path.h"

/* One look into the index. */
struct search {
	const struct policy_image *img;
	const uint8_t *groups, *nodes;
	const struct policy_op *op; /* NULL when it is about policies */
	const struct policy_subject *subject;
	int64_t now;
	uint32_t n_groups;
	uint32_t does; /* the bit of the action or method */
	uint16_t port;
	uint8_t scheme; /* bit */
	struct selection *found;
};

/* Where a key may be. */
struct wanted {
	uint32_t parent;
	enum index_kind kind;
	uint16_t sub;
	struct str key;
};

/* --- entries --------------------------------------------------------------------------------- */

static bool
policy_holds(const struct search *s, const struct image_entry *e)
{
	struct image_policy p;

	image_get(s->img, IMAGE_POLICIES, e->of, &p);
	return condition_counts(condition_scope(s->img, &p, s->subject), e->sort == SORT_ENFORCE);
}

static bool
rule_holds(const struct search *s, const struct image_entry *e)
{
	struct image_rule r;

	if (e->ask & ASK_PATTERN) {
		struct pattern p;

		image_pattern(s->img, e->pattern, &p);
		if (!pattern_matches(&p, s->op))
			return false;
	}
	if (!(e->ask & (ASK_METHODS | ASK_WHO)))
		return true;
	image_get(s->img, IMAGE_RULES, e->of, &r);
	if ((e->ask & ASK_METHODS) && !condition_method(s->img, &r, s->op->method))
		return false;
	return !(e->ask & ASK_WHO) || condition_rule(s->img, &r, s->subject, s->now) == RULE_COUNTS;
}

/*
 * Keep an entry that matches. Nothing comes before 0: where it does not matter which one it was (of
 * policies, and of everything that a settling one makes idle), no other need be asked after this.
 */
static void
entry_keep(struct search *s, const struct image_entry *e)
{
	struct selected found = {e->of, e->policy, {e->id_at, e->id_n}};
	uint32_t last = e->sort < SORT_ENFORCE ? SORT_ENFORCE : INDEX_SORTS;

	if (e->sort >= SORT_ENFORCE)
		found.of = 0;
	s->found->first[e->sort] = found;
	if (e->sort != SORT_DENY && e->sort != SORT_ENFORCE)
		return;
	found.of = 0;
	for (uint32_t i = e->sort + 1u; i < last; i++)
		s->found->first[i] = found;
}

static inline void
entry_take(struct search *s, const struct image_entry *e)
{
	if (e->of >= s->found->first[e->sort].of || !(e->does & s->does) || s->port < e->low ||
	    s->port > e->high || !(e->schemes & s->scheme) ||
	    (e->sort >= SORT_ENFORCE) != (s->op == NULL))
		return;
	if (e->ask && !(s->op ? rule_holds(s, e) : policy_holds(s, e)))
		return;
	entry_keep(s, e);
}

/* --- keys ------------------------------------------------------------------------------------ */

static bool
node_is(const struct search *s, uint32_t at, const struct wanted *w)
{
	const uint8_t *p = s->nodes + (size_t)at * INDEX_NODE_UNIT;
	struct image_node n;

	memcpy(&n, p, sizeof(n));
	return n.parent == w->parent && n.kind == w->kind && n.sub == w->sub &&
	       n.key_n == w->key.n &&
	       (w->key.n == 0 || memcmp(p + index_key_at(&n), w->key.p, w->key.n) == 0);
}

/*
 * Which of four tags may be this one, as the high bits of 16-bit lanes: the lane that comes first in
 * arithmetic is right, one after it may not be.
 */
static inline uint64_t
tags_like(const uint8_t *four, uint16_t tag)
{
	const uint64_t low = UINT64_C(0x0001000100010001), high = low << 15;
	uint64_t x;

	memcpy(&x, four, sizeof(x));
	x ^= tag * low;
	return (x - low) & ~x & high;
}

static inline bool
may_have(const uint8_t *tags, uint16_t tag)
{
	uint64_t found = 0;

	for (size_t i = 0; i < INDEX_SLOTS / 4; i++)
		found |= tags_like(tags + i * sizeof(uint64_t), tag);
	return found != 0;
}

/* Where the node of a slot begins. */
static uint32_t
slot_node(const struct search *s, const uint8_t *group, size_t slot)
{
	const uint8_t *sizes = group + offsetof(struct image_group, size);
	uint32_t unit;

	memcpy(&unit, group + offsetof(struct image_group, base), sizeof(unit));
	unit &= ~GROUP_MORE;
	for (size_t i = 0; i < slot; i++)
		unit += sizes[i] == SIZE_LARGE ? 1 : sizes[i];
	if (sizes[slot] == SIZE_LARGE)
		memcpy(&unit, s->nodes + (size_t)unit * INDEX_NODE_UNIT, sizeof(unit));
	return unit;
}

static bool
group_find(const struct search *s, const uint8_t *group, uint16_t tag, const struct wanted *w,
    uint32_t *ret)
{
	for (size_t i = 0; i < INDEX_SLOTS; i++) {
		uint16_t t;
		uint32_t at;

		memcpy(&t, group + i * sizeof(t), sizeof(t));
		if (t != tag)
			continue;
		at = slot_node(s, group, i);
		/* Mostly this is it, and its second line is read, too. */
		__builtin_prefetch(s->nodes + (size_t)at * INDEX_NODE_UNIT + IMAGE_ALIGN);
		if (!node_is(s, at, w))
			continue;
		*ret = at;
		return true;
	}
	return false;
}

static inline bool
key_find(const struct search *s, uint64_t bytes, const struct wanted *w, uint32_t *ret)
{
	uint64_t h = index_hash_key(bytes, w->parent, w->kind, w->sub);
	uint32_t home = index_home(h, s->n_groups), base;

	for (uint32_t i = 0; i < INDEX_REACH; i++) {
		const uint8_t *p = s->groups + (size_t)home * sizeof(struct image_group);

		if (may_have(p, index_tag(h)) && group_find(s, p, index_tag(h), w, ret))
			return true;
		memcpy(&base, p + offsetof(struct image_group, base), sizeof(base));
		if (!(base & GROUP_MORE))
			return false;
		home = home + 1 < s->n_groups ? home + 1 : 0;
	}
	return false;
}

/* --- nodes ----------------------------------------------------------------------------------- */

/* A node that the search has come to, and what of the path is above it. */
struct visit {
	struct image_ways ways;
	uint32_t kinds; /* to look for */
	size_t from;    /* bytes of the path before what globs below are about */
};

static void visit_keys(struct search *s, const struct visit *v);

static void
visit_below(struct search *s, const uint8_t *ways, uint32_t kinds, size_t from)
{
	struct visit v;

	memcpy(&v.ways, ways, sizeof(v.ways));
	v.kinds = v.ways.kinds & kinds;
	v.from = from;
	if (v.kinds)
		visit_keys(s, &v);
}

/* Look at the entries of a node and at what is below it, but only at keys of these kinds. */
static void
visit_node(struct search *s, uint32_t at, uint32_t kinds, size_t from)
{
	const uint8_t *p = s->nodes + (size_t)at * INDEX_NODE_UNIT, *entries;
	struct image_node n;

	memcpy(&n, p, sizeof(n));
	entries = p + index_entries_at(&n);
	for (uint32_t i = 0; i < n.n_entries; i++) {
		struct image_entry e;

		memcpy(&e, entries + i * sizeof(e), sizeof(e));
		entry_take(s, &e);
	}
	if (n.has_ways)
		visit_below(s, p + sizeof(n), kinds, from);
}

/* Go where a key leads, if there is one. bytes: the hash of key. */
static inline void
visit_key(struct search *s, const struct visit *v, enum index_kind kind, uint16_t sub,
    uint64_t bytes, struct str key, size_t from)
{
	struct wanted w = {v->ways.id, kind, sub, key};
	uint32_t at;

	if (key_find(s, bytes, &w, &at))
		visit_node(s, at, index_below(kind), from);
}

static inline void
visit_plain(
    struct search *s, const struct visit *v, enum index_kind kind, uint16_t sub, struct str key)
{
	visit_key(s, v, kind, sub, index_bytes(INDEX_SEED, key.p, key.n), key, v->from);
}

static void
visit_ways(
    struct search *s, const struct visit *v, enum index_kind kind, struct str whole, bool tail)
{
	const uint8_t ways = kind == INDEX_HEAD        ? v->ways.head
			     : kind == INDEX_BASE_HEAD ? v->ways.base_head
						       : v->ways.tail;

	for (unsigned bit = 0; bit < 8; bit++) {
		size_t n = (size_t)1 << bit;

		if (!(ways >> bit & 1) || n > whole.n)
			continue;
		visit_plain(s, v, kind, (uint16_t)n,
		    (struct str){tail ? whole.p + whole.n - n : whole.p, n});
	}
}

/* --- hosts ----------------------------------------------------------------------------------- */

static void
visit_name(struct search *s, const struct visit *v, struct str host)
{
	uint64_t h = INDEX_SEED, above = 0;
	size_t end = host.n, parent = host.n; /* where the name above this one begins */
	uint32_t labels = 0;

	while (end > 0) {
		size_t start = end;

		while (start > 0 && host.p[start - 1] != '.')
			start--;
		h = index_bytes(h, host.p + start, end - start);
		labels++;
		if (start == 0)
			break;
		if (v->ways.deep & index_depth_bit(labels))
			visit_key(s, v, INDEX_DEEP, 0, h, str_skip(host, start), 0);
		above = h;
		parent = start;
		end = start - 1;
	}
	if (parent < host.n && (v->ways.one & index_depth_bit(labels - 1)))
		visit_key(s, v, INDEX_ONE, 0, above, str_skip(host, parent), 0);
	if (v->kinds & INDEX_BIT(INDEX_HOST))
		visit_key(s, v, INDEX_HOST, 0, h, host, 0);
}

/* The networks of one length that an address can be in. */
static void
visit_network(struct search *s, const struct visit *v, unsigned length)
{
	uint8_t network[16] = {0}, n = s->op->ip_bytes;
	struct str key = {(const char *)network, n};

	memcpy(network, s->op->ip, length / 8);
	if (length % 8)
		network[length / 8] = (uint8_t)(s->op->ip[length / 8] & (0xff00u >> length % 8));
	visit_key(s, v, n == 4 ? INDEX_IP4 : INDEX_IP6, (uint16_t)length,
	    index_bytes(INDEX_SEED, key.p, key.n), key, 0);
}

static void
visit_lengths(struct search *s, const struct visit *v, uint64_t ways, unsigned first)
{
	for (; ways; ways &= ways - 1) {
		unsigned length = first + (unsigned)__builtin_ctzll(ways);

		if (length <= 8u * s->op->ip_bytes)
			visit_network(s, v, length);
	}
}

/* Lengths as bits of a word, without those of which the hint says that there are none. */
static uint64_t
hinted(uint64_t ways, unsigned first, uint16_t hint)
{
	for (uint64_t rest = ways; rest; rest &= rest - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(rest);

		if (first + bit > HINT_AFTER6 && first + bit <= 128 &&
		    !(hint & index_hint_bit(first + bit, 16)))
			ways &= ~(UINT64_C(1) << bit);
	}
	return ways;
}

static void
visit_networks(struct search *s, const struct visit *v)
{
	const struct policy_op *op = s->op;
	uint16_t hint;

	image_get(s->img, IMAGE_HINTS,
	    index_hint(v->ways.id, op->ip, op->ip_bytes, image_section(s->img, IMAGE_HINTS).n),
	    &hint);
	if (op->ip_bytes == 4) {
		uint64_t near = (UINT64_C(2) << HINT_AFTER4) - 1;

		visit_lengths(s, v, v->ways.ip4 & (near | (uint64_t)hint << (HINT_AFTER4 + 1)), 0);
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(v->ways.ip6); i++)
		visit_lengths(s, v, hinted(v->ways.ip6[i], 64 * i, hint), 64 * i);
}

/* --- paths ----------------------------------------------------------------------------------- */

static void
visit_path(struct search *s, const struct visit *v, struct str path)
{
	uint64_t h = INDEX_SEED;
	uint32_t depth = 0;
	size_t at = 0;

	if (path.n > 0 && path.p[0] != '/')
		h = index_bytes(h, path.p, at = path.n);
	while (at + 1 < path.n) {
		uint32_t bit = index_depth_bit(depth++);
		const char *slash = memchr(path.p + at + 1, '/', path.n - at - 1);
		size_t end = slash ? (size_t)(slash - path.p) : path.n;
		struct str above = {path.p, at};

		if (v->ways.under & bit)
			visit_key(s, v, INDEX_UNDER, 0, h, above, 0);
		if (v->ways.globs & bit)
			visit_key(s, v, INDEX_GLOBS, 0, h, above, at);
		h = index_bytes(h, path.p + at + 1, end - at - 1);
		at = end;
	}
	if (v->kinds & INDEX_BIT(INDEX_PATH))
		visit_key(s, v, INDEX_PATH, 0, h, path, 0);
}

/* The segments from where the globs begin, by their place and wherever they are. */
static void
visit_segments(struct search *s, const struct visit *v, struct str rest)
{
	bool any = v->kinds & INDEX_BIT(INDEX_ANY_SEGMENT);

	for (uint16_t i = 1; rest.n > 1 && rest.p[0] == '/' && (any || i < 32); i++) {
		struct str segment = glob_take_segment(&rest);

		if (i < 32 && (v->ways.segments >> i & 1))
			visit_plain(s, v, INDEX_SEGMENT, i, segment);
		if (any)
			visit_plain(s, v, INDEX_ANY_SEGMENT, 0, segment);
	}
}

static void
visit_anchors(struct search *s, const struct visit *v)
{
	bool whole = s->op->family == FAMILY_TOOL; /* whose names have no segments */
	struct str path = s->op->path, rest = str_skip(path, v->from), first = rest;
	struct str base = whole ? path : glob_base(path);

	if (v->kinds & (INDEX_BIT(INDEX_SEGMENT) | INDEX_BIT(INDEX_ANY_SEGMENT)))
		visit_segments(s, v, rest);
	if (v->kinds & INDEX_BIT(INDEX_BASE))
		visit_plain(s, v, INDEX_BASE, 0, base);
	if (!whole && rest.n > 0)
		first = glob_take_segment(&rest);
	visit_ways(s, v, INDEX_HEAD, first, false);
	visit_ways(s, v, INDEX_BASE_HEAD, base, false);
	visit_ways(s, v, INDEX_TAIL, base, true);
}

/* --- subjects -------------------------------------------------------------------------------- */

static void
visit_attribute(struct search *s, const struct visit *v, enum index_kind kind, struct str value)
{
	if (!(v->kinds & INDEX_BIT(kind)))
		return;
	if (str_given(value))
		visit_plain(s, v, kind, 0, value);
	else
		visit_plain(s, v, kind, 1, STR(""));
}

static void
visit_groups(struct search *s, const struct visit *v)
{
	for (size_t i = 0; i < s->subject->n_groups; i++)
		visit_plain(s, v, INDEX_GROUP, 0, s->subject->groups[i]);
	if (s->subject->n_groups == 0 || s->subject->more_groups)
		visit_plain(s, v, INDEX_GROUP, 1, STR(""));
}

static void
visit_subject(struct search *s, const struct visit *v)
{
	visit_attribute(s, v, INDEX_SANDBOX, s->subject->sandbox);
	visit_attribute(s, v, INDEX_USER, s->subject->user);
	visit_attribute(s, v, INDEX_AGENT, s->subject->agent);
	visit_attribute(s, v, INDEX_CLIENT, s->subject->client);
	if (v->kinds & INDEX_BIT(INDEX_GROUP))
		visit_groups(s, v);
}

static void
visit_keys(struct search *s, const struct visit *v)
{
	if (s->op && (v->kinds & INDEX_HOSTS)) {
		if (s->op->ip_bytes > 0)
			visit_networks(s, v);
		else
			visit_name(s, v, s->op->host);
	}
	if (s->op && (v->kinds & INDEX_PATHS))
		visit_path(s, v, s->op->path);
	if (s->op && (v->kinds & INDEX_ANCHORS))
		visit_anchors(s, v);
	if (v->kinds & INDEX_SUBJECTS)
		visit_subject(s, v);
	if (v->kinds & INDEX_BIT(INDEX_PORT))
		visit_plain(s, v, INDEX_PORT, s->port, STR(""));
}

/* --- from the roots -------------------------------------------------------------------------- */

static void
search_begin(struct search *s, const struct policy_image *img, const struct policy_subject *subject,
    struct selection *found)
{
	s->img = img;
	s->groups = image_at(img, IMAGE_GROUPS, 0);
	s->nodes = image_at(img, IMAGE_NODES, 0);
	s->n_groups = image_section(img, IMAGE_GROUPS).n;
	s->op = NULL;
	s->subject = subject;
	s->now = 0;
	s->port = 0;
	s->does = UINT32_MAX;
	s->scheme = 1u << SCHEME_ANY;
	s->found = found;
	for (size_t i = 0; i < INDEX_SORTS; i++)
		found->first[i].of = IMAGE_NONE;
}

/* From now on about rules. */
static void
search_about(struct search *s, const struct policy_op *op, int64_t now)
{
	s->op = op;
	s->now = now;
	s->port = op->port;
	s->does = ACTION_BIT(op->action);
	if (op->family != FAMILY_HTTP)
		return;
	s->does = index_method(op->method);
	s->scheme = op->scheme.n == STR("https").n ? 1u << SCHEME_HTTPS : 1u << SCHEME_HTTP;
}

void
select_all(const struct policy_image *img, const struct policy_op *op,
    const struct policy_subject *subject, int64_t now, struct selection *ret)
{
	struct search s;

	search_begin(&s, img, subject, ret);
	visit_node(&s, image_root(img, ROOT_MODES), UINT32_MAX, 0);
	search_about(&s, op, now);
	visit_node(&s, image_root(img, (enum index_root)op->family), UINT32_MAX, 0);
}
