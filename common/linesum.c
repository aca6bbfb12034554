/* SPDX-License-Identifier: Apache-2.0 */
#include "common/linesum.h"

#include <stdlib.h>

#include "common/sha256_block.h"

#define REST_BLOCKS 3                  /* of a leaf, with its padding */
#define FIRST_BYTES (SHA256_BLOCK - 1) /* of a line, in a leaf's first block */
#define NODE_BYTES ((size_t)2 * HASH_SIZE)
#define NODE_BLOCKS 2
#define CHECK_LINES 260 /* one of each length: up to more than four blocks */

struct linesum {
	struct hash *whole, *leaf; /* libcrypto's */
	bool ours;                 /* what follows is in use instead */
	struct sha256 file;
};

/* --- with the processor's instructions ---------------------------------------------------------- */

/* A line that may be of less than a block: one sum after the other. */
static void
add_short(struct linesum *s, struct str line, uint8_t leaf[HASH_SIZE])
{
	uint8_t blocks[REST_BLOCKS * SHA256_BLOCK];
	uint32_t state[8];

	memcpy(state, sha256_start, sizeof(state));
	blocks[0] = 0x00;
	memcpy(blocks + 1, line.p, line.n);
	sha256_blocks(state, blocks, sha256_pad(blocks, 1 + line.n, 1 + line.n));
	sha256_state_put(state, leaf);
	sha256_add_by(sha256_blocks, &s->file, (const uint8_t *)line.p, line.n);
}

/*
 * Both sums over one line, of FIRST_BYTES at least: the file's is `have` bytes into a block, the
 * leaf's one byte. First the block that each begins with, then those that lie in the line as they are,
 * then what is left: at most one whole block of either, and the leaf's padding.
 */
static void
add_long(struct linesum *s, struct str line, uint8_t leaf[HASH_SIZE])
{
	uint8_t first[SHA256_BLOCK], rest[REST_BLOCKS * SHA256_BLOCK];
	size_t have = s->file.n % SHA256_BLOCK, room = SHA256_BLOCK - have;
	const uint8_t *file = (const uint8_t *)line.p + room, *p = (const uint8_t *)line.p;
	size_t file_n = line.n - room, leaf_n = line.n - FIRST_BYTES;
	size_t file_blocks = file_n / SHA256_BLOCK, leaf_blocks = leaf_n / SHA256_BLOCK;
	size_t both = file_blocks < leaf_blocks ? file_blocks : leaf_blocks, left, blocks;
	uint32_t state[8];

	memcpy(state, sha256_start, sizeof(state));
	first[0] = 0x00;
	memcpy(first + 1, p, FIRST_BYTES);
	memcpy(s->file.block + have, p, room);
	sha256_blocks_of_two(s->file.state, s->file.block, state, first, 1);
	p += FIRST_BYTES;
	sha256_blocks_of_two(s->file.state, file, state, p, both);
	file += both * SHA256_BLOCK;
	p += both * SHA256_BLOCK;

	left = leaf_n - both * SHA256_BLOCK;
	memcpy(rest, p, left);
	blocks = sha256_pad(rest, left, 1 + line.n);
	both = file_blocks - both;
	sha256_blocks_of_two(s->file.state, file, state, rest, both);
	sha256_blocks(state, rest + both * SHA256_BLOCK, blocks - both);
	sha256_state_put(state, leaf);
	memcpy(s->file.block, file + both * SHA256_BLOCK, file_n % SHA256_BLOCK);
	s->file.n += line.n;
}

/* The blocks of a node. */
static void
node_blocks(uint8_t blocks[NODE_BLOCKS * SHA256_BLOCK], const uint8_t pair[NODE_BYTES])
{
	blocks[0] = 0x01;
	memcpy(blocks + 1, pair, NODE_BYTES);
	(void)sha256_pad(blocks, 1 + NODE_BYTES, 1 + NODE_BYTES);
}

