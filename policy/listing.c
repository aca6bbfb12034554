/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/listing.h"

#include "common/clock.h"
#include "policy/image.h"

enum step {
	LISTING_OPEN,
	LISTING_RULE,
	LISTING_SCOPE,
	LISTING_ACTIONS,
	LISTING_RESOURCES,
	LISTING_CLOSE,
	LISTING_DONE,
};

static struct str
source_name(enum policy_source source)
{
	switch (source) {
	case SOURCE_ORG:
		return STR("org");
	case SOURCE_HOST:
		return STR("host");
	case SOURCE_SANDBOX:
		return STR("sandbox");
	}
	return STR("unknown");
}

static struct str
mode_name(enum policy_mode mode)
{
	switch (mode) {
	case POLICY_ENFORCE:
		return STR("enforce");
	case POLICY_WARN:
		return STR("warn");
	case POLICY_AUDIT:
		return STR("audit");
	}
	return STR("unknown");
}

/* `,"KEY":"VALUE"`; nothing when value is STR_NONE. */
static void
put_member(struct text *t, const char *before, struct str value)
{
	if (!str_given(value))
		return;
	text_put(t, str_from(before));
	text_json(t, value);
}

static void
put_open(const struct policy_image *img, struct policy_listing *l, struct text *t)
{
	put_member(t, "\"revision\":", policy_image_revision(img));
	text_put(t, STR(",\"policies\":["));
	l->step = policy_image_rules(img) > 0 ? LISTING_RULE : LISTING_CLOSE;
}

static void
put_expires(struct text *t, int64_t at)
{
	char expires[RFC3339_SIZE];

	if (at == INT64_MAX)
		return;
	clock_format(at, expires);
	put_member(t, ",\"expires\":", str_from(expires));
}

static void
put_rule(const struct policy_image *img, struct policy_listing *l, struct text *t)
{
	struct policy_rule_view rule;
	struct image_rule inside;

	policy_image_rule(img, l->rule, &rule);
	image_get(img, IMAGE_RULES, l->rule, &inside);
	put_member(t, l->rule == 0 ? "{\"policy_id\":" : ",{\"policy_id\":", rule.policy_id);
	put_member(t, ",\"policy_name\":", rule.policy_name);
	put_member(t, ",\"rule_id\":", rule.rule_id);
	put_member(t, ",\"rule_name\":", rule.rule_name);
	put_member(t, ",\"source\":", source_name(rule.source));
	put_member(t, ",\"mode\":", mode_name(rule.mode));
	put_member(t, ",\"decision\":", rule.deny ? STR("deny") : STR("allow"));
	text_put(t, rule.inactive ? STR(",\"inactive\":true") : STR(",\"inactive\":false"));
	if (inside.when != IMAGE_NONE)
		text_put(t, STR(",\"conditional\":true"));
	put_expires(t, rule.expires);
	l->item = l->scope = 0;
	l->step = LISTING_SCOPE;
}

static struct image_run
scope_of(const struct policy_image *img, const struct policy_listing *l, uint32_t kind)
{
	struct image_rule rule;
	struct image_policy p;

	image_get(img, IMAGE_RULES, l->rule, &rule);
	image_get(img, IMAGE_POLICIES, rule.policy, &p);
	return (struct image_run){p.scope[kind].first, p.scope[kind].n};
}

static bool
any_scope(const struct policy_image *img, const struct policy_listing *l, uint32_t kinds)
{
	for (uint32_t i = 0; i < kinds; i++)
		if (scope_of(img, l, i).n > 0)
			return true;
	return false;
}

static void
next_list(struct policy_listing *l, enum step step)
{
	l->item = 0;
	l->step = step;
}

/* An entry, or what ends the lists; the first entry of a list brings its key. */
static void
put_scope(const struct policy_image *img, struct policy_listing *l, struct text *t)
{
	static const char *const keys[IMAGE_SCOPES] = {
	    "\"users\":[", "\"groups\":[", "\"sandboxes\":[", "\"agents\":["};
	struct image_run run = {0, 0};

	while (l->scope < IMAGE_SCOPES && (run = scope_of(img, l, l->scope)).n == 0)
		l->scope++;
	if (l->scope == IMAGE_SCOPES) {
		if (any_scope(img, l, IMAGE_SCOPES))
			text_char(t, '}');
		text_put(t, STR(",\"actions\":["));
		next_list(l, LISTING_ACTIONS);
		return;
	}
	if (l->item == 0) {
		text_put(t, any_scope(img, l, l->scope) ? STR(",") : STR(",\"scope\":{"));
		text_put(t, str_from(keys[l->scope]));
	} else {
		text_char(t, ',');
	}
	text_json(t, image_ref(img, run.first + l->item++));
	if (l->item < run.n)
		return;
	text_char(t, ']');
	l->item = 0;
	l->scope++;
}

static void
put_action(const struct policy_image *img, struct policy_listing *l, struct text *t)
{
	struct str action = policy_image_rule_action(img, l->rule, l->item);

	if (!str_given(action)) {
		text_put(t, STR("],\"resources\":["));
		next_list(l, LISTING_RESOURCES);
		return;
	}
	if (l->item++ > 0)
		text_char(t, ',');
	text_json(t, action);
}

static void
put_resource(const struct policy_image *img, struct policy_listing *l, struct text *t)
{
	struct str resource = policy_image_rule_resource(img, l->rule, l->item);

	if (!str_given(resource)) {
		text_put(t, STR("]}"));
		next_list(l, ++l->rule < policy_image_rules(img) ? LISTING_RULE : LISTING_CLOSE);
		return;
	}
	if (l->item++ > 0)
		text_char(t, ',');
	text_json(t, resource);
}

bool
policy_listing_piece(const struct policy_image *img, struct policy_listing *l, struct text *t)
{
	switch ((enum step)l->step) {
	case LISTING_OPEN:
		put_open(img, l, t);
		return true;
	case LISTING_RULE:
		put_rule(img, l, t);
		return true;
	case LISTING_SCOPE:
		put_scope(img, l, t);
		return true;
	case LISTING_ACTIONS:
		put_action(img, l, t);
		return true;
	case LISTING_RESOURCES:
		put_resource(img, l, t);
		return true;
	case LISTING_CLOSE:
		text_char(t, ']');
		l->step = LISTING_DONE;
		return false;
	case LISTING_DONE:
		break;
	}
	return false;
}
