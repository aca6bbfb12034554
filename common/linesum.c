/* SPDX-License-Identifier: Apache-2.0 */
#include "common/linesum.h"

#include <endian.h>
#include <stdlib.h>

#include "common/sha256_block.h"

#define LENGTH_BYTES 8                 /* at the end of the last block */
#define REST_BLOCKS 3                  /* of a leaf, with its padding */
#define FIRST_BYTES (SHA256_BLOCK - 1) /* of a line, in a leaf's first block */
#define NODE_BYTES ((size_t)2 * HASH_SIZE)
#define NODE_BLOCKS 2
#define CHECK_LINES 260 /* one of each length: up to more than four blocks */

/* FIPS 180-4, section 5.3.3. */
static const uint32_t sha256_start[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

struct linesum {
	struct hash *whole, *leaf;   /* libcrypto's */
	bool ours;                   /* what follows is in use instead */
	uint32_t state[8];           /* of the file */
	uint64_t n;                  /* bytes of it */
	uint8_t block[SHA256_BLOCK]; /* its last n % SHA256_BLOCK bytes */
};

/* --- with the processor's instructions ---------------------------------------------------------- */

static void
state_put(const uint32_t state[8], uint8_t out[HASH_SIZE])
{
	for (size_t i = 0; i < 8; i++) {
		uint32_t word = htobe32(state[i]);

		memcpy(out + sizeof(word) * i, &word, sizeof(word));
	}
}

/*
 * The last blocks of a sum of n bytes, of which the last `left` are in `blocks` already: 0x80, zeros, the
 * number of bits. Returns how many blocks.
 */
static size_t
pad(uint8_t *blocks, size_t left, uint64_t n)
{
	size_t count = (left + 1 + LENGTH_BYTES + SHA256_BLOCK - 1) / SHA256_BLOCK;
	uint64_t bits = htobe64(n * 8);

	blocks[left] = 0x80;
	memset(blocks + left + 1, 0, count * SHA256_BLOCK - left - 1);
	memcpy(blocks + count * SHA256_BLOCK - LENGTH_BYTES, &bits, sizeof(bits));
	return count;
}

static void
file_add(struct linesum *s, struct str bytes)
{
	size_t have = s->n % SHA256_BLOCK, room = SHA256_BLOCK - have;
	const uint8_t *p = (const uint8_t *)bytes.p;
	size_t n = bytes.n;

	s->n += n;
	if (n >= room) {
		memcpy(s->block + have, p, room);
		sha256_blocks(s->state, s->block, 1);
		p += room;
		n -= room;
		sha256_blocks(s->state, p, n / SHA256_BLOCK);
		p += n / SHA256_BLOCK * SHA256_BLOCK;
		n %= SHA256_BLOCK;
		have = 0;
	}
	memcpy(s->block + have, p, n);
}

/* A line that may be of less than a block: one sum after the other. */
static void
add_short(struct linesum *s, struct str line, uint8_t leaf[HASH_SIZE])
{
	uint8_t blocks[REST_BLOCKS * SHA256_BLOCK];
	uint32_t state[8];

	memcpy(state, sha256_start, sizeof(state));
	blocks[0] = 0x00;
	memcpy(blocks + 1, line.p, line.n);
	sha256_blocks(state, blocks, pad(blocks, 1 + line.n, 1 + line.n));
	state_put(state, leaf);
	file_add(s, line);
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
	size_t have = s->n % SHA256_BLOCK, room = SHA256_BLOCK - have;
	const uint8_t *file = (const uint8_t *)line.p + room, *p = (const uint8_t *)line.p;
	size_t file_n = line.n - room, leaf_n = line.n - FIRST_BYTES;
	size_t file_blocks = file_n / SHA256_BLOCK, leaf_blocks = leaf_n / SHA256_BLOCK;
	size_t both = file_blocks < leaf_blocks ? file_blocks : leaf_blocks, left, blocks;
	uint32_t state[8];

	memcpy(state, sha256_start, sizeof(state));
	first[0] = 0x00;
	memcpy(first + 1, p, FIRST_BYTES);
	memcpy(s->block + have, p, room);
	sha256_blocks_of_two(s->state, s->block, state, first, 1);
	p += FIRST_BYTES;
	sha256_blocks_of_two(s->state, file, state, p, both);
	file += both * SHA256_BLOCK;
	p += both * SHA256_BLOCK;

	left = leaf_n - both * SHA256_BLOCK;
	memcpy(rest, p, left);
	blocks = pad(rest, left, 1 + line.n);
	both = file_blocks - both;
	sha256_blocks_of_two(s->state, file, state, rest, both);
	sha256_blocks(state, rest + both * SHA256_BLOCK, blocks - both);
	state_put(state, leaf);
	memcpy(s->block, file + both * SHA256_BLOCK, file_n % SHA256_BLOCK);
	s->n += line.n;
}

/* The blocks of a node. */
static void
node_blocks(uint8_t blocks[NODE_BLOCKS * SHA256_BLOCK], const uint8_t pair[NODE_BYTES])
{
	blocks[0] = 0x01;
	memcpy(blocks + 1, pair, NODE_BYTES);
	(void)pad(blocks, 1 + NODE_BYTES, 1 + NODE_BYTES);
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
	state_put(state, out);
	state_put(other_state, other_out);
}

static void
file_end(struct linesum *s, uint8_t out[HASH_SIZE])
{
	uint8_t rest[2 * SHA256_BLOCK];
	size_t have = s->n % SHA256_BLOCK;

	memcpy(rest, s->block, have);
	sha256_blocks(s->state, rest, pad(rest, have, s->n));
	state_put(s->state, out);
}

/* --- both ways ---------------------------------------------------------------------------------- */

void
linesum_begin(struct linesum *s)
{
	if (!s->ours)
		hash_begin(s->whole);
	memcpy(s->state, sha256_start, sizeof(s->state));
	s->n = 0;
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
		file_end(s, out);
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
