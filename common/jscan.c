/* SPDX-License-Identifier: Apache-2.0 */
#include "common/jscan.h"

#include <errno.h>
#include <stdlib.h>

#include "common/ascii.h"
#include "common/jscan_internal.h"
#include "common/limits.h"
#include "common/text.h"

#define JSCAN_TEXT_MAX ((size_t)1 << 30)
#define JSCAN_FIRST_CAP 256 /* tokens of a growing tape at first */

/* --- the tape -------------------------------------------------------------------------------- */

static JSCAN_COLD int
jscan_grow(struct jscan *s)
{
	struct jscan_tape *tape = s->tape;
	uint32_t cap = tape->cap ? tape->cap : JSCAN_FIRST_CAP / 2;
	struct jscan_token *grown;

	if (tape->n == s->max_tokens)
		return jscan_over(s, "more than ", s->max_tokens, " values and keys");
	cap = cap > s->max_tokens / 2 ? s->max_tokens : cap * 2;
	grown = reallocarray(tape->tokens, cap, sizeof(*grown));
	if (!grown)
		return jscan_fail_number(s, s->p, -ENOMEM, "out of memory", NULL, "");
	tape->tokens = grown;
	tape->cap = cap;
	return 0;
}

/* Room for one more token: it will be tokens[tape->n]. */
static inline int
jscan_room(struct jscan *s)
{
	if (s->tape->n < s->tape->cap && s->tape->n < s->max_tokens)
		return 0;
	return jscan_grow(s);
}

static inline struct jscan_token *
jscan_add(struct jscan *s, enum jscan_type type, const char *at, const char *end)
{
	struct jscan_tape *tape = s->tape;
	struct jscan_token *token = &tape->tokens[tape->n++];

	*token = (struct jscan_token){
	    .type = (uint8_t)type,
	    .at = jscan_at(s, at),
	    .n = (uint32_t)(end - at),
	    .next = tape->n,
	};
	return token;
}

/* --- space ----------------------------------------------------------------------------------- */

static inline int
jscan_skip(struct jscan *s)
{
	for (;;) {
		int error;

		while (s->p < s->end && jscan_is_space(*s->p))
			s->p++;
		if (!jscan_sees(s, '/') || !s->rules->comments)
			return 0;
		error = jscan_comment(s);
		if (error < 0)
			return error;
	}
}

/* --- strings --------------------------------------------------------------------------------- */

/* Characters beyond ASCII come in runs. */
static int
jscan_string_unicode(struct jscan *s)
{
	do {
		size_t n = utf8_length(s->p, (size_t)(s->end - s->p));

		if (n == 0)
			return jscan_fail(s, s->p, "invalid UTF-8 in a string");
		s->p += n;
	} while (s->p < s->end && (unsigned char)*s->p >= 0x80);
	return 0;
}

static int
jscan_string_escape(struct jscan *s)
{
	const char *why;
	uint32_t code;
	size_t n = jscan_escape((struct str){s->p, (size_t)(s->end - s->p)}, &code, &why);

	if (n == 0)
		return jscan_fail(s, s->p, why);
	s->p += n;
	return 0;
}

/* A byte of a string that is not plain: a backslash, a control byte, DEL or beyond ASCII. */
static int
jscan_string_special(struct jscan *s, bool *escaped)
{
	unsigned char c = (unsigned char)*s->p;

	if (c >= 0x80)
		return jscan_string_unicode(s);
	if (c == '\\') {
		*escaped = true;
		return jscan_string_escape(s);
	}
	if (c < 0x20)
		return jscan_fail(s, s->p, c ? "control byte in a string" : "NUL in a string");
	s->p++;
	return 0;
}

/* p is at the opening quote; adds the token and moves behind the closing quote. */
static int
jscan_scan_string(struct jscan *s, bool key)
{
	struct jscan_token *token;
	const char *start = s->p + 1;
	bool escaped = false;
	int error = jscan_room(s);

	if (error < 0)
		return error;
	for (s->p = start;;) {
		s->p += ascii_plain(s->p, (size_t)(s->end - s->p));
		if (s->p == s->end)
			return jscan_fail(s, s->p, "string without an end");
		if (*s->p == '"')
			break;
		error = jscan_string_special(s, &escaped);
		if (error < 0)
			return error;
	}
	token = jscan_add(s, JSCAN_STRING, start, s->p++);
	token->escaped = escaped;
	token->key = key;
	return 0;
}

/* --- numbers and words ----------------------------------------------------------------------- */

