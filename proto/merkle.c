/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/merkle.h"

#include <errno.h>
#include <string.h>

#define NODE_SIZE (1 + 2 * HASH_SIZE)
#define MAX_LEAVES (UINT64_C(1) << MERKLE_DEPTH)

void
merkle_node(struct hash *h, const uint8_t left[HASH_SIZE], const uint8_t right[HASH_SIZE],
    uint8_t out[HASH_SIZE])
{
	char node[NODE_SIZE];

	node[0] = 0x01;
	memcpy(node + 1, left, HASH_SIZE);
	memcpy(node + 1 + HASH_SIZE, right, HASH_SIZE);
	hash_begin(h);
	hash_add(h, (struct str){node, sizeof(node)});
	hash_end(h, out);
}

/* --- growing --------------------------------------------------------------------------------- */

void
merkle_init(struct merkle *m)
{
	m->size = 0;
}

/* How many complete subtrees make up a tree: one for each bit of its size. */
static unsigned
roots_of(uint64_t size)
{
	return (unsigned)__builtin_popcountll(size);
}

/* Like adding to a binary number: each carry joins two subtrees of one size. */
void
merkle_add_tree(struct merkle *m, struct hash *h, unsigned height, const uint8_t root[HASH_SIZE])
{
	unsigned n = roots_of(m->size);

	memcpy(m->roots[n], root, HASH_SIZE);
	for (uint64_t carry = m->size >> height; carry & 1; carry >>= 1, n--)
		merkle_node(h, m->roots[n - 1], m->roots[n], m->roots[n - 1]);
	m->size += UINT64_C(1) << height;
}

void
merkle_add(struct merkle *m, struct hash *h, const uint8_t leaf[HASH_SIZE])
{
	merkle_add_tree(m, h, 0, leaf);
}

void
merkle_root(const struct merkle *m, struct hash *h, uint8_t out[HASH_SIZE])
{
	unsigned n = roots_of(m->size);

	if (n == 0) {
		hash_begin(h);
		hash_end(h, out);
		return;
	}
	memcpy(out, m->roots[--n], HASH_SIZE);
	while (n > 0)
		merkle_node(h, m->roots[--n], out, out);
}

/* --- proofs of inclusion --------------------------------------------------------------------- */

static void
root_of(struct hash *h, uint8_t (*leaves)[HASH_SIZE], uint64_t n, uint8_t out[HASH_SIZE])
{
	struct merkle m;

	merkle_init(&m);
	for (uint64_t i = 0; i < n; i++)
		merkle_add(&m, h, leaves[i]);
	merkle_root(&m, h, out);
}

/* The largest power of two below n; n > 1. */
static uint64_t
split_of(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static int
depth_of(uint64_t size, uint64_t index)
{
	int depth = 0;

	for (; size > 1; depth++) {
		uint64_t k = split_of(size);

		size = index < k ? k : size - k;
		index = index < k ? index : index - k;
	}
	return depth;
}

/* From the root down to the leaf, so the path fills from its end. */
int
merkle_path(struct hash *h, uint8_t (*leaves)[HASH_SIZE], uint64_t size, uint64_t index,
    uint8_t path[MERKLE_DEPTH][HASH_SIZE])
{
	int depth;

	if (index >= size || size > MAX_LEAVES)
		return -EINVAL;
	depth = depth_of(size, index);
	for (int at = depth - 1; at >= 0; at--) {
		uint64_t k = split_of(size);

		if (index < k) {
			root_of(h, leaves + k, size - k, path[at]);
			size = k;
		} else {
			root_of(h, leaves, k, path[at]);
			leaves += k;
			index -= k;
			size -= k;
		}
	}
	return depth;
}

/* RFC 9162, section 2.1.3.2; `at` and `last` are its fn and sn. */
int
merkle_climb(struct hash *h, const uint8_t leaf[HASH_SIZE], uint64_t size, uint64_t index,
    uint8_t (*path)[HASH_SIZE], size_t n, uint8_t out[HASH_SIZE])
{
	uint64_t at = index, last = size - 1;

	if (index >= size || size > MAX_LEAVES)
		return -EINVAL;
	memcpy(out, leaf, HASH_SIZE);
	for (size_t i = 0; i < n; i++, at >>= 1, last >>= 1) {
		if (last == 0)
			return -EINVAL;
		if (!(at & 1) && at != last) {
			merkle_node(h, out, path[i], out);
			continue;
		}
		merkle_node(h, path[i], out, out);
		/* At the right edge: levels where this subtree has no sibling. */
		while (at != 0 && !(at & 1)) {
			at >>= 1;
			last >>= 1;
		}
	}
	return last == 0 ? 0 : -EINVAL;
}
