/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/judge.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "auditlog/commands.h"
#include "auditlog/pool.h"

/*
 * Old segments may be taken away while we look, and not the oldest first: holes are looked at again
 * before they are faults.
 */
#define JUDGE_ROUNDS 4
#define JUDGE_PAUSE (100 * 1000 * 1000) /* ns */
#define JUDGE_MOST (UINT64_C(1) << 60)  /* bytes; the sum of hostile sizes stays below 2^64 */

static const char *const verdict_names[VERDICTS] = {
    [VERDICT_BROKEN] = "BROKEN",
    [VERDICT_INCOMPLETE] = "INCOMPLETE",
    [VERDICT_UNPINNED] = "UNPINNED",
    [VERDICT_PRUNED] = "PRUNED",
    [VERDICT_RECOVERED] = "RECOVERED",
    [VERDICT_ANCHORED] = "ANCHORED",
    [VERDICT_SEALED] = "SEALED",
};

const char *
verdict_name(enum verdict v)
{
	return verdict_names[v];
}

int
verdict_exit(enum verdict v)
{
	if (v == VERDICT_BROKEN)
		return EXIT_BROKEN;
	if (v == VERDICT_INCOMPLETE)
		return EXIT_INCOMPLETE;
	return v == VERDICT_ANCHORED || v == VERDICT_SEALED ? EXIT_SEALED : EXIT_CAVEAT;
}

/* --- segments, on all cores ------------------------------------------------------------------ */

struct judge_segments {
	const struct sealchain *chain;
	const struct span *span;
	struct segment_reader readers[POOL_WORKERS];
	struct pool_progress progress;
	uint64_t *log_ids; /* by place in the chain, where has_log */
	bool *has_log;
	_Atomic(size_t) stop; /* the first place known to be at fault: nothing behind it counts */
	pthread_mutex_t lock; /* of what follows */
	struct fault fault;   /* of place stop */
	size_t gone;          /* behind the last place whose segment went away; 0: none did */
};

static void
segment_failed(struct judge_segments *j, size_t place, const struct fault *f)
{
	(void)pthread_mutex_lock(&j->lock);
	if (place <= atomic_load(&j->stop)) {
		j->fault = *f;
		atomic_store(&j->stop, place);
	}
	(void)pthread_mutex_unlock(&j->lock);
}

static void
segment_gone(struct judge_segments *j, size_t place)
{
	(void)pthread_mutex_lock(&j->lock);
	if (place + 1 > j->gone)
		j->gone = place + 1;
	(void)pthread_mutex_unlock(&j->lock);
}

/* Where the segment at this place begins, by what is sealed. */
static void
segment_begin(const struct sealchain *c, size_t place, struct record_chain *ret)
{
	const struct seal *s = &c->seals[place]->seal;
	const struct seal *before = place > 0 ? &c->seals[place - 1]->seal : NULL;

	record_chain_begin(ret);
	ret->seq = s->first_seq;
	ret->has_head = before || s->index == 0;
	ret->has_time = before;
	if (!before)
		return;
	ret->time = before->last_time;
	memcpy(ret->head, before->head, LINE_HASH);
}

static void
segment_job(void *context, unsigned worker, size_t place)
{
	struct judge_segments *j = context;
	const struct sealchain_seal *s = j->chain->seals[place];
	struct record_chain c;
	struct fault f;
	bool gone;

	if (place > atomic_load(&j->stop) || !s->present || !span_has(j->span, &s->seal))
		return;
	segment_begin(j->chain, place, &c);
	if (!segment_check(&j->readers[worker], s, &c, &f, &gone)) {
		if (gone)
			segment_gone(j, place);
		else
			segment_failed(j, place, &f);
	}
	j->log_ids[place] = c.log_id;
	j->has_log[place] = c.has_log;
}

static int
segments_init(struct judge_segments *j, const struct logdir *dir)
{
	size_t n = j->chain->n;

	(void)pthread_mutex_init(&j->lock, NULL);
	j->log_ids = calloc(n + 1, sizeof(*j->log_ids));
	j->has_log = calloc(n + 1, sizeof(*j->has_log));
	if (!j->log_ids || !j->has_log)
		return -ENOMEM;
	for (unsigned i = 0; i < pool_workers(n); i++)
		if (segment_reader_init(&j->readers[i], dir, &j->progress.done) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < n && j->progress.total < JUDGE_MOST; i++)
		if (j->chain->seals[i]->present && span_has(j->span, &j->chain->seals[i]->seal))
			j->progress.total += j->chain->seals[i]->seal.bytes;
	return 0;
}

