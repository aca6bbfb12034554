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

/*
 * Of some items those that may cover a pattern that is not their equal, by the host name or the
 * directory that they name; general ones name neither.
 */
struct lint_index {
	struct strmap names, paths; /* the first item of a chain */
	uint32_t *next;             /* of each item: the next of its chain */
	struct vec general;         /* uint32_t */
};

/* 0 or -ENOMEM; lint_index_free() in any case. items must stay. */
int lint_index_build(struct lint_index *index, const struct lint_item *items, uint32_t n);
void lint_index_free(struct lint_index *index);

/* Over all items of the index that may cover one item: more than do, never fewer. */
struct lint_walk {
	const struct lint_index *index;
	struct str name, path; /* what is yet to be looked up, from the whole to its parts */
	uint32_t chain;        /* the next item of the chain that we are in */
	uint32_t general;      /* the next general item */
};

void
lint_walk_begin(struct lint_walk *w, const struct lint_index *index, const struct lint_item *item);
bool lint_walk_next(struct lint_walk *w, uint32_t *ret_item);
