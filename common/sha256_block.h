/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What sums of SHA-256 (FIPS 180-4) are made of: how a sum begins and ends, and the block function
 * (section 6.2.2) with the SHA instructions of x86-64, for one sum and for two at once. These
 * instructions wait for one another within a sum; two sums side by side take little more time than one.
 * libcrypto has no call for that. For sha256.c and linesum.c alone.
 */

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/sha256.h"

#define SHA256_LENGTH_BYTES 8 /* at the end of the last block */

/* Section 5.3.3. */
static const uint32_t sha256_start[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/* Cube roots of the first 64 primes, 32 bits of their fractions (FIPS 180-4, section 4.2.2). */
static const uint32_t sha256_k[64] __attribute__((aligned(16), unused)) = {
    0x428a2f98,
    0x71374491,
    0xb5c0fbcf,
    0xe9b5dba5,
    0x3956c25b,
    0x59f111f1,
    0x923f82a4,
    0xab1c5ed5,
    0xd807aa98,
    0x12835b01,
    0x243185be,
    0x550c7dc3,
    0x72be5d74,
    0x80deb1fe,
    0x9bdc06a7,
    0xc19bf174,
    0xe49b69c1,
    0xefbe4786,
    0x0fc19dc6,
    0x240ca1cc,
    0x2de92c6f,
    0x4a7484aa,
    0x5cb0a9dc,
    0x76f988da,
    0x983e5152,
    0xa831c66d,
    0xb00327c8,
    0xbf597fc7,
    0xc6e00bf3,
    0xd5a79147,
    0x06ca6351,
    0x14292967,
    0x27b70a85,
    0x2e1b2138,
    0x4d2c6dfc,
    0x53380d13,
    0x650a7354,
    0x766a0abb,
    0x81c2c92e,
    0x92722c85,
    0xa2bfe8a1,
    0xa81a664b,
    0xc24b8b70,
    0xc76c51a3,
    0xd192e819,
    0xd6990624,
    0xf40e3585,
    0x106aa070,
    0x19a4c116,
    0x1e376c08,
    0x2748774c,
    0x34b0bcb5,
    0x391c0cb3,
    0x4ed8aa4a,
    0x5b9cca4f,
    0x682e6ff3,
    0x748f82ee,
    0x78a5636f,
    0x84c87814,
    0x8cc70208,
    0x90befffa,
    0xa4506ceb,
    0xbef9a3f7,
    0xc67178f2,
};

typedef void sha256_blocks_fn(uint32_t state[8], const uint8_t *p, size_t n);

/* The sum that a state stands for. */
static inline void
sha256_state_put(const uint32_t state[8], uint8_t out[SHA256_SIZE])
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
static inline size_t
sha256_pad(uint8_t *blocks, size_t left, uint64_t n)
{
	size_t count = (left + 1 + SHA256_LENGTH_BYTES + SHA256_BLOCK - 1) / SHA256_BLOCK;
	uint64_t bits = htobe64(n * 8);

	blocks[left] = 0x80;
	memset(blocks + left + 1, 0, count * SHA256_BLOCK - left - 1);
	memcpy(blocks + count * SHA256_BLOCK - SHA256_LENGTH_BYTES, &bits, sizeof(bits));
	return count;
}

static inline void
sha256_add_by(sha256_blocks_fn *blocks, struct sha256 *s, const uint8_t *p, size_t n)
{
	size_t have = s->n % SHA256_BLOCK, room = SHA256_BLOCK - have;

	s->n += n;
	if (n >= room) {
		memcpy(s->block + have, p, room);
		blocks(s->state, s->block, 1);
		p += room;
		n -= room;
		blocks(s->state, p, n / SHA256_BLOCK);
		p += n / SHA256_BLOCK * SHA256_BLOCK;
		n %= SHA256_BLOCK;
		have = 0;
	}
	memcpy(s->block + have, p, n);
}

static inline void
sha256_end_by(sha256_blocks_fn *blocks, struct sha256 *s, uint8_t out[SHA256_SIZE])
{
	uint8_t rest[2 * SHA256_BLOCK];
	size_t have = s->n % SHA256_BLOCK;

	memcpy(rest, s->block, have);
	blocks(s->state, rest, sha256_pad(rest, have, s->n));
	sha256_state_put(s->state, out);
}

/* --- with the processor's instructions ---------------------------------------------------------- */

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

#define SHA256_TARGET __attribute__((target("sha,sse4.1,ssse3")))

/* Leaf 7 says SHA, leaf 1 what is used beside it. */
static inline bool
sha256_has_instructions(void)
{
	unsigned a, b, c, d;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & (1U << 29)))
		return false;
	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1);
}

