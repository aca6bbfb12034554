/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ASCII, without a locale: hex digits, and how far a text is plain, which is printable ASCII that
 * needs no look when JSON is read or written. Most bytes of most strings are, so that is worth eight
 * bytes at a time, or sixteen where the processor has them in one register.
 */

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The value of a hex digit of either case, -1 for anything else. */
static inline int
ascii_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* n bytes from the 2 n hex digits at p; lower case only, so that bytes have one text. */
static inline bool
ascii_unhex(const char *p, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < 2 * n; i++) {
		int digit = p[i] >= 'A' && p[i] <= 'F' ? -1 : ascii_hex(p[i]);

		if (digit < 0)
			return false;
		out[i / 2] = (uint8_t)(out[i / 2] << 4 | digit);
	}
	return true;
}

#define ASCII_ALL(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Neither control, DEL, quote, backslash nor any byte of a longer UTF-8 sequence. */
static inline bool
ascii_is_plain(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x20 && u < 0x7f && u != '"' && u != '\\';
}

/*
 * The top bit of each byte that is not plain. Bytes above the lowest such one may be marked
 * wrongly (borrows run upwards), the lowest never. A byte beyond ASCII keeps its top bit in at
 * least two of the four terms.
 */
static inline uint64_t
ascii_not_plain(uint64_t v)
{
	uint64_t control = v - ASCII_ALL(0x20);
	uint64_t quote = (v ^ ASCII_ALL('"')) - ASCII_ALL(1);
	uint64_t backslash = (v ^ ASCII_ALL('\\')) - ASCII_ALL(1);
	uint64_t del = (v ^ ASCII_ALL(0x7f)) - ASCII_ALL(1);

	return (control | quote | backslash | del) & ASCII_ALL(0x80);
}

#ifdef __SSE2__
/* One bit for each of 16 bytes at p that is not plain, the first byte's lowest. */
static inline unsigned
ascii_not_plain_16(const char *p)
{
	__m128i v, space, quote, backslash, del;

	memcpy(&v, p, sizeof(v));
	/* As signed numbers the bytes beyond ASCII are below the space, too. */
	space = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
	quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
	del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));
	return (unsigned)_mm_movemask_epi8(
	    _mm_or_si128(_mm_or_si128(space, quote), _mm_or_si128(backslash, del)));
}
#endif

/* How many of the first n bytes at p are plain, up to the first that is not. */
static inline size_t
ascii_plain(const char *p, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; n - i >= 16; i += 16) {
		unsigned special = ascii_not_plain_16(p + i);

		if (special)
			return i + (size_t)__builtin_ctz(special);
	}
#endif
	for (; n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t v;

		memcpy(&v, p + i, sizeof(v));
		v = ascii_not_plain(le64toh(v));
		if (v)
			return i + (size_t)__builtin_ctzll(v) / 8;
	}
	while (i < n && ascii_is_plain(p[i]))
		i++;
	return i;
}
