/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the log stands: number and hash of its last record, read from the newest closed segment.
 * (With seals this comes from the key state, and the directory is no longer believed.)
 */

#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/catalog.h"
#include "common/hash.h"
#include "common/text.h"

struct history {
	bool any; /* there is a record; else all below is 0 */
	uint64_t log_id;
	uint64_t first_seq; /* of the oldest record that is still there */
	uint64_t seq;       /* of the newest record */
	int64_t time;       /* of the newest record, us since 1970 */
	uint8_t head[LINE_HASH];
};

/*
 * Looks at the first and the last closed segment of each session. 0; -EBADMSG: a segment is not as
 * we leave it, why says which and what; other errors likewise.
 */
int history_read(struct history *ret, const struct dir *d, const struct catalog *c, struct hash *h,
    struct text *why);
