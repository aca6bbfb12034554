/* SPDX-License-Identifier: Apache-2.0 */
/* A listing of the policy, piece by piece: however long it is, only a piece is in memory. */
#include "common/clock.h"
#include "policyd/admin/state.h"
#include "policyd/client/reply.h"

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

static void
put_open(struct listing *l, struct str id, struct text *t)
{
	reply_open(t, id);
	reply_member(t, "revision", l->image->revision);
	text_put(t, STR(",\"policies\":["));
	l->step = policy_image_rules(&l->image->view) > 0 ? LISTING_RULE : LISTING_CLOSE;
}

static void
put_rule(struct listing *l, struct text *t)
{
	struct policy_rule_view rule;
	char expires[RFC3339_SIZE];

	policy_image_rule(&l->image->view, l->rule, &rule);
	text_put(t, l->rule == 0 ? STR("{\"policy_id\":") : STR(",{\"policy_id\":"));
	text_json(t, rule.policy_id);
	reply_member(t, "policy_name", rule.policy_name);
	reply_member(t, "rule_id", rule.rule_id);
	reply_member(t, "rule_name", rule.rule_name);
	reply_member(t, "source", source_name(rule.source));
	reply_member(t, "mode", mode_name(rule.mode));
	reply_member(t, "decision", rule.deny ? STR("deny") : STR("allow"));
	reply_key(t, "inactive");
	text_put(t, rule.inactive ? STR("true") : STR("false"));
	if (rule.expires != INT64_MAX) {
		clock_format(rule.expires, expires);
		reply_member(t, "expires", str_from(expires));
	}
	text_put(t, STR(",\"actions\":["));
	l->item = 0;
	l->step = LISTING_ACTIONS;
}

static void
put_action(struct listing *l, struct text *t)
{
	struct policy_rule_view rule;

	policy_image_rule(&l->image->view, l->rule, &rule);
	if (l->item < rule.n_actions) {
		if (l->item > 0)
			text_char(t, ',');
		text_json(t, policy_image_rule_action(&l->image->view, l->rule, l->item++));
		return;
	}
	text_put(t, STR("],\"resources\":["));
	l->item = 0;
	l->step = LISTING_RESOURCES;
}

static void
put_resource(struct listing *l, struct text *t)
{
	struct policy_rule_view rule;

	policy_image_rule(&l->image->view, l->rule, &rule);
	if (l->item < rule.n_resources) {
		if (l->item > 0)
			text_char(t, ',');
		text_json(t, policy_image_rule_resource(&l->image->view, l->rule, l->item++));
		return;
	}
	text_put(t, STR("]}"));
	l->rule++;
	l->step = l->rule < policy_image_rules(&l->image->view) ? LISTING_RULE : LISTING_CLOSE;
}

bool
listing_piece(struct listing *l, struct str id, struct text *t)
{
	switch (l->step) {
	case LISTING_OPEN:
		put_open(l, id, t);
		return true;
	case LISTING_RULE:
		put_rule(l, t);
		return true;
	case LISTING_ACTIONS:
		put_action(l, t);
		return true;
	case LISTING_RESOURCES:
		put_resource(l, t);
		return true;
	case LISTING_CLOSE:
		text_char(t, ']');
		reply_close(t);
		l->step = LISTING_DONE;
		return false;
	case LISTING_DONE:
		break;
	}
	return false;
}
