/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/select.h"

/* Only warn and audit policies are in scope, and at least one: nothing is refused. */
bool evaluate_watches(const struct selection *s);

/* The verdict that follows from what was found, by the index or otherwise. */
void evaluate_verdict(
    const struct policy_image *img, const struct selection *s, struct policy_verdict *ret);
