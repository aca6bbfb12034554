/* SPDX-License-Identifier: Apache-2.0 */

/* The verdict. docs/POLICY.md has the same in words and as tables. */

#include "policy/condition.h"
#include "policy/image.h"
#include "policy/policy.h"
#include "policy/select.h"

/* The modes of the policies in scope. */
struct scope_modes {
	bool enforce, warn, audit;
};

/*
 * Unknown counts as in scope where that leads to deny (enforce), and as out of scope where it would
 * lead to allow (warn, audit).
 */
static struct scope_modes
modes_in_scope(const struct policy_image *img, const struct policy_subject *subject)
{
	uint32_t n = image_section(img, IMAGE_POLICIES).n;
	struct scope_modes modes = {false, false, false};

	for (uint32_t i = 0; i < n; i++) {
		struct image_policy p;
		enum truth t;

		image_get(img, IMAGE_POLICIES, i, &p);
		t = condition_scope(img, &p, subject);
		modes.enforce = modes.enforce || (p.mode == POLICY_ENFORCE && t != TRUTH_FALSE);
		modes.warn = modes.warn || (p.mode == POLICY_WARN && t == TRUTH_TRUE);
		modes.audit = modes.audit || (p.mode == POLICY_AUDIT && t == TRUTH_TRUE);
	}
	return modes;
}

/* The first rule in load order of each kind that matches. */
struct firsts {
	struct policy_finding deny, allow;             /* of enforce policies */
	struct policy_finding watch_deny, watch_allow; /* of warn and audit policies */
	bool has_deny, has_allow, has_watch_deny, has_watch_allow;
};

static void
firsts_take(const struct policy_image *img, struct firsts *f, const struct image_rule *r,
    const struct image_policy *p)
{
	bool watch = p->mode != POLICY_ENFORCE;
	struct policy_finding *first = r->deny ? (watch ? &f->watch_deny : &f->deny)
					       : (watch ? &f->watch_allow : &f->allow);
	bool *has = r->deny ? (watch ? &f->has_watch_deny : &f->has_deny)
			    : (watch ? &f->has_watch_allow : &f->has_allow);

	if (*has)
		return;
	*has = true;
	*first = (struct policy_finding){
	    .allow = !r->deny,
	    .mode = (enum policy_mode)p->mode,
	    .policy_id = image_str(img, p->id),
	    .rule_id = image_str(img, r->id),
	};
}

/* Unknown conditions: a deny matches, an allow does not. */
static bool
rule_matches(const struct policy_image *img, const struct image_rule *r,
    const struct image_policy *p, const struct policy_subject *subject, int64_t now)
{
	enum truth t;

	if (r->inactive || now >= r->expires)
		return false;
	t = condition_scope(img, p, subject);
	t = truth_and(t, condition_when(img, r->when, subject, now));
	return t == TRUTH_TRUE || (t == TRUTH_UNKNOWN && r->deny);
}

static void
find_firsts(const struct policy_image *img, const struct policy_op *op,
    const struct policy_subject *subject, int64_t now, struct firsts *ret)
{
	struct selection s;
	struct image_rule r;
	uint32_t i;

	*ret = (struct firsts){.has_deny = false};
	select_begin(&s, img, op);
	/* A deny of an enforce policy settles both verdicts. */
	while (!ret->has_deny && select_next(&s, &i, &r)) {
		struct image_policy p;

		image_get(img, IMAGE_POLICIES, r.policy, &p);
		if (rule_matches(img, &r, &p, subject, now))
			firsts_take(img, ret, &r, &p);
	}
}

/* Only warn and audit policies are in scope: nothing is refused, but what would be is recorded. */
static void
verdict_watched(const struct firsts *f, enum policy_mode mode, struct policy_verdict *ret)
{
	if (f->has_watch_deny)
		ret->record = f->watch_deny;
	else if (f->has_watch_allow)
		ret->record = f->watch_allow;
	else
		ret->record = (struct policy_finding){.allow = false, .mode = mode};
	ret->answer = ret->record.allow ? ret->record
					: (struct policy_finding){.allow = true, .mode = mode};
}

static void
verdict_enforced(const struct firsts *f, struct policy_verdict *ret)
{
	if (f->has_deny)
		ret->answer = f->deny;
	else if (f->has_allow)
		ret->answer = f->allow;
	else
		ret->answer = (struct policy_finding){.allow = false, .mode = POLICY_ENFORCE};
	ret->record = ret->answer.allow && f->has_watch_deny ? f->watch_deny : ret->answer;
}

void
policy_evaluate(const struct policy_image *img, const struct policy_op *op,
    const struct policy_subject *subject, int64_t now, struct policy_verdict *ret)
{
	struct scope_modes modes = modes_in_scope(img, subject);
	struct firsts f;

	find_firsts(img, op, subject, now, &f);
	if (!modes.enforce && (modes.warn || modes.audit))
		verdict_watched(&f, modes.warn ? POLICY_WARN : POLICY_AUDIT, ret);
	else
		verdict_enforced(&f, ret);
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
