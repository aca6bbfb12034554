/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the audit directory says of the log's past, beside the key state: nothing that the log goes on
 * from, only whether the two can belong together. Of each session the last seal is looked at; whether
 * every seal is good is for `auditlog verify` to find out.
 */

#include <stdint.h>

#include "auditd-writer/catalog.h"
#include "auditd-writer/keystate.h"
#include "auditd-writer/recover.h"
#include "common/hash.h"
#include "common/text.h"

/*
 * -EBADMSG with why, which names the file: a seal of another origin; one whose index the key state
 * has yet to give (it was put back to an earlier state); the newest, but not the one that the state
 * knows; a closed segment without a seal, unless it is pending; a seal that is none. Another errno: one
 * cannot be read.
 */
int history_check(const struct dir *d, const struct catalog *c, const struct keystate *s,
    struct hash *h, struct text *why);

/* Number of the oldest record in a closed segment, 0: there is none. Errors as above. */
int history_first(
    uint64_t *ret, const struct dir *d, const struct catalog *c, struct hash *h, struct text *why);

/* Segments that were recovered, and no record says so: the starts that sealed them were cut short. */
struct untold {
	struct recovered *segments; /* in order */
	size_t n;
};

/*
 * c: as it was before this start has recovered what `now` has, s as well. What a session says of the
 * recovery before it comes behind its first record. -ENOMEM, or why a seal cannot be read. free() segments.
 */
int history_untold(struct untold *ret, const struct dir *d, const struct catalog *c,
    uint64_t next_index, const struct recovery *now, struct hash *h, struct text *why);
