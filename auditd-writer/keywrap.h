/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A private key encrypted with a secret that does not lie beside it (a systemd credential):
 * AES-256-GCM by libcrypto, the secret being the key. What is stored with the private key is
 * authenticated together with it, so a wrapped key fits only the state that it was stored in.
 */

#include <stdint.h>

#include "common/ed25519.h"
#include "common/str.h"

#define KEYWRAP_SECRET 32 /* bytes */
#define KEYWRAP_NONCE 12
#define KEYWRAP_TAG 16
#define KEYWRAP_SIZE (KEYWRAP_NONCE + ED25519_SEED + KEYWRAP_TAG) /* of a wrapped key */

struct keywrap;

/* NULL: no memory, or libcrypto has no AES-256-GCM. Keeps no pointer to the secret. */
struct keywrap *keywrap_new(const uint8_t secret[KEYWRAP_SECRET]);
/* NULL is fine. */
void keywrap_free(struct keywrap *w);

/* Random, for keywrap_close(): two different keys must never be wrapped with one nonce. */
int keywrap_nonce(uint8_t out[KEYWRAP_NONCE]);

/* -EIO when the library fails. */
int keywrap_close(struct keywrap *w, struct str beside, const uint8_t nonce[KEYWRAP_NONCE],
    const uint8_t seed[ED25519_SEED], uint8_t out[KEYWRAP_SIZE]);
/* -EBADMSG: not wrapped with this secret, or not beside this. */
int keywrap_open(struct keywrap *w, struct str beside, const uint8_t wrapped[KEYWRAP_SIZE],
    uint8_t seed[ED25519_SEED]);
