/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The plain reading of docs/POLICY.md: every rule, one after the other. For people who ask why, and
 * what the index is held to in tests.
 */

#include "policy/action.h"
#include "policy/condition.h"
#include "policy/evaluate.h"

/* Actions and patterns alone. */
static bool
rule_speaks_of(
    const struct policy_image *img, const struct image_rule *r, const struct policy_op *op)
{
	if (!(r->actions & ACTION_BIT(op->action)) || !condition_method(img, r, op->method))
		return false;
	for (uint32_t i = 0; i < r->patterns.n; i++) {
		struct pattern p;

		image_pattern(img, r->patterns.first + i, &p);
		if (pattern_matches(&p, op))
			return true;
	}
	return false;
}

static enum index_sort
sort_of(const struct policy_image *img, const struct image_rule *r)
{
	struct image_policy p;

	image_get(img, IMAGE_POLICIES, r->policy, &p);
	if (p.mode == POLICY_ENFORCE)
		return r->deny ? SORT_DENY : SORT_ALLOW;
	return r->deny ? SORT_WATCH_DENY : SORT_WATCH_ALLOW;
}

/* One evaluation, over everything. */
struct reading {
	const struct policy_image *img;
	const struct policy_op *op;
	const struct policy_subject *subject;
	int64_t now;
	struct selection s;
};

static void
read_policies(struct reading *e)
{
	static const enum index_sort sorts[] = {
	    [POLICY_ENFORCE] = SORT_ENFORCE,
	    [POLICY_WARN] = SORT_WARN,
	    [POLICY_AUDIT] = SORT_AUDIT,
	};
	uint32_t n = image_section(e->img, IMAGE_POLICIES).n;

	for (uint32_t i = 0; i < n; i++) {
		struct image_policy p;

		image_get(e->img, IMAGE_POLICIES, i, &p);
		if (condition_counts(
			condition_scope(e->img, &p, e->subject), p.mode == POLICY_ENFORCE))
			e->s.first[sorts[p.mode]].of = i;
	}
}

static void
read_rules(struct reading *e)
{
	uint32_t n = image_section(e->img, IMAGE_RULES).n;

	for (uint32_t i = 0; i < n; i++) {
		struct image_rule r;
		struct selected *first;

		image_get(e->img, IMAGE_RULES, i, &r);
		first = &e->s.first[sort_of(e->img, &r)];
		if (first->of == IMAGE_NONE && rule_speaks_of(e->img, &r, e->op) &&
		    condition_rule(e->img, &r, e->subject, e->now) == RULE_COUNTS)
			*first = (struct selected){i, r.policy, r.id};
	}
}

/* --- what became of a rule that counts ------------------------------------------------------- */

/* Of an enforce policy: it decided, or what did? */
static enum policy_part
part_enforced(const struct reading *e, uint32_t i, const struct image_rule *r)
{
	if (!r->deny && select_found(&e->s, SORT_DENY))
		return PART_OUTVOTED;
	return e->s.first[r->deny ? SORT_DENY : SORT_ALLOW].of == i ? PART_ANSWER : PART_LATER;
}

/* Of a warn or audit policy: on record are its denies where the answer is an allow. */
static enum policy_part
part_watched(const struct reading *e, uint32_t i, const struct image_rule *r)
{
	uint32_t deny = e->s.first[SORT_WATCH_DENY].of;
	bool allowed = !select_found(&e->s, SORT_DENY) && select_found(&e->s, SORT_ALLOW);

	if (!evaluate_watches(&e->s) && (!allowed || !r->deny))
		return PART_WATCHED;
	if (r->deny)
		return deny == i ? PART_RECORD : PART_LATER;
	if (deny != IMAGE_NONE)
		return PART_OUTVOTED;
	return e->s.first[SORT_WATCH_ALLOW].of == i ? PART_ANSWER : PART_LATER;
}

static enum policy_part
part_of(const struct reading *e, uint32_t i, const struct image_rule *r)
{
	static const enum policy_part parts[] = {
	    [RULE_INACTIVE] = PART_INACTIVE,
	    [RULE_EXPIRED] = PART_EXPIRED,
	    [RULE_FALSE] = PART_FALSE,
	    [RULE_MISSING] = PART_MISSING,
	};
	enum rule_state state = condition_rule(e->img, r, e->subject, e->now);
	enum index_sort sort = sort_of(e->img, r);

	if (state != RULE_COUNTS)
		return parts[state];
	return sort == SORT_DENY || sort == SORT_ALLOW ? part_enforced(e, i, r)
						       : part_watched(e, i, r);
}

void
policy_explain(const struct policy_image *img, const struct policy_op *op,
    const struct policy_subject *subject, int64_t now, struct policy_verdict *ret,
    policy_explain_cb *each, void *arg)
{
	uint32_t n = image_section(img, IMAGE_RULES).n;
	struct reading e = {.img = img, .op = op, .subject = subject, .now = now};

	for (size_t i = 0; i < INDEX_SORTS; i++)
		e.s.first[i].of = IMAGE_NONE;
	read_policies(&e);
	read_rules(&e);
	evaluate_verdict(img, &e.s, ret);
	for (uint32_t i = 0; each && i < n; i++) {
		struct image_rule r;

		image_get(img, IMAGE_RULES, i, &r);
		if (rule_speaks_of(img, &r, op))
			each(i, part_of(&e, i, &r), arg);
	}
}
