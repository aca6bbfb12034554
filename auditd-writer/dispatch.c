/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/dispatch.h"

#include <errno.h>
#include <unistd.h>

#include "auditd-writer/control.h"
#include "auditd-writer/ledger.h"
#include "auditd-writer/notes.h"
#include "auditd-writer/writer.h"
#include "common/chan.h"
#include "common/log.h"
#include "proto/payload.h"

#define FRAMES_PER_ROUND 4 /* of one channel */
#define ROUNDS 16          /* before what came is flushed */
#define FAULT_TOLD_US (60 * US_PER_S)

/* --- faults ----------------------------------------------------------------------------------- */

static bool
long_ago(const struct writer *w, int64_t at)
{
	return at == 0 || w->now - at >= FAULT_TOLD_US;
}

static bool
tell_now(const struct writer *w, const struct channel *c)
{
	return long_ago(w, c->fault_told_at);
}

static void
tell_fault(struct writer *w, struct channel *c)
{
	if (c->n_faults == 0 || w->storage.state == STORAGE_FAILED)
		return;
	for (uint32_t i = 0; i < c->n_faults; i++)
		note_channel(w, c, &c->faults[i]);
	c->n_faults = 0;
	c->fault_told_at = w->now;
}

/* Something that an honest process does not send; why: static text. */
static void
complain(struct writer *w, struct channel *c, const char *why)
{
	channel_fault(c, why);
	if (long_ago(w, c->fault_logged_at)) {
		c->fault_logged_at = w->now;
		log_warn("channel %u (generation %u, pid %u): %s", c->number, c->generation, c->pid,
		    why);
	}
	if (tell_now(w, c))
		tell_fault(w, c);
}

static void
control_fault(struct writer *w, const char *why)
{
	log_error("the supervisor broke the protocol: %s", why);
	w->ending = "control channel broken";
	w->ending_badly = true;
}

/* Shut the channel. What it sent before stays on record; nobody is left to acknowledge it to. */
static void
fault(struct writer *w, struct channel *c, const char *why)
{
	if (c->number == 0) {
		control_fault(w, why);
		return;
	}
	if (c->state == CHAN_FAULTED)
		return;
	c->state = CHAN_FAULTED;
	c->faulted_due = true;
	w->counters.faults++;
	complain(w, c, why);
}

void
dispatch_tell_faults(struct writer *w, bool all)
{
	for (uint32_t i = 1; i <= w->n_channels; i++)
		if (all || tell_now(w, &w->channels[i]))
			tell_fault(w, &w->channels[i]);
}

int64_t
dispatch_deadline(const struct writer *w)
{
	bool recorded = w->storage.state != STORAGE_FAILED;
	int64_t at = INT64_MAX;

	for (uint32_t i = 1; i <= w->n_channels; i++) {
		const struct channel *c = &w->channels[i];

		if (c->clearing != 0)
			return w->now; /* nothing may come that would wake us */
		if (recorded && c->n_faults > 0 && c->fault_told_at + FAULT_TOLD_US < at)
			at = c->fault_told_at + FAULT_TOLD_US;
	}
	return at;
}

/* --- one message ------------------------------------------------------------------------------ */

static void
take_record(
    struct writer *w, struct channel *c, enum msg_type type, struct wire_in *body, uint64_t number)
{
	int stamp = c->number == 0 ? LINE_NO_CHANNEL : (int)c->number;
	enum refusal refusal = REFUSAL_INVALID;
	struct record r;
	uint64_t seq = 0;
	const char *why;

	if (record_get(body, type, c->who, &r, &why) == 0 && payload_check(&r, &why) == 0) {
		refusal = ledger_add(w, &r, stamp, &seq);
	} else {
		w->counters.refused_invalid++;
		complain(w, c, why);
	}
	if (channel_answer(c, number, seq, refusal, w->storage.state == STORAGE_FAILED) < 0)
		fault(w, c, "more messages under way than permitted");
}

