/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base64.h"

#include <errno.h>
#include <openssl/evp.h>

/* At a time; whole groups of three, so that only the last piece is padded. */
#define PIECE 48
#define PIECE_TEXT BASE64_SIZE(PIECE)

void
base64_put(struct text *t, const uint8_t *bytes, size_t n)
{
	while (n > 0) {
		size_t piece = n < PIECE ? n : PIECE;
		unsigned char buf[PIECE_TEXT + 1];
		int length = EVP_EncodeBlock(buf, bytes, (int)piece);

		text_put(t, (struct str){(const char *)buf, (size_t)length});
		bytes += piece;
		n -= piece;
	}
}

/*
 * The library's decoder skips white space and takes any pad bits. What comes out is encoded again:
 * only the canonical text is equal to that.
 */
static bool
get_piece(const char *p, uint8_t *out, size_t n)
{
	uint8_t bytes[PIECE];
	unsigned char again[PIECE_TEXT + 1];
	int length = (int)BASE64_SIZE(n);

	if (EVP_DecodeBlock(bytes, (const unsigned char *)p, length) != length / 4 * 3)
		return false;
	if (EVP_EncodeBlock(again, bytes, (int)n) != length ||
	    memcmp(again, p, (size_t)length) != 0)
		return false;
	memcpy(out, bytes, n);
	return true;
}

int
base64_get(struct str s, uint8_t *out, size_t n)
{
	const char *p = s.p;

	if (s.n % 4 != 0 || s.n / 4 != n / 3 + (n % 3 != 0))
		return -EINVAL;
	while (n > 0) {
		size_t piece = n < PIECE ? n : PIECE;

		if (!get_piece(p, out, piece))
			return -EINVAL;
		p += BASE64_SIZE(piece);
		out += piece;
		n -= piece;
	}
	return 0;
}
