/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The index in a policy image: how the few rules are found that can match a request, at a cost that
 * goes by the depth of its name and not by the number of rules.
 *
 * One hash table holds everything. Its keys hang below each other in a tree of nodes: a root for each
 * family, below it what rules name in the resource (a host, a network, a path, what a glob begins
 * with), and below a key with many rules what else tells them apart (who asks, the port). A node holds
 * the entries that nothing more tells apart (one for each pattern of a rule) and says which kinds of
 * keys there are below it. Looking up means to ask for each part of the request whether the node has
 * such a key: what is not in the table costs one cache line, what is two or three.
 *
 * In the image:
 *     IMAGE_GROUPS    struct image_group, any number. A key lies in the group that its hash names or, while
 *                     GROUP_MORE is set, in one of the INDEX_REACH - 1 after it. Groups are all that most
 *                     questions read, and small enough to stay in a near cache.
 *     IMAGE_NODES     8-byte units: the nodes of the roots, in order of enum index_root; then those that
 *                     are too large for their group to say how large; then all others. These, and what
 *                     stands for a large one (its unit, 4 bytes, and 4 zeros), lie in order of the groups
 *                     and slots. There are no holes, so that one walk checks all of them.
 *     IMAGE_HINTS     uint16_t, any number: which lengths there may be of longer networks that begin like an
 *                     address (index_hint()). A bit too many costs a look, none is missing.
 *     a node          struct image_node, struct image_ways if it has keys below, the bytes of its key,
 *                     zeros up to 4, its entries, zeros up to 8.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/str.h"
#include "policy/canon.h"

enum index_root {
	ROOT_MODES, /* not rules but policies: which modes are in scope */
	ROOT_NET,   /* from here on as enum policy_family */
	ROOT_FS,
	ROOT_PROC,
	ROOT_HTTP,
	ROOT_TOOL,
	INDEX_ROOTS,
};

/*
 * What a key is about. `sub` is a part of the key beside its bytes. Below a key there are only keys
 * of later steps (index_step()), so that no way down is longer than the number of steps.
 */
enum index_kind {
	INDEX_ROOT,

	INDEX_HOST, /* a name */
	INDEX_ONE,  /* what follows "*." */
	INDEX_DEEP, /* what follows "**." */
	INDEX_IP4,  /* a network; sub: its length */
	INDEX_IP6,

	INDEX_PATH,  /* a whole path, or the name of a tool */
	INDEX_UNDER, /* what comes before "/xx" */
	INDEX_GLOBS, /* the whole segments before the first star: "/a" of "/a/b*" */

	/* Within globs, counted from there. */
	INDEX_SEGMENT,     /* a literal segment before any "**"; sub: which one, from 1 */
	INDEX_BASE,        /* the last segment; also a program's file name */
	INDEX_ANY_SEGMENT, /* a literal segment, wherever */
	INDEX_HEAD,        /* how the first segment begins (a tool's name); sub: bytes */
	INDEX_BASE_HEAD,   /* how the last segment begins; sub: bytes */
	INDEX_TAIL,        /* how the last segment ends (a tool's name); sub: bytes */

	/* Who asks; sub 1, without bytes: nothing is known of it, and the rule is a deny. */
	INDEX_SANDBOX,
	INDEX_USER,
	INDEX_AGENT,
	INDEX_CLIENT,
	INDEX_GROUP,

	INDEX_PORT, /* sub: the port */
	INDEX_KINDS,
};

#define INDEX_BIT(kind) (UINT32_C(1) << (kind))
#define INDEX_HOSTS                                                             \
	(INDEX_BIT(INDEX_HOST) | INDEX_BIT(INDEX_ONE) | INDEX_BIT(INDEX_DEEP) | \
	    INDEX_BIT(INDEX_IP4) | INDEX_BIT(INDEX_IP6))
#define INDEX_PATHS (INDEX_BIT(INDEX_PATH) | INDEX_BIT(INDEX_UNDER) | INDEX_BIT(INDEX_GLOBS))
#define INDEX_ANCHORS                                                                      \
	(INDEX_BIT(INDEX_SEGMENT) | INDEX_BIT(INDEX_BASE) | INDEX_BIT(INDEX_ANY_SEGMENT) | \
	    INDEX_BIT(INDEX_HEAD) | INDEX_BIT(INDEX_BASE_HEAD) | INDEX_BIT(INDEX_TAIL))
