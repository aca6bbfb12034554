/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/pending.h"

#include <errno.h>
#include <stdlib.h>

/* Entries start at multiples of this. */
#define ALIGNMENT _Alignof(struct pending)

static size_t
pending_size(size_t text)
{
	return (sizeof(struct pending) + text + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

int
pending_init(struct pending_queue *q, size_t cap)
{
	*q = (struct pending_queue){.cap = cap / ALIGNMENT * ALIGNMENT};
	q->ring = malloc(q->cap);
	return q->ring ? 0 : -ENOMEM;
}

void
pending_deinit(struct pending_queue *q)
{
	free(q->ring);
	*q = (struct pending_queue){0};
}

/*
 * Where an entry of this size goes; false when nowhere. The used part is [head, tail), or
 * [head, end) and [0, tail) once the ring has started over. It never becomes full to the byte, so
 * that head == tail means empty.
 */
static bool
pending_place(const struct pending_queue *q, size_t size, size_t *ret_at)
{
	if (q->end) {
		*ret_at = q->tail;
		return size < q->head - q->tail;
	}
	*ret_at = q->tail;
	if (size <= q->cap - q->tail)
		return true;
	*ret_at = 0;
	return size < q->head;
}

static struct pending *
pending_at(const struct pending_queue *q, size_t at)
{
	return (struct pending *)(void *)(q->ring + at);
}

bool
pending_room(const struct pending_queue *q, size_t n)
{
	size_t at;

	return pending_place(q, pending_size(n), &at);
}

struct pending *
pending_reserve(struct pending_queue *q, size_t n)
{
	struct pending *p;
	size_t at;

	if (!pending_place(q, pending_size(n), &at))
		return NULL;
	p = pending_at(q, at);
	*p = (struct pending){.n = (uint32_t)n};
	return p;
}

void
pending_commit(struct pending_queue *q, const struct pending *p)
{
	size_t at = (size_t)((const char *)p - q->ring);

	if (at == 0 && q->tail != 0)
		q->end = q->tail;
	q->tail = at + pending_size(p->n);
	q->entries++;
}

struct pending *
pending_head(const struct pending_queue *q)
{
	return q->entries ? pending_at(q, q->head) : NULL;
}

struct pending *
pending_next(const struct pending_queue *q, const struct pending *p)
{
	size_t at = (size_t)((const char *)p - q->ring) + pending_size(p->n);

	if (q->end && at == q->end)
		at = 0;
	return at == q->tail ? NULL : pending_at(q, at);
}

void
pending_pop(struct pending_queue *q)
{
	q->head += pending_size(pending_at(q, q->head)->n);
	if (q->end && q->head == q->end)
		q->head = q->end = 0;
	q->entries--;
	/* From the start when we can: the fewer pages are touched. */
	if (q->entries == 0)
		q->head = q->tail = q->end = 0;
}