static inline bool
jscan_sees_digit(const struct jscan *s)
{
	return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static int
jscan_digits(struct jscan *s)
{
	if (!jscan_sees_digit(s))
		return jscan_unexpected(s, "a digit");
	while (jscan_sees_digit(s))
		s->p++;
	return 0;
}

static int
jscan_whole_part(struct jscan *s)
{
	if (!jscan_sees(s, '0'))
		return jscan_digits(s);
	s->p++;
	return jscan_sees_digit(s) ? jscan_fail(s, s->p, "number with a leading zero") : 0;
}

static int
jscan_fraction(struct jscan *s)
{
	if (!jscan_sees(s, '.'))
		return 0;
	s->p++;
	return jscan_digits(s);
}

static int
jscan_exponent(struct jscan *s)
{
	if (!jscan_sees(s, 'e') && !jscan_sees(s, 'E'))
		return 0;
	s->p++;
	if (jscan_sees(s, '+') || jscan_sees(s, '-'))
		s->p++;
	return jscan_digits(s);
}

/* The value of "e+12" or of nothing; far beyond any use it stays where it is. */
static int64_t
exponent_value(struct str s)
{
	bool negative = s.n > 1 && s.p[1] == '-';
	int64_t v = 0;

	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] >= '0' && s.p[i] <= '9' && v < INT64_C(1) << 40)
			v = v * 10 + (s.p[i] - '0');
	return negative ? -v : v;
}

/*
 * Numbers are read as doubles elsewhere: from 2^53 - 0.5 on they are rounded up to 2^53. That is
 * 9007199254740991.5, of which 16 digits stand before the point and 17 decide.
 */
#define NUMBER_WHOLE 16
#define NUMBER_DIGITS 17
#define NUMBER_LIMIT (LIMIT_JSON_INT * 10 - 5)

/*
 * Whether a well-formed number's magnitude is below 2^53, exactly: it is brought to the form
 * 0.DDD * 10^point with a first digit that is not 0.
 */
static bool
number_fits(struct str s)
{
	int64_t point = 0, head = 0;
	int used = 0;
	bool fraction = false;
	size_t i = s.p[0] == '-';

	for (; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++) {
		if (s.p[i] == '.') {
			fraction = true;
			continue;
		}
		if (used == 0 && s.p[i] == '0') {
			point -= fraction;
			continue;
		}
		if (used < NUMBER_DIGITS) {
			head = head * 10 + (s.p[i] - '0');
			used++;
		}
		point += !fraction;
	}
	if (used == 0)
		return true;
	for (; used < NUMBER_DIGITS; used++)
		head *= 10;
	point += exponent_value(str_skip(s, i));
	return point < NUMBER_WHOLE || (point == NUMBER_WHOLE && head < NUMBER_LIMIT);
}

static int
jscan_number(struct jscan *s)
{
	const char *start = s->p;
	const char *whole_end;
	struct str number;
	int error = jscan_room(s);

	if (error < 0)
		return error;
	s->p += *s->p == '-';
	error = jscan_whole_part(s);
	whole_end = s->p;
	if (error == 0)
		error = jscan_fraction(s);
	if (error == 0)
		error = jscan_exponent(s);
	if (error < 0)
		return error;
	number = (struct str){start, (size_t)(s->p - start)};
	if ((whole_end != s->p || number.n >= NUMBER_WHOLE) && !number_fits(number))
		return jscan_fail(s, start, "number too large: magnitude must be below 2^53");
	jscan_add(s, JSCAN_NUMBER, start, s->p)->integer = whole_end == s->p;
	return 0;
}

static int
jscan_word(struct jscan *s, const char *word, enum jscan_type type)
{
	const char *start = s->p;
	int error = jscan_room(s);

	if (error < 0)
		return error;
	for (const char *w = word; *w; w++, s->p++)
		if (!jscan_sees(s, *w))
			return jscan_unexpected(s, word);
	jscan_add(s, type, start, s->p);
	return 0;
}

/* --- arrays and objects ---------------------------------------------------------------------- */

static int
jscan_open(struct jscan *s, enum jscan_type type)
{
	int error = jscan_room(s);

	if (error < 0)
		return error;
	if (s->depth == s->max_depth)
		return jscan_over(s, "nested deeper than ", s->max_depth, "");
	s->open[s->depth++] = s->tape->n;
	jscan_add(s, type, s->p, s->p + 1);
	s->p++;
	return 0;
}

