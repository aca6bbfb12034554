/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Audit lines and whole logs to measure with: decisions of several kinds, outcomes and events, as
 * the writer makes them (line_format), of some 680 bytes on average; honest seals.
 */

#include <stdint.h>

#include "common/hash.h"
#include "common/str.h"
#include "proto/line.h"
#include "proto/merkle.h"
#include "proto/seal.h"

struct loggen {
	struct line_stamp stamp; /* seq: of the last line made; prev_hash: of the next one */
	uint64_t random;
	struct hash *sum;
};

/* -ENOMEM. */
int loggen_init(struct loggen *g);
void loggen_deinit(struct loggen *g);

/* Append the next line. A line that does not fit ends the program. */
void loggen_line(struct loggen *g, struct text *t);

/* The chain of seals. */
struct loggen_seals {
	char origin[SEAL_ORIGIN + 1];
	uint64_t index;
	struct ed25519_pair signer; /* of the next seal */
	uint8_t prev_seal[HASH_SIZE];
};

/* -EIO. */
int loggen_seals_init(struct loggen_seals *s, const struct loggen *g);
void loggen_seals_deinit(struct loggen_seals *s);

/*
 * What sealing a segment costs besides its hashes: the next key, the body, signed and read again as
 * a stranger would. s: what the seal says of the segment, all but origin, index, keys and prev_seal.
 */
void loggen_seal(struct loggen_seals *c, struct seal *s, struct hash *h, struct text *note);

/* A log of so many records in dir, which is there and empty: segments, seals, origin.vkey. */
int loggen_write(const char *dir, uint64_t records, uint64_t per_segment);
