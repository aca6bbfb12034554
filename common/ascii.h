/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ASCII, without a locale: hex digits, and how far a text is plain, which is printable ASCII that
 * needs no look when JSON is read or written. Most bytes of most strings are, so that is worth eight
 * bytes at a time.
 */

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* How many of the first n bytes at p are plain, up to the first that is not. */
static inline size_t
ascii_plain(const char *p, size_t n)
{
	size_t i = 0;

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
