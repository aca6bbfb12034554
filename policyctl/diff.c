/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl diff: which recorded requests another policy would decide otherwise; which rules differ. */

#include "policyctl/diff.h"

#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "policyctl/document.h"
#include "policyctl/request.h"

/* What a request comes to: the answer, and what goes on record when that is something else. */
struct diff_outcome {
	struct policy_verdict verdict[2];
};

static bool
diff_differs(const struct policy_verdict *a, const struct policy_verdict *b)
{
	return a->answer.allow != b->answer.allow || a->record.allow != b->record.allow;
}

/* --- showing ------------------------------------------------------------------------------------ */

static void
diff_decision(struct text *t, const struct policy_verdict *v)
{
	text_put(t, v->answer.allow ? STR("allow") : STR("deny"));
	if (v->record.allow != v->answer.allow)
		text_put(t, STR(" (on record: deny)"));
}

static void
diff_rule(struct text *t, const struct policy_finding *f)
{
	if (!str_given(f->rule_id)) {
		text_put(t, STR("(default)"));
		return;
	}
	text_put(t, f->policy_id);
	text_char(t, '/');
	text_put(t, f->rule_id);
}

/* What decided: of the answer, unless only the records differ. */
static const struct policy_finding *
diff_finding(const struct policy_verdict *v)
{
	return v->record.allow != v->answer.allow ? &v->record : &v->answer;
}

static void
diff_row(struct cli_table *t, const struct recorded *q, const struct diff_outcome *o)
{
	static const char *const marks[] = {" user=", " sandbox=", " agent=", " client="};
	char buf[2][4096];
	char count[32], times[2][RFC3339_SIZE];
	struct text change = text_over(buf[0], sizeof(buf[0]));
	struct text who = text_over(buf[1], sizeof(buf[1]));

	diff_decision(&change, &o->verdict[0]);
	text_put(&change, STR(" -> "));
	diff_decision(&change, &o->verdict[1]);
	for (size_t i = RECORDED_USER; i < RECORDED_FIELDS; i++)
		if (str_given(q->field[i])) {
			text_put(&who, str_skip(str_from(marks[i - RECORDED_USER]), who.n == 0));
			text_put(&who, q->field[i]);
		}
	(void)snprintf(count, sizeof(count), "%llu", (unsigned long long)q->count);
	clock_format(q->first, times[0]);
	clock_format(q->last, times[1]);
	cli_table_cell(t, text_str(&change));
	cli_table_colour(t, o->verdict[1].answer.allow ? CLI_GOOD : CLI_BAD);
	cli_table_cell(t, str_from(count));
	cli_table_cell(t, q->field[RECORDED_ACTION]);
	cli_table_cell(t, q->field[RECORDED_RESOURCE]);
	cli_table_cell(t, text_str(&who));
	change.n = who.n = 0;
	diff_rule(&change, diff_finding(&o->verdict[0]));
	text_put(&change, STR(" -> "));
	diff_rule(&change, diff_finding(&o->verdict[1]));
	cli_table_cell(t, text_str(&change));
	cli_table_cell(t, str_from(times[0]));
	cli_table_cell(t, str_from(times[1]));
}

static void
diff_json_finding(struct object *o, const char *key, const struct policy_verdict *v)
{
	const struct policy_finding *f = diff_finding(v);
	struct object side;

	object_key(o, str_from(key));
	side = object_open(o->t);
	object_str(&side, "answer", v->answer.allow ? STR("allow") : STR("deny"));
	object_str(&side, "record", v->record.allow ? STR("allow") : STR("deny"));
	object_str(&side, "policy_id", f->policy_id);
	object_str(&side, "rule_id", f->rule_id);
	object_close(&side);
}

/* One line for each, so that nothing but the line in hand is in memory. */
static void
diff_json(const struct recorded *q, const struct diff_outcome *o)
{
	static const char *const keys[] = {
	    "action", "resource", "username", "sandbox_id", "agent", "client_name"};
	static char buf[8 * 65536];
	char times[2][RFC3339_SIZE];
	struct text t = text_over(buf, sizeof(buf));
	struct object line = object_open(&t);

	clock_format(q->first, times[0]);
	clock_format(q->last, times[1]);
	for (size_t i = 0; i < RECORDED_FIELDS; i++)
		object_str(&line, keys[i], q->field[i]);
	object_key(&line, STR("count"));
	text_u64(&t, q->count);
	object_str(&line, "first", str_from(times[0]));
	object_str(&line, "last", str_from(times[1]));
	diff_json_finding(&line, "old", &o->verdict[0]);
	diff_json_finding(&line, "new", &o->verdict[1]);
	object_close(&line);
	cli_put_json(text_str(&t));
}

/* --- recorded requests -------------------------------------------------------------------------- */

