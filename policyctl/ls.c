/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl ls: the rules in force, one resource a row. */

#include "policyctl/admin.h"

/* "allow", and what keeps it from granting or ends it. */
static void
ls_decision(struct reply *r, uint32_t rule, struct text *t)
{
	uint32_t inactive = reply_member(r, rule, "inactive");
	struct str expires = reply_text(r, rule, "expires");

	text_put(t, reply_text(r, rule, "decision"));
	if (inactive && r->tape.tokens[inactive].type == JSCAN_TRUE)
		text_put(t, STR(" (inactive)"));
	if (!str_given(expires))
		return;
	text_put(t, STR(" until "));
	text_put(t, expires);
}

static void
ls_actions(struct reply *r, uint32_t rule, struct text *t)
{
	uint32_t actions = reply_member(r, rule, "actions");
	uint32_t i = reply_first(r, actions);

	for (uint32_t n = 0; i && n < r->tape.tokens[actions].count; n++) {
		if (n > 0)
			text_put(t, STR(","));
		text_put(t, reply_string(r, i));
		i = r->tape.tokens[i].next;
	}
}

/* The first row of a rule, up to its resources. */
static void
ls_rule(struct reply *r, uint32_t rule, struct cli_table *t)
{
	static const char *const plain[] = {"policy_id", "rule_id", "mode", "source"};
	char decision_buf[128], actions_buf[1024];
	struct text decision = text_over(decision_buf, sizeof(decision_buf));
	struct text actions = text_over(actions_buf, sizeof(actions_buf));

	ls_decision(r, rule, &decision);
	cli_table_cell(t, text_str(&decision));
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		cli_table_cell(t, reply_text(r, rule, plain[i]));
	ls_actions(r, rule, &actions);
	cli_table_cell(t, text_str(&actions));
}

static void
ls_rows(struct reply *r, uint32_t rule, struct cli_table *t)
{
	uint32_t resources = reply_member(r, rule, "resources");
	uint32_t i = reply_first(r, resources);

	ls_rule(r, rule, t);
	cli_table_cell(t, reply_string(r, i));
	for (uint32_t n = 1; i && n < r->tape.tokens[resources].count; n++) {
		i = r->tape.tokens[i].next;
		for (size_t blank = 1; blank < t->columns; blank++)
			cli_table_cell(t, STR(""));
		cli_table_cell(t, reply_string(r, i));
	}
}

static void
ls_show(struct reply *r)
{
	static const char *const heading[] = {
	    "DECISION", "POLICY", "RULE", "MODE", "SOURCE", "ACTIONS", "RESOURCES"};
	uint32_t policies = reply_member(r, REPLY_ROOT, "policies");
	uint32_t rule = reply_first(r, policies);
	struct cli_table t;

	cli_puts("revision ");
	cli_put_safe(reply_text(r, REPLY_ROOT, "revision"));
	cli_puts("\n");
	cli_table_init(&t, ARRAY_SIZE(heading), true);
	for (size_t i = 0; i < ARRAY_SIZE(heading); i++)
		cli_table_cell(&t, str_from(heading[i]));
	for (uint32_t n = 0; rule && n < r->tape.tokens[policies].count; n++) {
		ls_rows(r, rule, &t);
		rule = r->tape.tokens[rule].next;
	}
	cli_table_print(&t);
}

int
cmd_ls(struct ctl *ctl, int argc, char **argv)
{
	static const struct admin_command command = {
	    .op = "ls",
	    .about =
		"List the rules in force, in load order. An allow is inactive when its policy is\n"
		"not the organisation's and one that is has been loaded.",
	    .timeout = CTL_TIMEOUT,
	};
	struct admin a;
	int code = admin_ask(ctl, argc, argv, &command, &a);

	if (code == CLI_YES && !ctl->json)
		ls_show(&a.reply);
	admin_end(&a);
	return code;
}
