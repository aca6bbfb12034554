/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl status: what policyd's processes count. */

#include "policyctl/admin.h"

#define STATUS_BESIDE 8 /* evaluators in one table */

/* A value as a person reads it: strings without quotes, anything else as written. */
static struct str
status_value(struct reply *r, uint32_t i)
{
	if (r->tape.tokens[i].type == JSCAN_STRING)
		return reply_string(r, i);
	return jscan_raw(&r->tape, i);
}

/* The members of an object, a row each. */
static void
status_part(struct reply *r, uint32_t status, const char *name)
{
	uint32_t part = reply_member(r, status, name), key = part + 1;
	struct cli_table t;

	if (!part || r->tape.tokens[part].type != JSCAN_OBJECT)
		return;
	cli_puts("\n");
	cli_puts(name);
	cli_puts("\n");
	cli_table_init(&t, 3, false);
	for (uint32_t n = 0; n < r->tape.tokens[part].count; n++) {
		uint32_t value = r->tape.tokens[key].next;

		cli_table_cell(&t, STR(""));
		cli_table_cell(&t, reply_string(r, key));
		cli_table_cell(&t, status_value(r, value));
		key = r->tape.tokens[value].next;
	}
	cli_table_print(&t);
}

/* The value at the place of the n-th member; evaluators all have the same ones. */
static struct str
status_nth(struct reply *r, uint32_t object, uint32_t n)
{
	uint32_t key = object + 1;

	if (r->tape.tokens[object].type != JSCAN_OBJECT || n >= r->tape.tokens[object].count)
		return STR("");
	while (n-- > 0)
		key = r->tape.tokens[r->tape.tokens[key].next].next;
	return status_value(r, r->tape.tokens[key].next);
}

/* Up to STATUS_BESIDE evaluators side by side, a row for each counter. */
static void
status_beside(struct reply *r, const uint32_t *evaluator, size_t n)
{
	uint32_t key = evaluator[0] + 1;
	struct cli_table t;

	if (r->tape.tokens[evaluator[0]].type != JSCAN_OBJECT)
		return;
	cli_puts("\nevaluators\n");
	cli_table_init(&t, 2 + n, false);
	for (uint32_t row = 0; row < r->tape.tokens[evaluator[0]].count; row++) {
		cli_table_cell(&t, STR(""));
		cli_table_cell(&t, reply_string(r, key));
		for (size_t i = 0; i < n; i++)
			cli_table_cell(&t, status_nth(r, evaluator[i], row));
		key = r->tape.tokens[r->tape.tokens[key].next].next;
	}
	cli_table_print(&t);
}

static void
status_evaluators(struct reply *r, uint32_t status)
{
	uint32_t all = reply_member(r, status, "evaluators"), at = reply_first(r, all);
	uint32_t beside[STATUS_BESIDE];
	size_t n = 0;

	for (uint32_t i = 0; at && i < r->tape.tokens[all].count; i++) {
		beside[n++] = at;
		if (n == STATUS_BESIDE) {
			status_beside(r, beside, n);
			n = 0;
		}
		at = r->tape.tokens[at].next;
	}
	if (n > 0)
		status_beside(r, beside, n);
}

static void
status_show(struct reply *r)
{
	static const char *const plain[] = {"session", "revision", "missing"};
	uint32_t status = reply_member(r, REPLY_ROOT, "status");
	struct cli_table t;

	cli_table_init(&t, 2, false);
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		struct str s = reply_text(r, status, plain[i]);

		if (!str_given(s))
			continue;
		cli_table_cell(&t, str_from(plain[i]));
		cli_table_cell(&t, s);
	}
	cli_table_print(&t);
	status_part(r, status, "totals");
	status_part(r, status, "writer");
	status_part(r, status, "supervisor");
	status_evaluators(r, status);
}

int
cmd_status(struct ctl *ctl, int argc, char **argv)
{
	static const struct admin_command command = {
	    .op = "status",
	    .about =
		"Show the state of policyd and what its processes count. Asked more than once a\n"
		"second, it shows what it showed before.",
	    .timeout = CTL_TIMEOUT,
	};
	struct admin a;
	int code = admin_ask(ctl, argc, argv, &command, &a);

	if (code == CLI_YES && !ctl->json)
		status_show(&a.reply);
	admin_end(&a);
	return code;
}
