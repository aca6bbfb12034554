/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between suggest_show.c and suggest_json.c: what both forms of a suggestion show. */

#include <stdint.h>

#include "policyctl/ruleset.h"
#include "policyctl/suggest.h"

#define SUGGEST_TEXT \
	(128u << 10) /* bytes of a rule with its comments; resources are 4 KiB at most */

/* In the order in which they are shown. */
struct suggest_shown {
	const struct piece *p;
};

/* Pieces, those for the same people side by side: calloc'ed, one for each piece. Ends without memory. */
struct suggest_shown *suggest_sorted(const struct suggestion *s);
/* The id of a rule. The number makes it the only one; the rest is for people. A slice of buf. */
struct str suggest_id(const struct piece *p, uint32_t number, char buf[DOC_ID_MAX]);
/* How many the rules are for. */
uint64_t suggest_requests(const struct suggestion *s);