static void
segments_end(struct judge_segments *j)
{
	for (unsigned i = 0; i < POOL_WORKERS; i++)
		segment_reader_free(&j->readers[i]);
	free(j->log_ids);
	free(j->has_log);
	(void)pthread_mutex_destroy(&j->lock);
}

/* Each worker has seen that the ids in one segment are of one log; here, that all are of the same. */
static void
segments_one_log(struct judge_segments *j, struct record_chain *end)
{
	for (size_t i = 0; i < j->chain->n && i <= atomic_load(&j->stop); i++) {
		struct fault f;

		if (!j->has_log[i])
			continue;
		if (end->has_log && end->log_id != j->log_ids[i]) {
			char expected[UUID_TEXT + 1], found[UUID_TEXT + 1];
			const struct sealchain_seal *s = j->chain->seals[i];

			line_event_id(end->log_id, s->seal.first_seq, expected);
			line_event_id(j->log_ids[i], s->seal.first_seq, found);
			fault_set(&f, FAULT_BROKEN, s->base, "audit_event_id: of another log");
			fault_at(&f, 1, 0);
			fault_expect(&f, str_from(expected), str_from(found));
			segment_failed(j, i, &f);
		}
		end->has_log = true;
		end->log_id = j->log_ids[i];
	}
}

/* --- the chain as a whole -------------------------------------------------------------------- */

/*
 * Segments may be gone at the front, not behind one that is there. The place of the first that is
 * missing so; c->n when there is none.
 */
static size_t
find_hole(const struct sealchain *c, uint64_t *ret_pruned)
{
	bool seen = false;

	*ret_pruned = 0;
	for (size_t i = 0; i < c->n; i++) {
		bool present = c->seals[i]->present;

		if (!present && seen)
			return i;
		seen = seen || present;
		*ret_pruned += !present;
	}
	return c->n;
}

static void
hole_fault(const struct sealchain *c, size_t hole, struct fault *f)
{
	fault_set(f, FAULT_BROKEN, c->seals[hole]->base, "a sealed segment is missing");
}

static void
judge_pause(void)
{
	const struct timespec pause = {.tv_nsec = JUDGE_PAUSE};

	(void)nanosleep(&pause, NULL);
}

/* All that can be said without looking into segments. A hole counts when it is still there later. */
static int
judge_chain(
    const struct judge_order *order, struct sealchain *c, struct logdir *dir, struct judgement *out)
{
	char before[SEGNAME_SIZE] = "";
	struct hash *h = hash_new();
	int error = h ? 0 : -ENOMEM;

	for (int round = 0; error == 0; round++) {
		size_t hole;

		error = sealchain_load(c, dir);
		if (error < 0)
			break;
		trust_judge(order->trust, c, h);
		hole = find_hole(c, &out->pruned);
		if (hole == c->n)
			break;
		if (round == JUDGE_ROUNDS || strcmp(before, c->seals[hole]->base) == 0) {
			hole_fault(c, hole, &c->fault);
			c->n = hole;
			break;
		}
		memcpy(before, c->seals[hole]->base, sizeof(before));
		judge_pause();
	}
	hash_free(h);
	return error;
}

/* What there is to say of the seals before the fault, if there is one. */
static void
count_good(const struct judge_order *order, const struct sealchain *c, struct judgement *out)
{
	for (size_t i = 0; i < out->seals; i++) {
		const struct sealchain_seal *s = c->seals[i];

		if (s->seal.state != SEAL_CLEAN && out->recovered++ == 0)
			out->first_recovered = s;
		if (!s->present || !span_has(&order->span, &s->seal))
			continue;
		out->segments++;
		out->records += s->seal.records;
		out->bytes += s->seal.bytes;
		out->last = s;
		if (!out->first)
			out->first = s;
	}
}

static enum judge_gap
find_gap(const struct judge_order *order, const struct sealchain *c, const struct judgement *out)
{
	const struct seal *newest = c->n > 0 ? &c->seals[c->n - 1]->seal : NULL;

	if (!newest)
		return GAP_EMPTY;
	if (c->seals[0]->seal.index > 0)
		return GAP_FRONT;
	if (out->records == 0)
		return GAP_NOTHING;
	if (order->max_age != SPAN_NO_AGE && order->now - newest->last_time > order->max_age)
		return GAP_AGE;
	if (order->max_age != SPAN_NO_AGE && newest->last_time - order->now > order->max_age)
		return GAP_FUTURE;
	if (order->anchors && anchors_count(order->anchors, ANCHOR_DAMAGED) > 0)
		return GAP_ANCHOR;
	return GAP_NONE;
}

