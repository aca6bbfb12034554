/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Signed notes (C2SP signed-note, c2sp.org/signed-note): a text that ends with a newline, an empty
 * line, then signature lines
 *     — <name> base64(key id, signature)
 * with an em dash (U+2014). The signature covers the text with its last newline, nothing else.
 * Verifier keys are <name>+<key id in hex>+base64(algorithm, key). Key id: the first 4 bytes of
 * SHA-256(name, 0x0A, algorithm, key).
 *
 * Nothing allocates; slices point into what was given.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ed25519.h"
#include "common/hash.h"
#include "common/str.h"
#include "common/text.h"

#define NOTE_NAME 128 /* bytes of a name at most; C2SP sets no limit */
#define NOTE_ID 4     /* bytes of a key id */
#define NOTE_ED25519 0x01
#define NOTE_COSIGNATURE 0x04 /* C2SP tlog-cosignature: Ed25519 over a text with a time before it */
#define NOTE_SIGNATURES 16    /* signature lines of one note at most */
#define NOTE_BLOB 128         /* bytes behind a key id that are kept; keys we know have 64 or 72 */
#define NOTE_COSIGNED 4096    /* bytes of a text under a cosignature at most */
/* Characters of a verifier key at most, without a newline. */
#define NOTE_VKEY (NOTE_NAME + 1 + 8 + 1 + 44)

/* A key that notes are checked with. */
struct note_key {
	struct str name;
	uint8_t algorithm; /* NOTE_ED25519 or NOTE_COSIGNATURE */
	uint8_t id[NOTE_ID];
	uint8_t key[ED25519_KEY];
};

struct note_signature {
	struct str name;
	uint8_t id[NOTE_ID];
	uint8_t blob[NOTE_BLOB]; /* what follows the key id, or its start */
	size_t n;  /* bytes that follow it; over NOTE_BLOB it is of no key that we know */
	size_t at; /* byte offset of its line in the note */
};

struct note {
	struct str text; /* with its last newline */
	size_t n;
	struct note_signature signatures[NOTE_SIGNATURES];
};

/* Not empty, at most NOTE_NAME bytes of UTF-8, no '+', no white space, no control character. */
bool note_name_ok(struct str name);

/* Name, algorithm and key given: fills in the id. */
void note_key_identify(struct note_key *k, struct hash *h);
/* The verifier key, without a newline. */
void note_key_put(struct text *t, const struct note_key *k);
/* -EINVAL: not a verifier key that we know; its id must fit. s without a newline. */
int note_key_get(struct str s, struct hash *h, struct note_key *ret);

/* Append the empty line and one signature line to what is a text already. */
void
note_sign_put(struct text *t, const struct note_key *k, const uint8_t signature[ED25519_SIGNATURE]);

/*
 * Take a note apart, all of s. The text ends at the last empty line. -EINVAL with *ret_why (static
 * text) and *ret_at (byte offset): not UTF-8, control characters below U+0020 other than newline, no
 * text, no signature, more than NOTE_SIGNATURES, a line that is no signature line, base64 that is not
 * canonical.
 */
int note_parse(struct str s, struct note *ret, const char **ret_why, size_t *ret_at);

/*
 * 0: it bears a good NOTE_ED25519 signature by this key. -ENOENT: none by this name and id.
 * -EBADMSG: one of them is wrong. -EINVAL: the key is of another algorithm. -EIO: libcrypto.
 */
int note_verify(const struct note *n, const struct note_key *k);

/*
 * The same for a NOTE_COSIGNATURE key: blob is a big-endian u64 of seconds since 1970 and a signature
 * over "cosignature/v1\ntime <seconds>\n" and the text. *ret_time: those seconds, below 2^63; of
 * several good ones by this key the earliest. -EMSGSIZE: the text is over NOTE_COSIGNED bytes.
 */
int note_verify_cosignature(const struct note *n, const struct note_key *k, uint64_t *ret_time);
