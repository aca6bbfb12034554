/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between the files of the admin process. */

#include "common/jscan.h"
#include "policy/listing.h"
#include "policyd/client/control.h"
#include "policyd/client/image.h"
#include "policyd/client/image_queue.h"
#include "policyd/client/recorder.h"
#include "policyd/client/server.h"

/* Operators are few. */
#define ADMIN_CONNECTIONS 64
#define ADMIN_PER_UID 32

/* A status with all evaluators; a connection can hold it beside what it has not read yet. */
#define STATUS_MAX (96u << 10)
#define STATUS_PART (16u << 10) /* counters of one process, as JSON */

/* --- status.c --------------------------------------------------------------------------------- */

struct totals {
	uint64_t connections, accepted, refused, asked, answered, unanswered, waiting, allowed,
	    denied;
	uint64_t recorded, unrecorded, without_record, unrecorded_denials, notes, malformed;
	uint64_t timeouts, unacked;
};

/* What the processes have said since the last STATUS_ASK. */
struct status {
	struct text writer, supervisor, evaluators;
	struct totals totals;
	struct text reply; /* the whole, from `"status":` on; the last complete one */
	int64_t at;        /* when reply was made; 0: never */
	char writer_buf[STATUS_PART], supervisor_buf[STATUS_PART], evaluators_buf[STATUS_MAX];
	char reply_buf[STATUS_MAX];
};

struct admin;

void status_begin(struct status *s);
/* Counters of a process: a value, unchecked. */
void status_take(struct status *s, uint32_t source, struct str counters);
/* missing: who has not answered, empty when all have. False: it does not fit. */
bool status_end(struct admin *a, struct str missing, int64_t now);
/* The same totals, in a reply to "counters". */
void status_put_totals(struct text *t, const struct totals *totals);

/* --- listing.c -------------------------------------------------------------------------------- */

/* A reply to "ls" on its way: the next piece of it. */
struct listing {
	struct image *image;
	bool begun;
	struct policy_listing inside;
};
#define LISTING_PIECE (POLICY_LISTING_PIECE + (8u << 10))

/* Append the next piece. False: that was the last one. */
bool listing_piece(struct listing *l, struct str id, struct text *t);

/* --- wanted.c ------------------------------------------------------------------------------------ */

enum wanted_kind {
	WANTED_STATUS,
	WANTED_ROTATE,
	WANTED_RELOAD,
	WANTED_KINDS,
};

/* One thing that is asked of the supervisor. */
struct wanted {
	enum {
		WANTED_IDLE,
		WANTED_RECORDED, /* its record is under way */
		WANTED_ASKED,    /* the supervisor has it */
	} step;
	bool was_asked;
	int64_t asked_at; /* when it was last begun */
	uint32_t request; /* our number for it */
};

/* A client (conn->role). */
struct operator
{
	enum {
		OPERATOR_IDLE,
		OPERATOR_WAITS, /* for waits_for */
		OPERATOR_LISTS,
		OPERATOR_DRAINS, /* for its long reply to leave */
	} state;
	enum wanted_kind waits_for;
	struct listing listing;
	size_t id_n;
	char id[LIMIT_REQUEST_ID * 6 + 2]; /* JSON text of the request's id; empty: none */
};

struct admin {
	const struct settings *settings;
	uint32_t channel, generation;
	struct image *image;
	struct image_queue images;
	bool finishing;
	int64_t finish_by;
	uint32_t next_request;
	struct wanted wanted[WANTED_KINDS];
	struct status status;
	uint64_t asked, answered;

	struct jscan_token tokens[256];
	struct jscan_tape tape;

	struct server server;
	struct recorder recorder;
	struct control control;
};

static inline struct admin *
admin_of(const struct conn *c)
{
	return c->server->ctx;
}

/* c asks for this: put it on record, or answer at once. */
void wanted_begin(struct conn *c, enum wanted_kind kind);
/* Its record was made, or refused. */
void wanted_recorded(struct admin *a, const struct pending *p, bool recorded, const char *cause);
/* The supervisor has done it. */
void wanted_done(struct admin *a, uint32_t request, int error, struct str text);
/* Nobody answers any more. */
void wanted_timeouts(struct admin *a, int64_t now);
void wanted_abandon(struct admin *a, const char *why);

/* --- operator.c ------------------------------------------------------------------------------- */

void operator_line(struct conn *c, struct str line);
void operator_drained(struct conn *c);
void operator_closed(struct conn *c);

/* The id of the request that c waits with. */
struct str operator_id(const struct conn *c);
/* Reply to it and let c go on: an error, or the text, which may be long. */
void operator_fail(struct conn *c, const char *why);
void operator_reply(struct conn *c, struct str text);
