/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The log at start: taken over from the run before as the key state knows it, or begun. What does not
 * fit together ends the process with a message that names the file; nothing is written before that
 * is known (docs/FORMAT.md, "The key state", "After a crash").
 */

#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/history.h"
#include "auditd-writer/recover.h"

struct writer;

struct opening {
	struct recovery recovery;
	struct untold untold; /* recovered by starts before, which no record tells of */
	uint64_t first_seq;   /* of the oldest record that is still there, or will be */
};

/* The secret that the private key is stored under, from its descriptor: before others are closed. */
void opening_take_secret(struct writer *w);
/* What reading and writing the key state needs; forgets the secret. */
void opening_prepare_keys(struct writer *w);

/*
 * The key state and the directory agree, what was committed is published, what a crash left open is
 * closed and sealed: the log ends where w->sealer.state says. Before the closer runs.
 */
void opening_take_log(struct writer *w, struct opening *ret);

/* The first records of the session, durable when this returns. Releases what opening holds. */
void opening_begin_session(struct writer *w, struct opening *o);
