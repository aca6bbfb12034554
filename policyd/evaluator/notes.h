/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the evaluator puts on record of its own accord: malformed input (one note per connection and
 * kind, at its end or every minute) and denials that were answered without a record. Notes must not
 * let a client flood the log: beyond INPUT_NOTES a second they are added up.
 */

#include <stdint.h>

#include "policyd/client/bucket.h"
#include "policyd/client/pending.h"
#include "policyd/client/server.h"

#define INPUT_NOTES 10

struct tally {
	uint64_t count;
	int64_t first, last; /* us since 1970 */
};

struct notes {
	struct bucket input_rate;
	/* Input faults that no note of their own could be made for. */
	uint64_t fault_count[INPUT_FAULTS];
	uint64_t fault_connections[INPUT_FAULTS];
	struct tally unrecorded;
	bool unrecorded_sent;  /* a note of it is under way */
	int64_t unrecorded_at; /* when the last one was sent */
};

struct evaluator;

void notes_init(struct notes *n, int64_t now);
/* A denial was answered that is not on record. */
void notes_unrecorded(struct notes *n);
/* c is closing: note its faults. */
void notes_closed(struct evaluator *e, struct conn *c);
/* All that is due; everything when `all`. */
void notes_tick(struct evaluator *e, int64_t now, bool all);
/* A note of ours was recorded, or not: then it is counted again. */
void notes_acknowledged(struct evaluator *e, const struct pending *p, bool recorded);
/* Whether something waits to be noted. */
bool notes_waiting(const struct notes *n);
