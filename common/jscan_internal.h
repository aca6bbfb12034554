/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between the files of the scanner: jscan.c, jscan_fault.c, jscan_keys.c, jscan_read.c. */

#include <stddef.h>
#include <stdint.h>

#include "common/jscan.h"
#include "common/str.h"

/*
 * The escape that s starts with (s.p[0] is the backslash), a surrogate pair being one. Returns its
 * length in bytes and *ret_code, never 0; or 0 and *ret_why, a static text.
 */
size_t jscan_escape(struct str s, uint32_t *ret_code, const char **ret_why);

/* The unescaped bytes of a string's text, one by one. The escapes must have been checked. */
struct jscan_walk {
	struct str rest;
	char out[4]; /* bytes of the last escape that are still to come: at to n */
	uint8_t at, n;
};

struct jscan_walk jscan_walk_over(const struct jscan_tape *tape, uint32_t i);
/* The next byte, -1 at the end. */
int jscan_walk_next(struct jscan_walk *w);

/* What the string at index i holds, as written. */
static inline struct str
jscan_written(const struct jscan_tape *tape, uint32_t i)
{
	return (struct str){tape->text.p + tape->tokens[i].at, tape->tokens[i].n};
}

/*
 * The first key of the object at index object that an earlier key of it equals, 0 when there is
 * none. The object need not be closed: its count says how many keys there are so far.
 */
uint32_t jscan_duplicate(struct jscan_tape *tape, uint32_t object);

/* --- a scan that is going on ------------------------------------------------------------------ */

#define JSCAN_DEPTH 64

struct jscan {
	const char *p; /* the next byte */
	const char *end;
	const struct jscan_rules *rules;
	struct jscan_tape *tape;
	struct jscan_fault *fault;
	uint32_t max_depth;
	uint32_t max_tokens;
	uint32_t depth;             /* arrays and objects that are open */
	uint32_t open[JSCAN_DEPTH]; /* their tokens */
};

static inline uint32_t
jscan_at(const struct jscan *s, const char *p)
{
	return (uint32_t)(p - s->tape->text.p);
}

static inline bool
jscan_sees(const struct jscan *s, char c)
{
	return s->p < s->end && *s->p == c;
}

static inline bool
jscan_is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

#define JSCAN_COLD __attribute__((cold, noinline))

/*
 * Set the fault's offset and text and return the error: -EINVAL where none is given.
 *   fail_number  at `at`: what, number (unless NULL), after
 *   fail         at `at`: what
 *   over         at p, -E2BIG: what, limit, after
 *   unexpected   at p: "expected WANTED, found ..."
 *   fail_duplicate  at the key's quote
 */
JSCAN_COLD int jscan_fail_number(struct jscan *s, const char *at, int error, const char *what,
    const uint32_t *number, const char *after);
JSCAN_COLD int jscan_fail(struct jscan *s, const char *at, const char *what);
JSCAN_COLD int jscan_over(struct jscan *s, const char *what, uint32_t limit, const char *after);
JSCAN_COLD int jscan_unexpected(struct jscan *s, const char *wanted);
JSCAN_COLD int jscan_fail_duplicate(struct jscan *s, uint32_t key);

/*
 * Duplicate keys show when their object closes. When the scan ends before that, one in an object
 * that is still open may be the earlier fault. Sets the fault's line and column; returns the error
 * of the earlier fault.
 */
JSCAN_COLD int jscan_settle_fault(struct jscan *s, int error);

/* Move behind the comment that starts with the slash at p. */
JSCAN_COLD int jscan_comment(struct jscan *s);
