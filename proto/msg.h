/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Frames: one header and one or more messages of one type.
 *
 *     header, 20 bytes: magic u32 | version u16 | type u16 | length u32 | sequence u64
 *     message:          length u16 | body
 *
 * All little-endian. `length` is the bytes after the header. `sequence` is the number of the first
 * message of the frame; messages of one sender on one channel count from 1 since its HELLO
 * (supervisor's channels: since they were made), whatever their type, HELLO and WELCOME being
 * number 0 and not counted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/str.h"
#include "proto/wire.h"

#define FRAME_MAGIC UINT32_C(0x314d5753) /* "SWM1" */
#define FRAME_VERSION 1
#define FRAME_HEADER 20

enum peer {
	PEER_SUPERVISOR = 1 << 0,
	PEER_WRITER = 1 << 1,
	PEER_EVALUATOR = 1 << 2,
	PEER_ADMIN = 1 << 3,
	PEER_CLIENTS = PEER_EVALUATOR | PEER_ADMIN,
	PEER_NOTERS = PEER_CLIENTS | PEER_SUPERVISOR,
	PEER_ANY = PEER_NOTERS | PEER_WRITER,
};

/* State of a channel as its receiver sees it. */
enum chan_state {
	CHAN_NEW = 1 << 0,     /* no HELLO yet */
	CHAN_OPEN = 1 << 1,    /* HELLO and WELCOME exchanged */
	CHAN_FAULTED = 1 << 2, /* broke the protocol; shut until its next process is announced */
	CHAN_ANY = CHAN_NEW | CHAN_OPEN | CHAN_FAULTED,
};

enum msg_type {
#define MSG(name, number, from, to, min, max, descriptor, states, text) MSG_##name = (number),
#include "proto/msg.def"
};

struct msg_info {
	uint16_t type;
	const char *name;
	uint8_t from, to, states;
	uint8_t descriptor;
	uint16_t min, max;
	const char *text;
};

/* The row of a type, NULL when there is none. */
const struct msg_info *msg_info(uint16_t type);
/* All rows, for documents and tests. */
const struct msg_info *msg_table(size_t *ret_n);

/* --- writing a frame ------------------------------------------------------------------------- */

struct frame_out {
	uint8_t *buf; /* the caller's */
	size_t cap;   /* at most LIMIT_FRAME */
	size_t n;     /* bytes used; 0: no frame begun */
	uint16_t type;
	uint32_t count; /* messages in it */
};

/* Begin a frame of messages of one type, the first of them numbered sequence. */
void frame_begin(struct frame_out *f, uint8_t *buf, size_t cap, uint16_t type, uint64_t sequence);
/* Room for one message's body: a cursor of what is left. */
struct wire_out frame_message(struct frame_out *f);
/* Take in the message written through out. -EMSGSIZE: did not fit (the frame is as before). */
int frame_commit(struct frame_out *f, const struct wire_out *out);
/* Fill in the header. The frame is buf[0..n). */
void frame_end(struct frame_out *f);

/* --- reading a frame ------------------------------------------------------------------------- */

struct frame_in {
	uint16_t type;
	uint64_t sequence;
	const struct msg_info *info;
	struct wire_in rest; /* messages not yet taken */
};

/*
 * Check a received datagram against the header rules and the table: who sent it, who receives, the
 * state of the channel, whether a descriptor came. 0, or -EPROTO with *ret_why a static text.
 * Every message's length is checked against the table, and that they fill the frame exactly, before
 * the first one is handed out.
 */
int frame_open(struct frame_in *f, const void *buf, size_t n, enum peer from, enum peer to,
    enum chan_state state, bool attached, const char **ret_why);
/* The next message's body; false when there is none. */
bool frame_next(struct frame_in *f, struct wire_in *ret_body);

/* --- the small messages, encode beside decode. Decoders: 0 or -EPROTO. ------------------------ */

enum storage_state {
	STORAGE_OK,
	STORAGE_LOW,    /* recorded; only trusted enforcement points are served */
	STORAGE_FAILED, /* nothing can be recorded now */
};

/* Why a message was not recorded; also the CAUSE in "audit log unavailable: CAUSE". */
enum refusal {
	REFUSAL_NONE,
	REFUSAL_NO_SPACE,
	REFUSAL_IO,
	REFUSAL_READ_ONLY,
	REFUSAL_QUOTA,
	REFUSAL_TOO_LARGE, /* the line would be over LIMIT_LINE */
	REFUSAL_INVALID,   /* fields that this sender may not set, or not in this way */
	REFUSAL_FINISHING,
	REFUSAL_COUNT,
};
const char *refusal_text(enum refusal r);
/* "ok", "low", "failed". */
const char *storage_state_name(enum storage_state s);

struct msg_hello {
	uint32_t generation; /* counts the processes that had this channel, from 1; never 0 */
	uint32_t pid;
};
void msg_hello_put(struct wire_out *out, const struct msg_hello *m);
int msg_hello_get(struct wire_in *in, struct msg_hello *ret);

struct msg_expect {
	uint32_t channel; /* of an evaluator or the admin: not 0 */
	uint32_t generation;
};
void msg_expect_put(struct wire_out *out, const struct msg_expect *m);
int msg_expect_get(struct wire_in *in, struct msg_expect *ret);

struct msg_cleared {
	struct msg_expect expect; /* which one this answers */
	int32_t error;            /* negative errno or 0 */
};
void msg_cleared_put(struct wire_out *out, const struct msg_cleared *m);
int msg_cleared_get(struct wire_in *in, struct msg_cleared *ret);

#define UUID_BYTES 16

struct msg_welcome {
	uint32_t generation;
	uint64_t log_id; /* 60 bits */
	uint8_t session[UUID_BYTES];
	uint8_t state; /* enum storage_state */
	uint64_t next_seq;
	uint64_t max_unacked; /* messages that may be under way */
};
void msg_welcome_put(struct wire_out *out, const struct msg_welcome *m);
int msg_welcome_get(struct wire_in *in, struct msg_welcome *ret);

/*
 * An acknowledgement covers all messages up to `through`. Since records of several channels
 * interleave, each run says which record numbers its messages got: messages are dealt to the runs
 * in order, starting after the last acknowledged one; the runs' counts add up exactly to the
 * messages acknowledged. A run with a refusal has first_seq 0.
 */
#define ACK_RUNS_MAX 1024
struct ack_run {
	uint32_t count;
	uint64_t first_seq;
	uint8_t refusal; /* enum refusal */
};
struct msg_ack {
	uint64_t through;
	uint8_t state; /* enum storage_state */
	uint16_t runs;
	struct ack_run run[ACK_RUNS_MAX];
};
void msg_ack_put(struct wire_out *out, const struct msg_ack *m);
int msg_ack_get(struct wire_in *in, struct msg_ack *ret);

struct msg_ready {
	uint64_t log_id;
	uint8_t session[UUID_BYTES];
	uint64_t next_seq;
	uint32_t pid;
	uint64_t records_recovered; /* lines of left-over segments that were closed at this start */
};
void msg_ready_put(struct wire_out *out, const struct msg_ready *m);
int msg_ready_get(struct wire_in *in, struct msg_ready *ret);

/* ROTATED and ASKED. */
struct msg_result {
	uint32_t request;
	int32_t error; /* negative errno or 0 */
	struct str text;
};
void msg_result_put(struct wire_out *out, const struct msg_result *m);
int msg_result_get(struct wire_in *in, struct msg_result *ret);
