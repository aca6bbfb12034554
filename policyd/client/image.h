/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The policy image in use: a sealed memfd mapped read-only, and what is looked up in it for every
 * request. Counted, so that a listing that goes on keeps the image that it began with.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"
#include "policy/policy.h"

struct image {
	unsigned refs;
	struct image *next; /* the queue's */
	void *base;
	size_t size;
	struct policy_image view;
	struct str revision, org_id, org_name;
};

/*
 * Map the image behind fd (which stays the caller's) and check it at once. It must be sealed against
 * writing, shrinking, growing and further seals, and its bytes must hold. 0, or -errno with *ret_why a
 * static text: -EPERM not sealed, -EINVAL not an image.
 */
int image_open(struct image **ret, int fd, const char **ret_why);

/* For image_queue.c: the same without a look at its bytes, and what is to be done after that. */
int image_map(struct image **ret, int fd, const char **ret_why);
void image_checked(struct image *image);

struct image *image_ref(struct image *image);
void image_unref(struct image *image);
/* The last reference goes, but no more than so many bytes of the mapping. True: all is gone. */
bool image_unmap(struct image *image, size_t bytes);
