/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/emit.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cli.h"

void
emit_init(struct emit *e, uint64_t limit, struct emit_sink sink)
{
	*e = (struct emit){.limit = limit, .sink = sink};
	(void)pthread_mutex_init(&e->lock, NULL);
	(void)pthread_cond_init(&e->moved, NULL);
}

void
emit_deinit(struct emit *e)
{
	for (size_t i = 0; i < EMIT_JOBS; i++)
		free(e->slot[i].p);
	(void)pthread_cond_destroy(&e->moved);
	(void)pthread_mutex_destroy(&e->lock);
}

/* --- under the lock -------------------------------------------------------------------------- */

/* The start of s that is at most so many records; how many those are. */
static struct str
first_records(const struct emit *e, struct str s, uint64_t most, uint64_t *ret_records)
{
	size_t n = 0;

	for (*ret_records = 0; n < s.n && *ret_records < most; ++*ret_records)
		n += e->sink.size(e->sink.context, str_skip(s, n));
	return (struct str){s.p, n};
}

/* Nobody reads on: the writer's end of a pipe says so only when it is written to. */
static void
emit_put(struct emit *e, struct str s)
{
	uint64_t records, most = e->limit ? e->limit - e->records : UINT64_MAX;

	if (s.n == 0 || atomic_load(&e->stop))
		return;
	s = first_records(e, s, most, &records);
	e->sink.put(e->sink.context, s);
	e->records += records;
	if (records == most || cli_output_failed())
		atomic_store(&e->stop, true);
}

static void
slot_put(struct emit *e, struct emit_slot *slot)
{
	emit_put(e, (struct str){slot->p, slot->n});
	slot->n = 0;
}

/* All whose turn has come and that have ended. */
static void
move_on(struct emit *e)
{
	struct emit_slot *slot = &e->slot[e->turn % EMIT_JOBS];

	while (slot->ended) {
		slot_put(e, slot);
		slot->ended = false;
		e->turn++;
		slot = &e->slot[e->turn % EMIT_JOBS];
	}
	(void)pthread_cond_broadcast(&e->moved);
}

/* --- jobs ------------------------------------------------------------------------------------ */

void
emit_begin(struct emit *e, size_t i)
{
	(void)pthread_mutex_lock(&e->lock);
	while (i >= e->turn + EMIT_JOBS)
		(void)pthread_cond_wait(&e->moved, &e->lock);
	(void)pthread_mutex_unlock(&e->lock);
}

/* Full: wait for its turn, then all of it goes out. */
static void
slot_empty(struct emit *e, size_t i)
{
	(void)pthread_mutex_lock(&e->lock);
	while (i != e->turn)
		(void)pthread_cond_wait(&e->moved, &e->lock);
	slot_put(e, &e->slot[i % EMIT_JOBS]);
	(void)pthread_mutex_unlock(&e->lock);
}

static void
slot_grow(struct emit_slot *slot, size_t n)
{
	size_t cap = slot->cap ? slot->cap : 16u << 10;

	while (cap - slot->n < n)
		cap *= 2;
	slot->p = realloc(slot->p, cap);
	if (!slot->p)
		cli_fatal(ENOMEM, "output");
	slot->cap = cap;
}

/* Its slot is the job's alone until it ends, so the lock is needed only when it is full. */
bool
emit_record(struct emit *e, size_t i, struct str record)
{
	struct emit_slot *slot = &e->slot[i % EMIT_JOBS];

	if (slot->n > 0 && (slot->n > EMIT_BUFFER || record.n > EMIT_BUFFER - slot->n))
		slot_empty(e, i);
	if (record.n > slot->cap - slot->n)
		slot_grow(slot, record.n);
	memcpy(slot->p + slot->n, record.p, record.n);
	slot->n += record.n;
	return !atomic_load_explicit(&e->stop, memory_order_relaxed);
}

void
emit_end(struct emit *e, size_t i)
{
	(void)pthread_mutex_lock(&e->lock);
	e->slot[i % EMIT_JOBS].ended = true;
	if (i == e->turn)
		move_on(e);
	(void)pthread_mutex_unlock(&e->lock);
}
