/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/shown.h"

#include "common/clock.h"

#define CHARACTER 16 /* bytes of one, escaped */
#define SECOND_TEXT 19

/* Beyond what text_safe() escapes: characters that are not seen, and those that are none. */
static bool
is_hidden(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
	    {0x00ad, 0x00ad},   /* soft hyphen */
	    {0x034f, 0x034f},   /* grapheme joiner */
	    {0x115f, 0x1160},   /* Hangul fillers */
	    {0x17b4, 0x17b5},   /* Khmer vowels without shape */
	    {0x180b, 0x180f},   /* Mongolian selectors */
	    {0x200b, 0x200f},   /* zero width; marks of direction */
	    {0x2028, 0x202e},   /* separators, overrides */
	    {0x2060, 0x206f},   /* joiners, isolates, old format controls */
	    {0x3164, 0x3164},   /* Hangul filler */
	    {0xfe00, 0xfe0f},   /* variation selectors */
	    {0xfeff, 0xfeff},   /* byte order mark */
	    {0xfff0, 0xfffb},   /* unassigned, annotations */
	    {0xfffe, 0xffff},   /* no characters */
	    {0xe0000, 0xe0fff}, /* tags */
	};

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return true;
	return (code & 0xfffe) == 0xfffe;
}

static void
put_bytes(struct text *t, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		text_put(t, STR("\\x"));
		text_hex(t, (const uint8_t *)s.p + i, 1);
	}
}

/* All of one character or nothing: what comes after it does not fit either. */
static void
put_character(struct text *t, struct str s)
{
	char buf[CHARACTER];
	struct text one = text_over(buf, sizeof(buf));

	if (is_hidden(utf8_code(s.p, s.n)))
		put_bytes(&one, s);
	else
		text_safe(&one, s);
	text_put(t, text_str(&one));
}

void
shown_put(struct text *t, struct str s, size_t most)
{
	for (size_t shown = 0; s.n > 0; shown++) {
		size_t n = utf8_length(s.p, s.n);

		if (shown == most) {
			text_put(t, STR("\xe2\x80\xa6"));
			return;
		}
		if (n == 0)
			put_bytes(t, (struct str){s.p, n = 1});
		else
			put_character(t, (struct str){s.p, n});
		s = str_skip(s, n);
	}
}

void
shown_number(struct text *t, uint64_t v)
{
	char buf[32];
	struct text digits = text_over(buf, sizeof(buf));

	text_u64(&digits, v);
	for (size_t i = 0; i < digits.n; i++) {
		if (i > 0 && (digits.n - i) % 3 == 0)
			text_char(t, ',');
		text_char(t, digits.p[i]);
	}
}

void
shown_percent(struct text *t, uint64_t part, uint64_t whole)
{
	/* Of numbers that large the last digits say nothing. */
	for (; whole > UINT64_MAX / 2000; whole /= 2)
		part /= 2;
	if (part > 0 && part * 1000 < whole) {
		text_put(t, STR("<0.1"));
		return;
	}
	part = whole > 0 ? part * 1000 / whole : 0;
	text_u64(t, part / 10);
	text_char(t, '.');
	text_u64(t, part % 10);
}

void
shown_count(struct text *t, uint64_t n, const char *one)
{
	shown_number(t, n);
	text_char(t, ' ');
	text_put(t, str_from(one));
	if (n != 1)
		text_char(t, 's');
}

void
shown_time(struct text *t, int64_t us)
{
	char time[RFC3339_SIZE];

	clock_format(us, time);
	time[10] = ' ';
	text_put(t, (struct str){time, SECOND_TEXT});
	text_put(t, STR(" UTC"));
}
