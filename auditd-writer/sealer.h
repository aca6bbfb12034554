/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Seals (docs/FORMAT.md, "Seals"), in an order that a crash may cut anywhere:
 *
 *     stage      for each segment of a group: a new key, the text that names it, the signature by the
 *                current key, all in memory
 *     commit     the key state, with all of it as pending (keystate.h): from here on these seals exist
 *     publish    each: <base>.seal written, synced and renamed to its name; <base>.tmp renamed to
 *                <base>; then the directory synced
 *
 * Every step may be repeated: a commit that failed is made again with the same bytes, and nothing new
 * is staged before everything committed is published and durable. So no key signs two seals that
 * anybody sees, and whoever starts after a crash has only to publish what the key state holds.
 *
 * Used by one thread at a time: by recovery, then by the closer. All functions return 0 or a negative
 * errno with *ret_step, static text: what failed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/dir.h"
#include "auditd-writer/identity.h"
#include "auditd-writer/keystate.h"
#include "auditd-writer/tally.h"
#include "proto/seal.h"

/* A segment to be sealed: durable as base.tmp, and exactly what total says. */
struct sealing {
	const char *base;
	const struct tally_total *total;
	enum seal_state state;
	uint64_t torn_bytes;
	struct dir_file
	    file; /* it gets its last name only if base.tmp leads to this one; if it is known */
};

struct sealer {
	const struct dir *dir; /* of the log */
	struct keyfile *file;
	const struct identity *identity;
	struct hash *hash;
	struct ed25519_pair signer; /* of the next seal, if its seed still is the state's */
	struct keystate state;      /* as committed */
	struct keystate next;       /* while staged */
	bool staged;                /* next is not committed, as far as is known */
	bool published;             /* state's pending seals are in place, durably */
	unsigned n_placed;          /* of state's pending seals, from the first: in place */
	uint64_t published_seq; /* of the last record whose segment's seal is in place, durably */
	/* Of the segments that are staged; when none are, of those that are pending. */
	struct dir_file files[KEYSTATE_PENDING];
	const char *at; /* base name of what publishing has come to, for messages; or NULL */
};

/*
 * state: of keyfile_open() or a new log's, copied; wipe it then. Allocates; nothing later does.
 * Everything given but state outlives it. -ENOMEM.
 */
int sealer_init(struct sealer *s, const struct dir *audit, struct keyfile *file,
    const struct identity *identity, const struct keystate *state);
void sealer_deinit(struct sealer *s);

/*
 * At start: publish what the last run committed. ret_gone: base name of a segment of which nothing is
 * there any more but its seal, "" for none: somebody has removed it since it was published.
 */
int sealer_resume(struct sealer *s, char ret_gone[SEGNAME_SIZE], const char **ret_step);

/*
 * Seal these, in order, in groups of one commit each; first what an error left undone. A segment that
 * is sealed already is passed over. -EBUSY: one does not continue the last sealed one; -EBADMSG: there
 * is another seal under its name. -ENOENT: its name does not lead to its file any more.
 */
int sealer_seal(struct sealer *s, const struct sealing *group, unsigned n, const char **ret_step);

/* Whether this segment's seal is published, durably. Its records are the log's, each in one segment. */
static inline bool
sealer_has(const struct sealer *s, const struct tally_total *total)
{
	return total->last_seq <= s->published_seq;
}

/* Whether this segment is pending, and it and its seal have got their last names in this run. */
bool sealer_has_placed(const struct sealer *s, const char *base);

/* After an error: whether it was an earlier segment's, which this one has to wait for. */
static inline bool
sealer_has_to_wait(const struct sealer *s, const struct tally_total *total)
{
	bool settled = !s->staged && s->published;

	return total->first_seq > (s->staged ? s->next.seq : s->state.seq) + settled;
}
