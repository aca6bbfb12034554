/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/segname.h"

#include <stdio.h>
#include <string.h>

static const char *const endings[SEGNAME_KINDS] = {"", ".tmp", ".torn", ".seal"};

/* Every character of s is what the mask says: 'd' a digit, 'x' a lower-case hex digit, else itself. */
static bool
matches(struct str s, struct str mask)
{
	if (s.n != mask.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool digit = s.p[i] >= '0' && s.p[i] <= '9';
		bool hex = digit || (s.p[i] >= 'a' && s.p[i] <= 'f');

		if (mask.p[i] == 'd' ? !digit : mask.p[i] == 'x' ? !hex : s.p[i] != mask.p[i])
			return false;
	}
	return true;
}

static bool
number_parse(struct str s, uint32_t *ret)
{
	uint32_t v = 0;

	if (s.n < 6 || s.n > 9 || (s.n > 6 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(s.p[i] - '0');
	}
	*ret = v;
	return v > 0;
}

static bool
kind_parse(struct str s, struct str *ret_base, enum segname_kind *ret)
{
	for (unsigned k = SEGNAME_KINDS; k > 0; k--) {
		struct str ending = str_from(endings[k - 1]);

		if (!str_ends(s, ending))
			continue;
		*ret_base = (struct str){s.p, s.n - ending.n};
		*ret = (enum segname_kind)(k - 1);
		return true;
	}
	return false;
}

#define MASK_TIME "audit-ddddddddTddddddZ-"
#define MASK_UUID "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

bool
segname_parse(struct str name, struct segname *ret)
{
	const struct str head = STR(MASK_TIME MASK_UUID "-"), tail = STR(".jsonl");
	const size_t uuid_at = sizeof(MASK_TIME) - 1;
	struct segname s = {0};
	struct str base;

	if (name.n >= SEGNAME_SIZE || !kind_parse(name, &base, &s.kind))
		return false;
	if (base.n < head.n + tail.n || !str_ends(base, tail))
		return false;
	/* "audit-" has a 'd' of its own, which the mask must not take for a digit. */
	if (!str_starts(base, STR("audit-")) ||
	    !matches((struct str){base.p + 6, head.n - 6}, str_skip(head, 6)))
		return false;
	if (!number_parse((struct str){base.p + head.n, base.n - head.n - tail.n}, &s.number))
		return false;
	memcpy(s.base, base.p, base.n);
	memcpy(s.session, base.p + uuid_at, UUID_TEXT);
	*ret = s;
	return true;
}

void
segname_make(char out[SEGNAME_SIZE], int64_t now, const char *session, uint32_t number)
{
	char time[COMPACT_SIZE];

	clock_format_compact(now, time);
	(void)snprintf(out, SEGNAME_SIZE, "audit-%s-%s-%06u.jsonl", time, session,
	    number % (SEGNAME_NUMBER_MAX + 1));
}

void
segname_with(char out[SEGNAME_SIZE], const char *base, enum segname_kind kind)
{
	(void)snprintf(out, SEGNAME_SIZE, "%s%s", base, endings[kind]);
}

void
segname_torn_again(char out[SEGNAME_SIZE], const char *base, unsigned n)
{
	(void)snprintf(out, SEGNAME_SIZE, "%s%s.%u", base, endings[SEGNAME_TORN], n);
}
