/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Texts as filters name them: '*' stands for any text, empty too; everything else for itself. */

#include <stdbool.h>

#include "common/str.h"

/* Time grows with the product of the two lengths at worst. */
bool pattern_matches(struct str pattern, struct str s);

/* The longest part of the pattern between stars: whatever matches holds it. */
struct str pattern_literal(struct str pattern);
