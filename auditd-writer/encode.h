/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From a record to the next line of the log: stamps what the writer alone may say (event id, time,
 * seq, hash of the previous line, session, host, channel) and keeps the chain's end.
 */

#include <stdint.h>

#include "auditd-writer/tally.h"
#include "common/hash.h"
#include "common/text.h"
#include "proto/line.h"
#include "proto/record.h"

struct encoder {
	struct line_stamp stamp; /* seq: of the last line made; prev_hash: of the next one */
	struct hash *leaf;
};

/* The end of the log so far: number of its last record (0: none) and that line's leaf hash. */
void encode_init(struct encoder *e, uint64_t log_id, const char *session, const char *hostname,
    uint64_t seq, const uint8_t head[LINE_HASH], struct hash *leaf);

/*
 * Append one line to out and make it the chain's end. channel: LINE_NO_CHANNEL for none.
 * evaluation_peer: for outcomes, else NULL. -EMSGSIZE: too long; nothing happened.
 */
int encode_line(struct encoder *e, struct text *out, const struct record *r, int channel,
    const char *evaluation_peer);

/* Number of the last line made. */
static inline uint64_t
encode_seq(const struct encoder *e)
{
	return e->stamp.seq;
}

/* Of the last line made. */
static inline void
encode_mark(const struct encoder *e, struct mark *ret)
{
	ret->seq = e->stamp.seq;
	ret->time = e->stamp.time;
	memcpy(ret->leaf, e->stamp.prev_hash, HASH_SIZE);
}
