/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/ls_rule.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/clock.h"
#include "common/glob.h"

static void
ls_add(struct ls_list *list, struct str s)
{
	if (list->n == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 16;
		list->v = reallocarray(list->v, list->cap, sizeof(*list->v));
		if (!list->v)
			cli_fatal(ENOMEM, "ls");
	}
	list->v[list->n++] = s;
}

static void
ls_list(struct ls_list *list, struct reply *reply, uint32_t array)
{
	uint32_t i = reply_first(reply, array);

	list->n = 0;
	for (uint32_t n = 0; i && n < reply->tape.tokens[array].count; n++) {
		ls_add(list, reply_string(reply, i));
		i = reply->tape.tokens[i].next;
	}
}

static void
ls_scope(struct ls_rule *r, struct reply *reply, uint32_t rule)
{
	static const char *const keys[] = {"users", "groups", "sandboxes", "agents"};
	uint32_t scope = reply_member(reply, rule, "scope");

	for (size_t i = 0; i < LS_SCOPES; i++)
		ls_list(&r->scope[i], reply, scope ? reply_member(reply, scope, keys[i]) : 0);
}

static bool
ls_true(const struct reply *reply, uint32_t rule, const char *key)
{
	uint32_t i = reply_member(reply, rule, key);

	return i && reply->tape.tokens[i].type == JSCAN_TRUE;
}

void
ls_rule_read(struct ls_rule *r, struct reply *reply, uint32_t rule, int64_t now)
{
	int64_t expires;

	r->decision = reply_text(reply, rule, "decision");
	r->policy_id = reply_text(reply, rule, "policy_id");
	r->rule_id = reply_text(reply, rule, "rule_id");
	r->source = reply_text(reply, rule, "source");
	r->mode = reply_text(reply, rule, "mode");
	r->expires = reply_text(reply, rule, "expires");
	r->inactive = ls_true(reply, rule, "inactive");
	r->conditional = ls_true(reply, rule, "conditional");
	r->expired = str_given(r->expires) && clock_parse(r->expires, &expires) == 0 &&
		     now >= expires;
	ls_list(&r->actions, reply, reply_member(reply, rule, "actions"));
	ls_list(&r->resources, reply, reply_member(reply, rule, "resources"));
	ls_scope(r, reply, rule);
}

void
ls_rule_free(struct ls_rule *r)
{
	free(r->actions.v);
	free(r->resources.v);
	for (size_t i = 0; i < LS_SCOPES; i++)
		free(r->scope[i].v);
}

/* A scope without such a list is about everybody. */
static bool
ls_in_scope(const struct ls_list *globs, const char *name)
{
	for (uint32_t i = 0; name && i < globs->n; i++)
		if (glob_name(globs->v[i], str_from(name)))
			return true;
	return !name || globs->n == 0;
}

static bool
ls_names(const struct ls_list *resources, const char *glob)
{
	for (uint32_t i = 0; glob && i < resources->n; i++)
		if (glob_name(str_from(glob), resources->v[i]))
			return true;
	return !glob;
}

bool
ls_rule_wanted(const struct ls_rule *r, const struct ls_filter *f)
{
	return ls_in_scope(&r->scope[LS_SANDBOXES], f->sandbox) &&
	       ls_in_scope(&r->scope[LS_USERS], f->user) && ls_names(&r->resources, f->resource);
}
