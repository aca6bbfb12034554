/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/select.h"

/* The verdict that follows from the rules and modes that were found, by the index or otherwise. */
void evaluate_verdict(const struct policy_image *img, const struct selection *s,
    const struct scope_modes *modes, struct policy_verdict *ret);
