/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rules that policyctl keeps in a file of its own, and the one text that says them: what is read
 * from a text and written again gives the same bytes, or the text was not made here.
 *
 * One policy for each scope (everybody, a user, a sandbox, both), one resource for each rule.
 */

#include <stdbool.h>
#include <stdint.h>

#include "policy/document.h"
#include "policy/store.h"

/* In a policy directory. */
#define RULESET_FILE "policyctl.json"

struct ruleset_scope {
	struct str user, sandbox; /* STR_NONE: any */
};

struct ruleset_rule {
	struct str id, name; /* name: STR_NONE for none */
	struct doc_list actions;
	struct str resource;
	bool deny;
	int64_t expires; /* us; INT64_MAX: never */
};

struct ruleset_policy {
	struct str id;
	struct ruleset_scope scope;
	enum policy_mode mode;
	struct vec rules; /* struct ruleset_rule */
};

/* Strings live in the arena. */
struct ruleset {
	struct arena arena;
	struct vec policies;      /* struct ruleset_policy */
	bool with_revision;       /* the text names one, made from the rules */
	const struct doc *others; /* policies elsewhere, whose ids are taken; NULL: none */
};

static inline struct ruleset_policy *
ruleset_policy(const struct ruleset *s, uint32_t i)
{
	return (struct ruleset_policy *)s->policies.p + i;
}

static inline bool
ruleset_is_unscoped(const struct ruleset_policy *p)
{
	return !str_given(p->scope.user) && !str_given(p->scope.sandbox);
}

static inline struct ruleset_rule *
ruleset_rule(const struct ruleset_policy *p, uint32_t i)
{
	return (struct ruleset_rule *)p->rules.p + i;
}

/*
 * Take what a document says, as far as a ruleset can say it (which the caller finds out by writing
 * it again). 0 or -ENOMEM; ruleset_free() in any case.
 */
int ruleset_take(struct ruleset *s, const struct doc *doc);
void ruleset_free(struct ruleset *s);

/* The text, malloc'ed, NUL added. 0 or -ENOMEM. */
int ruleset_write(const struct ruleset *s, char **ret_text, size_t *ret_n);

/* A JSON string that can be shown on a terminal as it is. */
void ruleset_put_string(struct text *t, struct str s);

/* One rule as it stands in the text, without indent and comma; t holds RULESET_RULE bytes or is full. */
void ruleset_put_rule(struct text *t, const struct ruleset_rule *r);

/*
 * Append s as a part of an id, which may have letters, digits and . _ : @ + - only, until t has room
 * bytes. A star becomes a plus, which looks most like it.
 */
void ruleset_put_id(struct text *t, struct str s, size_t room);

/* The policy of this scope and mode; NULL when it is not there. */
struct ruleset_policy *
ruleset_find(const struct ruleset *s, const struct ruleset_scope *scope, enum policy_mode mode);

/* The same, made when it is not there. NULL without memory. */
struct ruleset_policy *
ruleset_scope(struct ruleset *s, const struct ruleset_scope *scope, enum policy_mode mode);

/*
 * Add a rule (strings are copied) and give it an id that no rule of its policy has: readable, as
 * "allow-example.com:443". NULL without memory.
 */
struct ruleset_rule *ruleset_add(
    struct ruleset *s, struct ruleset_policy *p, const struct ruleset_rule *rule, const char *kind);

/* Take rule i out of p. */
void ruleset_remove(struct ruleset_policy *p, uint32_t i);
/* Take policies without rules out. */
void ruleset_prune(struct ruleset *s);

/* The same entries in the same order. */
bool ruleset_same_list(const struct doc_list *a, const struct doc_list *b);

/* Both say the same, whatever their ids and names are. */
bool ruleset_same(const struct ruleset_rule *a, const struct ruleset_rule *b);
