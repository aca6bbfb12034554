/* SPDX-License-Identifier: Apache-2.0 */

/* A suggestion as a policy file: all that came from the log stands in strings or in harmless comments. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/cli.h"
#include "common/clock.h"
#include "policyctl/ruleset.h"
#include "policyctl/suggest_show.h"

#define SHOWN_FORBIDDEN 20
#define ID_PART 90 /* bytes of an id that come from the resource */

static void
put_time(struct text *t, int64_t us)
{
	char buf[RFC3339_SIZE];

	clock_format(us, buf);
	text_put(t, (struct str){buf, sizeof("2026-11-21T00:00:00") - 1});
	text_char(t, 'Z');
}

static void
put_count(struct text *t, uint64_t n, const char *one, const char *many)
{
	text_u64(t, n);
	text_char(t, ' ');
	text_put(t, str_from(n == 1 ? one : many));
}

/* "net:connect:tcp net:domain:h:443 user=alice" */
static void
put_request(struct text *t, const struct recorded *q)
{
	static const char *const marks[] = {" user=", " sandbox=", " agent=", " client="};

	text_safe(t, q->field[RECORDED_ACTION]);
	text_char(t, ' ');
	text_safe(t, q->field[RECORDED_RESOURCE]);
	for (size_t i = RECORDED_USER; i < RECORDED_FIELDS; i++)
		if (str_given(q->field[i])) {
			text_put(t, str_from(marks[i - RECORDED_USER]));
			text_safe(t, q->field[i]);
		}
}

/* The actions, which were joined with commas. */
static uint32_t
split_actions(const struct piece *p, struct str v[SUGGEST_ACTIONS])
{
	struct str rest = p->action;
	uint32_t n = 0;

	while (str_given(rest) && n < SUGGEST_ACTIONS) {
		const char *comma = rest.n ? memchr(rest.p, ',', rest.n) : NULL;

		v[n] = (struct str){rest.p, comma ? (size_t)(comma - rest.p) : rest.n};
		rest = comma ? str_skip(rest, v[n].n + 1) : STR_NONE;
		n++;
	}
	return n;
}

struct str
suggest_id(const struct piece *p, uint32_t number, char buf[DOC_ID_MAX])
{
	char resource_buf[LIMIT_RESOURCE + 64];
	struct text resource = text_over(resource_buf, sizeof(resource_buf));
	struct text t = text_over(buf, DOC_ID_MAX);

	suggest_resource(&resource, p);
	text_put(&t, STR("suggested-"));
	text_u64(&t, number + 1);
	text_char(&t, '-');
	ruleset_put_id(&t, text_str(&resource), ID_PART);
	return text_str(&t);
}

/* --- the document ------------------------------------------------------------------------------- */

static void
put_evidence(struct text *t, const struct piece *p)
{
	text_put(t, STR("        // "));
	put_count(t, p->denials, "denial", "denials");
	text_put(t, STR(" of "));
	put_count(t, p->requests, "request", "different requests");
	text_put(t, STR(", "));
	put_time(t, p->first);
	text_put(t, STR(" to "));
	put_time(t, p->last);
	text_put(t, STR("; "));
	put_request(t, p->example);
	text_put(t, str_given(p->more) ? STR("\n        // wider than what was seen: ")
				       : STR("\n        // exactly what was seen\n"));
	if (!str_given(p->more))
		return;
	text_safe(t, p->more);
	text_char(t, '\n');
}

static void
put_rule(struct text *t, const struct piece *p, uint32_t number)
{
	char id[DOC_ID_MAX], resource_buf[LIMIT_RESOURCE + 64];
	struct text resource = text_over(resource_buf, sizeof(resource_buf));
	struct str actions[SUGGEST_ACTIONS];
	struct ruleset_rule rule = {
	    .expires = INT64_MAX, .actions = {actions, split_actions(p, actions)}};

	suggest_resource(&resource, p);
	rule.id = suggest_id(p, number, id);
	rule.resource = text_str(&resource);
	put_evidence(t, p);
	text_put(t, STR("        "));
	ruleset_put_rule(t, &rule);
}

