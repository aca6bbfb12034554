/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/origin.h"

#include <string.h>

#include "common/ascii.h"

#define INDEX_END (UINT64_C(1) << 53)
#define INDEX_DIGITS 16

static bool
index_parse(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > INDEX_DIGITS || (s.n > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*ret = v;
	return v < INDEX_END;
}

/* What stands before the first such byte, all of s without one. */
static struct str
until(struct str s, char end)
{
	const char *p = s.n > 0 ? memchr(s.p, end, s.n) : NULL;

	return p ? (struct str){s.p, (size_t)(p - s.p)} : s;
}

bool
succession_parse(struct str s, struct succession *ret)
{
	struct str origin = until(s, ' '), seal = str_skip(s, origin.n + 1);
	struct str index = until(seal, ':'), hash = str_skip(seal, index.n + 1);

	ret->origin = origin;
	return origin_ok(origin) && index_parse(index, &ret->index) &&
	       hash.n == (size_t)2 * HASH_SIZE && ascii_unhex(hash.p, ret->seal, HASH_SIZE);
}
