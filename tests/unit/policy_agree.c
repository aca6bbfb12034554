/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy_agree.h"

#include <stdio.h>

char agree_json[AGREE_ROOM];
size_t agree_n;

void
agree_add(const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(agree_json + agree_n, AGREE_ROOM - agree_n, format, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < AGREE_ROOM - agree_n);
	agree_n += (size_t)n;
}

void
line_put(struct line *l, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(l->s + l->n, LINE_TEXT - l->n, format, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < LINE_TEXT - l->n);
	l->n += (size_t)n;
}

static bool
same(const struct policy_finding *a, const struct policy_finding *b)
{
	return a->allow == b->allow && a->mode == b->mode &&
	       str_given(a->rule_id) == str_given(b->rule_id) && str_eq(a->rule_id, b->rule_id) &&
	       str_eq(a->policy_id, b->policy_id);
}

/* What the explanation says of the rules must be what the verdict says. */
struct seen {
	const struct policy_image *image;
	const struct policy_verdict *verdict;
	unsigned parts[PART_KINDS];
	bool wrong;
};

static void
see(uint32_t rule, enum policy_part part, void *arg)
{
	struct seen *seen = arg;
	struct policy_rule_view v;
	const struct policy_finding *f = part == PART_RECORD ? &seen->verdict->record
							     : &seen->verdict->answer;

	seen->parts[part]++;
	if (part != PART_ANSWER && part != PART_RECORD)
		return;
	policy_image_rule(seen->image, rule, &v);
	if (!str_eq(v.rule_id, f->rule_id) || !str_eq(v.policy_id, f->policy_id))
		seen->wrong = true;
}

bool
agree(const struct fixture *f, const struct question *q, unsigned parts[PART_KINDS])
{
	static struct policy_op op;
	struct policy_verdict found, read;
	struct seen seen = {.image = &f->image, .verdict = &read};
	const char *why;

	if (policy_op_parse(&op, str_from(q->action), str_from(q->resource.s), &why) < 0)
		fail_msg("%s %s: %s", q->action, q->resource.s, why);
	policy_evaluate(&f->image, &op, &q->subject, NOON, &found);
	policy_explain(&f->image, &op, &q->subject, NOON, &read, see, &seen);
	for (unsigned i = 0; i < PART_KINDS; i++)
		parts[i] += seen.parts[i];
	if (seen.wrong || seen.parts[PART_ANSWER] > 1 || seen.parts[PART_RECORD] > 1 ||
	    (seen.parts[PART_ANSWER] == 1) != str_given(read.answer.rule_id))
		fail_msg("%s %s: not explained as decided", q->action, q->resource.s);
	return same(&found.answer, &read.answer) && same(&found.record, &read.record);
}
