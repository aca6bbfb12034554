/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What summaries count: records by several of their members, and over time. */

#include <stdbool.h>
#include <stdint.h>

#include "auditlog/tally.h"
#include "common/text.h"
#include "proto/recordline.h"

enum summary_of {
	SUMMARY_DECISION,
	SUMMARY_CATEGORY,
	SUMMARY_ACTION, /* of what is no decision its event or action_type */
	SUMMARY_RULE,   /* policy/rule */
	SUMMARY_USER,   /* or uid, where there is no name */
	SUMMARY_CLIENT,
	SUMMARY_RESOURCE,
	SUMMARY_REASON,
	SUMMARY_LEVEL,
	SUMMARY_TIME,   /* hours or days: all records */
	SUMMARY_DENIED, /* and those that were denied */
	SUMMARY_KINDS,
};

struct summary {
	struct tally tally[SUMMARY_KINDS];
	uint64_t records;
	bool by_day;
};

/* small: for one thread, to be merged from time to time. key: of tallies. */
void summary_init(struct summary *s, const struct siphash_key *key, bool small, bool by_day);
void summary_free(struct summary *s);

/* Whether another record fits. Without room, what is new in it is counted with the others. */
bool summary_fits(const struct summary *s);
void summary_add(struct summary *s, const struct recordline *r);
/* All of `from` into s, then `from` is empty. */
void summary_merge(struct summary *s, struct summary *from);

/* "decision", as on the command line and in JSON. */
const char *summary_name(enum summary_of of);

/* As people read it: the first `top` of each, with bars. */
void summary_print(const struct summary *s, uint32_t top);
void summary_print_json(const struct summary *s, uint32_t top, int64_t from, int64_t to);
