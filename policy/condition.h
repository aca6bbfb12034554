/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Conditions of a policy (scope) and of a rule (when). They are true, false or, when an attribute
 * that they ask for is missing, unknown; the caller turns unknown against the asker.
 */

#include "policy/image.h"
#include "policy/policy.h"

enum truth {
	TRUTH_FALSE,
	TRUTH_UNKNOWN,
	TRUTH_TRUE,
};

/* Both must hold: the lesser of the two. */
static inline enum truth
truth_and(enum truth a, enum truth b)
{
	return a < b ? a : b;
}

/* Unknown is turned against whoever asks: a deny counts, an allow does not. */
static inline bool
condition_counts(enum truth t, bool deny)
{
	return t == TRUTH_TRUE || (t == TRUTH_UNKNOWN && deny);
}

/* In which order the names of struct image_names stand: like memcmp(). */
int condition_name_order(struct str a, struct str b);

enum truth condition_scope(
    const struct policy_image *img, const struct image_policy *p, const struct policy_subject *s);
/* when: index in IMAGE_WHENS or IMAGE_NONE. now: us since 1970. */
enum truth condition_when(
    const struct policy_image *img, uint32_t when, const struct policy_subject *s, int64_t now);

/* What becomes of a rule whose actions and patterns match. */
enum rule_state {
	RULE_COUNTS,
	RULE_INACTIVE,
	RULE_EXPIRED,
	RULE_FALSE,   /* its scope or when is not true */
	RULE_MISSING, /* it is an allow, and something that scope or when asks for is missing */
};

enum rule_state condition_rule(const struct policy_image *img, const struct image_rule *r,
    const struct policy_subject *s, int64_t now);
/* Whether a rule covers a method; rules of other families cover what they are asked. */
bool
condition_method(const struct policy_image *img, const struct image_rule *r, struct str method);
