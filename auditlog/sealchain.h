/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * All seals of a log, in the order of their indexes, each checked: form, signature by its own key,
 * and that it follows the one before it (index, origin, key, hash, seq). What trusts whom is judged
 * elsewhere (trust.h): here the first seal that is there is taken at its word.
 *
 * Safe while the log is written to: what looks wrong is looked at again, by name or in another
 * listing, before it is a fault.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auditlog/fault.h"
#include "proto/logdir.h"
#include "proto/seal.h"

struct sealchain_seal {
	struct seal seal; /* session and boot_id are not kept; file is base, origin the chain's */
	char base[SEGNAME_SIZE]; /* of the segment */
	uint8_t hash[HASH_SIZE]; /* SHA-256 of the text: what pins and prev_seal say */
	uint8_t leaf[HASH_SIZE]; /* leaf hash of the text, for the Merkle tree of all seals */
	bool present;            /* the segment's lines are there (.jsonl or .jsonl.tmp) */
};

struct sealchain {
	const struct logdir *dir;
	/*
	 * n seals that follow each other, the first with whatever index it has: above 0, seals are
	 * missing at the front. Their places here are not their indexes.
	 */
	const struct sealchain_seal **seals;
	size_t n;
	/*
	 * FAULT_NONE, or what stands where the next seal should be. It comes behind everything in
	 * the n seals and in their segments.
	 */
	struct fault fault;

	struct sealchain_part *parts; /* what was found, good or not, by base name */
	size_t n_parts;
	struct sealchain_origin *origins;
};

/*
 * Lists the directory (again) and loads. Signatures are checked on all cores. 0, whatever the state
 * of the log; negative errno when the directory cannot be listed or memory runs out. hash_init()
 * and the jail come before it. All zero at first; may be called again to see what has changed.
 * Released by sealchain_free(); dir must outlive it.
 */
int sealchain_load(struct sealchain *c, struct logdir *dir);
void sealchain_free(struct sealchain *c);

/* Look again whether the segments of the first n seals are there: `present` as it is now. */
void sealchain_look(struct sealchain *c, size_t n);

/* The seal of this index; NULL when it is not among the n. */
const struct sealchain_seal *sealchain_find(const struct sealchain *c, uint64_t index);

/*
 * Read the whole note again (signature included). buf has room for SEAL_NOTE bytes. -ESTALE: its
 * text is not the one that was checked; otherwise as logdir_read().
 */
int sealchain_note(const struct sealchain *c, const struct sealchain_seal *s, struct hash *h,
    char *buf, struct str *ret_note);

/*
 * Whether the seal `next` may come behind `before`, or (NULL) first of all: *f is set when it
 * may not, and stays when it may. Their signatures are checked before. h: a running sum to use.
 */
void sealchain_follow(const struct sealchain_seal *before, const struct sealchain_seal *next,
    struct hash *h, struct fault *f);
