/* SPDX-License-Identifier: Apache-2.0 */
#include "common/text.h"

#include "common/ascii.h"

void
text_put(struct text *t, struct str s)
{
	if (t->full || s.n > t->cap - t->n) {
		t->full = true;
		return;
	}
	if (s.n > 0)
		memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
}

void
text_char(struct text *t, char c)
{
	if (t->full || t->n == t->cap) {
		t->full = true;
		return;
	}
	t->p[t->n++] = c;
}

void
text_u64(struct text *t, uint64_t v)
{
	char digits[20]; /* of UINT64_MAX */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	text_put(t, (struct str){digits + at, sizeof(digits) - at});
}

void
text_i64(struct text *t, int64_t v)
{
	if (v < 0)
		text_char(t, '-');
	/* Negated as unsigned: INT64_MIN has no positive twin. */
	text_u64(t, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

static const char text_digits[] = "0123456789abcdef";

void
text_hex(struct text *t, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n && !t->full; i++) {
		char pair[2] = {text_digits[bytes[i] >> 4], text_digits[bytes[i] & 15]};

		text_put(t, (struct str){pair, sizeof(pair)});
	}
}

static bool
utf8_tail(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* Whether c may follow lead: no overlong form, no surrogate, nothing above U+10FFFF. */
static bool
utf8_second(unsigned lead, char c)
{
	unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

	return (unsigned char)c >= low && (unsigned char)c <= high;
}

static size_t
utf8_announced(unsigned lead)
{
	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* RFC 3629, section 4. Only the second byte has bounds that depend on the first. */
size_t
utf8_length(const char *p, size_t n)
{
	unsigned lead = n > 0 ? (unsigned char)p[0] : 0xff;
	size_t length = utf8_announced(lead);

	if (length < 2)
		return length;
	if (length > n || !utf8_second(lead, p[1]) || !utf8_tail(p + 2, length - 2))
		return 0;
	return length;
}

bool
utf8_valid(struct str s)
{
	while (s.n > 0) {
		size_t n = ascii_plain(s.p, s.n);

		if (n == 0)
			n = utf8_length(s.p, s.n);
		if (n == 0)
			return false;
		s = str_skip(s, n);
	}
	return true;
}

uint32_t
utf8_code(const char *p, size_t n)
{
	/* Bits of the first byte that belong to the code: 7, 5, 4, 3. */
	uint32_t code = (unsigned char)p[0] & (n == 1 ? 0x7fU : 0xffU >> (n + 1));

	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)p[i] & 0x3fU);
	return code;
}

/* U+2028 and U+2029 end a line for JavaScript and for some log readers. */
static bool
utf8_ends_line(uint32_t code)
{
	return code == 0x2028 || code == 0x2029;
}

static void
text_json_unicode(struct text *t, uint32_t code)
{
	uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};

	text_put(t, STR("\\u"));
	text_hex(t, bytes, sizeof(bytes));
}

/* The letter of a short escape, 0 when there is none. */
static char
text_json_letter(char c)
{
	switch (c) {
	case '"':
	case '\\':
		return c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

#define REPLACEMENT STR("\xef\xbf\xbd") /* U+FFFD */

/* Quote, backslash, a control byte or DEL. Strict readers, jscan() too, take no NUL, however written. */
static void
text_json_ascii(struct text *t, char c)
{
	char escape[2] = {'\\', text_json_letter(c)};

	if (c == '\0')
		text_put(t, REPLACEMENT);
	else if (escape[1])
		text_put(t, (struct str){escape, sizeof(escape)});
	else
		text_json_unicode(t, (unsigned char)c);
}

/* What is not plain at the start of s. Returns how many bytes of s it was. */
static size_t
text_json_special(struct text *t, struct str s)
{
	uint32_t code;
	size_t n;

	if ((unsigned char)s.p[0] < 0x80) {
		text_json_ascii(t, s.p[0]);
		return 1;
	}
	n = utf8_length(s.p, s.n);
	if (n == 0) {
		text_put(t, REPLACEMENT);
		return 1;
	}
	code = utf8_code(s.p, n);
	if (utf8_ends_line(code))
		text_json_unicode(t, code);
	else
		text_put(t, (struct str){s.p, n});
	return n;
}

void
text_json(struct text *t, struct str s)
{
	text_char(t, '"');
	while (s.n > 0 && !t->full) {
		size_t run = ascii_plain(s.p, s.n);

		if (run > 0)
			text_put(t, (struct str){s.p, run});
		else
			run = text_json_special(t, s);
		s = str_skip(s, run);
	}
	text_char(t, '"');
}

/*
 * Controls of ASCII and of Latin-1, and what reorders or breaks a line on a terminal: the
 * bidirectional marks, embeddings, overrides and isolates (Unicode TR 9) and line separators.
 */
static bool
utf8_harmful(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

/* Character by character: what does not fit is cut, what went before stays. */
void
text_safe(struct text *t, struct str s)
{
	while (s.n > 0 && !t->full) {
		size_t n = utf8_length(s.p, s.n);
		bool harmful = n == 0 || utf8_harmful(utf8_code(s.p, n));

		n = n == 0 ? 1 : n;
		for (size_t i = 0; harmful && i < n; i++) {
			uint8_t byte = (uint8_t)s.p[i];
			char shown[4] = {'\\', 'x', text_digits[byte >> 4], text_digits[byte & 15]};

			text_put(t, (struct str){shown, sizeof(shown)});
		}
		if (!harmful)
			text_put(t, (struct str){s.p, n});
		s = str_skip(s, n);
	}
}
