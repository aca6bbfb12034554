/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The name of a log, and how a new log names the one that it goes on from. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/hash.h"
#include "common/str.h"

#define ORIGIN_MAX 128 /* bytes */
/* Characters of "ORIGIN INDEX:HASH" at most. */
#define SUCCESSION_MAX (ORIGIN_MAX + 1 + 16 + 1 + 2 * HASH_SIZE)

#define ORIGIN_RULE "must be 1 to 128 of A-Z a-z 0-9 . _ / : @ -"
#define SUCCESSION_RULE "must be ORIGIN INDEX:HASH as auditlog verify prints it"

/* By the last seal that `auditlog verify` found good there. */
struct succession {
	struct str origin; /* slice of the text; not given: there is none */
	uint64_t index;
	uint8_t seal[HASH_SIZE]; /* SHA-256 of the seal's text */
};

/* Characters that need no escape anywhere. */
static inline bool
origin_allows(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("._/:@-", c));
}

/* ORIGIN_RULE holds. */
static inline bool
origin_ok(struct str origin)
{
	if (origin.n == 0 || origin.n > ORIGIN_MAX)
		return false;
	for (size_t i = 0; i < origin.n; i++)
		if (!origin_allows(origin.p[i]))
			return false;
	return true;
}

/* "ORIGIN INDEX:HASH", each in its one form: index below 2^53, hash in lower case. */
bool succession_parse(struct str s, struct succession *ret);
