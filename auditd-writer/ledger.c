/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/ledger.h"

#include <errno.h>

#include "auditd-writer/notes.h"
#include "auditd-writer/rotation.h"
#include "auditd-writer/space.h"
#include "auditd-writer/storage.h"
#include "auditd-writer/writer.h"

/*
 * Readers go by the first and last time of a segment: within one, no time is earlier by more than a
 * second than one before it. That cannot be had when there is no next one to be made.
 */
static void
turn_back(struct writer *w)
{
	/* Once more for what is noted in between. */
	for (int i = 0; i < 2 && w->open.records + batch_pending_records(&w->batch) > 0; i++)
		rotation_turn(w);
}

void
ledger_tick(struct writer *w)
{
	struct timekeeper time = w->time;
	struct clock_step step = {0};
	int64_t real, boottime;
	bool stepped;

	/* Nothing can be recorded now: the step is found when something can. */
	if (w->storage.state == STORAGE_FAILED)
		return;
	timekeeper_read(&real, &boottime);
	stepped = timekeeper_take(&time, real, boottime, &step);
	if (step.back)
		turn_back(w);
	if (w->storage.state == STORAGE_FAILED)
		return;
	w->time = time;
	w->encoder.stamp.time = time.last;
	if (stepped)
		note_clock_step(w, &step);
}

void
ledger_flush(struct writer *w)
{
	if (storage_flush(w, false) < 0)
		return;
	space_check(w);
	/* What that has told. */
	if (batch_pending(&w->batch).n > 0 && storage_flush(w, false) < 0)
		return;
	if (rotation_due(w, 0, 0))
		rotation_turn(w);
}

/* Whether one more line would make the batch or the segment larger than it may be. */
static bool
ledger_full(const struct writer *w)
{
	struct str pending = batch_pending(&w->batch);

	return batch_full(&w->batch) ||
	       rotation_due(w, batch_pending_records(&w->batch), pending.n);
}

static int
ledger_put(struct writer *w, const struct record *r, int channel, const char *evaluation_peer)
{
	size_t before = w->batch.text.n;
	struct mark mark;
	int error = batch_has_mark(&w->batch) ? 0 : -ENOBUFS;

	if (error == 0)
		error = encode_line(&w->encoder, &w->batch.text, r, channel, evaluation_peer);
	if (error < 0)
		return error;
	encode_mark(&w->encoder, &mark);
	batch_mark(&w->batch, &mark);
	w->counters.bytes += w->batch.text.n - before;
	w->recorded_at = w->now;
	return 0;
}

static uint64_t *
ledger_counter(struct writer *w, enum record_category category)
{
	switch (category) {
	case RECORD_EVALUATION:
		return &w->counters.decisions;
	case RECORD_EXECUTION:
		return &w->counters.outcomes;
	case RECORD_EVENT:
		return &w->counters.events;
	case RECORD_MANAGEMENT:
		break;
	}
	return &w->counters.notes;
}

static enum refusal
ledger_refuse(struct writer *w)
{
	w->storage.refused++;
	w->counters.refused_storage++;
	return storage_refusal(w);
}

enum refusal
ledger_add(struct writer *w, const struct record *r, int channel, uint64_t *ret_seq)
{
	const char *peer = NULL;

	if (w->storage.state != STORAGE_FAILED && ledger_full(w))
		ledger_flush(w);
	if (w->storage.state == STORAGE_FAILED)
		return ledger_refuse(w);
	if (r->category == RECORD_EXECUTION)
		peer = outcomes_compare(
		    &w->outcomes, w->encoder.stamp.log_id, r->evaluation_id, &r->peer);
	if (ledger_put(w, r, channel, peer) < 0) {
		w->counters.refused_too_large++;
		return REFUSAL_TOO_LARGE;
	}
	*ret_seq = encode_seq(&w->encoder);
	(*ledger_counter(w, r->category))++;
	if (r->category == RECORD_EVALUATION)
		outcomes_put(&w->outcomes, *ret_seq, &r->peer);
	return REFUSAL_NONE;
}

bool
ledger_note(struct writer *w, enum record_action_type type, struct str payload)
{
	const struct record r = {
	    .category = RECORD_MANAGEMENT, .action_type = type, .payload = payload};

	if (w->storage.state == STORAGE_FAILED || w->open.fd < 0 ||
	    ledger_put(w, &r, LINE_NO_CHANNEL, NULL) < 0) {
		w->counters.notes_lost++;
		return false;
	}
	w->counters.own++;
	return true;
}
