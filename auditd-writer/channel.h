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

/* What a process did that an honest one does not do, and how often. */
struct fault_count {
	const char *why; /* static text */
	uint64_t count;
};
#define FAULT_KINDS 16 /* that are told apart; the last place is for all others */

#define ACK_WAITS LIMIT_UNACKED
_Static_assert((ACK_WAITS & (ACK_WAITS - 1)) == 0, "free-running indices");

struct channel {
	int fd;          /* -1: closed */
	uint32_t number; /* 0: the supervisor's; evaluators from 1; the last is the admin's */
	enum peer who;
	enum chan_state state;
	uint32_t generation, pid; /* of its last HELLO */
	/*
	 * A process is announced when its predecessor has ended. What that one left in the channel is
	 * taken first (clearing), so that nothing of it can pass for its successor's (announced: the
	 * one HELLO that is accepted now). 0: none.
	 */
	uint32_t clearing, announced;
	uint64_t expected; /* number of the next message */
	uint64_t acked;    /* messages up to here were acknowledged */
	uint64_t sent;     /* messages of ours since WELCOME */
	bool welcome_due, state_due, faulted_due, cleared_due;
	bool readable;              /* something may be there to receive */
	bool blocked;               /* took no frame: wait until it is writable */
	bool refused;               /* took no frame, and never will */
	uint32_t head, ready, tail; /* of waits */
	struct ack_wait waits[ACK_WAITS];
	/* For the records that tell of faults, once a minute at most and one for each kind. */
	struct fault_count faults[FAULT_KINDS];
	uint32_t n_faults;     /* kinds not told yet */
	int64_t fault_told_at; /* monotonic; 0: never */
	int64_t
	    fault_logged_at; /* ... on standard error, which goes on while nothing is recorded */
};

void channel_init(struct channel *c, int fd, uint32_t number, enum peer who);

/* The process of this generation will have the channel, once nothing is left in it. */
void channel_expect(struct channel *c, uint32_t generation);
/* Nothing is left in it. */
void channel_cleared(struct channel *c);
/* The process that was announced said HELLO: everything that waits was for its predecessor. */
void channel_reset(struct channel *c, const struct msg_hello *hello);

/* Whether it is of interest what comes in. Once a fault was found, only to clear it away. */
static inline bool
channel_listens(const struct channel *c)
{
	return c->fd >= 0 && (c->state != CHAN_FAULTED || c->clearing != 0);
}

/*
 * Whether somebody has shut it down, in one direction or both. The supervisor keeps the other end for
 * all of our life: so it was a process that had it, and there is no channel for a successor.
 */
static inline bool
channel_shut(const struct channel *c)
{
	return c->fd < 0 || c->refused;
}

/* Count one more fault. */
void channel_fault(struct channel *c, const char *why);

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
