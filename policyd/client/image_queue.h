/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Images on their way into use and out of it. A new one is checked beside the requests, a piece in each
 * turn of the event loop; until that is done the last one stays in use. Old ones are given back to the
 * kernel in the same way: to unmap a large one takes milliseconds too.
 */

#include <stdbool.h>
#include <stdint.h>

#include "policy/image_check.h"
#include "policyd/client/image.h"

/*
 * What a piece is, in bytes of the image, each of which is looked at about twice: a tenth of a
 * millisecond where the processor has instructions for SHA-256. Whoever asks much cannot put a new
 * policy off: with every request that was answered in the turn a piece grows by part of what that took.
 */
#define IMAGE_PIECE (128u << 10)
#define IMAGE_PIECE_PER_REQUEST (4u << 10)
#define IMAGE_PIECE_UNMAPPED (2u << 20)

/* Zeroed: empty. */
struct image_queue {
	struct image *image; /* being checked */
	struct policy_image_check check;
	struct image *waiting; /* mapped; the newest of those that came meanwhile */
	struct image *old;     /* what is to be unmapped */
};

/*
 * The image behind fd (which stays the caller's), of this size, is to be the next. One that is being
 * checked comes into use before it; one that waits never does. -errno with *ret_why static: refused.
 */
int image_queue_put(struct image_queue *q, int fd, uint64_t size, const char **ret_why);

/* Whether there is anything to do for image_queue_step(). */
bool image_queue_busy(const struct image_queue *q);

/*
 * A piece of work, after so many requests. 1: *ret is the next image, the caller's; 0: none yet; -errno
 * with *ret_why static: it is refused.
 */
int image_queue_step(
    struct image_queue *q, uint64_t requests, struct image **ret, const char **ret_why);

/* In place of image_unref(): the caller's reference is the queue's. NULL: nothing is done. */
void image_queue_retire(struct image_queue *q, struct image *image);

/* No new one is wanted any more. */
void image_queue_clear(struct image_queue *q);
