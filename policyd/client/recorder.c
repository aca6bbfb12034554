/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/recorder.h"

#include <errno.h>
#include <unistd.h>

#include "common/chan.h"
#include "common/clock.h"

/* The longest body of a record message (msg.def), and its length field. */
#define MESSAGE_MAX (16384 + 2)
/* Frames taken from the channel before clients have their turn again. */
#define FRAMES_PER_TURN 16

_Static_assert(FRAME_HEADER + MESSAGE_MAX <= LIMIT_FRAME, "a frame holds any one message");

/* --- sending --------------------------------------------------------------------------------- */

static struct frame_out *
recorder_filling(struct recorder *r)
{
	return r->used ? &r->frame[r->used - 1] : NULL;
}

/* -EAGAIN: the channel is full. Does not return when the writer is gone. */
static int
recorder_send(struct recorder *r, const struct frame_out *f)
{
	int error = chan_send(r->fd, f->buf, f->n, -1);

	if (error < 0 && error != -EAGAIN)
		r->calls->lost(r->ctx, "the record channel does not take frames");
	return error;
}

static void
recorder_block(struct recorder *r)
{
	r->blocked = true;
	(void)event_add(r->writable, NULL);
}

static void
recorder_say_hello(struct recorder *r)
{
	const struct msg_hello hello = {.generation = r->generation, .pid = (uint32_t)getpid()};
	uint8_t buf[64];
	struct frame_out f;
	struct wire_out out;

	frame_begin(&f, buf, sizeof(buf), MSG_HELLO, 0);
	out = frame_message(&f);
	msg_hello_put(&out, &hello);
	(void)frame_commit(&f, &out);
	frame_end(&f);
	r->said_hello = recorder_send(r, &f) == 0;
	if (!r->said_hello)
		recorder_block(r);
}

/* Two frames at most: the second was begun when the first, of another type, could not leave. */
void
recorder_flush(struct recorder *r)
{
	uint32_t sent = 0;

	if (r->blocked || !r->said_hello)
		return;
	for (; sent < r->used; sent++) {
		frame_end(&r->frame[sent]);
		if (recorder_send(r, &r->frame[sent]) < 0)
			break;
	}
	if (sent == r->used) {
		r->used = 0;
		return;
	}
	if (sent == 1) {
		memcpy(r->out[0], r->out[1], r->frame[1].n);
		r->frame[0] = r->frame[1];
		r->frame[0].buf = r->out[0];
		r->used = 1;
	}
	recorder_block(r);
}

bool
recorder_room(const struct recorder *r)
{
	return r->open && !r->blocked && r->used < ARRAY_SIZE(r->frame) &&
	       recorder_unacked(r) < r->max_unacked;
}

static bool
frame_takes(const struct frame_out *f, enum msg_type type)
{
	return f->type == (uint16_t)type && f->cap - f->n >= MESSAGE_MAX;
}

struct wire_out
recorder_message(struct recorder *r, enum msg_type type)
{
	struct frame_out *f = recorder_filling(r);

	if (f && !frame_takes(f, type)) {
		recorder_flush(r);
		f = NULL;
	}
	if (!f) {
		if (r->used == ARRAY_SIZE(r->frame))
			return (struct wire_out){NULL, 0, true};
		f = &r->frame[r->used];
		frame_begin(f, r->out[r->used], LIMIT_FRAME, (uint16_t)type, r->next);
		r->used++;
	}
	return frame_message(f);
}

int
recorder_commit(struct recorder *r, const struct wire_out *out)
{
	struct frame_out *f = recorder_filling(r);
	int error = f ? frame_commit(f, out) : -EMSGSIZE;

	if (error < 0) {
		/* An empty frame must not be sent. */
		if (f && f->count == 0)
			r->used--;
		return error;
	}
	if (recorder_unacked(r) == 0)
		r->waiting_since = clock_monotonic();
	r->next++;
	return 0;
}

int
recorder_put(struct recorder *r, enum msg_type type, const struct record *record)
{
	struct wire_out out = recorder_message(r, type);

	record_put(&out, record);
	return recorder_commit(r, &out);
}

