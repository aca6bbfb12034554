/* SPDX-License-Identifier: Apache-2.0 */
#include "common/glob.h"

/*
 * Greedy with one place to return to: where the last star stopped. An earlier star never needs to take more,
 * since the later one can take whatever it would.
 */

bool
glob_name(struct str pattern, struct str s)
{
	size_t p = 0, i = 0, star = pattern.n, resume = 0;

	while (i < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			resume = i;
		} else if (p < pattern.n && pattern.p[p] == s.p[i]) {
			p++;
			i++;
		} else if (star < pattern.n) {
			p = star + 1;
			i = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

struct str
glob_literal(struct str pattern)
{
	struct str best = {pattern.p, 0};

	while (pattern.n > 0) {
		const char *star = memchr(pattern.p, '*', pattern.n);
		struct str part = {pattern.p, star ? (size_t)(star - pattern.p) : pattern.n};

		if (part.n > best.n)
			best = part;
		pattern = str_skip(pattern, part.n + 1);
	}
	return best;
}
