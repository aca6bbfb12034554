/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The strict JSON scanner (RFC 8259, and stricter): every JSON text that any program here reads
 * goes through json_scan() first. It checks grammar, UTF-8, escapes, surrogate pairs, depth,
 * number range and duplicate keys (compared after unescaping), says where the first fault is, and
 * lays the values out on a tape. No allocation unless the rules ask for a growing tape; no
 * recursion.
 *
 * Refused although many readers take it: lone surrogates, NUL (raw or \u0000), numbers with
 * magnitude >= 2^53 (also as 1e300), -0 is fine, a byte order mark, anything after the one value,
 * single quotes, NaN, trailing commas.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/*
 * Values in document order. An object's tokens are followed by key (JSON_STRING), value, key,
 * value ...; tokens of nested values lie inside. `next` is the index just after this value and all
 * that it holds, so that next of a key is its value, and next of a value is the next key.
 */
struct json_token {
	uint8_t type;    /* enum json_type */
	bool escaped;    /* a string that holds at least one backslash */
	bool integer;    /* a number without fraction and exponent */
	uint32_t at;     /* first byte of the value in the text; for strings the byte after the quote */
	uint32_t n;      /* bytes of the value as written; for strings without the quotes */
	uint32_t next;   /* index of the token after this value */
	uint32_t count;  /* elements of an array, members of an object */
};

struct json_rules {
	bool comments;        /* allow // and block comments between tokens */
	uint32_t max_depth;   /* nesting of arrays and objects; 1 = one flat object; at most 64 */
	uint32_t max_members; /* members of one object */
	uint32_t max_tokens;  /* tokens in all; the tape grows up to it when `grow` */
	bool grow;            /* tape->tokens is malloc'ed and may be realloc'ed */
};

struct json_tape {
	struct str text;
	struct json_token *tokens;
	uint32_t n;   /* tokens used */
	uint32_t cap; /* tokens there is room for */
};

/* Where and why. line and column count from 1; column counts bytes. what needs no freeing. */
struct json_fault {
	size_t at;
	uint32_t line;
	uint32_t column;
	char what[120];
};

/*
 * Scan all of text. tape->tokens/cap are the caller's (with rules->grow they may be NULL/0 and are
 * to be released by json_tape_free()). 0: tape->tokens[0] is the value. -EINVAL: not JSON by these
 * rules; -E2BIG: over a limit of the rules (what names the limit); -ENOMEM. *ret_fault is set on
 * every failure. text is limited to 1 GiB.
 */
int json_scan(struct str text, const struct json_rules *rules, struct json_tape *tape,
    struct json_fault *ret_fault);

void json_tape_free(struct json_tape *tape);

/* Line and column of a byte offset in a text. */
void json_place(struct str text, size_t at, uint32_t *ret_line, uint32_t *ret_column);

/* Index of the value of member key in the object at index object; 0 when there is none. */
uint32_t json_member(const struct json_tape *tape, uint32_t object, struct str key);

/*
 * The string at index i, unescaped. Without escapes it is a slice of the text; with escapes it is
 * written to buf. -EINVAL: not a string; -ENOBUFS: longer than cap. (An unescaped string is never
 * longer than its written form.)
 */
int json_string(const struct json_tape *tape, uint32_t i, char *buf, size_t cap, struct str *ret);

/* The text of the value as written, quotes included for strings. */
struct str json_raw(const struct json_tape *tape, uint32_t i);

/* Whether the string at index i, unescaped, equals s. */
bool json_string_is(const struct json_tape *tape, uint32_t i, struct str s);

/* The integer at index i. -EINVAL: not a number; -ERANGE: not an integer (1.0 and 1e2 are not). */
int json_int(const struct json_tape *tape, uint32_t i, int64_t *ret);

/* "object", "string", ... for messages. */
const char *json_type_name(enum json_type type);
