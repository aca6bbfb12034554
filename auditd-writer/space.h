/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Free space: LOW below the configured bytes, FULL when blocks for the log are no longer to be had
 * and it lives on what was allocated before. Each is recorded when it begins and ends.
 */

#include <stdint.h>

struct writer;

/* Looks at most once a second. */
void space_check(struct writer *w);
/* Monotonic time of the next look that is needed; INT64_MAX: none while nothing happens. */
int64_t space_deadline(const struct writer *w);