#define INDEX_SUBJECTS                                                               \
	(INDEX_BIT(INDEX_SANDBOX) | INDEX_BIT(INDEX_USER) | INDEX_BIT(INDEX_AGENT) | \
	    INDEX_BIT(INDEX_CLIENT) | INDEX_BIT(INDEX_GROUP))

/* The kinds that are looked up in one step with this one. */
static inline uint32_t
index_step(enum index_kind kind)
{
	if (INDEX_BIT(kind) & INDEX_HOSTS)
		return INDEX_HOSTS;
	return INDEX_BIT(kind) & INDEX_PATHS ? INDEX_PATHS : INDEX_BIT(kind);
}

/* The kinds that may come below a key of this kind. */
static inline uint32_t
index_below(enum index_kind kind)
{
	uint32_t step = index_step(kind);

	return (INDEX_BIT(INDEX_KINDS) - 1) & ~(step | (step - 1));
}

/* --- in the image ---------------------------------------------------------------------------- */

#define INDEX_SLOTS 20
#define INDEX_REACH 16 /* groups */
#define INDEX_NODE_UNIT 8
#define SIZE_LARGE 255 /* the node lies elsewhere, here is only where */
#define GROUP_MORE (UINT32_C(1) << 31)

/* A cache line. The nodes of its keys lie one after the other. */
struct image_group {
	uint16_t tag[INDEX_SLOTS]; /* index_tag() of each key; 0: none */
	uint8_t size[INDEX_SLOTS]; /* of its node, in units */
	uint32_t
	    base; /* the unit of the first; GROUP_MORE: a key of this group is in a later one */
};

struct image_node {
	uint32_t parent;    /* id of the node that it hangs below */
	uint32_t n_entries; /* struct image_entry */
	uint16_t sub, key_n;
	uint8_t kind;
	uint8_t has_ways; /* it has keys below it */
	uint8_t zero[2];
};

/* What keys there are below a node, so that others need not be looked for. */
struct image_ways {
	uint32_t id;                   /* of the node; the keys below have it as their parent */
	uint32_t kinds;                /* INDEX_BIT */
	uint64_t ip4;                  /* bit: length of the network */
	uint64_t ip6[3];               /* the same */
	uint32_t one, deep;            /* bit: labels, 31 for more */
	uint32_t under, globs;         /* bit: segments, 31 for more */
	uint32_t segments;             /* bit: sub */
	uint8_t head, base_head, tail; /* bit n: 2^n bytes */
	uint8_t zero;
};

/* What an entry is, if it matches. */
enum index_sort {
	SORT_DENY,        /* of an enforce policy: settles the verdict */
	SORT_ALLOW,       /* of an enforce policy */
	SORT_WATCH_DENY,  /* of a warn or audit policy */
	SORT_WATCH_ALLOW, /* of a warn or audit policy */
	SORT_ENFORCE,     /* from here on not rules but policies, below ROOT_MODES */
	SORT_WARN,
	SORT_AUDIT,
	INDEX_SORTS,
};

/* What the keys above an entry have not settled. */
#define ASK_PATTERN UINT8_C(1) /* the pattern */
#define ASK_METHODS UINT8_C(2) /* the rule's methods */
#define ASK_WHO UINT8_C(4)     /* scope, when and expiry */
#define ASK_ALL UINT8_C(7)

/* One pattern of a rule, with what a verdict says of it; or a policy. */
struct image_entry {
	uint32_t of;        /* the rule; of SORT_ENFORCE and later the policy */
	uint32_t policy;    /* whose rule it is */
	uint32_t id_at;     /* the rule's id, in IMAGE_STRINGS */
	uint32_t pattern;   /* of IMAGE_PATTERNS */
	uint32_t does;      /* ACTION_BIT, for HTTP instead index_method() */
	uint16_t low, high; /* ports */
	uint8_t id_n;
	uint8_t sort;    /* enum index_sort */
	uint8_t ask;     /* ASK_ bits */
	uint8_t schemes; /* bit enum canon_scheme; SCHEME_ANY for requests without a scheme */
};

_Static_assert(sizeof(struct image_group) == 64, "a cache line");
_Static_assert(sizeof(struct image_node) == 16, "no holes");
_Static_assert(sizeof(struct image_ways) == 64, "no holes");
_Static_assert(sizeof(struct image_entry) == 28, "no holes");

