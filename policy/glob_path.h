/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Globs over clean absolute paths, segment by segment. No recursion, no allocation. */

#include <stdbool.h>

#include "common/str.h"

/*
 * Within a segment '*' stands for any bytes but '/', a segment "**" for one or more whole segments. A segment
 * is never empty, so "*" alone is exactly one segment. Time is at worst the product of the lengths.
 */
bool glob_path(struct str pattern, struct str path);

/* The last segment of a clean absolute path; empty for "/". */
struct str glob_base(struct str path);

/* Take the first segment off a clean path: *s begins with '/' and is not empty. */
struct str glob_take_segment(struct str *s);
