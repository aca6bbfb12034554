/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The compiled policy: one block of bytes, offsets instead of pointers, made and read on the same
 * host (native byte order; the magic number of another order does not match).
 *
 *     header | section 0 | section 1 | ...
 *
 * Sections follow each other in the order of enum image_section without holes, each beginning at
 * the next multiple of 64 (a cache line, when the image itself begins at one); the last ends where the
 * image ends. Each holds elements of one size. The checksum is the SHA-256 of everything after it.
 *
 * Elements are copied out with memcpy: nothing in the image is ever pointed to but bytes (strings,
 * keys, tags) and port ranges.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy/index.h"
#include "policy/pattern.h"
#include "policy/policy.h"
#include "policy/zone.h"

#define IMAGE_MAGIC UINT32_C(0x31505753) /* "SWP1" in little-endian */
#define IMAGE_VERSION 3
#define IMAGE_SHA256 32
#define IMAGE_NONE UINT32_MAX /* offset of a string that is not given */
#define IMAGE_MAX (UINT32_C(1) << 31)
#define IMAGE_ALIGN 64 /* of sections, from the beginning of the image */

enum image_section {
	IMAGE_STRINGS,  /* bytes */
	IMAGE_REFS,     /* struct image_str: what lists are made of */
	IMAGE_PORTS,    /* struct port_range */
	IMAGE_PATTERNS, /* struct image_pattern */
	IMAGE_CONTEXTS, /* struct image_context */
	IMAGE_SHIFTS,   /* struct zone_shift, zone by zone */
	IMAGE_ZONES,    /* struct image_run of IMAGE_SHIFTS: they share them out, in order */
	IMAGE_WHENS,    /* struct image_when */
	IMAGE_RULES,    /* struct image_rule, in load order */
	IMAGE_POLICIES, /* struct image_policy, in load order */
	IMAGE_ACCOUNTS, /* struct image_account, by uid */
	IMAGE_GROUPS,   /* struct image_group: the index (policy/index.h) */
	IMAGE_NODES,    /* its nodes, in units of INDEX_NODE_UNIT bytes */
	IMAGE_HINTS,    /* uint16_t */
	IMAGE_SECTIONS,
};

struct image_str {
	uint32_t at, n; /* in IMAGE_STRINGS */
};

/* A run of elements of some section. */
struct image_run {
	uint32_t first, n;
};

/* Globs for names, of IMAGE_REFS: first the exact ones, in condition_name_order(). */
struct image_names {
	uint32_t first, n, exact;
};

struct image_header {
	uint32_t magic, version;
	uint8_t sha256[IMAGE_SHA256];
	uint64_t size;                            /* of the image */
	struct image_run section[IMAGE_SECTIONS]; /* first: offset in the image; n: elements */
	struct image_str revision, org_id, org_name;
	uint32_t root[INDEX_ROOTS]; /* of IMAGE_NODES */
};

struct image_pattern {
	struct image_str text, host_name, path_text;
	struct image_run ports; /* of IMAGE_PORTS */
	uint8_t ip[16];
	uint8_t host, path, scheme, ip_bytes, prefix;
	uint8_t zero[3];
};

struct image_context {
	struct image_str key;
	struct image_names values;
};

struct image_when {
	uint16_t from, to; /* minutes of the day */
	int16_t offset;    /* minutes east of UTC, without a zone */
	uint8_t days;
	uint8_t has_time;
	uint32_t zone; /* of IMAGE_ZONES, IMAGE_NONE: none */
	struct image_names client;
	struct image_run contexts; /* of IMAGE_CONTEXTS */
};

struct image_rule {
	struct image_str id, name;
	struct image_run actions_text; /* of IMAGE_REFS */
	struct image_run methods;      /* of IMAGE_REFS */
	struct image_run patterns;     /* of IMAGE_PATTERNS */
	uint32_t policy;               /* of IMAGE_POLICIES */
	uint32_t actions;              /* ACTION_BIT */
	uint32_t when;                 /* of IMAGE_WHENS, IMAGE_NONE: always */
	uint8_t deny, inactive;
	uint8_t zero[2];
	int64_t expires;
};

#define IMAGE_SCOPES 4 /* users, groups, sandboxes, agents */

struct image_policy {
	struct image_str id, name;
	struct image_names scope[IMAGE_SCOPES];
	uint8_t source, mode;
	uint8_t zero[6];
};

struct image_account {
	uint32_t uid;
	struct image_str name;
	struct image_run groups; /* of IMAGE_REFS, the primary group first */
};

static_assert(
    sizeof(struct image_header) == 48 + 8 * IMAGE_SECTIONS + 24 + 4 * INDEX_ROOTS, "no holes");
