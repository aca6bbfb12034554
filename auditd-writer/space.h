/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Free space: LOW below the configured bytes, FULL when blocks for the log are no longer to be had
 * and it lives on what was allocated before. Each is recorded when it begins and ends.
 */

#include <stdint.h>

struct writer;

/*
 * Looks, at most once a second, and records whether it is low. What was refused for want of space is
 * tried again when there seems to be some: whoever is refused until then sends nothing that would try it.
 */
void space_try_again(struct writer *w);
/* The same, and records whether it is full. What follows of both is the state of the storage. */
void space_check(struct writer *w);
/* Monotonic time of the next look that is needed; INT64_MAX: none while nothing happens. */
int64_t space_deadline(const struct writer *w);
