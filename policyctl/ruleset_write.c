/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/sha256.h"
#include "common/text.h"
#include "policyctl/ruleset.h"

#define RULE_ROOM 256 /* bytes of a rule or policy beyond its strings */
#define REVISION_HASH ((size_t)6)

static const char head[] =
    "// Rules of policyctl(1): \"policyctl allow\" and \"policyctl deny\" add them, \"policyctl "
    "rm\" "
    "takes them out.\n"
    "// When this file is changed by hand they refuse to touch it, so that nothing written here is "
    "lost.\n"
    "// Rules of your own belong in another file of this directory.\n";

/* --- room -------------------------------------------------------------------------------------- */

/* A byte becomes at most six. */
static size_t
list_room(const struct doc_list *list)
{
	size_t n = 0;

	for (uint32_t i = 0; i < list->n; i++)
		n += 6 * list->v[i].n + 4;
	return n;
}

static size_t
rule_room(const struct ruleset_rule *r)
{
	return 6 * (r->id.n + r->name.n + r->resource.n) + list_room(&r->actions) + RULE_ROOM;
}

static size_t
ruleset_room(const struct ruleset *s)
{
	size_t n = sizeof(head) + RULE_ROOM;

	for (uint32_t i = 0; i < s->policies.n; i++) {
		const struct ruleset_policy *p = ruleset_policy(s, i);

		n += 6 * (p->id.n + p->scope.user.n + p->scope.sandbox.n) + RULE_ROOM;
		for (uint32_t k = 0; k < p->rules.n; k++)
			n += rule_room(ruleset_rule(p, k));
	}
	return n;
}

/* --- text -------------------------------------------------------------------------------------- */

static void
put_escape(struct text *t, uint32_t unit)
{
	char buf[8];

	(void)snprintf(buf, sizeof(buf), "\\u%04x", unit & 0xffff);
	text_put(t, str_from(buf));
}

/* What could drive a terminal, or turn the order of what is read, as \uXXXX. */
static void
put_code(struct text *t, uint32_t code)
{
	if (code > 0xffff) {
		put_escape(t, 0xd7c0 + (code >> 10));
		put_escape(t, 0xdc00 + (code & 0x3ff));
	} else {
		put_escape(t, code);
	}
}

static void
put_character(struct text *t, struct str c)
{
	char safe_buf[24], json_buf[24];
	struct text safe = text_over(safe_buf, sizeof(safe_buf));
	struct text json = text_over(json_buf, sizeof(json_buf));

	text_safe(&safe, c);
	if (c.n > 1 && !str_eq(text_str(&safe), c)) {
		put_code(t, utf8_code(c.p, c.n));
		return;
	}
	text_json(&json, c);
	text_put(t, (struct str){json.p + 1, json.n - 2});
}

void
ruleset_put_string(struct text *t, struct str s)
{
	text_char(t, '"');
	while (s.n > 0) {
		size_t n = utf8_length(s.p, s.n);

		n = n > 0 ? n : 1;
		put_character(t, (struct str){s.p, n});
		s = str_skip(s, n);
	}
	text_char(t, '"');
}

static void
put_member(struct text *t, const char *before, struct str value)
{
	text_put(t, str_from(before));
	ruleset_put_string(t, value);
}

/* Without a fraction of a second when there is none. */
static void
put_time(struct text *t, int64_t us)
{
	char buf[RFC3339_SIZE];
	struct str s;

	clock_format(us, buf);
	s = str_from(buf);
	if (us % US_PER_S == 0)
		s.n -= STR(".000000Z").n;
	text_put(t, STR(", \"expires\": \""));
	text_put(t, s);
	text_put(t, us % US_PER_S == 0 ? STR("Z\"") : STR("\""));
}

void
ruleset_put_rule(struct text *t, const struct ruleset_rule *r)
{
	put_member(t, "{\"id\": ", r->id);
	if (str_given(r->name))
		put_member(t, ", \"name\": ", r->name);
	for (uint32_t i = 0; i < r->actions.n; i++)
		put_member(t, i == 0 ? ", \"actions\": [" : ", ", r->actions.v[i]);
	put_member(t, "], \"resources\": [", r->resource);
	text_put(t, STR("], \"decision\": "));
	text_put(t, r->deny ? STR("\"deny\"") : STR("\"allow\""));
	if (r->expires != INT64_MAX)
		put_time(t, r->expires);
	text_char(t, '}');
}

static void
put_scope(struct text *t, const struct ruleset_scope *scope)
{
	if (!str_given(scope->user) && !str_given(scope->sandbox))
		return;
	text_put(t, STR("      \"scope\": {"));
	if (str_given(scope->user)) {
		put_member(t, "\"users\": [", scope->user);
		text_char(t, ']');
	}
	if (str_given(scope->sandbox)) {
		put_member(t, str_given(scope->user) ? ", \"sandboxes\": [" : "\"sandboxes\": [",
		    scope->sandbox);
		text_char(t, ']');
	}
	text_put(t, STR("},\n"));
}

static void
put_policy(struct text *t, const struct ruleset_policy *p)
{
	put_member(t, "    {\n      \"id\": ", p->id);
	text_put(t, STR(",\n"));
	if (p->mode != POLICY_ENFORCE) {
		text_put(t, STR("      \"mode\": "));
		text_put(t, p->mode == POLICY_WARN ? STR("\"warn\",\n") : STR("\"audit\",\n"));
	}
	put_scope(t, &p->scope);
	text_put(t, STR("      \"rules\": ["));
	for (uint32_t i = 0; i < p->rules.n; i++) {
		text_put(t, i == 0 ? STR("\n        ") : STR(",\n        "));
		ruleset_put_rule(t, ruleset_rule(p, i));
	}
	text_put(t, p->rules.n > 0 ? STR("\n      ]\n    }") : STR("]\n    }"));
}

static void
put_policies(struct text *t, const struct ruleset *s)
{
	text_put(t, STR("  \"policies\": ["));
	for (uint32_t i = 0; i < s->policies.n; i++) {
		text_put(t, i == 0 ? STR("\n") : STR(",\n"));
		put_policy(t, ruleset_policy(s, i));
	}
	text_put(t, s->policies.n > 0 ? STR("\n  ]\n}\n") : STR("]\n}\n"));
}

/* Made from what the policies say, so that another text never has the same. */
static void
put_revision(struct text *t, struct str policies)
{
	uint8_t sum[SHA256_SIZE];

	sha256_sum(policies, sum);
	text_put(t, STR("  \"revision\": \"policyctl-"));
	text_hex(t, sum, REVISION_HASH);
	text_put(t, STR("\",\n"));
}

int
ruleset_write(const struct ruleset *s, char **ret_text, size_t *ret_n)
{
	size_t room = ruleset_room(s);
	CLEANUP_FREE char *buf = malloc(room), *inner = malloc(room);
	struct text t = text_over(buf, room), policies = text_over(inner, room);

	if (!buf || !inner)
		return -ENOMEM;
	put_policies(&policies, s);
	text_put(&t, str_from(head));
	text_put(&t, STR("{\n  \"schema\": \"" DOC_SCHEMA "\",\n"));
	if (s->with_revision)
		put_revision(&t, text_str(&policies));
	text_put(&t, text_str(&policies));
	text_char(&t, '\0');
	if (!text_ok(&t))
		return -ENOMEM;
	*ret_n = t.n - 1;
	*ret_text = take_ptr(&buf);
	return 0;
}