static void
take_hello(struct writer *w, struct channel *c, struct frame_in *f)
{
	struct msg_hello hello;
	struct wire_in body;

	if (f->sequence != 0 || !frame_next(f, &body) || msg_hello_get(&body, &hello) < 0 ||
	    frame_next(f, &body))
		fault(w, c, "malformed HELLO");
	else if (hello.generation != c->announced)
		fault(w, c, "HELLO of a generation that was not announced");
	else
		channel_reset(c, &hello);
}

/* --- one frame -------------------------------------------------------------------------------- */

static void
take_messages(struct writer *w, struct channel *c, struct frame_in *f)
{
	struct wire_in body;

	while (frame_next(f, &body)) {
		uint64_t number = c->expected++;
		bool record = f->type == MSG_DECISION || f->type == MSG_EVENT ||
			      f->type == MSG_OUTCOME || f->type == MSG_NOTE;

		if (c->number != 0 && channel_unacked(c) > LIMIT_UNACKED) {
			fault(w, c, "more messages under way than permitted");
			return;
		}
		if (record)
			take_record(w, c, (enum msg_type)f->type, &body, number);
		else if (control_take(w, (enum msg_type)f->type, &body) < 0)
			fault(w, c, "malformed request");
	}
}

static void
take_frame(struct writer *w, struct channel *c, const uint8_t *buf, size_t n)
{
	struct frame_in f;
	const char *why;

	w->counters.frames++;
	if (frame_open(&f, buf, n, c->who, PEER_WRITER, c->state, false, &why) < 0) {
		fault(w, c, why);
		return;
	}
	if (f.type == MSG_HELLO) {
		take_hello(w, c, &f);
		return;
	}
	if (f.sequence != c->expected) {
		fault(w, c, "message numbers do not follow each other");
		return;
	}
	ledger_tick(w);
	take_messages(w, c, &f);
}

/* --- the channels ----------------------------------------------------------------------------- */

/*
 * Its other end is closed: only when the supervisor is gone. Or somebody has shut it down, which shows
 * when another process shall have it.
 */
static void
hang_up(struct writer *w, struct channel *c)
{
	(void)close(c->fd);
	c->fd = -1;
	if (c->clearing != 0)
		channel_cleared(c);
	if (c->number == 0 && !w->ending)
		w->ending = "control channel closed";
}

static void
receive_fault(struct writer *w, struct channel *c, ssize_t error)
{
	if (error == -EMSGSIZE)
		fault(w, c, "frame longer than permitted");
	else if (error == -EBADMSG)
		fault(w, c, "descriptor attached, or an empty frame");
	else
		hang_up(w, c);
}

/* Up to a few frames. True: there may be more. */
static bool
drain_channel(struct writer *w, struct channel *c)
{
	static uint8_t buf[LIMIT_FRAME];

	for (int i = 0; i < FRAMES_PER_ROUND && c->fd >= 0; i++) {
		ssize_t n = chan_recv(c->fd, buf, sizeof(buf), NULL);

		if (n == -EAGAIN && c->clearing != 0)
			channel_cleared(c);
		if (n == -EAGAIN)
			return false;
		if (n == 0)
			hang_up(w, c);
		else if (n < 0)
			receive_fault(w, c, n);
		else
			take_frame(w, c, buf, (size_t)n);
	}
	return c->fd >= 0;
}

/* One round over the channels that may have more. True: some still may. */
static bool
drain_round(struct writer *w)
{
	bool more = false;

	for (uint32_t i = 0; i <= w->n_channels; i++) {
		struct channel *c = &w->channels[i];

		if (c->readable)
			c->readable = drain_channel(w, c);
		more |= c->readable;
	}
	return more;
}

bool
dispatch_drain(struct writer *w)
{
	uint64_t before = w->counters.frames;

	for (int round = 0; round < ROUNDS; round++)
		if (!drain_round(w))
			break;
	return w->counters.frames != before;
}