/* For two pairs. */
static void
two_parents(const uint8_t pair[NODE_BYTES], const uint8_t other[NODE_BYTES], uint8_t out[HASH_SIZE],
    uint8_t other_out[HASH_SIZE])
{
	uint8_t blocks[NODE_BLOCKS * SHA256_BLOCK], other_blocks[NODE_BLOCKS * SHA256_BLOCK];
	uint32_t state[8], other_state[8];

	memcpy(state, sha256_start, sizeof(state));
	memcpy(other_state, sha256_start, sizeof(other_state));
	node_blocks(blocks, pair);
	node_blocks(other_blocks, other);
	sha256_blocks_of_two(state, blocks, other_state, other_blocks, NODE_BLOCKS);
	sha256_state_put(state, out);
	sha256_state_put(other_state, other_out);
}

/* --- both ways ---------------------------------------------------------------------------------- */

void
linesum_begin(struct linesum *s)
{
	if (!s->ours)
		hash_begin(s->whole);
	memcpy(s->file.state, sha256_start, sizeof(s->file.state));
	s->file.n = 0;
}

void
linesum_add(struct linesum *s, struct str line, uint8_t leaf[HASH_SIZE])
{
	if (!s->ours) {
		hash_leaf(s->leaf, line, leaf);
		hash_add(s->whole, line);
	} else if (line.n < SHA256_BLOCK) {
		add_short(s, line, leaf);
	} else {
		add_long(s, line, leaf);
	}
}

static void
one_parent(struct hash *h, const uint8_t pair[NODE_BYTES], uint8_t out[HASH_SIZE])
{
	hash_begin(h);
	hash_add(h, (struct str){"\x01", 1});
	hash_add(h, (struct str){(const char *)pair, NODE_BYTES});
	hash_end(h, out);
}

/* A pair is read before its parent, or one further on, is written over it. */
void
linesum_parents(struct linesum *s, uint8_t (*hashes)[HASH_SIZE], size_t n)
{
	size_t i = 0;

	for (; s->ours && i + 1 < n; i += 2)
		two_parents(hashes[2 * i], hashes[2 * i + 2], hashes[i], hashes[i + 1]);
	for (; i < n; i++)
		one_parent(s->leaf, hashes[2 * i], hashes[i]);
}

void
linesum_end(struct linesum *s, uint8_t out[HASH_SIZE])
{
	if (s->ours)
		sha256_end_by(sha256_blocks, &s->file, out);
	else
		hash_end(s->whole, out);
}

/* A line of each length; a sum of what comes out for each, for the file and for nodes. */
static void
check_sum(struct linesum *s, bool ours, uint8_t out[HASH_SIZE])
{
	char line[CHECK_LINES];
	uint8_t both[6][HASH_SIZE] = {{0}};

	for (size_t i = 0; i < sizeof(line); i++)
		line[i] = (char)(i * 7);
	s->ours = ours;
	linesum_begin(s);
	for (size_t n = 0; n < sizeof(line); n++) {
		linesum_add(s, (struct str){line, n}, both[1]);
		hash_leaf(s->leaf, (struct str){(const char *)both, sizeof(both)}, both[0]);
	}
	linesum_end(s, both[1]);
	for (size_t i = 2; i < ARRAY_SIZE(both); i++)
		memcpy(both[i], line + i, HASH_SIZE);
	linesum_parents(s, both, ARRAY_SIZE(both) / 2);
	hash_leaf(s->leaf, (struct str){(const char *)both, sizeof(both)}, out);
}

struct linesum *
linesum_new(void)
{
	struct linesum *s = calloc(1, sizeof(*s));
	uint8_t theirs[HASH_SIZE], ours[HASH_SIZE];

	if (!s)
		return NULL;
	s->whole = hash_new();
	s->leaf = hash_new();
	if (!s->whole || !s->leaf) {
		linesum_free(s);
		return NULL;
	}
	check_sum(s, false, theirs);
	if (sha256_has_instructions()) {
		check_sum(s, true, ours);
		s->ours = memcmp(ours, theirs, sizeof(ours)) == 0;
	}
	return s;
}

void
linesum_free(struct linesum *s)
{
	if (!s)
		return;
	hash_free(s->whole);
	hash_free(s->leaf);
	free(s);
}