static bool
same_who(const struct piece *a, const struct piece *b)
{
	return str_eq(a->user, b->user) && str_eq(a->sandbox, b->sandbox) &&
	       str_given(a->user) == str_given(b->user) &&
	       str_given(a->sandbox) == str_given(b->sandbox);
}

static void
put_policy_head(struct text *t, const struct piece *p, uint32_t number)
{
	text_put(t, STR("    {\n      \"id\": \"suggested-"));
	text_u64(t, number);
	text_put(t, STR("\",\n"));
	if (str_given(p->user) || str_given(p->sandbox)) {
		text_put(t, STR("      \"scope\": {"));
		if (str_given(p->user)) {
			text_put(t, STR("\"users\": ["));
			ruleset_put_string(t, p->user);
			text_put(t, str_given(p->sandbox) ? STR("], ") : STR("]"));
		}
		if (str_given(p->sandbox)) {
			text_put(t, STR("\"sandboxes\": ["));
			ruleset_put_string(t, p->sandbox);
			text_char(t, ']');
		}
		text_put(t, STR("},\n"));
	}
	text_put(t, STR("      \"rules\": [\n"));
}

/* Rules that are not for one user or sandbox alone although that was asked for. */
static void
put_missing_who(struct text *t, const struct suggest *s, const struct piece *p)
{
	if (s->per_user && !str_given(p->user))
		text_put(t, STR("    // For every user: none is on record.\n"));
	if (s->per_sandbox && !str_given(p->sandbox))
		text_put(t, STR("    // For every sandbox: none is on record.\n"));
}

static int
by_who(const void *a, const void *b)
{
	const struct suggest_shown *x = a, *y = b;
	const struct str pairs[2][2] = {{x->p->user, y->p->user}, {x->p->sandbox, y->p->sandbox}};

	for (size_t i = 0; i < 2; i++) {
		struct str p = pairs[i][0], q = pairs[i][1];
		size_t n = p.n < q.n ? p.n : q.n;
		int order = n > 0 ? memcmp(p.p, q.p, n) : 0;

		if (order == 0)
			order = (p.n > q.n) - (p.n < q.n);
		if (order == 0)
			order = str_given(p) - str_given(q);
		if (order)
			return order;
	}
	return (x->p > y->p) - (x->p < y->p);
}

struct suggest_shown *
suggest_sorted(const struct suggestion *s)
{
	struct suggest_shown *v = calloc((size_t)s->suggest.pieces.n + 1, sizeof(*v));

	if (!v)
		cli_fatal(ENOMEM, "suggest");
	for (uint32_t i = 0; i < s->suggest.pieces.n; i++)
		v[i].p = suggest_piece(&s->suggest, i);
	qsort(v, s->suggest.pieces.n, sizeof(*v), by_who);
	return v;
}

static void
put(FILE *f, struct text *t)
{
	if (!text_ok(t) || fwrite(t->p, 1, t->n, f) != t->n)
		cli_fatal(ENOMEM, "suggest");
	t->n = 0;
}

static void
put_policies(FILE *f, const struct suggestion *s, struct text *t)
{
	CLEANUP_FREE struct suggest_shown *v = suggest_sorted(s);
	uint32_t policies = 0;

	for (uint32_t i = 0; i < s->suggest.pieces.n; i++) {
		bool begins = i == 0 || !same_who(v[i - 1].p, v[i].p);

		if (i > 0)
			text_put(t, begins ? STR("\n      ]\n    },\n") : STR(",\n"));
		if (begins) {
			put_missing_who(t, &s->suggest, v[i].p);
			put_policy_head(t, v[i].p, ++policies);
		}
		put_rule(t, v[i].p, i);
		put(f, t);
	}
	text_put(t, policies > 0 ? STR("\n      ]\n    }\n") : STR(""));
}

