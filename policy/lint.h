/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/document.h"

/* "rule "ID": what" at a place. */
void
lint_complain(const struct doc *d, struct place place, const struct doc_rule *r, const char *what);

/* A rule by name, of a lint of these rules only. */
struct lint_name {
	struct str policy, rule;
	bool needless; /* found: another rule, not one of these, says all of it already */
};

struct lint_only {
	struct lint_name *v;
	size_t n;
};

/*
 * policy_lint() of these rules alone, against all others: what it says is about one of them, or about
 * another because of one of them.
 */
int policy_lint_only(const struct policy_texts *texts, int64_t now, struct lint_only *only,
    struct policy_report *report);

/* A lint under way. */
struct lint {
	const struct doc *doc;
	int64_t now;
	/* Of each rule its name among those wanted; NULL: all rules are wanted. */
	struct lint_name **wanted;
};

/*
 * Rules that say what another rule says already, and allows that a deny always overrides. 0 or
 * -ENOMEM. (lint_overlap.c)
 */
int lint_overlaps(const struct lint *l);

/* --- which patterns may cover another (lint_index.c) ----------------------------------------- */

/* One pattern of one rule. */
struct lint_item {
	const struct doc_rule *rule;
	uint32_t index; /* of the rule */
	uint32_t pattern;
};

static inline const struct pattern *
lint_pattern(const struct lint_item *item)
{
	return &item->rule->patterns[item->pattern];
}

/* Two of the same kind of thing, ports and actions aside: 0; else an order. (lint_overlap.c) */
int lint_compare_items(const struct lint_item *x, const struct lint_item *y);

/* Of items with the same host and path that many are looked at as covering others, and no more. */
#define LINT_SAME 64
/* And so many as covering each other, on either side of one. */
#define LINT_BESIDE 256

/*
 * Of some items those that may cover one that is not their equal, by what they name: the host, the
 * network, the directory, the beginning of a program's or tool's name; general ones name nothing.
 */
struct lint_index {
	struct arena arena;                             /* keys */
	struct strmap names, paths, prefixes, networks; /* the first item of a chain */
	uint32_t *next;                                 /* of each item: the next of its chain */
	struct vec general;                             /* uint32_t */
	uint8_t lengths[17][129]; /* networks: bytes of address, prefixes there are */
	bool left_out;            /* there are more than that somewhere */
};

/* 0 or -ENOMEM; lint_index_free() in any case. Items must stay; they are sorted. */
int lint_index_build(struct lint_index *index, const struct lint_item *items, uint32_t n);
void lint_index_free(struct lint_index *index);

/* Over all items of the index that may cover one item: more than do. */
struct lint_walk {
	const struct lint_index *index;
	const struct pattern *of;
	struct str name, path; /* what is yet to be looked up, from the whole to its parts */
	struct str word;       /* a name whose beginnings are */
	size_t begin;          /* bytes of the next of them */
	unsigned prefix;       /* of the next network */
	uint32_t chain;        /* the next item of the chain that we are in */
	uint32_t general;      /* the next general item */
};

void
lint_walk_begin(struct lint_walk *w, const struct lint_index *index, const struct lint_item *item);
bool lint_walk_next(struct lint_walk *w, uint32_t *ret_item);
