/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ed25519 (RFC 8032) by libcrypto, raw keys. Every function that fails for want of memory or of the
 * algorithm says -EIO; nothing here logs, keeps or frees a caller's secret.
 */

#include <stdint.h>

#include "common/str.h"

#define ED25519_SEED 32 /* bytes of a private key: what is signed with */
#define ED25519_KEY 32  /* bytes of a public key */
#define ED25519_SIGNATURE 64

/* The public key of a private one. */
int ed25519_public(const uint8_t seed[ED25519_SEED], uint8_t out[ED25519_KEY]);

int ed25519_sign(const uint8_t seed[ED25519_SEED], struct str text, uint8_t out[ED25519_SIGNATURE]);

/* 0; -EBADMSG: not a signature of this text by this key. */
int ed25519_verify(
    const uint8_t key[ED25519_KEY], struct str text, const uint8_t signature[ED25519_SIGNATURE]);
