/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/outcomes.h"

#include <stdbool.h>
#include <stddef.h>

#include "proto/line.h"

void
outcomes_put(struct outcomes *o, uint64_t seq, const struct record_peer *peer)
{
	size_t at = o->put % OUTCOMES_KEPT;

	o->ring[at].seq = seq;
	o->ring[at].peer = *peer;
	o->put++;
}

/* The ring is in ascending order from its oldest entry on. */
static const struct record_peer *
outcomes_find(const struct outcomes *o, uint64_t seq)
{
	uint64_t low = o->put > OUTCOMES_KEPT ? o->put - OUTCOMES_KEPT : 0, high = o->put;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (o->ring[middle % OUTCOMES_KEPT].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == o->put || o->ring[low % OUTCOMES_KEPT].seq != seq)
		return NULL;
	return &o->ring[low % OUTCOMES_KEPT].peer;
}

const char *
outcomes_compare(
    const struct outcomes *o, uint64_t log_id, struct str id, const struct record_peer *peer)
{
	uint64_t id_log, seq;
	const struct record_peer *asked;

	if (line_event_id_parse(id, &id_log, &seq) < 0 || id_log != log_id)
		return "unknown";
	asked = outcomes_find(o, seq);
	if (!asked)
		return "unknown";
	return asked->uid == peer->uid && asked->gid == peer->gid && asked->pid == peer->pid
		   ? "same"
		   : "different";
}
