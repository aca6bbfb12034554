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

enum truth condition_scope(
    const struct policy_image *img, const struct image_policy *p, const struct policy_subject *s);
/* when: index in IMAGE_WHENS or IMAGE_NONE. now: us since 1970. */
enum truth condition_when(
    const struct policy_image *img, uint32_t when, const struct policy_subject *s, int64_t now);
