/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/channel.h"

#include <errno.h>
#include <unistd.h>

#include "auditd-writer/control.h"
#include "auditd-writer/writer.h"
#include "common/chan.h"

void
channel_init(struct channel *c, int fd, uint32_t number, enum peer who)
{
	c->fd = fd;
	c->number = number;
	c->who = who;
	c->state = who == PEER_SUPERVISOR ? CHAN_OPEN : CHAN_NEW;
	c->expected = 1;
}

void
channel_expect(struct channel *c, uint32_t generation)
{
	c->clearing = generation;
	c->announced = 0;
	c->cleared_due = false;
	c->readable = true; /* it takes one more look to know that nothing is there */
}

void
channel_cleared(struct channel *c)
{
	c->announced = c->clearing;
	c->clearing = 0;
	c->state = CHAN_NEW;
	c->cleared_due = true;
	c->faulted_due = false; /* that process is gone */
	if (channel_shut(c))
		channel_fault(c, "channel was shut down");
}

void
channel_fault(struct channel *c, const char *why)
{
	uint32_t i = 0;

	while (i < c->n_faults && strcmp(c->faults[i].why, why) != 0)
		i++;
	if (i == FAULT_KINDS) {
		c->faults[--i].why = "several others";
	} else if (i == c->n_faults) {
		c->faults[i] = (struct fault_count){.why = why};
		c->n_faults++;
	}
	c->faults[i].count++;
}

void
channel_reset(struct channel *c, const struct msg_hello *hello)
{
	c->state = CHAN_OPEN;
	c->announced = 0;
	c->generation = hello->generation;
	c->pid = hello->pid;
	c->expected = 1;
	c->acked = 0;
	c->sent = 0;
	c->head = c->ready = c->tail = 0;
	c->welcome_due = true;
	c->state_due = false;
	c->faulted_due = false;
}

static struct ack_wait *
wait_at(struct channel *c, uint32_t i)
{
	return &c->waits[i % ACK_WAITS];
}

/* Whether one more message is just the continuation of the last run. */
static bool
continues(const struct ack_wait *last, uint64_t seq, enum refusal refusal)
{
	if (last->refusal != refusal || last->count == UINT32_MAX)
		return false;
	return refusal != REFUSAL_NONE || last->first_seq + last->count == seq;
}

int
channel_answer(struct channel *c, uint64_t number, uint64_t seq, enum refusal refusal, bool safe)
{
	/* A run that is ready may not grow by what is not. */
	bool all_ready = c->ready == c->tail;
	bool joins = c->tail != c->head && (!all_ready || safe) &&
		     continues(wait_at(c, c->tail - 1), seq, refusal);

	if (joins) {
		struct ack_wait *last = wait_at(c, c->tail - 1);

		last->count++;
		last->through = number;
		return 0;
	}
	if (c->tail - c->head == ACK_WAITS)
		return -ENOBUFS;
	*wait_at(c, c->tail) = (struct ack_wait){
	    .through = number, .first_seq = seq, .count = 1, .refusal = refusal};
	c->tail++;
	if (all_ready && safe)
		c->ready = c->tail;
	return 0;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* 0, or -EAGAIN with the channel blocked. A peer that is gone is noticed when it is read from. */
static int
channel_send(struct channel *c, struct frame_out *f)
{
	int error;

	frame_end(f);
	error = chan_send(c->fd, f->buf, f->n, -1);
	c->blocked = error == -EAGAIN;
	c->refused = error == -EPIPE;
	if (error == 0 && f->type != MSG_WELCOME)
		c->sent++;
	return error;
}

static int
send_welcome(struct writer *w, struct channel *c)
{
	struct msg_welcome m = {
	    .generation = c->generation,
	    .log_id = w->encoder.stamp.log_id,
	    .state = (uint8_t)w->storage.state,
	    .next_seq = encode_seq(&w->encoder) + 1,
	    .max_unacked = LIMIT_UNACKED,
	};
	uint8_t buf[128];
	struct frame_out f;
	struct wire_out out;

	memcpy(m.session, w->identity.session_bytes, sizeof(m.session));
	frame_begin(&f, buf, sizeof(buf), MSG_WELCOME, 0);
	out = frame_message(&f);
	msg_welcome_put(&out, &m);
	(void)frame_commit(&f, &out);
	return channel_send(c, &f);
}

/* As many ready runs as one acknowledgement holds. Returns how many. */
static uint16_t
fill_ack(struct writer *w, struct channel *c, struct msg_ack *ack)
{
	uint16_t n = 0;

	for (; c->head + n != c->ready && n < ACK_RUNS_MAX; n++) {
		const struct ack_wait *a = wait_at(c, c->head + n);

		ack->run[n] = (struct ack_run){
		    .count = a->count, .first_seq = a->first_seq, .refusal = (uint8_t)a->refusal};
		ack->through = a->through;
	}
	if (n == 0)
		ack->through = c->acked;
	ack->state = (uint8_t)w->storage.state;
	ack->runs = n;
	return n;
}

static int
send_ack(struct writer *w, struct channel *c)
{
	static struct msg_ack ack;
	static uint8_t buf[LIMIT_FRAME];
	uint16_t n = fill_ack(w, c, &ack);
	struct frame_out f;
	struct wire_out out;
	int error;

	frame_begin(&f, buf, sizeof(buf), MSG_ACK, c->sent + 1);
	out = frame_message(&f);
	msg_ack_put(&out, &ack);
	(void)frame_commit(&f, &out);
	error = channel_send(c, &f);
	if (error < 0)
		return error;
	c->head += n;
	c->acked = ack.through;
	c->state_due = false;
	return 0;
}

void
channel_flush(struct writer *w, struct channel *c)
{
	if (c->fd < 0)
		return;
	if (c->welcome_due) {
		if (send_welcome(w, c) < 0)
			return;
		c->welcome_due = false;
	}
	while (c->state == CHAN_OPEN && (channel_has_ready(c) || c->state_due))
		if (send_ack(w, c) < 0)
			return;
}

/* --- all of them ------------------------------------------------------------------------------ */

void
channels_settle(struct writer *w)
{
	for (uint32_t i = 0; i <= w->n_channels; i++)
		channel_settle(&w->channels[i]);
}

/* What does not fit into the outbox is told later. */
static void
tell_supervisor(struct writer *w, struct channel *c)
{
	const struct msg_cleared cleared = {
	    .expect = {c->number, c->announced}, .error = channel_shut(c) ? -EPIPE : 0};

	if (c->faulted_due)
		c->faulted_due = control_tell_faulted(w, c->number) < 0;
	if (c->cleared_due)
		c->cleared_due = control_tell_cleared(w, &cleared) < 0;
}

void
channels_flush(struct writer *w)
{
	for (uint32_t i = 1; i <= w->n_channels; i++)
		tell_supervisor(w, &w->channels[i]);
	control_flush(w);
	for (uint32_t i = 1; i <= w->n_channels; i++)
		if (!w->channels[i].blocked)
			channel_flush(w, &w->channels[i]);
}

void
channels_tell_state(struct writer *w)
{
	for (uint32_t i = 1; i <= w->n_channels; i++)
		if (w->channels[i].state == CHAN_OPEN)
			w->channels[i].state_due = true;
}
