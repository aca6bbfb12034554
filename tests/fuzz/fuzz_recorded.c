/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a log, of whatever origin: what policyctl counts of them, and what it would suggest. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pattern.h"
#include "policyctl/suggest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_INPUT ((size_t)65536)

static void
read_lines(struct recordings *r, const char *p, size_t n)
{
	struct str rest = {p, n};
	const char *end;

	while (rest.n > 0 && (end = memchr(rest.p, '\n', rest.n))) {
		if (recordings_line(r, (struct str){rest.p, (size_t)(end - rest.p)}) < 0)
			abort();
		rest = str_skip(rest, (size_t)(end - rest.p) + 1);
	}
}

static bool
piece_allows(const struct piece *p, const struct policy_op *op)
{
	char buf[LIMIT_RESOURCE + 64], why_buf[256];
	struct text resource = text_over(buf, sizeof(buf));
	struct text why = text_over(why_buf, sizeof(why_buf));
	struct arena arena = {NULL};
	struct pattern pattern;
	bool matches;

	if (p->family != op->family)
		return false;
	suggest_resource(&resource, p);
	if (!text_ok(&resource) ||
	    pattern_parse(text_str(&resource), p->family, &arena, &pattern, &why) < 0)
		abort();
	matches = pattern_matches(&pattern, op);
	arena_free(&arena);
	return matches;
}

/* Every request that has a piece is allowed by one, after merging. */
static void
check_allowed(const struct suggest *s, const struct recorded *q)
{
	static struct policy_op op;
	static struct policy_subject subject;
	bool allowed = false;

	if (recorded_op(q, &op, &subject) < 0)
		abort();
	for (uint32_t i = 0; i < s->pieces.n && !allowed; i++)
		allowed = piece_allows(suggest_piece(s, i), &op);
	if (!allowed)
		abort();
}

static void
check_suggestions(const struct recordings *r, uint32_t merge)
{
	struct suggest s = {.merge = merge};
	bool *taken = calloc((size_t)r->all.n + 1, sizeof(*taken));

	if (!taken)
		return;
	for (uint32_t i = 0; i < r->all.n; i++) {
		const struct recorded *q = recordings_at(r, i);
		bool forbidden = q->by_rule > 0;

		taken[i] = suggest_add(&s, q, q->count, forbidden) == 0 && !forbidden;
	}
	if (suggest_merge(&s) < 0)
		abort();
	for (uint32_t i = 0; i < r->all.n; i++)
		if (taken[i])
			check_allowed(&s, recordings_at(r, i));
	free(taken);
	vec_free(&s.pieces);
	arena_free(&s.arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recordings r = {.since = INT64_MIN};
	uint64_t counted = 0;

	if (size > SIZE_MAX_INPUT)
		return 0;
	read_lines(&r, (const char *)data, size);
	for (uint32_t i = 0; i < r.all.n; i++)
		counted += recordings_at(&r, i)->count;
	if (counted + r.cut + r.no_request + r.outside != r.decisions)
		abort();
	check_suggestions(&r, 2);
	check_suggestions(&r, SUGGEST_NEVER);
	recordings_free(&r);
	return 0;
}
