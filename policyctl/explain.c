/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/explain.h"

#include "common/cli.h"
#include "policyctl/request.h"

static const char *const part_names[PART_KINDS] = {
    [PART_ANSWER] = "answer",
    [PART_RECORD] = "record",
    [PART_OUTVOTED] = "outvoted",
    [PART_LATER] = "later",
    [PART_WATCHED] = "watched",
    [PART_INACTIVE] = "inactive",
    [PART_EXPIRED] = "expired",
    [PART_FALSE] = "false",
    [PART_MISSING] = "missing",
};

static const char *const part_texts[PART_KINDS] = {
    [PART_ANSWER] = "decides",
    [PART_RECORD] = "decides what is on record",
    [PART_OUTVOTED] = "outvoted by a deny",
    [PART_LATER] = "says what an earlier rule says",
    [PART_WATCHED] = "its policy only watches",
    [PART_INACTIVE] = "inactive: only org policies allow",
    [PART_EXPIRED] = "expired",
    [PART_FALSE] = "scope or when is not true",
    [PART_MISSING] = "scope or when asks for what is missing",
};

static struct str
mode_name(enum policy_mode mode)
{
	if (mode == POLICY_ENFORCE)
		return STR("enforce");
	return mode == POLICY_WARN ? STR("warn") : STR("audit");
}

/* What both forms are made of, as rules come. */
struct rows {
	const struct explain *e;
	struct cli_table table;
	uint32_t n;
};

static void
add_row(uint32_t rule, enum policy_part part, void *arg)
{
	struct rows *rows = arg;
	struct policy_rule_view v;
	bool decides = part == PART_ANSWER || part == PART_RECORD;

	policy_image_rule(rows->e->image, rule, &v);
	if (rows->n++ == 0) {
		static const char *const heads[] = {"POLICY", "RULE", "DECISION", "MODE", ""};

		cli_table_init(&rows->table, ARRAY_SIZE(heads), true);
		for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
			cli_table_cell(&rows->table, str_from(heads[i]));
	}
	cli_table_cell(&rows->table, v.policy_id);
	cli_table_cell(&rows->table, v.rule_id);
	cli_table_cell(&rows->table, v.deny ? STR("deny") : STR("allow"));
	if (decides)
		cli_table_colour(&rows->table, v.deny ? CLI_BAD : CLI_GOOD);
	cli_table_cell(&rows->table, mode_name(v.mode));
	cli_table_cell(&rows->table, str_from(part_texts[part]));
	if (!decides)
		cli_table_colour(&rows->table, CLI_DIM);
}

void
explain_show(const struct explain *e)
{
	struct rows rows = {.e = e};
	struct policy_verdict verdict;

	policy_explain(e->image, e->op, e->subject, e->now, &verdict, add_row, &rows);
	if (rows.n == 0) {
		cli_puts("no rule is about this\n");
		return;
	}
	cli_puts("rules about this, in load order:\n");
	cli_table_print(&rows.table);
}

static void
put_row(uint32_t rule, enum policy_part part, void *arg)
{
	struct rows *rows = arg;
	struct policy_rule_view v;
	char buf[4096];
	struct text t = text_over(buf, sizeof(buf));
	struct object o;

	policy_image_rule(rows->e->image, rule, &v);
	if (rows->n++ > 0)
		text_char(&t, ',');
	o = object_open(&t);
	object_str(&o, "policy_id", v.policy_id);
	object_str(&o, "rule_id", v.rule_id);
	object_str(&o, "decision", v.deny ? STR("deny") : STR("allow"));
	object_str(&o, "enforcement_mode", mode_name(v.mode));
	object_str(&o, "part", str_from(part_names[part]));
	object_close(&o);
	cli_put_json_part(text_str(&t));
}

void
explain_show_json(const struct explain *e)
{
	struct rows rows = {.e = e};
	struct policy_verdict verdict;

	cli_puts("\"rules\":[");
	policy_explain(e->image, e->op, e->subject, e->now, &verdict, put_row, &rows);
	cli_puts("]");
}
