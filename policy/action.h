/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Names of actions: in requests, and as rules write them. One table for both. */

#include <stdint.h>

#include "policy/canon.h"
#include "policy/policy.h"

#define ACTION_BIT(action) (UINT32_C(1) << (action))

struct action_row {
	enum policy_action action;
	enum policy_family family;
	struct str name;      /* in requests; rules may use it too and then mean it alone */
	struct str rule_name; /* in rules; several rows may share one */
	struct str also;      /* another name in rules; may be STR_NONE */
};

/*
 * The row of a request's action, NULL when there is none. For http:request:METHOD the row's name is
 * the part before METHOD, colon included, and *ret_method what follows.
 */
const struct action_row *action_find(struct str name, struct str *ret_method);

/*
 * What an action of a rule stands for: bits of enum policy_action, all of one family. For HTTP
 * *ret_method is the method as written ("*" or empty: any). -EINVAL: no such action.
 */
int action_of_rule(
    struct str name, uint32_t *ret_bits, enum policy_family *ret_family, struct str *ret_method);

/* An HTTP method in upper case: a letter, then letters, digits, '-' or '_'. */
int action_method(struct str s, struct text *out);

/* "network", "filesystem", ... for messages. */
const char *action_family_name(enum policy_family family);
