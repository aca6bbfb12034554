/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/reply.h"

#include <errno.h>
#include <stdlib.h>

#include "common/limits.h"

static const struct jscan_rules reply_rules = {
    .max_depth = LIMIT_DOC_DEPTH,
    .max_members = 1u << 20,
    .max_tokens = 1u << 24,
    .grow = true,
};

int
reply_read(struct reply *r, struct str line)
{
	struct jscan_fault fault;
	int error = jscan(line, &reply_rules, &r->tape, &fault);

	if (error)
		return error == -ENOMEM ? error : -EPROTO;
	if (r->tape.tokens[0].type != JSCAN_OBJECT)
		return -EPROTO;
	r->used = 0;
	if (r->cap >= line.n)
		return 0;
	free(r->arena);
	r->arena = malloc(line.n);
	r->cap = r->arena ? line.n : 0;
	return r->arena ? 0 : -ENOMEM;
}

void
reply_free(struct reply *r)
{
	jscan_tape_free(&r->tape);
	free(r->arena);
	*r = (struct reply){0};
}

uint32_t
reply_member(const struct reply *r, uint32_t object, const char *key)
{
	if (r->tape.tokens[object].type != JSCAN_OBJECT)
		return 0;
	return jscan_member(&r->tape, object, str_from(key));
}

struct str
reply_string(struct reply *r, uint32_t i)
{
	struct str s;

	if (i == 0 || jscan_string(&r->tape, i, r->arena + r->used, r->cap - r->used, &s) != 0)
		return STR_NONE;
	if (s.p == r->arena + r->used)
		r->used += s.n;
	return s;
}

struct str
reply_text(struct reply *r, uint32_t object, const char *key)
{
	return reply_string(r, reply_member(r, object, key));
}

uint32_t
reply_first(const struct reply *r, uint32_t i)
{
	if (i == 0 || r->tape.tokens[i].type != JSCAN_ARRAY || r->tape.tokens[i].count == 0)
		return 0;
	return i + 1;
}

void
reply_answer(struct reply *r, struct answer *ret)
{
	struct str decision = reply_text(r, REPLY_ROOT, "decision");

	*ret = (struct answer){
	    .allow = str_eq(decision, STR("allow")),
	    .event_id = reply_text(r, REPLY_ROOT, "audit_event_id"),
	    .policy_id = reply_text(r, REPLY_ROOT, "policy_id"),
	    .rule_id = reply_text(r, REPLY_ROOT, "rule_id"),
	    .revision = reply_text(r, REPLY_ROOT, "policy_revision"),
	    .reasons = reply_member(r, REPLY_ROOT, "reason"),
	    .error = reply_text(r, REPLY_ROOT, "error"),
	};
	ret->decided = ret->allow || str_eq(decision, STR("deny"));
	ret->reason = reply_string(r, reply_first(r, ret->reasons));
}
