/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/selftest.h"

static void
subject_of(const struct doc_test *test, struct policy_subject *ret)
{
	*ret = (struct policy_subject){
	    .user = test->user,
	    .sandbox = test->sandbox,
	    .agent = test->agent,
	    .client = test->client,
	    .n_context = (uint16_t)test->n_context,
	    .context = test->context,
	};
	for (uint32_t i = 0; i < test->groups.n; i++)
		ret->groups[ret->n_groups++] = test->groups.v[i];
}

/* "RULE" or "POLICY/RULE"; ids have no slash. */
static bool
names_rule(struct str want, const struct policy_finding *f)
{
	const char *slash = memchr(want.p, '/', want.n);

	if (!str_given(f->rule_id))
		return false;
	if (!slash)
		return str_eq(want, f->rule_id);
	return str_eq((struct str){want.p, (size_t)(slash - want.p)}, f->policy_id) &&
	       str_eq(str_skip(want, (size_t)(slash - want.p) + 1), f->rule_id);
}

static void
put_finding(struct text *t, const struct policy_op *op, const struct policy_finding *f)
{
	if (!f->allow) {
		policy_reason(t, op, f);
		return;
	}
	text_put(t, STR("allowed"));
	if (!str_given(f->rule_id))
		return;
	text_put(t, STR(" by rule "));
	text_put(t, f->rule_id);
	text_put(t, STR(" in policy "));
	text_put(t, f->policy_id);
}

static void
complain(const struct doc *doc, const struct doc_test *test, const struct policy_op *op,
    const char *wanted, const struct policy_finding *got)
{
	char buf[LIMIT_RESOURCE + 1024];
	struct text t = text_over(buf, sizeof(buf));

	put_finding(&t, op, got);
	report_add(doc->report, doc->texts, test->place, "test \"%.*s\": expected %s, got: %.*s",
	    (int)(test->name.n > 80 ? 80 : test->name.n), test->name.p, wanted,
	    STR_ARG(text_str(&t)));
}

static const char *
decision_name(bool allow)
{
	return allow ? "allow" : "deny";
}

static void
check_verdict(const struct doc *doc, const struct doc_test *test, const struct policy_op *op,
    const struct policy_verdict *verdict)
{
	const struct policy_finding *decided = test->has_record ? &verdict->record
								: &verdict->answer;
	char wanted[2 * DOC_ID_MAX + 32];
	struct text t = text_over(wanted, sizeof(wanted) - 1);

	if (verdict->answer.allow != test->expect_allow) {
		complain(doc, test, op, decision_name(test->expect_allow), &verdict->answer);
		return;
	}
	if (test->has_record && verdict->record.allow != test->record_allow) {
		complain(doc, test, op, test->record_allow ? "allow on record" : "deny on record",
		    &verdict->record);
		return;
	}
	if (!str_given(test->rule) || names_rule(test->rule, decided))
		return;
	text_put(&t, STR("rule "));
	text_put(&t, test->rule);
	wanted[t.n] = '\0';
	complain(doc, test, op, wanted, decided);
}

static void
run_test(
    const struct doc *doc, const struct doc_test *test, const struct policy_image *img, int64_t now)
{
	struct policy_subject subject;
	struct policy_verdict verdict;
	struct policy_op op;
	const char *why;

	if (policy_op_parse(&op, test->action, test->resource, &why) < 0) {
		report_add(doc->report, doc->texts, test->place, "op is not understood: %s", why);
		return;
	}
	subject_of(test, &subject);
	policy_evaluate(img, &op, &subject, test->has_time ? test->time : now, &verdict);
	check_verdict(doc, test, &op, &verdict);
	doc->report->tests++;
}

void
selftest_run(const struct doc *doc, const struct policy_image *img, int64_t now)
{
	for (uint32_t i = 0; i < doc->tests.n; i++)
		run_test(doc, doc_test(doc, i), img, now);
}
