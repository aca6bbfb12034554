/* SPDX-License-Identifier: Apache-2.0 */

/* What is valid and still probably not what its author meant. */

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "policy/action.h"
#include "policy/canon.h"
#include "policy/lint.h"

#define WIDE_IPV4 8  /* shorter networks are very wide */
#define WIDE_IPV6 20 /* whole registries hold a /12 to /20 */

void
lint_complain(const struct doc *d, struct place place, const struct doc_rule *r, const char *what)
{
	report_add(d->report, d->texts, place, "rule \"%.*s\": %s", STR_ARG(r->id), what);
}

static bool
is_wide_host(const struct pattern *p)
{
	switch ((enum pattern_host)p->host) {
	case HOST_ANY:
		return true;
	case HOST_ONE:
	case HOST_DEEP:
		return !memchr(p->host_name.p, '.', p->host_name.n); /* *.com */
	case HOST_NETWORK:
		return p->prefix < (p->ip_bytes == 4 ? WIDE_IPV4 : WIDE_IPV6);
	case HOST_EXACT:
	case HOST_KINDS:
		break;
	}
	return false;
}

static bool
is_wide_path(const struct pattern *p)
{
	return p->path == PATH_ANY || (p->path == PATH_UNDER && p->path_text.n == 0) ||
	       (p->path == PATH_BASE && str_eq(p->path_text, STR("*")));
}

static bool
is_wide(const struct doc_rule *r, const struct pattern *p)
{
	if (r->family == FAMILY_NET || r->family == FAMILY_HTTP)
		return is_wide_host(p);
	return is_wide_path(p);
}

static void
lint_wide(const struct doc *d, const struct doc_rule *r)
{
	for (uint32_t i = 0; !r->deny && i < r->n_patterns; i++)
		if (is_wide(r, &r->patterns[i]))
			report_add(d->report, d->texts, r->pattern_places[i],
			    "rule \"%.*s\": allows very much: \"%.*s\"", STR_ARG(r->id),
			    STR_ARG(r->patterns[i].text));
}

static void
lint_rule(const struct doc *d, const struct doc_rule *r, int64_t now)
{
	char expires[RFC3339_SIZE];

	if (now >= r->expires) {
		clock_format(r->expires, expires);
		report_add(d->report, d->texts, r->place, "rule \"%.*s\": expired at %s",
		    STR_ARG(r->id), expires);
	}
	if (doc_rule_inactive(d, r))
		lint_complain(d, r->place, r,
		    "inactive: only rules of source \"org\" allow while one is loaded");
	lint_wide(d, r);
}

static void
lint_policies(const struct doc *d)
{
	if (d->policies.n == 0)
		report_add(
		    d->report, d->texts, (struct place){0, 0}, "no policies: everything is denied");
	for (uint32_t i = 0; i < d->policies.n; i++) {
		const struct doc_policy *p = doc_policy(d, i);

		if (p->n_rules == 0)
			report_add(d->report, d->texts, p->place,
			    p->mode == POLICY_ENFORCE
				? "policy \"%.*s\": no rules"
				: "policy \"%.*s\": no rules, and where it alone is in scope "
				  "everything is allowed",
			    STR_ARG(p->id));
	}
}

static int
lint_document(const struct lint *l)
{
	const struct doc *d = l->doc;

	if (!l->wanted)
		lint_policies(d);
	for (uint32_t i = 0; i < d->rules.n; i++)
		if (!l->wanted || l->wanted[i])
			lint_rule(d, doc_rule(d, i), l->now);
	return lint_overlaps(l);
}

/* Mark the rules that are named. */
static int
lint_want(struct lint *l, struct lint_only *only)
{
	const struct doc *d = l->doc;

	l->wanted = calloc((size_t)d->rules.n + 1, sizeof(struct lint_name *));
	if (!l->wanted)
		return -ENOMEM;
	for (uint32_t i = 0; i < d->rules.n; i++)
		for (size_t k = 0; k < only->n; k++)
			if (str_eq(doc_rule(d, i)->id, only->v[k].rule) &&
			    str_eq(doc_policy(d, doc_rule(d, i)->policy)->id, only->v[k].policy))
				l->wanted[i] = &only->v[k];
	return 0;
}

static int
lint_texts(const struct policy_texts *texts, int64_t now, struct lint_only *only,
    struct policy_report *report)
{
	struct doc doc;
	struct lint l = {.doc = &doc, .now = now};
	uint32_t before = report->n;
	int error = doc_load(&doc, texts, report);

	if (error == 0 && report->n > before)
		error = -EINVAL;
	if (error == 0 && only)
		error = lint_want(&l, only);
	if (error == 0)
		error = lint_document(&l);
	free(l.wanted);
	doc_free(&doc);
	return error;
}

int
policy_lint(const struct policy_texts *texts, int64_t now, struct policy_report *report)
{
	return lint_texts(texts, now, NULL, report);
}

int
policy_lint_only(const struct policy_texts *texts, int64_t now, struct lint_only *only,
    struct policy_report *report)
{
	return lint_texts(texts, now, only, report);
}
