/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Our end of the record channel to the writer: packs messages into frames, sends them once per turn
 * of the event loop, and takes acknowledgements. Never blocks: when the channel is full or as many
 * messages as the writer allows are under way, recorder_room() is false and the caller stops reading
 * its clients.
 *
 * A fault of the writer's in the protocol, or its end, ends this process: nothing can be recorded
 * any more, so nothing may be answered.
 */

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/msg.h"
#include "proto/record.h"

struct recorder_calls {
	/* The oldest unanswered message got this record number, or (seq 0) was refused. */
	void (*answered)(void *ctx, uint64_t seq, enum refusal refusal);
	/* The writer has welcomed us. */
	void (*opened)(void *ctx);
	/* The writer is gone; does not return. */
	void (*lost)(void *ctx, const char *why);
};

struct recorder {
	int fd;
	enum peer self; /* PEER_EVALUATOR or PEER_ADMIN */
	uint32_t generation;
	bool open; /* our WELCOME has come */
	bool said_hello;
	bool blocked; /* a frame waits for room in the channel */
	enum storage_state storage;
	uint64_t log_id;
	uint8_t session[UUID_BYTES];
	uint64_t next;  /* number of the next message, from 1 */
	uint64_t acked; /* the last one acknowledged */
	uint64_t max_unacked;
	int64_t
	    waiting_since; /* clock_monotonic() of the last progress while something is awaited */
	uint32_t used;     /* frames in use: the last one is being filled */
	struct frame_out frame[2];
	const struct recorder_calls *calls;
	void *ctx;
	struct event *readable, *writable;
	struct msg_ack ack;
	uint8_t out[2][LIMIT_FRAME];
	uint8_t in[LIMIT_FRAME];
};

/* Say HELLO. The recorder is large and zeroed: keep it static. -ENOMEM. */
int recorder_init(struct recorder *r, struct event_base *base, int fd, enum peer self,
    uint32_t generation, const struct recorder_calls *calls, void *ctx);

/* Whether one more message (of any type) can be taken now. */
bool recorder_room(const struct recorder *r);

/*
 * A cursor for the body of one message; then recorder_commit(), whose -EMSGSIZE means that it did
 * not fit and nothing happened. Only while recorder_room().
 */
struct wire_out recorder_message(struct recorder *r, enum msg_type type);
int recorder_commit(struct recorder *r, const struct wire_out *out);
/* A record as one message. -EMSGSIZE: a field is over its maximum; nothing happened. */
int recorder_put(struct recorder *r, enum msg_type type, const struct record *record);

/* Send what is packed. */
void recorder_flush(struct recorder *r);

static inline uint64_t
recorder_unacked(const struct recorder *r)
{
	return r->next - 1 - r->acked;
}

/* Whether the writer has owed us an answer for longer than this many microseconds. */
bool recorder_stalled(const struct recorder *r, int64_t now, int64_t patience);
