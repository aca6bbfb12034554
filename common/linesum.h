/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The two sums that every byte of a log goes into, for who reads one: the SHA-256 of the whole file,
 * and the leaf hash of each line (hash.h). Where the processor has SHA instructions both are made
 * side by side, in little more time than one of them (sha256_block.h); what comes out is compared
 * with libcrypto's when a sum is made, and if that ever differed, or elsewhere, libcrypto makes both.
 *
 * hash_init() first. A failing hash ends the process.
 */

#include <stdint.h>

#include "common/hash.h"
#include "common/str.h"

struct linesum;

/* NULL without memory; nothing later allocates. */
struct linesum *linesum_new(void);
/* NULL is fine. */
void linesum_free(struct linesum *s);

void linesum_begin(struct linesum *s);
/* The line, with its newline, is added to the file's sum; its leaf hash. */
void linesum_add(struct linesum *s, struct str line, uint8_t leaf[HASH_SIZE]);
/* Merkle nodes in the same way, SHA-256(0x01, left, right): hashes[i] of the two at 2 i, for n pairs. */
void linesum_parents(struct linesum *s, uint8_t (*hashes)[HASH_SIZE], size_t n);
/* The file's sum. Then only linesum_begin() may follow. */
void linesum_end(struct linesum *s, uint8_t out[HASH_SIZE]);
