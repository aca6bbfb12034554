/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Records become lines in the batch: numbered, chained, and kept until they are on disk. */

#include <stdbool.h>
#include <stdint.h>

#include "proto/msg.h"
#include "proto/record.h"

struct writer;

/*
 * Read the clocks: the time of records from now on. Records a clock step. Once for whatever arrived
 * together.
 */
void ledger_tick(struct writer *w);

/*
 * Put a record of a channel's process (LINE_NO_CHANNEL: the supervisor) into the batch; first
 * flushes a batch that is full, which may take as long as a disk. Gives it its number, or why not.
 */
enum refusal ledger_add(struct writer *w, const struct record *r, int channel, uint64_t *ret_seq);

/* A record of our own. Never flushes. False: storage has failed, or there is no room (counted). */
bool ledger_note(struct writer *w, enum record_action_type type, struct str payload);

/* Bring the batch to disk (see storage_flush) and close the segment when that is due. */
void ledger_flush(struct writer *w);
