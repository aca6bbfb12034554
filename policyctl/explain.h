/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* policyctl check --explain: each rule that matches an operation, and what became of it. */

#include "policy/policy.h"

struct explain {
	const struct policy_image *image;
	const struct policy_op *op;
	const struct policy_subject *subject;
	int64_t now;
};

/* A table, with a line before it. */
void explain_show(const struct explain *e);
/* "rules":[...], as a member of an object that is being printed. */
void explain_show_json(const struct explain *e);