static_assert(sizeof(struct image_pattern) == 56, "no holes");
static_assert(sizeof(struct image_context) == 20, "no holes");
static_assert(sizeof(struct zone_shift) == 16, "no holes");
static_assert(sizeof(struct image_when) == 32, "no holes");
static_assert(sizeof(struct image_rule) == 64, "no holes");
static_assert(sizeof(struct image_policy) == 72, "no holes");
static_assert(sizeof(struct image_account) == 20, "no holes");

/* Bytes of an element. */
static inline size_t
image_element(enum image_section s)
{
	static const uint8_t sizes[IMAGE_SECTIONS] = {
	    [IMAGE_STRINGS] = 1,
	    [IMAGE_REFS] = sizeof(struct image_str),
	    [IMAGE_PORTS] = sizeof(struct port_range),
	    [IMAGE_PATTERNS] = sizeof(struct image_pattern),
	    [IMAGE_CONTEXTS] = sizeof(struct image_context),
	    [IMAGE_SHIFTS] = sizeof(struct zone_shift),
	    [IMAGE_ZONES] = sizeof(struct image_run),
	    [IMAGE_WHENS] = sizeof(struct image_when),
	    [IMAGE_RULES] = sizeof(struct image_rule),
	    [IMAGE_POLICIES] = sizeof(struct image_policy),
	    [IMAGE_ACCOUNTS] = sizeof(struct image_account),
	    [IMAGE_GROUPS] = sizeof(struct image_group),
	    [IMAGE_NODES] = INDEX_NODE_UNIT,
	    [IMAGE_HINTS] = sizeof(uint16_t),
	};

	return sizes[s];
}

/* --- reading an image that policy_image_open() has checked ----------------------------------- */

static inline struct image_header
image_head(const struct policy_image *img)
{
	struct image_header h;

	memcpy(&h, img->base, sizeof(h));
	return h;
}

static inline struct image_run
image_section(const struct policy_image *img, enum image_section s)
{
	struct image_run run;

	memcpy(&run, img->base + offsetof(struct image_header, section) + (size_t)s * sizeof(run),
	    sizeof(run));
	return run;
}

static inline const uint8_t *
image_at(const struct policy_image *img, enum image_section s, uint32_t i)
{
	return img->base + image_section(img, s).first + (size_t)i * image_element(s);
}

/* Copy element i of a section. */
static inline void
image_get(const struct policy_image *img, enum image_section s, uint32_t i, void *ret)
{
	memcpy(ret, image_at(img, s, i), image_element(s));
}

static inline struct str
image_str(const struct policy_image *img, struct image_str s)
{
	if (s.at == IMAGE_NONE)
		return STR_NONE;
	return (struct str){(const char *)image_at(img, IMAGE_STRINGS, s.at), s.n};
}

/* Element i of IMAGE_REFS. */
static inline struct str
image_ref(const struct policy_image *img, uint32_t i)
{
	struct image_str s;

	image_get(img, IMAGE_REFS, i, &s);
	return image_str(img, s);
}

static inline uint32_t
image_root(const struct policy_image *img, enum index_root root)
{
	uint32_t at;

	memcpy(&at, img->base + offsetof(struct image_header, root) + (size_t)root * sizeof(at),
	    sizeof(at));
	return at;
}

/*
 * Whether evaluation may follow the index of an image whose other sections are checked: every node
 * within its section, none named twice, entries that are of what there is. (index_open.c)
 */
struct index_check;
/* False: there is none. */
bool index_check_begin(struct index_check *c, const struct policy_image *img);
/* As policy_image_check_step(): what is done is taken from the budget. 1: it may; 0; -EINVAL. */
int index_check_step(struct index_check *c, const struct policy_image *img, size_t *budget);

/* So many bytes have been looked at. */
static inline void
image_spend(size_t *budget, size_t n)
{
	*budget -= n < *budget ? n : *budget;
}

/* Pattern i of IMAGE_PATTERNS in the form that pattern_matches() takes. */
void image_pattern(const struct policy_image *img, uint32_t i, struct pattern *ret);

/* --- making one (image_build.c) -------------------------------------------------------------- */

struct doc;
struct accounts;

/*
 * The image of a document that nothing is wrong with; accounts may be NULL. 0; -ENOMEM; -EFBIG: over
 * IMAGE_MAX; -EOVERFLOW: the index has no place for a key (index_place()).
 */
int image_build(
    const struct doc *doc, const struct accounts *accounts, uint8_t **ret_image, size_t *ret_size);

/* What the checksum, which is in the header, begins with. It goes from there to the end. */
#define IMAGE_SUMMED_FROM (offsetof(struct image_header, sha256) + IMAGE_SHA256)
/* Put it into the header (which must be there). */
void image_seal(uint8_t *image, size_t size);