static void
diff_heading(struct cli_table *t)
{
	static const char *const heading[] = {
	    "CHANGE", "COUNT", "ACTION", "RESOURCE", "WHO", "BY", "FIRST", "LAST"};

	cli_table_init(t, ARRAY_SIZE(heading), true);
	for (size_t i = 0; i < ARRAY_SIZE(heading); i++)
		cli_table_cell(t, str_from(heading[i]));
}

static bool
diff_one(const struct diff *d, const struct recorded *q, struct diff_outcome *o)
{
	static struct policy_op op;
	static struct policy_subject subject;

	if (recorded_op(q, &op, &subject) < 0)
		return false;
	for (size_t k = 0; k < 2; k++)
		policy_evaluate(&d->image[k], &op, &subject, d->now, &o->verdict[k]);
	return diff_differs(&o->verdict[0], &o->verdict[1]);
}

static void
diff_sum(const struct recordings *r, uint64_t requests, uint64_t decisions)
{
	char buf[256];

	(void)snprintf(buf, sizeof(buf),
	    "%llu of %u different requests would be decided otherwise (%llu of %llu decisions on "
	    "record)\n",
	    (unsigned long long)requests, r->all.n, (unsigned long long)decisions,
	    (unsigned long long)r->decisions);
	cli_puts(buf);
}

static uint64_t
diff_requests(const struct diff *d, const struct recordings *r)
{
	uint64_t requests = 0, decisions = 0;
	struct diff_outcome outcome;
	struct cli_table t;

	diff_heading(&t);
	for (uint32_t i = 0; i < r->all.n; i++) {
		const struct recorded *q = recordings_at(r, i);

		if (!diff_one(d, q, &outcome))
			continue;
		requests++;
		decisions += q->count;
		if (d->ctl->json)
			diff_json(q, &outcome);
		else
			diff_row(&t, q, &outcome);
	}
	if (requests == 0 || d->ctl->json)
		t.cells = 0;
	cli_table_print(&t);
	if (!d->ctl->json)
		diff_sum(r, requests, decisions);
	return requests;
}

static int
diff_log(struct diff *d, const char *dir, int64_t since)
{
	static struct recordings r;
	uint64_t n;
	bool beyond;

	recordings_read(&r, "diff", dir, since);
	n = diff_requests(d, &r);
	(void)cli_flush();
	beyond = recordings_warn(&r, "diff");
	recordings_free(&r);
	if (n > 0)
		return CLI_NO;
	/* That nothing differs is not known then. */
	return beyond ? CLI_ERROR : CLI_YES;
}

/* --- command ------------------------------------------------------------------------------------ */

static int
diff_run(struct diff *d, const char *from, int64_t since)
{
	CLEANUP_FREE uint8_t *old = NULL;
	CLEANUP_FREE uint8_t *new = NULL;
	int code;

	document_compile("diff", d->path[0], d->now, &old, &d->image[0]);
	document_compile("diff", d->path[1], d->now, &new, &d->image[1]);
	if (from)
		return diff_log(d, from, since);
	document_read(d->path[0], &d->texts[0]);
	document_read(d->path[1], &d->texts[1]);
	code = diff_rules(d) > 0 ? CLI_NO : CLI_YES;
	policy_texts_free(&d->texts[0]);
	policy_texts_free(&d->texts[1]);
	return code;
}

int
cmd_diff(struct ctl *ctl, int argc, char **argv)
{
	struct diff d = {.ctl = ctl, .now = clock_real()};
	const char *from = NULL, *since_text = NULL, *when = NULL;
	int64_t since = INT64_MIN;
	const struct cli_option options[] = {
	    {.name = "from",
		.value = "AUDITDIR",
		.text = &from,
		.help = "over the requests on record there, instead of rule by rule"},
	    {.name = "since",
		.value = "TIME",
		.text = &since_text,
		.help = "with --from: only records since then (RFC 3339, or 30m, 8h, 7d ago)"},
	    {.name = "time",
		.value = "TIME",
		.text = &when,
		.help = "with --from: as if asked at this moment (RFC 3339) instead of now"},
	    CTL_OPTION_JSON(ctl),
	};
	const struct cli_command command = {
	    .name = "diff",
	    .operands = "OLD NEW",
	    .about =
		"Compare two policies (files or directories): rule by rule or, with --from, by "
		"what they\n"
		"decide about the requests on record. Records do not have the groups of a user, "
		"and the\n"
		"context is not taken from them: both are missing for either policy.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .least = 2,
	    .most = 2,
	    .exits = "0 no difference, 1 differences, 2 error",
	};

	(void)cli_parse(&command, argc, argv, d.path);
	if (since_text && !ctl_moment(since_text, -1, &since))
		cli_wrong(
		    &command, "--since: neither RFC 3339 nor like 30m, 8h, 7d: %s", since_text);
	if (when && clock_parse(str_from(when), &d.now) != 0)
		cli_wrong(&command, "--time: not RFC 3339: %s", when);
	if (!from && (since_text || when))
		cli_wrong(&command, "--since and --time belong to --from");
	return diff_run(&d, from, since);
}
