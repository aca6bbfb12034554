/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What waits for the writer: one queue per process, in the order in which the lines came. Each
 * entry holds its reply's text already; acknowledgements come in the same order, so the head is
 * always what is answered next. Replies that need no record stand in it only when an earlier reply
 * of their connection does, because replies keep the order of their requests.
 *
 * A ring of bytes made once: entries lie in one piece each, nothing is allocated per request.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

struct conn;

#define PENDING_BYTES (4u << 20)

struct pending {
	struct conn *conn; /* NULL: a note of ours */
	int64_t since;     /* clock_monotonic() when the line was taken */
	uint32_t n;        /* bytes of text */
	uint16_t prefix;   /* text up to here ({"id":...) also begins the reply to a refusal */
	uint16_t event_at; /* where the audit_event_id goes */
	uint8_t kind;      /* the role's */
	bool recorded;     /* a message to the writer belongs to it */
	bool to_line;      /* the reply to a line of conn's: counted */
	bool overdue;      /* its deadline has passed and was dealt with */
	char text[];
};

struct pending_queue {
	char *ring;
	size_t cap, head, tail; /* head == tail: empty */
	size_t end;             /* bytes used before the ring starts over; 0: it does not now */
	uint32_t entries;
};

/* -ENOMEM. cap: PENDING_BYTES, less in tests; rounded down to whole alignments. */
int pending_init(struct pending_queue *q, size_t cap);
void pending_deinit(struct pending_queue *q);

/*
 * Room for an entry of up to n bytes of text; NULL when there is none. It joins the queue with
 * pending_commit(), with its n set to the bytes used (at most the n given here).
 */
struct pending *pending_reserve(struct pending_queue *q, size_t n);
void pending_commit(struct pending_queue *q, const struct pending *p);
/* Whether pending_reserve(q, n) would succeed. */
bool pending_room(const struct pending_queue *q, size_t n);

/* The oldest entry, the one behind p; NULL when there is none. */
struct pending *pending_head(const struct pending_queue *q);
struct pending *pending_next(const struct pending_queue *q, const struct pending *p);
/* Forget the oldest entry. */
void pending_pop(struct pending_queue *q);