/* A sum while its blocks are taken in: A B E F and C D G H, as the instructions want them. */
struct sha256_lane {
	__m128i abef, cdgh;
	__m128i w[4]; /* 16 words of the message schedule */
	const uint8_t *p;
};

SHA256_TARGET static inline void
sha256_lane_load(struct sha256_lane *l, const uint32_t state[8], const uint8_t *p)
{
	__m128i abcd, efgh;

	__builtin_memcpy(&abcd, state, sizeof(abcd));
	__builtin_memcpy(&efgh, state + 4, sizeof(efgh));
	abcd = _mm_shuffle_epi32(abcd, 0xb1);
	efgh = _mm_shuffle_epi32(efgh, 0x1b);
	l->abef = _mm_alignr_epi8(abcd, efgh, 8);
	l->cdgh = _mm_blend_epi16(efgh, abcd, 0xf0);
	l->p = p;
}

SHA256_TARGET static inline void
sha256_lane_store(const struct sha256_lane *l, uint32_t state[8])
{
	__m128i feba = _mm_shuffle_epi32(l->abef, 0x1b), dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);
	__m128i abcd = _mm_blend_epi16(feba, dchg, 0xf0), efgh = _mm_alignr_epi8(dchg, feba, 8);

	__builtin_memcpy(state, &abcd, sizeof(abcd));
	__builtin_memcpy(state + 4, &efgh, sizeof(efgh));
}

/* The 16 words of the next block; they are big-endian. */
SHA256_TARGET static inline void
sha256_lane_words(struct sha256_lane *l)
{
	const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++) {
		__builtin_memcpy(&l->w[i], l->p + 16 * i, sizeof(l->w[i]));
		l->w[i] = _mm_shuffle_epi8(l->w[i], order);
	}
	l->p += SHA256_BLOCK;
}

/* Rounds 4 i to 4 i + 3, and the words of the rounds 16 further on. */
SHA256_TARGET static inline void
sha256_lane_rounds(struct sha256_lane *l, unsigned i)
{
	__m128i *w = l->w;
	__m128i wk, next;

	__builtin_memcpy(&wk, sha256_k + 4 * (size_t)i, sizeof(wk));
	wk = _mm_add_epi32(wk, w[i & 3]);
	l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, wk);
	if (i < 12) {
		next = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
		next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
		w[i & 3] = _mm_sha256msg2_epu32(next, w[(i + 3) & 3]);
	}
	l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

/* n blocks at p. */
SHA256_TARGET __attribute__((unused)) static void
sha256_blocks(uint32_t state[8], const uint8_t *p, size_t n)
{
	struct sha256_lane l;

	sha256_lane_load(&l, state, p);
	for (; n > 0; n--) {
		__m128i abef = l.abef, cdgh = l.cdgh;

		sha256_lane_words(&l);
#pragma GCC unroll 16
		for (unsigned i = 0; i < 16; i++)
			sha256_lane_rounds(&l, i);
		l.abef = _mm_add_epi32(l.abef, abef);
		l.cdgh = _mm_add_epi32(l.cdgh, cdgh);
	}
	sha256_lane_store(&l, state);
}

/* n blocks at each of p and q, which are of two sums. */
SHA256_TARGET __attribute__((unused)) static void
sha256_blocks_of_two(
    uint32_t state[8], const uint8_t *p, uint32_t other[8], const uint8_t *q, size_t n)
{
	struct sha256_lane a, b;

	sha256_lane_load(&a, state, p);
	sha256_lane_load(&b, other, q);
	for (; n > 0; n--) {
		__m128i a_abef = a.abef, a_cdgh = a.cdgh, b_abef = b.abef, b_cdgh = b.cdgh;

		sha256_lane_words(&a);
		sha256_lane_words(&b);
#pragma GCC unroll 16
		for (unsigned i = 0; i < 16; i++) {
			sha256_lane_rounds(&a, i);
			sha256_lane_rounds(&b, i);
		}
		a.abef = _mm_add_epi32(a.abef, a_abef);
		a.cdgh = _mm_add_epi32(a.cdgh, a_cdgh);
		b.abef = _mm_add_epi32(b.abef, b_abef);
		b.cdgh = _mm_add_epi32(b.cdgh, b_cdgh);
	}
	sha256_lane_store(&a, state);
	sha256_lane_store(&b, other);
}

#else

/* Elsewhere linesum.c uses libcrypto, and sha256.c its own. */
static inline bool
sha256_has_instructions(void)
{
	return false;
}

static inline void
sha256_blocks(uint32_t state[8], const uint8_t *p, size_t n)
{
	(void)state;
	(void)p;
	(void)n;
}

static inline void
sha256_blocks_of_two(
    uint32_t state[8], const uint8_t *p, uint32_t other[8], const uint8_t *q, size_t n)
{
	(void)state;
	(void)p;
	(void)other;
	(void)q;
	(void)n;
}
#endif
