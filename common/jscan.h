/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The strict JSON scanner (RFC 8259, and stricter): every JSON text that any program here reads
 * goes through jscan() first. It checks grammar, UTF-8, escapes, surrogate pairs, depth,
 * number range and duplicate keys (compared after unescaping), says where the first fault is, and
 * lays the values out on a tape. No allocation unless the rules ask for a growing tape; no
 * recursion.
 *
 * Refused although many readers take it: lone surrogates, NUL (raw or \u0000), numbers with
 * magnitude >= 2^53 (also as 1e300, and what a double rounds up to 2^53), -0 is fine, a byte order
 * mark, anything after the one value, single quotes, NaN, trailing commas.
 *
 * Link jscan.o jscan_fault.o jscan_keys.o jscan_read.o text.o.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

enum jscan_type {
	JSCAN_NULL,
	JSCAN_FALSE,
	JSCAN_TRUE,
	JSCAN_NUMBER,
	JSCAN_STRING,
	JSCAN_ARRAY,
	JSCAN_OBJECT,
};

/*
 * Values in document order. An object's tokens are followed by key (JSCAN_STRING), value, key,
 * value ...; tokens of nested values lie inside. `next` is the index just after this value and all
 * that it holds, so that next of a key is its value, and next of a value is the next key.
 */
struct jscan_token {
	uint8_t type; /* enum jscan_type */
	bool escaped; /* a string that holds at least one backslash */
	bool integer; /* a number without fraction and exponent */
	bool key;     /* a string that is the key of the value that follows */
	uint32_t at; /* first byte of the value in the text; for strings the byte after the quote */
	uint32_t n;  /* bytes of the value as written; for strings without the quotes */
	uint32_t next;  /* index of the token after this value */
	uint32_t count; /* elements of an array, members of an object */
};

struct jscan_rules {
	bool comments;        /* allow // and block comments between tokens */
	uint32_t max_depth;   /* nesting of arrays and objects; 1 = one flat object; at most 64 */
	uint32_t max_members; /* members of one object */
	uint32_t max_tokens;  /* tokens in all, keys too; the tape grows up to it when `grow` */
	bool grow;            /* tape->tokens is malloc'ed and may be realloc'ed */
};

struct jscan_tape {
	struct str text;
	struct jscan_token *tokens;
	uint32_t n;   /* tokens used */
	uint32_t cap; /* tokens there is room for */
};

/* Where and why. line and column count from 1; column counts bytes. what needs no freeing. */
struct jscan_fault {
	size_t at;
	uint32_t line;
	uint32_t column;
	char what[120];
};

/*
 * Scan all of text. tape->tokens/cap are the caller's (with rules->grow they may be NULL/0 and are
 * to be released by jscan_tape_free()). Without rules->grow cap is a limit like max_tokens. Tokens
 * need no initial value: keep a tape from one text to the next rather than on the stack.
 *
 * 0: tape->tokens[0] is the value. -EINVAL: not JSON by these rules; -E2BIG: over a limit of the
 * rules (what names the limit); -ENOMEM. *ret_fault is set on every failure, and names the fault
 * that comes first in the text: the byte that no valid text could have there, or the start of the
 * number, escape, key or value that breaks a rule. text is limited to 1 GiB.
 *
 * Time grows with n log n at worst, whatever the text: duplicate keys are looked for by sorting.
 */
int jscan(struct str text, const struct jscan_rules *rules, struct jscan_tape *tape,
    struct jscan_fault *ret_fault);

void jscan_tape_free(struct jscan_tape *tape);

/* Line and column of a byte offset in a text, as in struct jscan_fault. */
void jscan_place(struct str text, size_t at, uint32_t *ret_line, uint32_t *ret_column);

/* Index of the value of member key in the object at index object; 0 when there is none. */
uint32_t jscan_member(const struct jscan_tape *tape, uint32_t object, struct str key);

/*
 * The string at index i, unescaped. Without escapes it is a slice of the text; with escapes it is
 * written to buf. -EINVAL: not a string; -ENOBUFS: longer than cap. (An unescaped string is never
 * longer than its written form.)
 */
int jscan_string(const struct jscan_tape *tape, uint32_t i, char *buf, size_t cap, struct str *ret);

/* The text of the value as written, quotes included for strings. */
struct str jscan_raw(const struct jscan_tape *tape, uint32_t i);

/* Whether the string at index i, unescaped, equals s. */
bool jscan_string_is(const struct jscan_tape *tape, uint32_t i, struct str s);

/* The integer at index i. -EINVAL: not a number; -ERANGE: not an integer (1.0 and 1e2 are not). */
int jscan_int(const struct jscan_tape *tape, uint32_t i, int64_t *ret);

/* "object", "string", ... for messages. */
const char *jscan_type_name(enum jscan_type type);
