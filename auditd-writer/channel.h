/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One channel as the writer sees it: who is at the other end, which message comes next, and the
 * acknowledgements that wait, in order. A run becomes ready when what it stands for is durable (or,
 * for refusals, when everything before it is); ready runs are sent when the channel takes them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "proto/msg.h"

struct writer;

struct ack_wait {
	uint64_t through; /* number of its last message */
	uint64_t first_seq;
	uint32_t count;
	enum refusal refusal;
};

#define ACK_WAITS LIMIT_UNACKED
_Static_assert((ACK_WAITS & (ACK_WAITS - 1)) == 0, "free-running indices");

struct channel {
	int fd;          /* -1: closed */
	uint32_t number; /* 0: the supervisor's; evaluators from 1; the last is the admin's */
	enum peer who;
	enum chan_state state;
	uint32_t generation, pid; /* of its last HELLO */
	uint64_t expected;        /* number of the next message */
	uint64_t acked;           /* messages up to here were acknowledged */
	uint64_t sent;            /* messages of ours since WELCOME */
	bool welcome_due, state_due, faulted_due;
	bool readable;              /* something may be there to receive */
	bool blocked;               /* took no frame: wait until it is writable */
	uint32_t head, ready, tail; /* of waits */
	struct ack_wait waits[ACK_WAITS];
	/* For the record that tells of faults, at most one a minute. */
	const char *fault; /* the last one, static text */
	uint64_t faults_untold;
	int64_t fault_told_at; /* monotonic; 0: never */
	int64_t
	    fault_logged_at; /* ... on standard error, which goes on while nothing is recorded */
};

void channel_init(struct channel *c, int fd, uint32_t number, enum peer who);

/* A process said HELLO: everything that waits was for its predecessor. */
void channel_reset(struct channel *c, const struct msg_hello *hello);

/* Messages received and not yet acknowledged. */
static inline uint64_t
channel_unacked(const struct channel *c)
{
	return c->expected - 1 - c->acked;
}

/*
 * Message `number` got this record (seq) or was refused. safe: nothing has to become durable before
 * this may be said. -ENOBUFS: more wait than an honest peer may have under way.
 */
int
channel_answer(struct channel *c, uint64_t number, uint64_t seq, enum refusal refusal, bool safe);

/* Everything answered so far is durable. */
static inline void
channel_settle(struct channel *c)
{
	c->ready = c->tail;
}

static inline bool
channel_has_ready(const struct channel *c)
{
	return c->head != c->ready;
}

/* Send what is due, as far as the channel takes it. */
void channel_flush(struct writer *w, struct channel *c);

/* --- all of them ------------------------------------------------------------------------------ */

void channels_settle(struct writer *w);
void channels_flush(struct writer *w);
/* Tell every open channel the storage state, also when nothing is to be acknowledged. */
void channels_tell_state(struct writer *w);

/* --- control.c -------------------------------------------------------------------------------- */

/* Frames to the supervisor that its channel did not take yet. */
#define OUTBOX_ROOM (128u << 10)
struct outbox {
	size_t n;
	uint8_t bytes[OUTBOX_ROOM]; /* u32 length, frame; ... */
};
