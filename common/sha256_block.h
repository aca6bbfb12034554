/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The block function of SHA-256 (FIPS 180-4, section 6.2.2) with the SHA instructions of x86-64, for
 * one sum and for two at once. Their instructions wait for one another in a sum of its own; two sums
 * side by side take little more time than one. libcrypto has no call for that. For linesum.c alone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_BLOCK 64 /* bytes */

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

#define SHA256_TARGET __attribute__((target("sha,sse4.1,ssse3")))

/* Cube roots of the first 64 primes, 32 bits of their fractions (FIPS 180-4, section 4.2.2). */
static const uint32_t sha256_k[64] __attribute__((aligned(16))) = {
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

/* Elsewhere libcrypto does it all. */
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