static void
find_words(const struct judge_order *order, const struct sealchain *c, struct judgement *out)
{
	if (out->fault.kind != FAULT_NONE) {
		out->words = 1U << VERDICT_BROKEN;
		return;
	}
	out->gap = find_gap(order, c, out);
	out->words = 1U << VERDICT_SEALED;
	if (out->gap != GAP_NONE)
		out->words |= 1U << VERDICT_INCOMPLETE;
	if (!order->trust->pinned)
		out->words |= 1U << VERDICT_UNPINNED;
	if (out->pruned > 0)
		out->words |= 1U << VERDICT_PRUNED;
	if (out->recovered > 0)
		out->words |= 1U << VERDICT_RECOVERED;
	if (order->anchors && anchors_newest(order->anchors))
		out->words |= 1U << VERDICT_ANCHORED;
}

/* --- one round ------------------------------------------------------------------------------- */

static void
tail_begin(const struct sealchain *c, struct record_chain *end)
{
	const struct seal *s = c->n > 0 ? &c->seals[c->n - 1]->seal : NULL;

	end->seq = s ? s->last_seq + 1 : 1;
	end->has_head = true;
	end->has_time = s;
	if (!s)
		return;
	end->time = s->last_time;
	memcpy(end->head, s->head, LINE_HASH);
}

/* Segments that went away while we looked were pruned, unless older ones are still there: a hole. */
static bool
settle_gone(struct judge_segments *j, struct sealchain *c, struct judgement *out)
{
	struct fault f;
	size_t hole;

	if (j->gone == 0)
		return true;
	sealchain_look(c, j->gone);
	hole = find_hole(c, &out->pruned);
	if (hole == c->n || hole > atomic_load(&j->stop))
		return true;
	hole_fault(c, hole, &f);
	segment_failed(j, hole, &f);
	return false;
}

/* -EAGAIN: there is a judgement, but with a hole that was not there before. */
static int
judge_segments(const struct judge_order *order, struct sealchain *c, struct judgement *out)
{
	struct record_chain end = {.seq = 1};
	struct judge_segments j = {
	    .chain = c,
	    .span = &order->span,
	    .progress = {.what = "verifying"},
	    .stop = c->n,
	    .fault = c->fault,
	};
	bool settled = true;
	int error = segments_init(&j, c->dir);

	if (error == 0) {
		pool_run(c->n, segment_job, &j, &j.progress);
		segments_one_log(&j, &end);
		settled = settle_gone(&j, c, out);
		out->seals = atomic_load(&j.stop);
		out->fault = j.fault;
		tail_begin(c, &end);
	}
	if (error == 0 && out->fault.kind == FAULT_NONE)
		error = tail_check(&j.readers[0], &end, &out->tail);
	segments_end(&j);
	return error == 0 && !settled ? -EAGAIN : error;
}

static int
judge_round(
    const struct judge_order *order, struct sealchain *c, struct logdir *dir, struct judgement *out)
{
	int error;

	*out = (struct judgement){.verdict = VERDICT_SEALED};
	error = judge_chain(order, c, dir, out);
	return error == 0 ? judge_segments(order, c, out) : error;
}

/* The log may be as it was sealed, and yet not be the log that was anchored. */
static int
judge_anchors(const struct judge_order *order, const struct sealchain *c, struct judgement *out)
{
	struct fault fault = {.kind = FAULT_NONE};
	struct hash *h = hash_new();
	int error = -ENOMEM;

	if (h)
		error = anchors_judge(order->anchors, order->anchor_trust, c, h, &fault);
	if (out->fault.kind == FAULT_NONE)
		out->fault = fault;
	hash_free(h);
	return error;
}

int
judge_log(
    const struct judge_order *order, struct sealchain *c, struct logdir *dir, struct judgement *ret)
{
	int error = -EAGAIN;

	for (int round = 0; round < JUDGE_ROUNDS && error == -EAGAIN; round++) {
		if (round > 0)
			judge_pause();
		error = judge_round(order, c, dir, ret);
	}
	if (error == 0 || error == -EAGAIN)
		error = order->anchors ? judge_anchors(order, c, ret) : 0;
	if (error < 0)
		return error;
	count_good(order, c, ret);
	find_words(order, c, ret);
	ret->verdict = VERDICT_BROKEN;
	while (!(ret->words & 1U << ret->verdict))
		ret->verdict++;
	return 0;
}
