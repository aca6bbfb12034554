/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A slice of bytes: a pointer and a length, not owned, not NUL-terminated, possibly with any byte
 * in it. {NULL, 0} means "not given"; {"", 0} (any other pointer) means given and empty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR_NONE ((struct str){NULL, 0})
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

/* For printf: "%.*s". Only for text known to be harmless; log_* escapes what it prints. */
#define STR_ARG(s) (int)(s).n, (s).p

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline struct str
str_from(const char *z)
{
	return z ? (struct str){z, strlen(z)} : STR_NONE;
}

static inline bool
str_given(struct str s)
{
	return s.p != NULL;
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || (a.p && b.p && memcmp(a.p, b.p, a.n) == 0));
}

static inline bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool
str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

/* What is left of s after its first n bytes; empty when n > s.n. */
static inline struct str
str_skip(struct str s, size_t n)
{
	if (!s.p)
		return s;
	return n > s.n ? (struct str){s.p + s.n, 0} : (struct str){s.p + n, s.n - n};
}
