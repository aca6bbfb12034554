/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/evaluator/notes.h"

#include "common/clock.h"
#include "policyd/evaluator/state.h"
#include "proto/value.h"

/* A connection that stays open is noted this often. */
#define INPUT_NOTE_US (60 * US_PER_S)
/*
 * Unrecorded denials are noted as soon as that can work; less often while storage is low, since a note
 * costs space that is short.
 */
#define UNRECORDED_US US_PER_S
#define UNRECORDED_LOW_US (30 * US_PER_S)

struct input_note {
	enum input_fault fault;
	uint64_t count, connections;
};

void
notes_init(struct notes *n, int64_t now)
{
	*n = (struct notes){.unrecorded_at = now - UNRECORDED_LOW_US};
	bucket_init(&n->input_rate, INPUT_NOTES, now);
}

/* One note to the writer; keep is what it takes to count it again. */
static bool
note_send(
    struct evaluator *e, enum promise kind, const struct record *r, const void *keep, size_t n)
{
	struct pending *p;

	if (!recorder_room(&e->recorder))
		return false;
	p = pending_reserve(&e->server.pending, n);
	if (!p || recorder_put(&e->recorder, MSG_NOTE, r) < 0)
		return false;
	p->since = clock_monotonic();
	p->kind = (uint8_t)kind;
	p->recorded = true;
	memcpy(p->text, keep, n);
	server_promise(&e->server, p);
	return true;
}

/* --- malformed input ------------------------------------------------------------------------- */

/* c: whose it was; NULL: of several connections. */
static bool
note_input(struct evaluator *e, const struct conn *c, const struct input_note *note)
{
	uint8_t payload[256];
	struct wire_out out = wire_out_over(payload, sizeof(payload));
	struct record r = {.category = RECORD_MANAGEMENT, .action_type = ACTION_INPUT};

	value_open_object(&out);
	value_member_str(&out, STR("kind"), str_from(input_fault_name(note->fault)));
	value_member_int(&out, STR("count"), (int64_t)note->count);
	if (!c)
		value_member_int(&out, STR("connections"), (int64_t)note->connections);
	value_close_object(&out);
	r.payload = (struct str){(const char *)payload, (size_t)(out.p - payload)};
	if (c) {
		account_name(c->account, e->image);
		r.username = c->account->user;
		r.has_peer = true;
		r.peer = c->peer;
	}
	return note_send(e, PROMISE_INPUT, &r, note, sizeof(*note));
}

static void
input_add(struct notes *n, const struct input_note *note)
{
	n->fault_count[note->fault] += note->count;
	n->fault_connections[note->fault] += note->connections;
}

static void
note_faults(struct evaluator *e, struct conn *c, int64_t now)
{
	for (unsigned i = 0; i < INPUT_FAULTS; i++) {
		struct input_note note = {(enum input_fault)i, c->faults[i], 1};

		if (c->faults[i] == 0)
			continue;
		c->faults[i] = 0;
		if (!bucket_take(&e->notes.input_rate, now) || !note_input(e, c, &note))
			input_add(&e->notes, &note);
	}
	c->noted_at = 0;
}

void
notes_closed(struct evaluator *e, struct conn *c)
{
	if (c->noted_at != 0)
		note_faults(e, c, clock_monotonic());
}

static void
note_long_connections(struct evaluator *e, int64_t now)
{
	struct conn *c;

	for (c = TAILQ_FIRST(&e->server.conns); c; c = TAILQ_NEXT(c, all))
		if (c->noted_at != 0 && now - c->noted_at >= INPUT_NOTE_US)
			note_faults(e, c, now);
}

static void
note_sums(struct evaluator *e, int64_t now, bool all)
{
	struct notes *n = &e->notes;

	for (unsigned i = 0; i < INPUT_FAULTS; i++) {
		struct input_note note = {
		    (enum input_fault)i, n->fault_count[i], n->fault_connections[i]};

		if (note.count == 0 || (!all && !bucket_full(&n->input_rate, now)))
			continue;
		if (!note_input(e, NULL, &note))
			return;
		n->fault_count[i] = n->fault_connections[i] = 0;
	}
}

/* --- denials without a record ---------------------------------------------------------------- */

static void
tally_add(struct tally *t, const struct tally *more)
{
	if (t->count == 0 || more->first < t->first)
		t->first = more->first;
	if (t->count == 0 || more->last > t->last)
		t->last = more->last;
	t->count += more->count;
}

void
notes_unrecorded(struct notes *n)
{
	int64_t now = clock_real();

	tally_add(&n->unrecorded, &(struct tally){1, now, now});
}

static bool
note_unrecorded(struct evaluator *e)
{
	const struct tally *t = &e->notes.unrecorded;
	uint8_t payload[256];
	struct wire_out out = wire_out_over(payload, sizeof(payload));
	struct record r = {.category = RECORD_MANAGEMENT, .action_type = ACTION_UNRECORDED};
	char first[RFC3339_SIZE], last[RFC3339_SIZE];

	clock_format(t->first, first);
	clock_format(t->last, last);
	value_open_object(&out);
	value_member_int(&out, STR("count"), (int64_t)t->count);
	value_member_str(&out, STR("first"), str_from(first));
	value_member_str(&out, STR("last"), str_from(last));
	value_close_object(&out);
	r.payload = (struct str){(const char *)payload, (size_t)(out.p - payload)};
	return note_send(e, PROMISE_UNRECORDED, &r, t, sizeof(*t));
}

static void
note_unrecorded_when_due(struct evaluator *e, int64_t now, bool all)
{
	struct notes *n = &e->notes;
	int64_t every = e->recorder.storage == STORAGE_LOW ? UNRECORDED_LOW_US : UNRECORDED_US;

	if (n->unrecorded.count == 0 || n->unrecorded_sent ||
	    (!all && now - n->unrecorded_at < every) || !note_unrecorded(e))
		return;
	n->unrecorded = (struct tally){0};
	n->unrecorded_sent = true;
	n->unrecorded_at = now;
}

/* --- both ------------------------------------------------------------------------------------ */

void
notes_tick(struct evaluator *e, int64_t now, bool all)
{
	note_long_connections(e, now);
	note_sums(e, now, all);
	note_unrecorded_when_due(e, now, all);
}

void
notes_acknowledged(struct evaluator *e, const struct pending *p, bool recorded)
{
	struct input_note input;
	struct tally tally;

	if (p->kind == PROMISE_UNRECORDED)
		e->notes.unrecorded_sent = false;
	if (recorded)
		return;
	if (p->kind == PROMISE_UNRECORDED) {
		memcpy(&tally, p->text, sizeof(tally));
		tally_add(&e->notes.unrecorded, &tally);
	} else {
		memcpy(&input, p->text, sizeof(input));
		input_add(&e->notes, &input);
	}
}

bool
notes_waiting(const struct notes *n)
{
	bool waiting = n->unrecorded.count > 0;

	for (unsigned i = 0; i < INPUT_FAULTS; i++)
		waiting |= n->fault_count[i] > 0;
	return waiting;
}
