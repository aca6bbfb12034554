/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl check: policyd's answer from a policy file, without policyd; nothing is recorded. */

#include <pwd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "policyctl/ctl.h"
#include "policyctl/document.h"
#include "policyctl/explain.h"
#include "policyctl/request.h"
#include "policyctl/show.h"

_Static_assert(CLI_LIST <= LIMIT_GROUPS, "every --group has its place");

#define CHECK_REASON 9000 /* bytes: an action, a resource and two names */

struct check {
	struct policy_image image;
	struct policy_op op;
	struct policy_subject subject;
	struct policy_attribute context[CLI_LIST];
	struct policy_verdict verdict;
	int64_t now;
	bool explain;
};

static struct explain
check_explain(const struct check *c)
{
	return (struct explain){&c->image, &c->op, &c->subject, c->now};
}

/* The caller, as policyd would see it, or who --user names; groups as given, else the account's. */
static void
check_subject(struct check *c, const struct asker *asker)
{
	/* cppcheck-suppress [getpwnamCalled, getpwuidCalled] ; there is one thread */
	const struct passwd *account = asker->user ? getpwnam(asker->user) : getpwuid(geteuid());
	struct policy_subject *s = &c->subject;

	s->user = str_from(asker->user);
	if (!asker->user)
		s->user = policy_image_user(&c->image, geteuid());
	for (size_t i = 0; i < asker->groups.n; i++)
		s->groups[s->n_groups++] = str_from(asker->groups.v[i]);
	if (asker->groups.n == 0 && account)
		s->n_groups = (uint16_t)policy_image_groups(
		    &c->image, account->pw_uid, s->groups, LIMIT_GROUPS, &s->more_groups);
	s->sandbox = str_from(asker->sandbox);
	s->agent = str_from(asker->agent);
	s->client = str_from(asker->client);
}

static void
check_context(const struct cli_command *command, struct check *c, const struct cli_list *pairs)
{
	for (size_t i = 0; i < pairs->n; i++) {
		struct policy_attribute *a = &c->context[i];

		if (!request_pair(pairs->v[i], &a->key, &a->value))
			cli_wrong(command, "--context: not KEY=VALUE: %s", pairs->v[i]);
	}
	c->subject.context = c->context;
	c->subject.n_context = (uint16_t)pairs->n;
}

static const char *
check_mode(enum policy_mode mode)
{
	switch (mode) {
	case POLICY_WARN:
		return "warn";
	case POLICY_AUDIT:
		return "audit";
	case POLICY_ENFORCE:
		break;
	}
	return "enforce";
}

static struct answer
check_answer(const struct check *c, const struct policy_finding *f)
{
	return (struct answer){
	    .decided = true,
	    .allow = f->allow,
	    .policy_id = f->policy_id,
	    .rule_id = f->rule_id,
	    .revision = policy_image_revision(&c->image),
	};
}

static void
check_show(const struct check *c)
{
	const struct policy_finding *answer = &c->verdict.answer, *record = &c->verdict.record;
	struct answer shown = check_answer(c, answer);
	struct explain explain = check_explain(c);
	char buf[CHECK_REASON];
	struct text reason = text_over(buf, sizeof(buf));

	show_decision(&shown, STR_NONE);
	if (!answer->allow) {
		policy_reason(&reason, &c->op, answer);
		show_more(text_str(&reason));
	}
	if (record->allow != answer->allow) {
		cli_puts("on record: ");
		shown = check_answer(c, record);
		show_decision(&shown, str_from(check_mode(record->mode)));
	}
	if (c->explain)
		explain_show(&explain);
}

static void
check_finding(struct object *o, const struct policy_finding *f)
{
	object_str(o, "decision", f->allow ? STR("allow") : STR("deny"));
	object_str(o, "enforcement_mode", str_from(check_mode(f->mode)));
	object_str(o, "policy_id", f->policy_id);
	object_str(o, "rule_id", f->rule_id);
}

static void
check_show_json(const struct check *c)
{
	static char buf[8 * CHECK_REASON], reason_buf[CHECK_REASON];
	struct text t = text_over(buf, sizeof(buf));
	struct text reason = text_over(reason_buf, sizeof(reason_buf));
	struct object o = object_open(&t), record;
	struct explain explain = check_explain(c);

	check_finding(&o, &c->verdict.answer);
	object_str(&o, "policy_revision", policy_image_revision(&c->image));
	object_key(&o, STR("reason"));
	text_char(&t, '[');
	if (!c->verdict.answer.allow) {
		policy_reason(&reason, &c->op, &c->verdict.answer);
		text_json(&t, text_str(&reason));
	}
	text_char(&t, ']');
	object_key(&o, STR("record"));
	record = object_open(&t);
	check_finding(&record, &c->verdict.record);
	object_close(&record);
	if (c->explain)
		text_char(&t, ',');
	else
		object_close(&o);
	cli_put_json_part(text_str(&t));
	if (c->explain) {
		explain_show_json(&explain);
		cli_puts("}");
	}
	cli_puts("\n");
}

int
cmd_check(struct ctl *ctl, int argc, char **argv)
{
	static struct check check;
	CLEANUP_FREE uint8_t *image = NULL;
	struct asker asker = {0};
	const char *policy = NULL, *when = NULL, *why;
	const struct cli_option options[] = {
	    {.name = "policy",
		.value = "POLICY",
		.text = &policy,
		.help = "policy file, or directory of *.json files"},
	    ASKER_OPTIONS(&asker),
	    {.name = "time",
		.value = "TIME",
		.text = &when,
		.help = "as if asked at this moment (RFC 3339, e.g. 2026-11-21T09:00:00Z)"},
	    {.name = "explain",
		.flag = &check.explain,
		.help = "show every rule about this, and what became of it"},
	    CTL_OPTION_JSON(ctl),
	};
	const struct cli_command command = {
	    .name = "check",
	    .operands = "ACTION RESOURCE",
	    .about =
		"Evaluate ACTION on RESOURCE with a policy, as policyd would for a client whom it\n"
		"trusts. Neither policyd nor its log is needed; nothing is recorded.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .least = 2,
	    .most = 2,
	    .exits = "0 allowed, 1 denied, 2 error",
	};
	const char *operand[2];

	(void)cli_parse(&command, argc, argv, operand);
	if (!policy)
		cli_wrong(&command, "--policy is missing");
	check.now = clock_real();
	if (when && clock_parse(str_from(when), &check.now) != 0)
		cli_wrong(&command, "--time: not RFC 3339: %s", when);
	document_compile("check", policy, check.now, &image, &check.image);
	check_subject(&check, &asker);
	check_context(&command, &check, &asker.context);
	if (policy_op_parse(&check.op, str_from(operand[0]), str_from(operand[1]), &why) != 0)
		cli_fatal(0, "check: %s", why);
	policy_evaluate(&check.image, &check.op, &check.subject, check.now, &check.verdict);
	(ctl->json ? check_show_json : check_show)(&check);
	return check.verdict.answer.allow ? CLI_YES : CLI_NO;
}
