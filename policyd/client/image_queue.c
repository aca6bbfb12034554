/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/image_queue.h"

#include <errno.h>

static int
queue_begin(struct image_queue *q, struct image *image, const char **ret_why)
{
	int error = policy_image_check_begin(&q->check, image->base, image->size, ret_why);

	if (error < 0)
		image_queue_retire(q, image);
	else
		q->image = image;
	return error;
}

int
image_queue_put(struct image_queue *q, int fd, uint64_t size, const char **ret_why)
{
	struct image *image;
	int error = image_map(&image, fd, ret_why);

	if (error < 0)
		return error;
	if (image->size != size) {
		image_queue_retire(q, image);
		*ret_why = "not of the announced size";
		return -EINVAL;
	}
	if (!q->image)
		return queue_begin(q, image, ret_why);
	image_queue_retire(q, q->waiting);
	q->waiting = image;
	return 0;
}

bool
image_queue_busy(const struct image_queue *q)
{
	return q->image || q->waiting || q->old;
}

static void
unmap_piece(struct image_queue *q)
{
	struct image *next;

	if (!q->old)
		return;
	next = q->old->next;
	if (image_unmap(q->old, IMAGE_PIECE_UNMAPPED))
		q->old = next;
}

static int
check_piece(struct image_queue *q, size_t budget, struct image **ret, const char **ret_why)
{
	int state = policy_image_check_step(&q->check, budget, &q->image->view, ret_why);

	if (state == 0)
		return 0;
	if (state > 0) {
		image_checked(q->image);
		*ret = q->image;
	} else {
		image_queue_retire(q, q->image);
	}
	q->image = NULL;
	return state;
}

int
image_queue_step(struct image_queue *q, uint64_t requests, struct image **ret, const char **ret_why)
{
	size_t budget = IMAGE_PIECE + (size_t)requests * IMAGE_PIECE_PER_REQUEST;
	struct image *waiting = q->waiting;
	int error;

	unmap_piece(q);
	if (!q->image && waiting) {
		q->waiting = NULL;
		error = queue_begin(q, waiting, ret_why);
		if (error < 0)
			return error;
	}
	return q->image ? check_piece(q, budget, ret, ret_why) : 0;
}

void
image_queue_retire(struct image_queue *q, struct image *image)
{
	if (!image || --image->refs > 0)
		return;
	image->next = q->old;
	q->old = image;
}

void
image_queue_clear(struct image_queue *q)
{
	image_queue_retire(q, q->image);
	image_queue_retire(q, q->waiting);
	q->image = NULL;
	q->waiting = NULL;
}
