/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which rules speak of an operation: actions and resources alone, conditions not yet looked at. The
 * evaluator knows nothing of how they are found; an index may take the place of the scan.
 */

#include "policy/image.h"
#include "policy/policy.h"

struct selection {
	const struct policy_image *img;
	const struct policy_op *op;
	uint32_t next;
};

void select_begin(struct selection *s, const struct policy_image *img, const struct policy_op *op);
/* The next rule in load order. False when there is none. */
bool select_next(struct selection *s, uint32_t *ret_index, struct image_rule *ret_rule);
