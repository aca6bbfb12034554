/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sha256.h"

#include "common/sha256_block.h"

#define ROUNDS 64

static uint32_t
turn(uint32_t x, unsigned by)
{
	return x >> by | x << (32 - by);
}

/* The message schedule (section 6.2.2, step 1): the block's 16 words, big-endian, and 48 made of them. */
static void
schedule(uint32_t w[ROUNDS], const uint8_t *p)
{
	for (size_t i = 0; i < 16; i++) {
		memcpy(&w[i], p + sizeof(w[i]) * i, sizeof(w[i]));
		w[i] = be32toh(w[i]);
	}
	for (size_t i = 16; i < ROUNDS; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		a = turn(a, 7) ^ turn(a, 18) ^ a >> 3;
		b = turn(b, 17) ^ turn(b, 19) ^ b >> 10;
		w[i] = w[i - 16] + a + w[i - 7] + b;
	}
}

/* v holds a to h, of which each round moves all but two by one place. */
static void
one_round(uint32_t v[8], uint32_t word)
{
	uint32_t a = v[0], e = v[4];
	uint32_t first = v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
			 ((e & v[5]) ^ (~e & v[6])) + word;
	uint32_t second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +
			  ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

	memmove(v + 1, v, 7 * sizeof(v[0]));
	v[4] += first;
	v[0] = first + second;
}

/* For processors without the instructions. */
static void
portable_blocks(uint32_t state[8], const uint8_t *p, size_t n)
{
	uint32_t w[ROUNDS], v[8];

	for (; n > 0; n--, p += SHA256_BLOCK) {
		schedule(w, p);
		memcpy(v, state, sizeof(v));
		for (size_t i = 0; i < ROUNDS; i++)
			one_round(v, sha256_k[i] + w[i]);
		for (size_t i = 0; i < ARRAY_SIZE(v); i++)
			state[i] += v[i];
	}
}

/* Asked once: in a virtual machine the answer takes microseconds. */
static sha256_blocks_fn *
best(void)
{
	static sha256_blocks_fn *found;

	if (!found)
		found = sha256_has_instructions() ? sha256_blocks : portable_blocks;
	return found;
}

void
sha256_begin(struct sha256 *s)
{
	memcpy(s->state, sha256_start, sizeof(s->state));
	s->n = 0;
}

void
sha256_add(struct sha256 *s, struct str bytes)
{
	if (bytes.n > 0)
		sha256_add_by(best(), s, (const uint8_t *)bytes.p, bytes.n);
}

void
sha256_end(struct sha256 *s, uint8_t out[SHA256_SIZE])
{
	sha256_end_by(best(), s, out);
}

void
sha256_sum(struct str bytes, uint8_t out[SHA256_SIZE])
{
	struct sha256 s;

	sha256_begin(&s);
	sha256_add(&s, bytes);
	sha256_end(&s, out);
}
