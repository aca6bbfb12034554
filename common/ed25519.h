/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ed25519 (RFC 8032) by libcrypto, raw keys. Every function that fails for want of memory or of the
 * algorithm says -EIO; nothing here logs, keeps or frees a caller's secret.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

#define ED25519_SEED 32 /* bytes of a private key: what is signed with */
#define ED25519_KEY 32  /* bytes of a public key */
#define ED25519_SIGNATURE 64

/* The public key of a private one. */
int ed25519_public(const uint8_t seed[ED25519_SEED], uint8_t out[ED25519_KEY]);

int ed25519_sign(const uint8_t seed[ED25519_SEED], struct str text, uint8_t out[ED25519_SIGNATURE]);

/*
 * The same for who signs with a key whose public one is asked for, too: the work of making that is half
 * of a signature's. All zero it is closed.
 */
struct ed25519_pair {
	void *private_key; /* libcrypto's; overwritten when closed */
	uint8_t key[ED25519_KEY];
};

int ed25519_pair_open(struct ed25519_pair *p, const uint8_t seed[ED25519_SEED]);
void ed25519_pair_close(struct ed25519_pair *p);
/* Whether it is open, and of this private key. */
bool ed25519_pair_is(const struct ed25519_pair *p, const uint8_t seed[ED25519_SEED]);
int
ed25519_pair_sign(const struct ed25519_pair *p, struct str text, uint8_t out[ED25519_SIGNATURE]);

/* 0; -EBADMSG: not a signature of this text by this key. */
int ed25519_verify(
    const uint8_t key[ED25519_KEY], struct str text, const uint8_t signature[ED25519_SIGNATURE]);
