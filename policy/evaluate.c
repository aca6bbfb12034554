/* SPDX-License-Identifier: Apache-2.0 */

/* The verdict. docs/POLICY.md has the same in words and as tables. */

#include "policy/evaluate.h"

static struct policy_finding
finding_of(const struct policy_image *img, const struct selection *s, enum index_sort sort)
{
	struct image_policy p;

	image_get(img, IMAGE_POLICIES, s->first[sort].policy, &p);
	return (struct policy_finding){
	    .allow = sort == SORT_ALLOW || sort == SORT_WATCH_ALLOW,
	    .mode = (enum policy_mode)p.mode,
	    .policy_id = image_str(img, p.id),
	    .rule_id = image_str(img, s->first[sort].id),
	};
}

/* Only warn and audit policies are in scope: nothing is refused, but what would be is recorded. */
static void
verdict_watched(const struct policy_image *img, const struct selection *s, enum policy_mode mode,
    struct policy_verdict *ret)
{
	if (select_found(s, SORT_WATCH_DENY))
		ret->record = finding_of(img, s, SORT_WATCH_DENY);
	else if (select_found(s, SORT_WATCH_ALLOW))
		ret->record = finding_of(img, s, SORT_WATCH_ALLOW);
	else
		ret->record = (struct policy_finding){.allow = false, .mode = mode};
	ret->answer = ret->record.allow ? ret->record
					: (struct policy_finding){.allow = true, .mode = mode};
}

static void
verdict_enforced(
    const struct policy_image *img, const struct selection *s, struct policy_verdict *ret)
{
	if (select_found(s, SORT_DENY))
		ret->answer = finding_of(img, s, SORT_DENY);
	else if (select_found(s, SORT_ALLOW))
		ret->answer = finding_of(img, s, SORT_ALLOW);
	else
		ret->answer = (struct policy_finding){.allow = false, .mode = POLICY_ENFORCE};
	ret->record = ret->answer;
	if (ret->answer.allow && select_found(s, SORT_WATCH_DENY))
		ret->record = finding_of(img, s, SORT_WATCH_DENY);
}

bool
evaluate_watches(const struct selection *s)
{
	return !select_found(s, SORT_ENFORCE) &&
	       (select_found(s, SORT_WARN) || select_found(s, SORT_AUDIT));
}

void
evaluate_verdict(
    const struct policy_image *img, const struct selection *s, struct policy_verdict *ret)
{
	if (evaluate_watches(s))
		verdict_watched(
		    img, s, select_found(s, SORT_WARN) ? POLICY_WARN : POLICY_AUDIT, ret);
	else
		verdict_enforced(img, s, ret);
}

void
policy_evaluate(const struct policy_image *img, const struct policy_op *op,
    const struct policy_subject *subject, int64_t now, struct policy_verdict *ret)
{
	struct selection s;

	select_all(img, op, subject, now, &s);
	evaluate_verdict(img, &s, ret);
}

static void
put_op(struct text *t, const struct policy_op *op)
{
	text_put(t, STR(" for op(action="));
	text_put(t, op->action_name);
	text_put(t, STR(", resource="));
	text_put(t, op->resource);
	text_char(t, ')');
}

void
policy_reason(struct text *t, const struct policy_op *op, const struct policy_finding *f)
{
	if (str_given(f->rule_id)) {
		text_put(t, STR("denied by rule "));
		text_put(t, f->rule_id);
		text_put(t, STR(" in policy "));
		text_put(t, f->policy_id);
	} else {
		text_put(t, STR("no applicable policies"));
	}
	put_op(t, op);
}
