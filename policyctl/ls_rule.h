/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One rule of a listing (proto/admin.schema.json), read once. */

#include <stdbool.h>
#include <stdint.h>

#include "policyctl/reply.h"

enum ls_scope {
	LS_USERS,
	LS_GROUPS,
	LS_SANDBOXES,
	LS_AGENTS,
	LS_SCOPES,
};

/* Strings are the reply's. */
struct ls_list {
	struct str *v;
	uint32_t n, cap;
};

struct ls_rule {
	struct str decision, policy_id, rule_id, source, mode, expires;
	bool inactive, conditional, expired;
	struct ls_list actions, resources, scope[LS_SCOPES];
};

/* Which rules are wanted; NULL: any. */
struct ls_filter {
	const char *sandbox, *user, *resource;
};

/*
 * Take the rule at this token; the lists of r are used again. now: us since 1970. Ends the program
 * without memory.
 */
void ls_rule_read(struct ls_rule *r, struct reply *reply, uint32_t rule, int64_t now);
void ls_rule_free(struct ls_rule *r);

/* Whether it can be about such a sandbox and user, and names such a resource ('*': any characters). */
bool ls_rule_wanted(const struct ls_rule *r, const struct ls_filter *f);
