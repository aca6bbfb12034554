/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SHA-256 (FIPS 180-4) without libcrypto, for processes that need nothing else of it: loading that
 * library costs each process 3 MiB of resident memory and some milliseconds. Never fails, never allocates.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

#define SHA256_SIZE 32  /* bytes of a sum */
#define SHA256_BLOCK 64 /* bytes */

/* A running sum. */
struct sha256 {
	uint32_t state[8];
	uint64_t n;                  /* bytes so far */
	uint8_t block[SHA256_BLOCK]; /* the last n % SHA256_BLOCK of them */
};

void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, struct str bytes);
void sha256_end(struct sha256 *s, uint8_t out[SHA256_SIZE]);

/* Of all at once. */
void sha256_sum(struct str bytes, uint8_t out[SHA256_SIZE]);
