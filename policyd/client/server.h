/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Clients on a listening UNIX socket, one line a request, one line a reply, replies in the order of
 * the requests. What evaluator and admin have in common: accepting, limits, fair turns, deadlines.
 * What a line means is the role's.
 *
 * A line is taken from a client only when its reply can be kept and its record can be sent; until
 * then nothing more is read from it. Clients with a line waiting stand in one queue and get
 * LINES_PER_TURN each in turn; those of one uid share ACCOUNT_LINES_PER_TURN (but one line each), so
 * that many connections do not buy a greater share of what others wait for. Who has no room is passed
 * over.
 *
 * Memory is bounded: a connection holds one line (settings.line_bytes) and REPLIES_MAX of replies,
 * all connections of a uid together ACCOUNT_REPLIES_MAX and one reply each.
 */

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "policyd/client/account.h"
#include "policyd/client/lines.h"
#include "policyd/client/outbuf.h"
#include "policyd/client/pending.h"
#include "policyd/settings.h"
#include "proto/record.h"

#define LINES_PER_TURN 64
#define ACCOUNT_LINES_PER_TURN LIMIT_UNACKED /* what the writer takes at once */
#define REPLY_MAX (16u << 10)                /* bytes of one reply */
#define REPLIES_MAX (128u << 10) /* bytes of a connection's replies that wait or are unread */
#define ACCOUNT_REPLIES_MAX (16u << 20) /* the same, of all connections of a uid */

/* What can be wrong with input; counted by connection. */
enum input_fault {
	INPUT_NOT_JSON,
	INPUT_NOT_UNDERSTOOD,
	INPUT_EVENT_TOO_LARGE,
	INPUT_LINE_TOO_LONG,
	INPUT_LINE_TOO_SLOW,
	INPUT_LINE_UNFINISHED,
	INPUT_FAULTS,
};
/* As in records: "not_json", ... */
const char *input_fault_name(enum input_fault fault);

enum conn_wait {
	WAIT_NONE,  /* for bytes */
	WAIT_READY, /* for its turn, or for room to record */
	WAIT_OWN,   /* for its own replies to leave */
	WAIT_RATE,  /* for its uid's next token */
};

struct server;

struct conn {
	TAILQ_ENTRY(conn) all;   /* server->conns, or server->gone once closed */
	TAILQ_ENTRY(conn) queue; /* server->ready or server->rated, as wait says */
	TAILQ_ENTRY(conn) touch; /* server->touched while touched */
	struct server *server;
	struct account *account;
	int fd;
	struct record_peer peer;
	struct event *readable, *writable;
	struct lines in;
	struct outbuf out;
	uint32_t in_flight; /* entries of the pending queue */
	size_t owed;        /* bytes of replies in the pending queue and in out */
	enum conn_wait wait;
	bool touched; /* something to do at the end of this turn */
	bool eof;     /* the client has said all that it will */
	bool closing; /* takes no more lines; closed when everything is answered */
	bool closed;
	int64_t line_since; /* when the line that is coming began; 0: none is */
	int64_t active_at;  /* when a byte last came or went */
	int64_t
	    unread_since; /* since when the client has taken nothing that we have for it; 0: no */
	uint32_t faults[INPUT_FAULTS]; /* not yet in a note */
	int64_t noted_at;              /* when faults were last noted, or the first one happened */
	void *role;                    /* the role's own */
};
TAILQ_HEAD(conn_list, conn);

struct server_role {
	/* Answer this line: conn_reply(), or an entry of server->pending. Never longer than REPLY_MAX. */
	void (*line)(struct conn *c, struct str line);
	/* Whether a line of c can be taken now, besides what the server looks at. */
	bool (*room)(struct conn *c);
	/* At the end of a turn in which something happened to c, when all that it was sent has left. */
	void (*drained)(struct conn *c);
	/* c has just been closed; release c->role. */
	void (*closed)(struct conn *c);
	/* Every TICK_US while there is anything to watch. */
	void (*tick)(struct server *s, int64_t now);
	/* The end of a turn of the event loop, before replies leave. */
	void (*turn)(struct server *s);
	/* Whether the role itself needs ticks. */
	bool (*watches)(const struct server *s);
};

struct server_limits {
	uint32_t connections, per_uid, in_flight;
	bool shared; /* other processes accept from the same socket */
};

struct server {
	struct event_base *base;
	const struct settings *settings;
	const struct server_role *role;
	void *ctx; /* the role's */
	struct server_limits limits;
	int fd;
	bool accepting; /* started and not finished */
	bool again;     /* somebody has a line to take: do not sleep */
	bool reap;
	int pace_fd; /* a timer; only when shared */
	struct event *acceptable, *accept_later, *paced, *ticker, *rate_timer;
	int64_t accept_complained; /* when we last said that accepting fails; 0: never */
	uint32_t connections;
	struct conn_list conns, gone, ready, rated, touched;
	struct accounts accounts;
	struct pending_queue pending;
	uint64_t accepted, refused, malformed, timeouts;
	/* Of replies to lines: given to their connection, in the pending queue, without a connection. */
	uint64_t answered, waiting, unanswered;
};

/* The server is to be zeroed. Does not accept yet. -errno. */
int server_init(struct server *s, struct event_base *base, int listen_fd,
    const struct settings *settings, const struct server_limits *limits,
    const struct server_role *role, void *ctx);

/* Begin to accept. */
void server_start(struct server *s);
/* Accept and read no more; connections close when they are answered. */
void server_finish(struct server *s);
/* One turn of the event loop. */
void server_turn(struct server *s);

/* --- for one connection ------------------------------------------------------------------------ */

/*
 * A reply without a record: leaves after the replies that wait. The text includes the newline. A
 * reply for which there is no room closes the connection.
 */
void conn_reply(struct conn *c, struct str text);
/* The same, in reply to no line: why c is about to be closed. */
void conn_notice(struct conn *c, struct str text);

/* To the client, whatever waits: for roles that answer one request at a time. */
void conn_deliver(struct conn *c, struct str text);
/* Call role->drained for c at the end of this turn, or when what it was sent has left. */
void conn_touch(struct conn *c);

/*
 * A reply that waits for its record: room for it, then server_promise(). NULL only when role->room
 * was not asked or n > REPLY_MAX.
 */
struct pending *conn_reserve(struct conn *c, size_t n);
/* The entry's n is final. p->conn may be NULL (a note of ours). */
void server_promise(struct server *s, struct pending *p);
/* The oldest entry is answered with this text (none when text.n == 0) and forgotten. */
void server_fulfil(struct server *s, struct str text);
/* Let replies without a record leave that now have no other before them. */
void server_release(struct server *s);

/* Take no more lines; close when everything is answered. */
void conn_finish(struct conn *c);
/* Now. What was in flight stays on record, unanswered. */
void conn_close(struct conn *c);

/*
 * c owes a reply that is not in the pending queue: it is not closed for having none, and the hold
 * counts as a request in flight. c stays valid until it is released.
 */
void conn_hold(struct conn *c);
void conn_release(struct conn *c);

/* Counts it. */
void conn_fault(struct conn *c, enum input_fault fault);