static void
recorder_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct recorder *r = arg;

	(void)fd;
	(void)what;
	r->blocked = false;
	if (!r->said_hello)
		recorder_say_hello(r);
	recorder_flush(r);
}

/* --- receiving ------------------------------------------------------------------------------- */

static void
recorder_broken(struct recorder *r, const char *why)
{
	r->calls->lost(r->ctx, why);
}

/* Before our WELCOME everything is the tail of what our predecessor was sent. */
static void
recorder_take_welcome(struct recorder *r, struct frame_in *f)
{
	struct msg_welcome m;
	struct wire_in body;

	if (r->open || f->type != MSG_WELCOME || !frame_next(f, &body) ||
	    msg_welcome_get(&body, &m) < 0 || m.generation != r->generation)
		return;
	r->open = true;
	r->log_id = m.log_id;
	memcpy(r->session, m.session, sizeof(r->session));
	r->storage = m.state;
	r->max_unacked = m.max_unacked < LIMIT_UNACKED ? m.max_unacked : LIMIT_UNACKED;
	r->calls->opened(r->ctx);
}

static uint64_t
ack_messages(const struct msg_ack *ack)
{
	uint64_t n = 0;

	for (uint16_t i = 0; i < ack->runs; i++)
		n += ack->run[i].count;
	return n;
}

static void
recorder_deal(struct recorder *r, const struct ack_run *run)
{
	for (uint32_t i = 0; i < run->count; i++) {
		r->acked++;
		r->calls->answered(
		    r->ctx, run->refusal ? 0 : run->first_seq + i, (enum refusal)run->refusal);
	}
}

static void
recorder_take_ack(struct recorder *r, struct wire_in *body)
{
	struct msg_ack *ack = &r->ack;

	if (msg_ack_get(body, ack) < 0 || ack->through >= r->next || ack->through < r->acked ||
	    ack->through - r->acked != ack_messages(ack)) {
		recorder_broken(r, "an acknowledgement that does not add up");
		return;
	}
	r->storage = ack->state;
	r->waiting_since = clock_monotonic();
	for (uint16_t i = 0; i < ack->runs; i++)
		recorder_deal(r, &ack->run[i]);
}

static void
recorder_take_frame(struct recorder *r, size_t n)
{
	enum chan_state state = r->open ? CHAN_OPEN : CHAN_NEW;
	struct wire_in body;
	struct frame_in f;
	const char *why;

	if (frame_open(&f, r->in, n, PEER_WRITER, r->self, state, false, &why) < 0) {
		if (r->open)
			recorder_broken(r, why);
		return;
	}
	if (f.type != MSG_ACK) {
		recorder_take_welcome(r, &f);
		return;
	}
	while (frame_next(&f, &body))
		recorder_take_ack(r, &body);
}

static void
recorder_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct recorder *r = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < FRAMES_PER_TURN; i++) {
		ssize_t n = chan_recv(r->fd, r->in, sizeof(r->in), NULL);

		if (n == -EAGAIN)
			break;
		if (n <= 0) {
			recorder_broken(r, n == 0 ? "the writer is gone" : "broken record channel");
			return;
		}
		recorder_take_frame(r, (size_t)n);
		/* Nothing more can be expected: spare the call that would say so. */
		if (r->open && recorder_unacked(r) == 0)
			break;
	}
}

bool
recorder_stalled(const struct recorder *r, int64_t now, int64_t patience)
{
	if (r->open && recorder_unacked(r) == 0)
		return false;
	return now - r->waiting_since > patience;
}

int
recorder_init(struct recorder *r, struct event_base *base, int fd, enum peer self,
    uint32_t generation, const struct recorder_calls *calls, void *ctx)
{
	r->fd = fd;
	r->self = self;
	r->generation = generation;
	r->calls = calls;
	r->ctx = ctx;
	r->next = 1;
	r->waiting_since = clock_monotonic();
	r->readable = event_new(base, fd, EV_READ | EV_PERSIST, recorder_on_readable, r);
	r->writable = event_new(base, fd, EV_WRITE, recorder_on_writable, r);
	if (!r->readable || !r->writable || event_add(r->readable, NULL) < 0)
		return -ENOMEM;
	recorder_say_hello(r);
	return 0;
}
