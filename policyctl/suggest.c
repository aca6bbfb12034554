/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl suggest: rules that would allow what was denied, for a person to review. */

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "policyctl/ctl.h"
#include "policyctl/document.h"
#include "policyctl/suggest.h"

/* --- which requests ----------------------------------------------------------------------------- */

static void
suggest_list(struct vec *list, uint32_t i)
{
	uint32_t *added = vec_add(list, sizeof(*added));

	if (added)
		*added = i;
	else
		cli_fatal(ENOMEM, "suggest");
}

static void
suggest_take(struct suggestion *s, uint32_t i, uint64_t denials, bool forbidden)
{
	int error = suggest_add(&s->suggest, recordings_at(&s->recorded, i), denials, forbidden);

	if (error == -ENOMEM)
		cli_fatal(error, "suggest");
	if (error == 0)
		suggest_list(forbidden ? &s->forbidden : &s->claimed, i);
	else
		s->no_rule++;
}

/* What the policy makes of it now: 1 allowed, 0 denied for want of a rule, -1 denied by one. */
static int
suggest_ask(const struct suggestion *s, const struct recorded *q)
{
	static struct policy_op op;
	static struct policy_subject subject;
	const struct policy_finding *f;
	struct policy_verdict v;

	if (!s->policy)
		return q->by_rule > 0 ? -1 : 0;
	if (recorded_op(q, &op, &subject) < 0)
		return 0;
	policy_evaluate(&s->now, &op, &subject, clock_real(), &v);
	f = v.answer.allow ? &v.record : &v.answer;
	if (f->allow)
		return 1;
	return str_given(f->rule_id) ? -1 : 0;
}

static void
suggest_collect(struct suggestion *s)
{
	s->claimed.n = s->forbidden.n = s->suggest.pieces.n = 0;
	s->allowed_now = s->no_rule = 0;
	for (uint32_t i = 0; i < s->recorded.all.n; i++) {
		const struct recorded *q = recordings_at(&s->recorded, i);
		uint64_t denials = q->watched + (s->audit_mode ? 0 : q->by_default);
		int now;

		if (denials + q->by_rule == 0)
			continue;
		now = suggest_ask(s, q);
		/* A rule that denied it is gone from the policy. */
		if (now < 0 || s->policy)
			denials += q->by_rule;
		if (now > 0)
			s->allowed_now++;
		else if (denials > 0)
			suggest_take(s, i, denials, now < 0);
	}
}

/* --- what the rules come to --------------------------------------------------------------------- */

static int
by_denials(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	int order = (x->denials < y->denials) - (x->denials > y->denials);

	/* Then by place, whatever that is: the order stays the same for the same log. */
	return order ? order : (x->example > y->example) - (x->example < y->example);
}

/* Of the document, at most: a byte becomes at most six in a string, and four in a comment. */
static uint64_t
suggest_room(const struct piece *p)
{
	uint64_t n = SUGGEST_FRAME + 6 * (p->head.n + p->tail.n + p->user.n + p->sandbox.n) +
		     6 * p->action.n + 4 * p->more.n;

	for (size_t i = 0; i < RECORDED_FIELDS; i++)
		n += 4 * p->example->field[i].n;
	return n;
}

/* How many rules make a document that policyd would take. */
static uint32_t
suggest_count_fitting(const struct suggestion *s)
{
	uint64_t room = SUGGEST_BYTES;
	uint32_t n = 0;

	while (n < s->suggest.pieces.n && n < SUGGEST_RULES) {
		uint64_t more = suggest_room(suggest_piece(&s->suggest, n));

		if (more > room)
			break;
		room -= more;
		n++;
	}
	return n;
}

static void
suggest_rank(struct suggestion *s)
{
	struct vec *pieces = &s->suggest.pieces;
	uint32_t fitting;

	if (pieces->n > 0)
		qsort(pieces->p, pieces->n, sizeof(struct piece), by_denials);
	fitting = suggest_count_fitting(s);
	s->left_out = pieces->n - fitting;
	pieces->n = fitting;
}

static uint64_t
suggest_count_allowed(
    const struct suggestion *s, const struct policy_image *img, const struct vec *list)
{
	static struct policy_op op;
	static struct policy_subject subject;
	const uint32_t *which = list->p;
	uint64_t n = 0;

	for (uint32_t i = 0; i < list->n; i++) {
		struct policy_verdict v;

		if (recorded_op(recordings_at(&s->recorded, which[i]), &op, &subject) < 0)
			continue;
		policy_evaluate(img, &op, &subject, clock_real(), &v);
		n += v.answer.allow;
	}
	return n;
}

/* Ask the document itself. False: it allows something that a rule denies. */
static bool
suggest_prove(const struct suggestion *s, struct str document)
{
	static struct policy_report report;
	struct policy_compile_options how = {.now = clock_real()};
	struct policy_text text = {"suggestion", document};
	struct policy_texts texts = {.v = &text, .n = 1};
	CLEANUP_FREE uint8_t *bytes = NULL;
	struct policy_image image;
	uint64_t allowed;
	const char *why;
	size_t size;

	if (policy_compile(&texts, &how, &bytes, &size, &report) < 0 ||
	    policy_image_open(&image, bytes, size, &why) < 0) {
		document_print(&report, true);
		cli_fatal(0, "suggest: the suggestion is no policy: this is a fault of policyctl");
	}
	allowed = suggest_count_allowed(s, &image, &s->claimed);
	if (allowed < s->claimed.n && s->left_out == 0)
		cli_fatal(0,
		    "suggest: the suggestion allows only %llu of %u requests: this is a fault of "
		    "policyctl",
		    (unsigned long long)allowed, s->claimed.n);
	return suggest_count_allowed(s, &image, &s->forbidden) == 0;
}

