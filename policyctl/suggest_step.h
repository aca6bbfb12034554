/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between suggest_merge.c and suggest_step.c: what makes several pieces one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policyctl/suggest.h"

#define SUGGEST_KEY (4 * LIMIT_RESOURCE) /* bytes of a key, at most */

struct keyed {
	struct str key; /* STR_NONE: not of this step */
	struct piece *piece;
};

struct group {
	struct keyed *v;
	uint32_t n;
};

struct suggest_step {
	/* Append what the pieces of a group have in common. False: p is not for this step. */
	bool (*key)(const struct suggest *s, const struct piece *p, struct text *t);
	/* Turn v[0] into the piece of all; false: leave them. */
	bool (*merge)(struct suggest *s, const struct group *g);
	bool forbidden_stops; /* a group is left as it is when a piece of it is forbidden */
};

/* All steps in their order; *ret_n: how many. */
const struct suggest_step *suggest_steps(size_t *ret_n);

/* Append the whole key of a piece: for whom it is, and the step's own. False: p is not for this step. */
bool suggest_step_key(const struct suggest_step *step, const struct suggest *s,
    const struct piece *p, struct text *t);
