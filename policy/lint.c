/* SPDX-License-Identifier: Apache-2.0 */

/* What is valid and still probably not what its author meant. */

#include <errno.h>

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

int
policy_lint(const struct policy_texts *texts, int64_t now, struct policy_report *report)
{
	struct doc doc;
	uint32_t before = report->n;
	int error = doc_load(&doc, texts, report);

	if (error == 0 && report->n > before)
		error = -EINVAL;
	if (error == 0) {
		lint_policies(&doc);
		for (uint32_t i = 0; i < doc.rules.n; i++)
			lint_rule(&doc, doc_rule(&doc, i), now);
		error = lint_overlaps(&doc, now);
	}
	doc_free(&doc);
	return error;
}
