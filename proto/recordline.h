/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A line of a log cut into its members, as slices of it: for readers that look at many lines and at
 * few members of each. The line is any bytes. What is taken is one JSON object in the form that the
 * writer gives it (proto/line.h): no space between tokens, no key with an escape, none twice; members
 * may come in any order. Strings are checked as strictly as jscan() does (UTF-8, escapes, surrogate
 * pairs, no NUL), so are grammar and depth. Not looked for, because no cut depends on it: keys twice
 * within a nested object, numbers of 2^53 or more.
 *
 * No allocation; time grows with the line. Link recordline.o and text.o.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/str.h"

/* The members of record.def, in its order. MEMBER_payload: the one that is named as action_type says. */
enum recordline_member {
#define FIELD(tag, member, json, form, categories, max) MEMBER_##member,
#include "proto/record.def"
	MEMBER_COUNT
};

enum recordline_type {
	RECORDLINE_STRING,
	RECORDLINE_NUMBER,
	RECORDLINE_WORD, /* true, false, null */
	RECORDLINE_ARRAY,
	RECORDLINE_OBJECT,
};

struct recordline_value {
	const char *p; /* as written; strings without their quotes */
	uint32_t n;
	uint8_t type; /* enum recordline_type */
	bool escaped; /* a string with at least one backslash */
};

/* A member that record.def does not name; a payload is among them, too. */
struct recordline_other {
	struct str key;
	struct recordline_value value;
};

#define RECORDLINE_OTHERS 16 /* of one line, at most */
#define RECORDLINE_DEPTH 32  /* of nested arrays and objects, the line's own object not counted */

/* Valid as long as the line's bytes are. */
struct recordline {
	uint64_t have; /* bit 1 << member: value[member] is there; the others are not set */
	struct recordline_value value[MEMBER_COUNT];
	uint32_t n_others;
	struct recordline_other other[RECORDLINE_OTHERS];
};

/* Where and why a line is no record. */
struct recordline_fault {
	size_t at;       /* byte of the line */
	const char *why; /* static text */
};

/*
 * line: with its newline or without. 0, or -EINVAL with *ret_fault: not of this form, or longer than
 * LIMIT_LINE, more members than there is room for, nested too deeply. r need not be initialised.
 */
int recordline_cut(struct recordline *r, struct str line, struct recordline_fault *ret_fault);

static inline bool
recordline_has(const struct recordline *r, enum recordline_member m)
{
	return r->have >> m & 1;
}

/* The member; NULL when it is not there. */
static inline const struct recordline_value *
recordline_value(const struct recordline *r, enum recordline_member m)
{
	return recordline_has(r, m) ? &r->value[m] : NULL;
}

/* The same by its name in the line ("username", or a payload's name). */
const struct recordline_value *recordline_named(const struct recordline *r, struct str key);

/* A record's name of a member; NULL for MEMBER_payload. */
const char *recordline_name(enum recordline_member m);
/* MEMBER_COUNT when there is none of this name. */
enum recordline_member recordline_find(struct str name);

/*
 * What a string says: without escapes a slice of the line, else written to buf. Never longer than as
 * it is written, so LIMIT_LINE bytes are always enough. STR_NONE when v is NULL, no string, or longer
 * than cap.
 */
struct str recordline_string(const struct recordline_value *v, char *buf, size_t cap);

/* Whether a string says exactly that. */
bool recordline_is(const struct recordline_value *v, struct str s);

/* An integer that a number is. False: v is NULL, no number, not an integer, or beyond 2^53. */
bool recordline_int(const struct recordline_value *v, int64_t *ret);

/* --- inside arrays and objects ---------------------------------------------------------------- */

/* What is left of a container of a line that was cut. */
struct recordline_walk {
	const char *p, *end;
	bool keys;
};

/* Over v's elements or members; of anything else (or NULL) there are none. */
struct recordline_walk recordline_walk(const struct recordline_value *v);
/* The next one. Of an object *ret_key is its key, a string as written; else it is not set. */
bool recordline_next(struct recordline_walk *w, struct recordline_value *ret_key,
    struct recordline_value *ret_value);
