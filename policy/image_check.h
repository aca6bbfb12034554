/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Checking an image piece by piece, for those that have others to serve meanwhile. policy_image_open() is
 * the same in one go.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/sha256.h"
#include "policy/policy.h"

/* Nodes of the index one after the other, in bytes of their section: those before `at` are checked. */
struct index_walk {
	size_t at, end;
};

/* How far the check of the index is (index_open.c). */
struct index_check {
	struct index_walk large, rest; /* the roots and the large nodes; all others */
	uint32_t root;                 /* the next of the roots */
	uint32_t group, slot;          /* the next of the others */
	size_t entry;                  /* in bytes, the next of the node that was met last */
	uint32_t entries;              /* of that node that are still to be checked */
};

/* How far the check of an image is. Its parts are of no use to others. */
struct policy_image_check {
	struct policy_image view; /* not to be trusted yet */
	unsigned stage;
	struct sha256 sum;
	size_t summed;    /* bytes of the image, of the header too */
	size_t sort;      /* of elements */
	uint32_t element; /* the next of that sort */
	uint32_t eras;    /* shifts of clocks that only a zone can begin with */
	struct index_check index;
};

/*
 * Begin with the image of these bytes, which stay mapped and unchanged. Takes next to no time. -EINVAL
 * with *ret_why (static).
 */
int policy_image_check_begin(
    struct policy_image_check *c, const void *base, size_t size, const char **ret_why);

/*
 * Go on for `budget` bytes of the image: each is looked at about twice. Something is done even with 0,
 * and what is done beyond the budget is no more than an element of some section, or a node of the index
 * without its entries. 1: all is checked and *ret may be used; 0: there is more to do; -EINVAL with
 * *ret_why (static): refused, and no step may follow.
 */
int policy_image_check_step(
    struct policy_image_check *c, size_t budget, struct policy_image *ret, const char **ret_why);
