/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Matching with '*', which is the only special character: it stands for any bytes, also none. */

#include <stdbool.h>

#include "common/str.h"

/* The whole of s. No recursion, no allocation; time is at worst the product of the lengths. */
bool glob_name(struct str pattern, struct str s);

/* The longest part of the pattern between stars: whatever matches holds it. */
struct str glob_literal(struct str pattern);
