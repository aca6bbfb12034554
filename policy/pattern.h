/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Patterns of resources. pattern_parse() reads one as a rule writes it (load half); the image holds
 * the result; pattern_matches() decides (evaluation half). What it decides on:
 *
 *     host   a name, one or more labels before a name, a network, or anything
 *     ports  inclusive ranges; none: any port
 *     scheme HTTP only
 *     path   of files, programs and URLs, or the name of a tool
 */

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"
#include "policy/store.h"

#define PATTERN_PORTS 64 /* ranges in one pattern */

enum pattern_host {
	HOST_ANY,     /* also families without hosts */
	HOST_EXACT,   /* name */
	HOST_ONE,     /* *.name: one label more */
	HOST_DEEP,    /* **.name: one or more labels more */
	HOST_NETWORK, /* ip/prefix */
	HOST_KINDS,
};

enum pattern_path {
	PATH_ANY,   /* also families without paths */
	PATH_EXACT, /* path */
	PATH_UNDER, /* path/xx: path is what comes before "/xx", empty for the root */
	PATH_GLOB,  /* glob_path() */
	PATH_BASE,  /* programs: glob_name() on the last segment */
	PATH_NAME,  /* tools: glob_name() */
	PATH_KINDS,
};

struct pattern {
	struct str text; /* as written */
	uint8_t host;    /* enum pattern_host */
	uint8_t path;    /* enum pattern_path */
	uint8_t scheme;  /* enum canon_scheme */
	uint8_t ip_bytes, prefix;
	uint16_t n_ports;
	uint8_t ip[16];
	struct str host_name;
	struct str path_text;
	const uint8_t
	    *ports; /* n_ports times {u16 low, u16 high} in native byte order, unaligned */
};

struct port_range {
	uint16_t low, high;
};

static inline struct port_range
pattern_port(const struct pattern *p, uint32_t i)
{
	struct port_range range;

	memcpy(&range, p->ports + i * sizeof(range), sizeof(range));
	return range;
}

/*
 * Read a pattern for resources of this family. Strings and ports are taken from the arena. -EINVAL
 * with the reason in *ret_why; -ENOMEM.
 */
int pattern_parse(struct str s, enum policy_family family, struct arena *arena, struct pattern *ret,
    struct text *ret_why);

/* The parts of it. A host pattern with its ports, e.g. "*.x:443", "[2001:db8::/32]:80-90". */
int pattern_parse_host(struct str s, struct arena *arena, struct pattern *p, struct text *why);
int pattern_parse_path(struct str s, enum policy_family family, struct arena *arena,
    struct pattern *p, struct text *why);

/* op must be of the family that p was parsed for. */
bool pattern_matches(const struct pattern *p, const struct policy_op *op);
/* Parts of it: a canonical name that is no address; a path (of a tool: its name). */
bool pattern_matches_name(const struct pattern *p, struct str host);
bool pattern_matches_path(const struct pattern *p, struct str path);

/*
 * Whether everything that b matches is matched by a too (same family). May wrongly say no, never
 * yes. (pattern_cover.c)
 */
bool pattern_covers(const struct pattern *a, const struct pattern *b);