#define INDEX_ANY_SCHEME 7

static inline size_t
index_round(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

/* Where the parts of a node lie in it, in bytes. */
static inline size_t
index_key_at(const struct image_node *n)
{
	return sizeof(*n) + (n->has_ways ? sizeof(struct image_ways) : 0);
}

static inline size_t
index_entries_at(const struct image_node *n)
{
	return index_key_at(n) + index_round(n->key_n, 4);
}

static inline size_t
index_node_size(const struct image_node *n)
{
	return index_round(
	    index_entries_at(n) + n->n_entries * sizeof(struct image_entry), INDEX_NODE_UNIT);
}

/* --- hashes ---------------------------------------------------------------------------------- */

/*
 * Not secret and not meant to be: only policies put keys into the table, and a request that falls on
 * another's tag costs one comparison of bytes.
 */
#define INDEX_SEED UINT64_C(0x2545f4914f6cdd1d)

static inline uint64_t
index_mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* Up to 8 bytes as a number; which of two lengths they are is not in it. */
static inline uint64_t
index_word(const char *p, size_t n)
{
	uint32_t a, b;

	if (n >= 4) {
		memcpy(&a, p, sizeof(a));
		memcpy(&b, p + n - sizeof(b), sizeof(b));
		return a | (uint64_t)b << 32;
	}
	if (n == 0)
		return 0;
	return (uint8_t)p[0] | (uint64_t)(uint8_t)p[n / 2] << 8 | (uint64_t)(uint8_t)p[n - 1] << 16;
}

static inline uint64_t
index_bytes(uint64_t h, const char *p, size_t n)
{
	h += n;
	for (; n > 8; p += 8, n -= 8) {
		uint64_t x;

		memcpy(&x, p, sizeof(x));
		h = index_mix(h, x);
	}
	return index_mix(h, index_word(p, n));
}

/* A name by its labels from the right, so that those above it are met on the way. */
uint64_t index_hash_name(struct str name, uint32_t *ret_labels);
/* A path by its segments from the left; what does not begin with '/' as one piece. */
uint64_t index_hash_path(struct str path, uint32_t *ret_segments);

/* The hash of a key below a node; of its bytes: by the functions above, else index_bytes(). */
static inline uint64_t
index_hash_key(uint64_t bytes, uint32_t parent, enum index_kind kind, uint16_t sub)
{
	return index_mix(bytes, parent | (uint64_t)kind << 32 | (uint64_t)sub << 40);
}

static inline uint16_t
index_tag(uint64_t h)
{
	uint16_t tag = (uint16_t)h;

	return tag ? tag : 1;
}

/* The first group of a key. */
static inline uint32_t
index_home(uint64_t h, uint32_t n_groups)
{
	return (uint32_t)((h >> 32) * n_groups >> 32);
}

/*
 * Networks are asked for by length, and there can be many lengths; of the longer ones there are few that
 * begin with the same bits. They share a hint, which has a bit for each length of theirs (IPv6: for six
 * of them).
 */
#define HINT_AFTER4 16u /* bits of the network; longer ones have hints */
#define HINT_AFTER6 32u

static inline uint32_t
index_hint(uint32_t parent, const uint8_t *ip, uint8_t ip_bytes, uint32_t n_hints)
{
	uint64_t h = index_bytes(
	    INDEX_SEED, (const char *)ip, (ip_bytes == 4 ? HINT_AFTER4 : HINT_AFTER6) / 8);

	return index_home(
	    index_hash_key(h, parent, ip_bytes == 4 ? INDEX_IP4 : INDEX_IP6, 0), n_hints);
}

static inline uint16_t
index_hint_bit(unsigned length, uint8_t ip_bytes)
{
	unsigned bit = ip_bytes == 4 ? length - HINT_AFTER4 - 1 : (length - HINT_AFTER6 - 1) / 6;

	return (uint16_t)(1u << bit);
}

/* Labels or segments as a bit of image_ways. */
static inline uint32_t
index_depth_bit(uint32_t depth)
{
	return UINT32_C(1) << (depth < 31 ? depth : 31);
}

/* The bit of a method; unknown ones share one. */
uint32_t index_method(struct str method);
#define INDEX_OTHER_METHOD (UINT32_C(1) << 31)
