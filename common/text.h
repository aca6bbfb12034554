/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A bounded text buffer to format into: never allocates, never overruns; once something did not
 * fit, `full` stays set and nothing more is added. Check text_ok() once at the end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

struct text {
	char *p;
	size_t n;
	size_t cap;
	bool full;
};

static inline struct text
text_over(char *buf, size_t cap)
{
	return (struct text){buf, 0, cap, false};
}

static inline bool
text_ok(const struct text *t)
{
	return !t->full;
}

static inline struct str
text_str(const struct text *t)
{
	return (struct str){t->p, t->n};
}

void text_put(struct text *t, struct str s);
void text_char(struct text *t, char c);
/* Decimal. */
void text_u64(struct text *t, uint64_t v);
void text_i64(struct text *t, int64_t v);
/* Lower-case hex of n bytes. */
void text_hex(struct text *t, const uint8_t *bytes, size_t n);

/*
 * A JSON string, quotes included. Escapes " \ and control bytes (\b \f \n \r \t or \u00XX), DEL,
 * and U+2028/2029; every byte that is not part of well-formed UTF-8 (RFC 3629: no surrogates, no
 * overlong forms, nothing above U+10FFFF), and NUL, becomes U+FFFD. The result can neither end the line nor
 * the string early. At most 6 bytes come out for each byte that goes in, plus 2.
 */
void text_json(struct text *t, struct str s);

/*
 * For a person's terminal or log: like the bytes, but control bytes, DEL, C1 controls, bidirectional
 * marks and overrides, line separators and invalid UTF-8 come out as \xhh. Unlike the others it
 * keeps what fits, cut between characters.
 */
void text_safe(struct text *t, struct str s);

/* Length in bytes (1 to 4) of the well-formed UTF-8 sequence at p, 0 when there is none. */
size_t utf8_length(const char *p, size_t n);
/* The code point of a sequence that utf8_length() has found to be n bytes long. */
uint32_t utf8_code(const char *p, size_t n);
/* Whether all of s is well-formed UTF-8. */
bool utf8_valid(struct str s);
