/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The seal of a segment (docs/FORMAT.md, "Seals"): the text is one JSON line, its members in one
 * order and one form, so that a seal has exactly one text and reading needs no JSON parser; around it
 * a signed note (note.h) with one signature, by the seal's own one-time key.
 *
 * Format and parse stand side by side: whatever seal_parse() takes, seal_format() gives back byte
 * for byte. Slices of a parsed seal point into the text parsed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/ed25519.h"
#include "common/hash.h"
#include "common/str.h"
#include "common/text.h"
#include "proto/line.h"
#include "proto/note.h"
#include "proto/segname.h"

#define SEAL_TYPE "sealwright-seal/v1"
#define SEAL_ORIGIN NOTE_NAME /* bytes; [A-Za-z0-9._/:@-] only */
#define SEAL_TEXT 2048        /* bytes of the text at most */
#define SEAL_NOTE 2560        /* bytes of the whole file at most */

enum seal_state {
	SEAL_CLEAN,
	SEAL_RECOVERED, /* after a crash: from what was found whole */
	SEAL_POISONED,  /* after a storage error: a checked copy of what was known to be good */
};

struct seal {
	struct str origin;
	uint64_t index; /* from 0 */
	struct str file;
	uint64_t bytes;
	uint8_t sha256[HASH_SIZE];
	uint64_t records;
	uint64_t first_seq, last_seq;
	int64_t first_time, last_time; /* us since 1970, of the first and the last record */
	uint8_t head[HASH_SIZE];       /* leaf hash of the last line */
	uint8_t root[HASH_SIZE];       /* Merkle root over the lines */
	uint8_t prev_seal[HASH_SIZE];  /* SHA-256 of the previous seal's text; zeros for index 0 */
	enum seal_state state;
	uint64_t torn_bytes;
	struct str session;            /* of the run that signed, a UUID */
	struct str boot_id;            /* a UUID, or "unknown" */
	uint8_t key[ED25519_KEY];      /* that verifies this seal; in the text as a verifier key */
	uint8_t next_key[ED25519_KEY]; /* that will verify the next one */
};

/* Not empty, at most SEAL_ORIGIN bytes, only characters that need no escape anywhere. */
bool seal_origin_ok(struct str origin);

const char *seal_state_name(enum seal_state s);

/* Append the text: the JSON line with its newline. */
void seal_format(struct text *t, const struct seal *s, struct hash *h);

/*
 * Exactly one text of that form; numbers below 2^53, key id and names checked, last_seq - first_seq
 * + 1 == records > 0. -EINVAL with *ret_why (static: which member and what) and *ret_at (byte
 * offset in text).
 */
int
seal_parse(struct str text, struct hash *h, struct seal *ret, const char **ret_why, size_t *ret_at);

/* The key that verifies this seal, as a note key. name points to s->origin. */
void seal_key(const struct seal *s, struct hash *h, struct note_key *ret);

/*
 * From a whole .seal file: note and text parsed, one signature only, and it is good for the seal's
 * own key. Whether that is the right key is the caller's question. -EINVAL (form), -EBADMSG
 * (signature) with *ret_why, *ret_at (byte offset in the file).
 */
int seal_open(struct str file, struct hash *h, struct seal *ret, struct str *ret_text,
    const char **ret_why, size_t *ret_at);
