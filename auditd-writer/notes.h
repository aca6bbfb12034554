/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* MANAGEMENT records that the writer makes itself. All go into the batch (ledger_note). */

#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/closer.h"
#include "auditd-writer/recover.h"
#include "auditd-writer/timekeeper.h"

struct writer;
struct channel;
struct fault_count;

/* Of a log's very first record: its name and first key, and which log it goes on from. */
void note_origin(struct writer *w);
void note_start(struct writer *w);
void note_stop(struct writer *w);
void note_clock_step(struct writer *w, const struct clock_step *step);
void note_recovery(struct writer *w, const struct recovered *r);
/* Earlier segments are absent at start: the log begins with this record. */
void note_segments(struct writer *w, uint64_t first_seq);
/* Free space: "low", "full", or "recovered" from one of them. */
void note_space(struct writer *w, const char *state, const char *from);
/* Appending works again after it had failed. False: it could not be told. */
bool note_storage_recovered(struct writer *w);
/* A segment was closed from a checked copy, or could not be closed up to now. */
void note_poisoned(struct writer *w, const struct job *job);
void note_unclosed(struct writer *w, const struct job *job);
/* Faults of a channel since the last such record. */
void note_channel(struct writer *w, const struct channel *c, const struct fault_count *fault);
void note_heartbeat(struct writer *w);
void note_counters(struct writer *w);
