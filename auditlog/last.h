/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The last so many texts of those that come, in bounded memory. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

#define LAST_BYTES (32u << 20) /* that are kept, at most */

struct last_text;

/* All zero but for most. */
struct last {
	uint64_t most; /* texts */
	uint64_t n;
	size_t bytes;
	struct last_text *first, *newest;
};

/* Keep it, and let the oldest go that is one too many. -E2BIG: they do not fit; -ENOMEM. */
int last_add(struct last *l, struct str text);

/* Hand them out, the oldest first; then there is none. put may be NULL. */
void last_take(struct last *l, void (*put)(void *context, struct str text), void *context);