static int
jscan_close(struct jscan *s)
{
	uint32_t index = s->open[--s->depth], duplicate;
	struct jscan_token *token = &s->tape->tokens[index];

	s->p++;
	token->n = jscan_at(s, s->p) - token->at;
	token->next = s->tape->n;
	if (token->type != JSCAN_OBJECT || token->count < 2)
		return 0;
	duplicate = jscan_duplicate(s->tape, index);
	return duplicate ? jscan_fail_duplicate(s, duplicate) : 0;
}

static int
jscan_value(struct jscan *s)
{
	switch (s->p < s->end ? *s->p : '\0') {
	case '"':
		return jscan_scan_string(s, false);
	case '{':
		return jscan_open(s, JSCAN_OBJECT);
	case '[':
		return jscan_open(s, JSCAN_ARRAY);
	case 't':
		return jscan_word(s, "true", JSCAN_TRUE);
	case 'f':
		return jscan_word(s, "false", JSCAN_FALSE);
	case 'n':
		return jscan_word(s, "null", JSCAN_NULL);
	default:
		if (jscan_sees(s, '-') || jscan_sees_digit(s))
			return jscan_number(s);
		return jscan_unexpected(s, "a value");
	}
}

/* A key and the colon, up to the value. */
static int
jscan_key(struct jscan *s, uint32_t object)
{
	int error;

	if (!jscan_sees(s, '"'))
		return jscan_unexpected(s, "a key in double quotes");
	if (s->tape->tokens[object].count == s->rules->max_members)
		return jscan_over(s, "more than ", s->rules->max_members, " members in an object");
	error = jscan_scan_string(s, true);
	if (error < 0)
		return error;
	s->tape->tokens[object].count++;
	error = jscan_skip(s);
	if (error < 0)
		return error;
	if (!jscan_sees(s, ':'))
		return jscan_unexpected(s, "':'");
	s->p++;
	return jscan_skip(s);
}

/* The comma between two elements or members, up to the second. */
static int
jscan_comma(struct jscan *s, bool object)
{
	if (!jscan_sees(s, ','))
		return jscan_unexpected(s, object ? "',' or '}'" : "',' or ']'");
	s->p++;
	return jscan_skip(s);
}

/* The end of the innermost open array or object, or its next element or member. */
static int
jscan_next(struct jscan *s)
{
	uint32_t index = s->open[s->depth - 1];
	struct jscan_token *token = &s->tape->tokens[index];
	bool object = token->type == JSCAN_OBJECT;
	int error = jscan_skip(s);

	if (error < 0)
		return error;
	if (jscan_sees(s, object ? '}' : ']'))
		return jscan_close(s);
	if (token->count > 0)
		error = jscan_comma(s, object);
	if (error < 0)
		return error;
	if (!object)
		token->count++;
	else
		error = jscan_key(s, index);
	return error < 0 ? error : jscan_value(s);
}

static int
jscan_document(struct jscan *s)
{
	int error;

	if (str_starts(s->tape->text, STR("\xef\xbb\xbf")))
		return jscan_fail(s, s->p, "byte order mark before the text");
	error = jscan_skip(s);
	if (error == 0)
		error = jscan_value(s);
	while (error == 0 && s->depth > 0)
		error = jscan_next(s);
	if (error == 0)
		error = jscan_skip(s);
	if (error == 0 && s->p < s->end)
		error = jscan_unexpected(s, "the end");
	return error;
}

int
jscan(struct str text, const struct jscan_rules *rules, struct jscan_tape *tape,
    struct jscan_fault *ret_fault)
{
	struct jscan s = {.rules = rules, .tape = tape, .fault = ret_fault};
	int error;

	tape->text = text.p ? text : STR("");
	tape->n = 0;
	s.p = tape->text.p;
	s.end = tape->text.p + tape->text.n;
	s.max_depth = rules->max_depth < JSCAN_DEPTH ? rules->max_depth : JSCAN_DEPTH;
	s.max_tokens = rules->max_tokens;
	if (!rules->grow && tape->cap < s.max_tokens)
		s.max_tokens = tape->cap;
	error = text.n <= JSCAN_TEXT_MAX
		    ? jscan_document(&s)
		    : jscan_fail_number(&s, s.p, -E2BIG, "text longer than 1 GiB", NULL, "");
	return error < 0 ? jscan_settle_fault(&s, error) : 0;
}

void
jscan_tape_free(struct jscan_tape *tape)
{
	free(tape->tokens);
	*tape = (struct jscan_tape){.tokens = NULL};
}