/*
 * The document; without merging if need be. What a rule denies to some and the rules here allow to all
 * is said then.
 */
static char *
suggest_make(struct suggestion *s, size_t *ret_n)
{
	char *document;

	for (;;) {
		suggest_collect(s);
		if (suggest_merge(&s->suggest) < 0)
			cli_fatal(ENOMEM, "suggest");
		suggest_rank(s);
		document = suggestion_document(s, ret_n);
		if (suggest_prove(s, (struct str){document, *ret_n}) || s->contradicts)
			return document;
		free(document);
		s->contradicts = s->unmerged;
		s->unmerged = true;
		s->suggest.merge = SUGGEST_NEVER;
	}
}

/* --- command ------------------------------------------------------------------------------------ */

static bool
has_org_source(const struct policy_image *img)
{
	struct policy_rule_view rule;

	for (uint32_t i = 0; i < policy_image_rules(img); i++) {
		policy_image_rule(img, i, &rule);
		if (rule.source == SOURCE_ORG)
			return true;
	}
	return false;
}

/* Before the jail; without a policy one that is empty, for what libraries do when they are used first. */
static void
suggest_load(struct suggestion *s, uint8_t **ret_image)
{
	static const char empty[] = "{\"schema\":\"sealwright-policy/1\",\"policies\":[]}";
	static struct policy_report report;
	struct policy_compile_options how = {.now = clock_real()};
	struct policy_text text = {"empty", {empty, sizeof(empty) - 1}};
	struct policy_texts texts = {.v = &text, .n = 1};
	size_t size;

	if (s->policy) {
		document_compile("suggest", s->policy, how.now, ret_image, &s->now);
		s->inactive = has_org_source(&s->now);
	} else if (policy_compile(&texts, &how, ret_image, &size, &report) < 0) {
		cli_fatal(ENOMEM, "suggest");
	}
}

static int
suggest_run(const struct ctl *ctl, struct suggestion *s, int64_t since)
{
	CLEANUP_FREE uint8_t *image = NULL;
	CLEANUP_FREE char *document = NULL;
	size_t n;
	int code;

	suggest_load(s, &image);
	recordings_read(&s->recorded, "suggest", s->from, since);
	document = suggest_make(s, &n);
	if (ctl->json)
		suggestion_json(s, (struct str){document, n});
	else
		cli_put((struct str){document, n});
	(void)cli_flush();
	(void)recordings_warn(&s->recorded, "suggest");
	code = s->suggest.pieces.n > 0 ? CLI_YES : CLI_NO;
	vec_free(&s->suggest.pieces);
	vec_free(&s->claimed);
	vec_free(&s->forbidden);
	arena_free(&s->suggest.arena);
	recordings_free(&s->recorded);
	return code;
}

int
cmd_suggest(struct ctl *ctl, int argc, char **argv)
{
	static struct suggestion s;
	const char *since_text = NULL;
	int64_t since = INT64_MIN;
	const struct cli_option options[] = {
	    {.name = "from",
		.value = "AUDITDIR",
		.text = &s.from,
		.help = "the audit directory whose denials are looked at"},
	    {.name = "since",
		.value = "TIME",
		.text = &since_text,
		.help = "only records since then (RFC 3339, or 30m, 8h, 7d ago)"},
	    {.name = "audit-mode",
		.flag = &s.audit_mode,
		.help = "only what policies in mode warn or audit would have denied"},
	    {.name = "policy",
		.value = "POLICY",
		.text = &s.policy,
		.help = "leave out what this policy allows by now, or denies by a rule"},
	    {.name = "merge",
		.value = "N",
		.number = &s.suggest.merge,
		.max = 1000000,
		.help = "so many of a kind become one rule (4); 0: never"},
	    {.name = "per-user", .flag = &s.suggest.per_user, .help = "rules for each user alone"},
	    {.name = "per-sandbox",
		.flag = &s.suggest.per_sandbox,
		.help = "rules for each sandbox alone"},
	    CTL_OPTION_JSON(ctl),
	};
	const struct cli_command command = {
	    .name = "suggest",
	    .about =
		"Print a policy that would allow what is on record as denied because nothing "
		"allowed it,\n"
		"with the evidence for each rule. It is for a person to review: a log says what "
		"was asked\n"
		"for, not what is right.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .exits = "0 rules are suggested, 1 there are none, 2 error",
	};

	s.suggest.merge = SUGGEST_HOSTS;
	(void)cli_parse(&command, argc, argv, NULL);
	if (!s.from)
		cli_wrong(&command, "--from is missing");
	if (s.suggest.merge < 2)
		s.suggest.merge = SUGGEST_NEVER;
	if (since_text && !ctl_moment(since_text, -1, &since))
		cli_wrong(
		    &command, "--since: neither RFC 3339 nor like 30m, 8h, 7d: %s", since_text);
	return suggest_run(ctl, &s, since);
}
