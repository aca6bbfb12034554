/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The file that `auditlog prove` writes (docs/FORMAT.md, "Proofs"): one record, the hashes that lead
 * from it to its segment's root, and the seals that lead from a pinned key to that segment. It names
 * no other record.
 *
 * One JSON object, its members exactly these and in this order; white space between tokens is free.
 * Putting and getting stand side by side. Slices of a proof that was read point into the text or
 * into the reader.
 */

#include <stdint.h>

#include "common/jscan.h"
#include "common/limits.h"
#include "common/text.h"
#include "proto/line.h"
#include "proto/merkle.h"
#include "proto/seal.h"

#define PROOF_TYPE "sealwright-proof/v1"
#define PROOF_SIZE (256u << 20) /* bytes of a proof at most */
#define PROOF_SEALS (1u << 19)  /* seals of one at most: more would not fit */

/* Room for what proof_put_head(), proof_put_seal() append at most: six bytes for one. */
#define PROOF_HEAD (6 * (LIMIT_LINE + SEAL_ORIGIN) + MERKLE_DEPTH * (2 * HASH_SIZE + 3) + 512)
#define PROOF_SEAL (6 * SEAL_NOTE + 3)

struct proof {
	struct str origin;
	struct str event_id;
	struct str record;                     /* the line with its newline */
	uint64_t leaf_index;                   /* of the record in its segment, from 0 */
	uint8_t path[MERKLE_DEPTH][HASH_SIZE]; /* lowest first */
	size_t n_path;
	uint64_t seal_index; /* the seal of the record's segment */
};

/* Append all up to the seals; then each seal's whole file, in the order of their indexes; the end. */
void proof_put_head(struct text *t, const struct proof *p);
void proof_put_seal(struct text *t, struct str note, bool first);
void proof_put_end(struct text *t);

struct proof_reader {
	struct jscan_tape tape; /* grows */
	struct proof proof;
	uint32_t seals;            /* token of the array */
	size_t record_at, path_at; /* their first bytes in the text */
	char origin[SEAL_ORIGIN];
	char event_id[UUID_TEXT];
	char record[LIMIT_LINE];
};

/*
 * Read a whole proof: its form and its limits, nothing of what it claims. text must stay; r is all
 * zero at first and released with proof_reader_free(). -EINVAL: not of that form, -E2BIG: over a
 * limit, -ENOMEM. ret_fault: the byte and what is wrong there.
 */
int proof_get(struct proof_reader *r, struct str text, struct jscan_fault *ret_fault);
void proof_reader_free(struct proof_reader *r);

/* The token of the first seal. There is at least one. */
uint32_t proof_first_seal(const struct proof_reader *r);
/* How many there are. */
uint32_t proof_seals(const struct proof_reader *r);
/*
 * The seal at *token, and *token moved to the next one. Without escapes it would be a slice of the
 * text; else it is in buf. ret_at: its first byte in the text.
 */
struct str
proof_seal(const struct proof_reader *r, uint32_t *token, char buf[SEAL_NOTE], size_t *ret_at);
