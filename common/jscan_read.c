/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "common/ascii.h"
#include "common/jscan_internal.h"

/* --- escapes --------------------------------------------------------------------------------- */

/* The code unit of the \uXXXX that s starts with; false when it does not. */
static bool
escape_unit(struct str s, uint32_t *ret_unit)
{
	uint32_t unit = 0;

	if (s.n < 6 || s.p[0] != '\\' || s.p[1] != 'u')
		return false;
	for (size_t i = 2; i < 6; i++) {
		int digit = ascii_hex(s.p[i]);

		if (digit < 0)
			return false;
		unit = unit << 4 | (uint32_t)digit;
	}
	*ret_unit = unit;
	return true;
}

static size_t
escape_unicode(struct str s, uint32_t *ret_code, const char **ret_why)
{
	uint32_t high, low;

	*ret_why = "\\u without four hex digits in a string";
	if (!escape_unit(s, &high))
		return 0;
	*ret_why = "NUL in a string";
	if (high == 0)
		return 0;
	*ret_code = high;
	if (high < 0xd800 || high > 0xdfff)
		return 6;
	*ret_why = "lone surrogate in a string";
	if (high > 0xdbff || !escape_unit(str_skip(s, 6), &low) || low < 0xdc00 || low > 0xdfff)
		return 0;
	*ret_code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

size_t
jscan_escape(struct str s, uint32_t *ret_code, const char **ret_why)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (s.n >= 2 && s.p[1] == 'u')
		return escape_unicode(s, ret_code, ret_why);
	found = s.n >= 2 ? memchr(from, s.p[1], sizeof(from) - 1) : NULL;
	if (!found) {
		*ret_why = "unknown escape in a string";
		return 0;
	}
	*ret_code = (uint32_t)to[found - from];
	return 2;
}

static uint8_t
utf8_encode(uint32_t code, char out[4])
{
	uint8_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (uint8_t i = n; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(lead[n] | code);
	return n;
}

struct jscan_walk
jscan_walk_over(const struct jscan_tape *tape, uint32_t i)
{
	return (struct jscan_walk){.rest = jscan_written(tape, i)};
}

int
jscan_walk_next(struct jscan_walk *w)
{
	uint32_t code = 0;
	const char *why;
	size_t used = 1;

	if (w->at < w->n)
		return (unsigned char)w->out[w->at++];
	if (w->rest.n == 0 || !w->rest.p)
		return -1;
	w->out[0] = w->rest.p[0];
	w->n = 1;
	if (w->rest.p[0] == '\\') {
		used = jscan_escape(w->rest, &code, &why);
		w->n = utf8_encode(code, w->out);
	}
	w->rest = str_skip(w->rest, used);
	w->at = 1;
	return (unsigned char)w->out[0];
}

/* --- what was scanned ------------------------------------------------------------------------ */

uint32_t
jscan_member(const struct jscan_tape *tape, uint32_t object, struct str key)
{
	const struct jscan_token *o = &tape->tokens[object];
	uint32_t at = object + 1;

	if (o->type != JSCAN_OBJECT)
		return 0;
	for (uint32_t i = 0; i < o->count; i++) {
		if (jscan_string_is(tape, at, key))
			return at + 1;
		at = tape->tokens[at + 1].next;
	}
	return 0;
}

int
jscan_string(const struct jscan_tape *tape, uint32_t i, char *buf, size_t cap, struct str *ret)
{
	struct jscan_walk w;
	size_t n = 0;

	if (tape->tokens[i].type != JSCAN_STRING)
		return -EINVAL;
	if (!tape->tokens[i].escaped) {
		*ret = jscan_written(tape, i);
		return 0;
	}
	w = jscan_walk_over(tape, i);
	for (int c = jscan_walk_next(&w); c >= 0; c = jscan_walk_next(&w)) {
		if (n == cap)
			return -ENOBUFS;
		buf[n++] = (char)c;
	}
	*ret = (struct str){buf, n};
	return 0;
}

bool
jscan_string_is(const struct jscan_tape *tape, uint32_t i, struct str s)
{
	const struct jscan_token *token = &tape->tokens[i];
	struct jscan_walk w;

	if (token->type != JSCAN_STRING)
		return false;
	if (!token->escaped)
		return str_eq(jscan_written(tape, i), s);
	w = jscan_walk_over(tape, i);
	for (size_t k = 0; k < s.n; k++)
		if (jscan_walk_next(&w) != (unsigned char)s.p[k])
			return false;
	return jscan_walk_next(&w) < 0;
}

struct str
jscan_raw(const struct jscan_tape *tape, uint32_t i)
{
	struct str s = jscan_written(tape, i);

	return tape->tokens[i].type == JSCAN_STRING ? (struct str){s.p - 1, s.n + 2} : s;
}

/* A scanned number is below 2^53: no overflow. */
int
jscan_int(const struct jscan_tape *tape, uint32_t i, int64_t *ret)
{
	struct str s = jscan_written(tape, i);
	bool negative;
	int64_t v = 0;

	if (tape->tokens[i].type != JSCAN_NUMBER)
		return -EINVAL;
	if (!tape->tokens[i].integer)
		return -ERANGE;
	negative = s.p[0] == '-';
	for (size_t k = negative; k < s.n; k++)
		v = v * 10 + (s.p[k] - '0');
	*ret = negative ? -v : v;
	return 0;
}

const char *
jscan_type_name(enum jscan_type type)
{
	switch (type) {
	case JSCAN_NULL:
		return "null";
	case JSCAN_FALSE:
		return "false";
	case JSCAN_TRUE:
		return "true";
	case JSCAN_NUMBER:
		return "number";
	case JSCAN_STRING:
		return "string";
	case JSCAN_ARRAY:
		return "array";
	case JSCAN_OBJECT:
		return "object";
	}
	return "unknown";
}

void
jscan_place(struct str text, size_t at, uint32_t *ret_line, uint32_t *ret_column)
{
	size_t end = at < text.n ? at : text.n;
	size_t start = 0; /* of the line that holds end */
	uint32_t line = 1;

	while (start < end) {
		const char *newline = memchr(text.p + start, '\n', end - start);

		if (!newline)
			break;
		start = (size_t)(newline - text.p) + 1;
		line++;
	}
	*ret_line = line;
	*ret_column = (uint32_t)(end - start) + 1;
}