/* What a rule denies is not suggested, whoever asks for it. */
static void
put_forbidden(FILE *f, const struct suggestion *s, struct text *t)
{
	const uint32_t *which = s->forbidden.p;

	if (s->forbidden.n == 0)
		return;
	text_put(t, STR("// Not suggested, because a rule denies it:\n"));
	for (uint32_t i = 0; i < s->forbidden.n && i < SHOWN_FORBIDDEN; i++) {
		const struct recorded *q = recordings_at(&s->recorded, which[i]);

		text_put(t, STR("//   "));
		put_request(t, q);
		if (str_given(q->rule)) {
			text_put(t, STR(", by rule "));
			text_safe(t, q->rule);
			text_put(t, STR(" in policy "));
			text_safe(t, q->policy);
		}
		text_char(t, '\n');
		put(f, t);
	}
	if (s->forbidden.n > SHOWN_FORBIDDEN) {
		text_put(t, STR("//   and "));
		text_u64(t, s->forbidden.n - SHOWN_FORBIDDEN);
		text_put(t, STR(" more\n"));
	}
}

static void
put_remark(struct text *t, uint64_t n, const char *what)
{
	if (n == 0)
		return;
	text_put(t, STR("// "));
	put_count(t, n, "request ", "requests ");
	text_put(t, str_from(what));
	text_char(t, '\n');
}

uint64_t
suggest_requests(const struct suggestion *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->suggest.pieces.n; i++)
		n += suggest_piece(&s->suggest, i)->requests;
	return n;
}

static void
put_head(FILE *f, const struct suggestion *s, struct text *t)
{
	text_put(t, STR("// Suggested by policyctl(1) from the denials in "));
	text_safe(t, str_from(s->from));
	text_put(
	    t, STR(".\n// To be reviewed: a log says what was asked for, not what is right. "
		   "What is on record as user, sandbox\n// and agent may be a mere claim.\n// "));
	put_count(t, suggest_requests(s), "request", "different requests");
	text_put(t, STR(" would be allowed by "));
	put_count(t, s->suggest.pieces.n, "rule.\n", "rules.\n");
	put_forbidden(f, s, t);
	put_remark(t, s->allowed_now, "left out that the policy allows by now.");
	put_remark(t, s->no_rule, "left out that no rule can name.");
	if (s->left_out > 0) {
		text_put(t, STR("// Rules left out, beyond 5000 or 48 MiB: "));
		text_u64(t, s->left_out);
		text_put(t, STR(", those with the fewest denials.\n"));
	}
	if (s->unmerged)
		text_put(t, STR("// Nothing was merged: it would have allowed what a rule "
				"denies.\n"));
	if (s->contradicts)
		text_put(t, STR("// Some of what a rule denies would be allowed: by rules for "
				"everybody, where that rule is about some. Keep it.\n"));
	if (s->inactive)
		text_put(t, STR("// An org policy is loaded: only rules of \"source\": \"org\" "
				"allow, so these would have to be its.\n"));
	text_put(t, STR("{\n  \"schema\": \"" DOC_SCHEMA "\",\n  \"policies\": [\n"));
	put(f, t);
}

char *
suggestion_document(const struct suggestion *s, size_t *ret_n)
{
	static char buf[SUGGEST_TEXT];
	struct text t = text_over(buf, sizeof(buf));
	char *document = NULL;
	FILE *f = open_memstream(&document, ret_n);

	if (!f)
		cli_fatal(ENOMEM, "suggest");
	put_head(f, s, &t);
	put_policies(f, s, &t);
	text_put(&t, STR("  ]\n}\n"));
	put(f, &t);
	if (fclose(f) != 0)
		cli_fatal(ENOMEM, "suggest");
	return document;
}
