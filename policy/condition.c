/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/condition.h"

#include "common/clock.h"
#include "common/glob.h"
#include "policy/document.h"

static_assert((int)SCOPE_KINDS == IMAGE_SCOPES, "every scope has its place in the image");

#define MINUTE 60  /* seconds */
#define THURSDAY 4 /* 1970-01-01; Sunday is 0 */

/* By length first: that is quick to compare, and any order will do. */
int
condition_name_order(struct str a, struct str b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return a.n == 0 ? 0 : memcmp(a.p, b.p, a.n);
}

/* The names without stars stand first and in order. */
static bool
any_glob(const struct policy_image *img, struct image_names names, struct str s)
{
	uint32_t low = 0, high = names.exact;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = condition_name_order(image_ref(img, names.first + middle), s);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (uint32_t i = names.exact; i < names.n; i++)
		if (glob_name(image_ref(img, names.first + i), s))
			return true;
	return false;
}

/* An empty list asks for nothing. */
static enum truth
one_of(const struct policy_image *img, struct image_names names, struct str s)
{
	if (names.n == 0)
		return TRUTH_TRUE;
	if (!str_given(s))
		return TRUTH_UNKNOWN;
	return any_glob(img, names, s) ? TRUTH_TRUE : TRUTH_FALSE;
}

/* Every account has a group: none known means that nobody told us. Nor do we know from a part of them. */
static enum truth
one_group_of(
    const struct policy_image *img, struct image_names names, const struct policy_subject *s)
{
	if (names.n == 0)
		return TRUTH_TRUE;
	for (size_t i = 0; i < s->n_groups; i++)
		if (any_glob(img, names, s->groups[i]))
			return TRUTH_TRUE;
	return s->n_groups == 0 || s->more_groups ? TRUTH_UNKNOWN : TRUTH_FALSE;
}

enum truth
condition_scope(
    const struct policy_image *img, const struct image_policy *p, const struct policy_subject *s)
{
	enum truth t = one_of(img, p->scope[SCOPE_USERS], s->user);

	t = truth_and(t, one_group_of(img, p->scope[SCOPE_GROUPS], s));
	t = truth_and(t, one_of(img, p->scope[SCOPE_SANDBOXES], s->sandbox));
	return truth_and(t, one_of(img, p->scope[SCOPE_AGENTS], s->agent));
}

/* Quotient towards minus infinity: the day before 1970-01-01 is day -1. */
static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The last shift that is over; the first is from ever. */
static int32_t
zone_offset(const struct policy_image *img, uint32_t zone, int64_t second)
{
	struct image_run run;
	struct zone_shift shift;
	uint32_t low, high;

	image_get(img, IMAGE_ZONES, zone, &run);
	low = run.first;
	high = run.first + run.n;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		image_get(img, IMAGE_SHIFTS, middle, &shift);
		if (shift.from <= second)
			low = middle;
		else
			high = middle;
	}
	image_get(img, IMAGE_SHIFTS, low, &shift);
	return shift.offset;
}

/* What clocks show there, in minutes since 1970-01-01 00:00 of their own. */
static int64_t
local_minute(const struct policy_image *img, const struct image_when *w, int64_t now)
{
	int64_t second = floor_div(now, US_PER_S);

	if (w->zone == IMAGE_NONE)
		second += (int64_t)w->offset * MINUTE;
	else
		second += zone_offset(img, w->zone, second);
	return floor_div(second, MINUTE);
}

/* A window over midnight belongs to the day on which it begins. */
static bool
within_window(const struct policy_image *img, const struct image_when *w, int64_t now)
{
	int64_t minute = local_minute(img, w, now);
	int64_t day = floor_div(minute, DOC_DAY_MINUTES);
	int64_t of_day = minute - day * DOC_DAY_MINUTES;
	bool over_midnight = w->from > w->to;

	if (over_midnight ? of_day < w->from && of_day >= w->to
			  : of_day < w->from || of_day >= w->to)
		return false;
	if (over_midnight && of_day < w->to)
		day--;
	return w->days >> (((day + THURSDAY) % 7 + 7) % 7) & 1;
}

static struct str
context_value(const struct policy_subject *s, struct str key)
{
	for (size_t i = 0; i < s->n_context; i++)
		if (str_eq(s->context[i].key, key))
			return s->context[i].value;
	return STR_NONE;
}

static enum truth
context_holds(
    const struct policy_image *img, struct image_run contexts, const struct policy_subject *s)
{
	enum truth t = TRUTH_TRUE;

	for (uint32_t i = 0; i < contexts.n; i++) {
		struct image_context c;

		image_get(img, IMAGE_CONTEXTS, contexts.first + i, &c);
		t = truth_and(t, one_of(img, c.values, context_value(s, image_str(img, c.key))));
	}
	return t;
}

enum truth
condition_when(
    const struct policy_image *img, uint32_t when, const struct policy_subject *s, int64_t now)
{
	struct image_when w;
	enum truth t;

	if (when == IMAGE_NONE)
		return TRUTH_TRUE;
	image_get(img, IMAGE_WHENS, when, &w);
	if (w.has_time && !within_window(img, &w, now))
		return TRUTH_FALSE;
	t = one_of(img, w.client, s->client);
	return truth_and(t, context_holds(img, w.contexts, s));
}

enum rule_state
condition_rule(const struct policy_image *img, const struct image_rule *r,
    const struct policy_subject *s, int64_t now)
{
	struct image_policy p;
	enum truth t;

	if (r->inactive)
		return RULE_INACTIVE;
	if (now >= r->expires)
		return RULE_EXPIRED;
	image_get(img, IMAGE_POLICIES, r->policy, &p);
	t = condition_scope(img, &p, s);
	if (t != TRUTH_FALSE)
		t = truth_and(t, condition_when(img, r->when, s, now));
	if (condition_counts(t, r->deny))
		return RULE_COUNTS;
	return t == TRUTH_FALSE ? RULE_FALSE : RULE_MISSING;
}

bool
condition_method(const struct policy_image *img, const struct image_rule *r, struct str method)
{
	for (uint32_t i = 0; i < r->methods.n; i++)
		if (str_eq(image_ref(img, r->methods.first + i), method))
			return true;
	return r->methods.n == 0;
}
