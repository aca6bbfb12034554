/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between the files of the evaluator: all that one process holds. */

#include "policy/policy.h"
#include "policyd/client/control.h"
#include "policyd/client/image.h"
#include "policyd/client/image_queue.h"
#include "policyd/client/recorder.h"
#include "policyd/client/server.h"
#include "policyd/evaluator/notes.h"
#include "policyd/evaluator/request.h"

#define PAYLOAD_MAX 6000 /* record.def */

/* Kinds of entries in the pending queue. */
enum promise {
	PROMISE_ALLOW,
	PROMISE_DENY,
	PROMISE_RECORD, /* emit, outcome */
	PROMISE_INPUT,  /* notes of ours */
	PROMISE_UNRECORDED,
};

/*
 * Of each line that was taken: it is on record, could not be, or leaves none (a ping, an event that is
 * not to be recorded, what is not understood). Whether its client was told is the server's to count.
 */
struct counters {
	uint64_t asked, recorded, unrecorded, without_record;
	uint64_t allowed, denied, unrecorded_denials; /* told to a client */
	uint64_t notes;                               /* records of our own */
};

struct evaluator {
	const struct settings *settings;
	uint32_t channel, generation;
	struct image *image;
	struct image_queue images;
	uint64_t asked_before_piece; /* counters.asked at the last piece of work on images */
	uint32_t account_share;      /* requests of one uid that may be under way to the writer */
	bool finishing;
	bool last_notes; /* sent: what is refused now is lost with us */
	int64_t finish_by;
	struct counters counters;
	struct notes notes;

	/* One request at a time. */
	struct request_reader reader;
	struct request request;
	struct policy_op op;
	struct policy_subject subject;
	struct policy_attribute attributes[LIMIT_JSON_MEMBERS];
	char reason[RECORD_REASON_MAX]; /* of the record */
	char answer_reason[RECORD_REASON_MAX];
	char short_resource[LIMIT_RESOURCE_CUT];
	uint8_t payload[PAYLOAD_MAX];

	struct server server;
	struct recorder recorder;
	struct control control;
};

static inline struct evaluator *
evaluator_of(const struct conn *c)
{
	return c->server->ctx;
}

/* answer.c: lines, and what the writer says to them. */
void answer_line(struct conn *c, struct str line);
bool answer_room(struct conn *c);
void answer_acknowledged(void *ctx, uint64_t seq, enum refusal refusal);
/* Why nothing can be recorded for c now, NULL: it can. */
const char *answer_unavailable(const struct conn *c);
/* Deny without a record (emit, outcome: an error). */
void answer_without_record(struct conn *c, const char *cause);

/* decide.c, events.c: one request; called only when a record can be made. */
void decide(struct conn *c);
/* The request is at fault but names action and resource: on record as a denial. */
void decide_not_understood(struct conn *c, const struct request_fault *fault);
void record_event(struct conn *c);
void record_outcome(struct conn *c);

/* fill.c: parts of records. */
/* What every record of a client has. */
void fill_common(struct evaluator *e, const struct conn *c, struct record *r);
/* The claims as far as they may be believed. */
void fill_subject(struct evaluator *e, const struct conn *c);
/* Whether the record fits the line, without measuring when that is plain. */
bool fill_fits(const struct record *r);
/* The longest prefix of s of at most n bytes that does not cut a character. */
struct str fill_cut(struct str s, size_t n);

/* status.c */
void status_put(struct evaluator *e, struct wire_out *out);
