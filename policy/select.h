/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rules that decide, found by the index. It says the same as reading all rules one after the other
 * (policy_explain()), which the tests hold it to.
 */

#include "policy/image.h"
#include "policy/policy.h"

/* Of each sort the first rule in load order that matches; IMAGE_NONE: none. */
struct selection {
	/*
	 * A deny of an enforce policy settles the verdict: with one, whether there are others is not
	 * said.
	 */
	uint32_t first[INDEX_SORTS];
};

void select_rules(const struct policy_image *img, const struct policy_op *op,
    const struct policy_subject *subject, int64_t now, struct selection *ret);

/*
 * The modes of the policies in scope. Unknown counts as in scope where that leads to deny (enforce),
 * and as out of scope where it would lead to allow (warn, audit). With enforce the others are not said.
 */
struct scope_modes {
	bool enforce, warn, audit;
};

struct scope_modes
select_modes(const struct policy_image *img, const struct policy_subject *subject);
