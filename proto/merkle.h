/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Merkle trees of RFC 6962, section 2.1: leaf SHA-256(0x00, entry), node SHA-256(0x01, left, right),
 * a tree of n leaves split at the largest power of two below n. Leaf hashes come from hash_leaf().
 * Inclusion proofs are those of RFC 9162, sections 2.1.3.1 and 2.1.3.2 (the same tree).
 *
 * No allocation; at most 2^63 leaves. Functions that hash take the running sum they may use. Arrays of
 * hashes are only read where the text does not say otherwise (C before C23 lets no array of bytes pass
 * as one of const bytes).
 */

#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"

#define MERKLE_DEPTH 63

/* A tree that grows at its right end, kept as the roots of its complete subtrees, largest first. */
struct merkle {
	uint64_t size; /* leaves */
	uint8_t roots[MERKLE_DEPTH + 1][HASH_SIZE];
};

void merkle_init(struct merkle *m);
void merkle_add(struct merkle *m, struct hash *h, const uint8_t leaf[HASH_SIZE]);
/* Add 2^height leaves at once, whose root this is. m->size must be a multiple of that. */
void
merkle_add_tree(struct merkle *m, struct hash *h, unsigned height, const uint8_t root[HASH_SIZE]);
/* Root of what was added so far; of nothing it is SHA-256 of nothing. The tree may grow on. */
void merkle_root(const struct merkle *m, struct hash *h, uint8_t out[HASH_SIZE]);

/* SHA-256(0x01, left, right). */
void merkle_node(struct hash *h, const uint8_t left[HASH_SIZE], const uint8_t right[HASH_SIZE],
    uint8_t out[HASH_SIZE]);

/*
 * Siblings on the way from leaf `index` (from 0) to the root, lowest first. leaves: all `size` leaf
 * hashes. Returns how many; -EINVAL unless index < size.
 */
int merkle_path(struct hash *h, uint8_t (*leaves)[HASH_SIZE], uint64_t size, uint64_t index,
    uint8_t path[MERKLE_DEPTH][HASH_SIZE]);

/*
 * The root that this leaf and this path lead to. -EINVAL when a path of n hashes cannot belong to
 * this index in a tree of this size.
 */
int merkle_climb(struct hash *h, const uint8_t leaf[HASH_SIZE], uint64_t size, uint64_t index,
    uint8_t (*path)[HASH_SIZE], size_t n, uint8_t out[HASH_SIZE]);
