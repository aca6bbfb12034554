/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The writer as a whole: what its parts share. One thread does everything but closing segments
 * (closer.h). Nothing here is allocated after start.
 *
 * Files, from the outside in: main.c (start, loop, end), dispatch.c (messages in), channel.c (one
 * channel: state, acknowledgements out), control.c (the supervisor's), ledger.c (records to lines),
 * notes.c (records of our own), storage.c (lines to disk, and what to do when that fails),
 * rotation.c (segments), space.c (free space), status.c (counters).
 */

#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/batch.h"
#include "auditd-writer/channel.h"
#include "auditd-writer/closer.h"
#include "auditd-writer/dir.h"
#include "auditd-writer/encode.h"
#include "auditd-writer/identity.h"
#include "auditd-writer/keystate.h"
#include "auditd-writer/options.h"
#include "auditd-writer/outcomes.h"
#include "auditd-writer/sealer.h"
#include "auditd-writer/segment.h"
#include "auditd-writer/standby.h"
#include "auditd-writer/tally.h"
#include "auditd-writer/timekeeper.h"
#include "common/limits.h"
#include "proto/msg.h"
#include "proto/record.h"

struct counters {
	uint64_t decisions, events, outcomes, notes; /* recorded, by message type */
	uint64_t own;                                /* records of our own */
	uint64_t bytes;                              /* of lines */
	uint64_t frames;
	uint64_t writes, syncs;
	uint64_t refused_storage, refused_too_large, refused_invalid;
	uint64_t faults;
	uint64_t closed, poisoned; /* segments */
	uint64_t notes_lost;       /* records of our own that found no room */
	uint64_t next_seal;        /* no count: index of the next seal, as the closer last said */
};

/* --- storage.c -------------------------------------------------------------------------------- */

struct storage {
	enum storage_state state;
	int error;            /* negative errno while failed */
	int64_t failed_since; /* us since 1970 */
	int64_t retry_at;     /* monotonic */
	int64_t backoff;
	bool untold;      /* that it failed has no record yet: failed_since and refused go on */
	uint64_t refused; /* messages since it failed */
	bool low, full;   /* recorded as such */
	int64_t checked_at;
	uint64_t free_bytes;
};

/* --- rotation.c ------------------------------------------------------------------------------- */

#define ROTATE_REQUESTS 16

/* A ROTATE that is answered when the segment of this number is closed; 0: the one open now. */
struct rotate_request {
	uint32_t request;
	uint32_t number;
};

struct rotation {
	struct standby standby;
	unsigned waiting; /* segments that are not closed yet, failed ones included */
	struct job failed[CLOSER_JOBS];
	unsigned n_failed;
	int error; /* negative errno of the last one that could not be closed; 0: none */
	/* Poisoned, and not handed over before what they did not cover is safe elsewhere. */
	struct job retired[LIMIT_WAITING_SEGMENTS + 2];
	unsigned n_retired;
	int64_t retry_at; /* monotonic; INT64_MAX: nothing to try again */
	int64_t backoff;
	int64_t hold_until; /* monotonic: no use to rotate before */
	struct rotate_request requests[ROTATE_REQUESTS];
	unsigned n_requests;
	struct tally tallies[2]; /* one is the open segment's */
};

struct writer {
	struct options options;
	struct identity identity;
	struct dir audit, keys;
	struct keyfile keyfile;
	struct sealer sealer; /* the closer's from when it runs */
	int64_t now;          /* monotonic, once per turn */
	struct timekeeper time;
	struct encoder encoder;
	struct batch batch;
	struct segment open;
	struct storage storage;
	struct rotation rotation;
	struct closer closer;
	struct outcomes outcomes;
	struct counters counters;
	int64_t recorded_at; /* monotonic time of the newest record */
	int64_t started;     /* monotonic */
	const char *ending;  /* why we end; NULL: we do not */
	bool ending_badly;   /* the supervisor broke the protocol */
	uint32_t n_channels; /* evaluators and admin; channels[0] is the supervisor's */
	struct channel channels[LIMIT_EVALUATORS + 2];
	struct outbox outbox; /* to the supervisor */
};
