/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SHA-256 (FIPS 180-4), for fingerprints in programs that have no other use of a crypto library
 * (every byte of one would be mapped into every process that parses a stranger's bytes). Public
 * data only; not constant-time by intent. The writer uses libcrypto.
 */

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

struct sha256 {
	uint32_t state[8];
	uint64_t total;    /* bytes taken so far */
	uint8_t block[64]; /* the first total % 64 bytes of the next block */
};

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *bytes, size_t n);
/* Ends it: init before using it again. */
void sha256_end(struct sha256 *h, uint8_t ret[SHA256_BYTES]);
