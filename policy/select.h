/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rules that decide, found by the index. It says the same as reading all rules one after the other
 * (policy_explain()), which the tests hold it to.
 */

#include "policy/image.h"
#include "policy/policy.h"

/* A rule, with what a verdict says of it. */
struct selected {
	uint32_t of; /* of IMAGE_RULES; IMAGE_NONE: there is none */
	uint32_t policy;
	struct image_str id;
};

/*
 * Of each sort of rules the first in load order that matches. A deny of an enforce policy settles the
 * verdict: with one, what the others hold says nothing.
 *
 * And which modes the policies in scope have: of SORT_ENFORCE and later only whether there is one. Unknown
 * counts as in scope where that leads to deny (enforce), and as out of scope where it would lead to allow
 * (warn, audit). With enforce, what the others hold says nothing.
 */
struct selection {
	struct selected first[INDEX_SORTS];
};

static inline bool
select_found(const struct selection *s, enum index_sort sort)
{
	return s->first[sort].of != IMAGE_NONE;
}

void select_all(const struct policy_image *img, const struct policy_op *op,
    const struct policy_subject *subject, int64_t now, struct selection *ret);
