/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/pattern.h"

#include <stdint.h>

/* Only the last star seen is ever gone back to: what one before it took is no worse shorter. */
bool
pattern_matches(struct str pattern, struct str s)
{
	size_t p = 0, at = 0, star = SIZE_MAX, from = 0;

	while (at < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = at;
		} else if (p < pattern.n && pattern.p[p] == s.p[at]) {
			p++;
			at++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			at = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

struct str
pattern_literal(struct str pattern)
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
