/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who asked for the latest evaluations, so that an outcome from somebody else shows. In memory only:
 * of older ones, and of those before a restart, it is unknown.
 */

#include <stdint.h>

#include "proto/record.h"

#define OUTCOMES_KEPT 65536

struct outcomes {
	uint64_t put; /* how many there were ever */
	struct {
		uint64_t seq;
		struct record_peer peer;
	} ring[OUTCOMES_KEPT];
};

/* An evaluation was given this record number; numbers only grow. */
void outcomes_put(struct outcomes *o, uint64_t seq, const struct record_peer *peer);

/* "same", "different" or "unknown", of the sender of an outcome. id: audit_event_id as sent. */
const char *outcomes_compare(
    const struct outcomes *o, uint64_t log_id, struct str id, const struct record_peer *peer);
