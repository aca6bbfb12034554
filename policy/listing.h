/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rules of an image as JSON, as proto/admin.schema.json has them, piece by piece: however many
 * there are, only a piece is in memory.
 *
 *     "revision":"...","policies":[{"policy_id":...},...]
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "policy/policy.h"

/* Bytes that a piece may have. */
#define POLICY_LISTING_PIECE (56u << 10)

/* Begins as zeros. */
struct policy_listing {
	uint32_t rule;        /* the next rule */
	uint32_t item, scope; /* the next item of the list in hand; which kind of scope */
	uint32_t step;
};

/* Append the next piece. False: that was the last one. */
bool policy_listing_piece(const struct policy_image *img, struct policy_listing *l, struct text *t);
