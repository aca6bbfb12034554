/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical forms and patterns. Input: ACTION newline RESOURCE; the resource is also read as a
 * pattern of every kind.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "policy/pattern.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool what)
{
	if (!what)
		abort();
}

/* Everything of an operation lies in its buffer or is a constant, and a canonical form is stable. */
static void
check_op(const struct policy_op *op)
{
	static struct policy_op again;
	const char *why;

	must(op->target.n <= LIMIT_RESOURCE && op->path.n <= LIMIT_RESOURCE && op->host.n <= 253);
	must(op->resource.p >= op->buf &&
	     op->resource.p + op->resource.n <= op->buf + sizeof(op->buf));
	must(utf8_valid(op->resource) && utf8_valid(op->path));
	must(policy_op_parse(&again, op->action_name, op->resource, &why) == 0);
	must(str_eq(op->resource, again.resource) && str_eq(op->path, again.path) &&
	     str_eq(op->host, again.host) && op->port == again.port &&
	     op->ip_bytes == again.ip_bytes);
}

static void
check_pattern(struct str s, enum policy_family family, const struct policy_op *op)
{
	struct arena arena = {NULL};
	struct pattern p;
	char buf[512];
	struct text why = text_over(buf, sizeof(buf));

	if (pattern_parse(s, family, &arena, &p, &why) == 0) {
		must(pattern_covers(&p, &p));
		if (op && op->family == family)
			(void)pattern_matches(&p, op);
	} else {
		must(why.n > 0);
	}
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_op op;
	struct str all = {(const char *)data, size};
	const char *newline = size ? memchr(data, '\n', size) : NULL;
	struct str action = newline ? (struct str){all.p, (size_t)(newline - all.p)}
				    : STR("fs:read");
	struct str resource = newline ? str_skip(all, action.n + 1) : all;
	const char *why = NULL;
	bool ok = policy_op_parse(&op, action, resource, &why) == 0;

	must(ok || why);
	if (ok)
		check_op(&op);
	for (int family = FAMILY_NET; family <= FAMILY_TOOL; family++)
		check_pattern(resource, (enum policy_family)family, ok ? &op : NULL);
	return 0;
}
