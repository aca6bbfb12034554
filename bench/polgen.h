/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rules and requests for benchmarks, the same for the same numbers: of 20 rules ten name a host (half of
 * them with a port), four everything below one, three a network, three files; every fifth is a deny. Every
 * second request is one that a rule matches, all rules alike often (or skewed); the others are of the same form with
 * names that no rule has.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

enum polgen_sort {
	POLGEN_HOST,
	POLGEN_BELOW,
	POLGEN_NETWORK,
	POLGEN_FILES,
};

struct polgen_rule {
	enum polgen_sort sort;
	bool deny;
	char action[16]; /* as rules have it */
	char pattern[128];
};

struct polgen_request {
	enum polgen_sort sort;
	bool hit;
	char action[24];
	char resource[192];
};

void polgen_rule(uint32_t i, struct polgen_rule *ret);
/*
 * The j-th request about the first n rules. Skewed: rule k is asked about 1/k as often as the first one, as
 * names are on a network.
 */
void polgen_request(uint32_t n, uint32_t j, bool skewed, struct polgen_request *ret);

/* The document of the first n rules, malloc'ed; NULL without memory. */
char *polgen_document(uint32_t n);
/* n policies with one rule each, all about www.example.com, policy i for sandbox sb-i alone. */
char *polgen_scoped(uint32_t n);
