/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * policyd's replies, read with the strict scanner. A reply may be used for one line after another:
 * its memory is kept and grows only for a longer line. Read each string of a line once: unescaped
 * strings are kept side by side in room for one of each.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/jscan.h"
#include "common/str.h"

struct reply {
	struct jscan_tape tape;
	char *arena; /* unescaped strings; never more than the line's bytes in all */
	size_t used, cap;
};

/*
 * Take a line, which must stay as long as its strings are used. -EPROTO: it is not one JSON object;
 * -ENOMEM.
 */
int reply_read(struct reply *r, struct str line);
void reply_free(struct reply *r);

/* The object at token 0. */
#define REPLY_ROOT 0u

/* Index of a member of the object at `object`; 0 when there is none (or object is none). */
uint32_t reply_member(const struct reply *r, uint32_t object, const char *key);
/* The string at index i, or of a member, unescaped; STR_NONE when it is not there or no string. */
struct str reply_string(struct reply *r, uint32_t i);
struct str reply_text(struct reply *r, uint32_t object, const char *key);
/* Index of the first element of the array at i, 0 when it is no array or empty. */
uint32_t reply_first(const struct reply *r, uint32_t i);

/* The answer to an evaluation. */
struct answer {
	bool decided; /* there is a decision at all */
	bool allow;
	struct str event_id; /* STR_NONE: not on record */
	struct str policy_id, rule_id, revision;
	struct str reason; /* the first one; STR_NONE when there is none */
	uint32_t reasons;  /* index of the array of reasons, 0 when absent */
	struct str error;  /* STR_NONE: understood */
};
void reply_answer(struct reply *r, struct answer *ret);
