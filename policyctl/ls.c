/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl ls: the rules in force, or of a policy on disk, one resource a row. */

#include <errno.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "policy/listing.h"
#include "policyctl/admin.h"
#include "policyctl/document.h"
#include "policyctl/ls_rule.h"

#define LS_CELL 4096 /* bytes of a cell that is made of several strings; the rest is cut off */

struct ls {
	struct ls_filter filter;
	struct cli_table table;
	int64_t now;
	bool watching; /* a policy that only warns or audits has rules */
	bool any;      /* a rule was shown */
};

/* --- a policy on disk --------------------------------------------------------------------------- */

/* The same line as policyd's reply; malloc'ed. */
static struct str
ls_line(const struct policy_image *img)
{
	struct policy_listing listing = {0};
	size_t cap = POLICY_LISTING_PIECE + 64;
	struct text t = text_over(malloc(cap), cap);
	bool more = true;

	if (t.p)
		text_put(&t, STR("{\"id\":\"1\","));
	while (t.p && more) {
		if (t.cap - t.n < POLICY_LISTING_PIECE + 8) {
			t.cap *= 2;
			t.p = realloc(t.p, t.cap);
		}
		if (t.p)
			more = policy_listing_piece(img, &listing, &t);
	}
	if (!t.p)
		cli_fatal(ENOMEM, "ls");
	text_char(&t, '}');
	return text_str(&t);
}

static struct str
ls_compile(const char *path)
{
	CLEANUP_FREE uint8_t *bytes = NULL;
	struct policy_image image;

	document_compile("ls", path, clock_real(), &bytes, &image);
	return ls_line(&image);
}

/* --- rows --------------------------------------------------------------------------------------- */

static void
ls_put_list(struct text *t, const struct ls_list *list)
{
	for (uint32_t i = 0; i < list->n; i++) {
		if (i > 0)
			text_char(t, ',');
		text_put(t, list->v[i]);
	}
}

static void
ls_cell_list(struct cli_table *t, const struct ls_list *list)
{
	char buf[LS_CELL];
	struct text cell = text_over(buf, sizeof(buf));

	ls_put_list(&cell, list);
	cli_table_cell(t, text_str(&cell));
}

static void
ls_cell_scope(struct cli_table *t, const struct ls_rule *r)
{
	static const struct str kinds[] = {
	    {"user=", 5}, {"group=", 6}, {"sandbox=", 8}, {"agent=", 6}};
	char buf[LS_CELL];
	struct text cell = text_over(buf, sizeof(buf));

	for (size_t i = 0; i < LS_SCOPES; i++) {
		if (r->scope[i].n == 0)
			continue;
		if (cell.n > 0)
			text_char(&cell, ' ');
		text_put(&cell, kinds[i]);
		ls_put_list(&cell, &r->scope[i]);
	}
	cli_table_cell(t, cell.n > 0 ? text_str(&cell) : STR("everybody"));
}

static struct str
ls_note(const struct ls_rule *r)
{
	if (r->expired)
		return STR("expired");
	if (r->inactive)
		return STR("inactive: org rules alone allow");
	return r->conditional ? STR("under conditions (when)") : STR("");
}

static enum cli_colour
ls_colour(const struct ls_rule *r)
{
	if (r->expired || r->inactive)
		return CLI_DIM;
	return str_eq(r->decision, STR("allow")) ? CLI_GOOD : CLI_BAD;
}

static void
ls_row(struct cli_table *t, const struct ls_rule *r)
{
	cli_table_cell(t, r->decision);
	cli_table_colour(t, ls_colour(r));
	ls_cell_list(t, &r->actions);
	cli_table_cell(t, r->resources.n > 0 ? r->resources.v[0] : STR(""));
	cli_table_cell(t, r->policy_id);
	cli_table_cell(t, r->rule_id);
	cli_table_cell(t, r->source);
	cli_table_cell(t, r->mode);
	ls_cell_scope(t, r);
	cli_table_cell(t, str_given(r->expires) ? r->expires : STR("never"));
	cli_table_cell(t, ls_note(r));
	for (uint32_t i = 1; i < r->resources.n; i++)
		for (size_t c = 0; c < t->columns; c++)
			cli_table_cell(t, c == 2 ? r->resources.v[i] : STR(""));
}

/* What happens when no rule matches is a row as well. */
static void
ls_default(const struct ls *l, struct cli_table *t)
{
	static const char *const row[] = {
	    "deny", "any", "**", "-", "(default)", "-", "-", "everybody", "never"};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		cli_table_cell(t, str_from(row[i]));
		if (i == 0)
			cli_table_colour(t, CLI_BAD);
	}
	cli_table_cell(t, l->watching ? STR("what nothing allows; allowed where only warn and "
					    "audit policies are in scope")
				      : STR("what nothing allows"));
}

static void
ls_heading(struct cli_table *t)
{
	static const char *const heading[] = {"DECISION", "ACTIONS", "RESOURCES", "POLICY", "RULE",
	    "SOURCE", "MODE", "SCOPE", "EXPIRES", "NOTE"};

	cli_table_init(t, ARRAY_SIZE(heading), true);
	for (size_t i = 0; i < ARRAY_SIZE(heading); i++)
		cli_table_cell(t, str_from(heading[i]));
}

/* --- the listing -------------------------------------------------------------------------------- */

typedef void ls_each(struct ls *l, const struct ls_rule *r, struct str raw);

static void
ls_walk(struct ls *l, struct reply *r, ls_each *each)
{
	uint32_t policies = reply_member(r, REPLY_ROOT, "policies");
	uint32_t i = reply_first(r, policies);
	struct ls_rule rule = {.inactive = false};

	for (uint32_t n = 0; i && n < r->tape.tokens[policies].count; n++) {
		ls_rule_read(&rule, r, i, l->now);
		l->watching = l->watching || !str_eq(rule.mode, STR("enforce"));
		if (ls_rule_wanted(&rule, &l->filter))
			each(l, &rule, jscan_raw(&r->tape, i));
		i = r->tape.tokens[i].next;
	}
	ls_rule_free(&rule);
}

static void
ls_each_row(struct ls *l, const struct ls_rule *r, struct str raw)
{
	(void)raw;
	ls_row(&l->table, r);
}

static void
ls_each_json(struct ls *l, const struct ls_rule *r, struct str raw)
{
	(void)r;
	cli_puts(l->any ? ",\n" : "");
	cli_put_json_part(raw);
	l->any = true;
}

static void
ls_show(struct ls *l, struct reply *r)
{
	cli_puts("revision ");
	cli_put_safe(reply_text(r, REPLY_ROOT, "revision"));
	cli_puts("\n");
	ls_heading(&l->table);
	ls_walk(l, r, ls_each_row);
	ls_default(l, &l->table);
	cli_table_print(&l->table);
}

/* Some of the rules, each as it came. */
static void
ls_show_some(struct ls *l, struct reply *r)
{
	uint32_t revision = reply_member(r, REPLY_ROOT, "revision");

	cli_puts("{\"id\":\"1\",\"revision\":");
	cli_put_json_part(revision ? jscan_raw(&r->tape, revision) : STR("null"));
	cli_puts(",\"policies\":[");
	ls_walk(l, r, ls_each_json);
	cli_puts("]}\n");
}

static void
ls_reply(const struct ctl *ctl, struct ls *l, struct reply *r, struct str line)
{
	const struct ls_filter *f = &l->filter;

	if (!ctl->json)
		ls_show(l, r);
	else if (f->sandbox || f->user || f->resource)
		ls_show_some(l, r);
	else
		cli_put_json(line);
}

static int
ls_service(const struct ctl *ctl, struct ls *l)
{
	static const struct admin_command command = {.op = "ls", .timeout = CTL_TIMEOUT};
	struct admin a;
	struct str line;
	int code = admin_request(ctl, &command, &a, &line);

	if (code == CLI_YES)
		ls_reply(ctl, l, &a.reply, line);
	else if (ctl->json)
		cli_put_json(line);
	admin_end(&a);
	return code;
}

static int
ls_file(const struct ctl *ctl, struct ls *l, const char *path)
{
	struct str line = ls_compile(path);
	struct reply reply = {.used = 0};
	int error = reply_read(&reply, line);

	if (error < 0)
		cli_fatal(error, "ls: %s", path);
	ls_reply(ctl, l, &reply, line);
	reply_free(&reply);
	free((void *)(uintptr_t)line.p);
	return CLI_YES;
}

int
cmd_ls(struct ctl *ctl, int argc, char **argv)
{
	struct ls l = {.now = clock_real()};
	const char *policy = NULL;
	const struct cli_option options[] = {
	    {.name = "policy",
		.value = "POLICY",
		.text = &policy,
		.help = "list this file or directory, without policyd"},
	    {.name = "sandbox",
		.value = "ID",
		.text = &l.filter.sandbox,
		.help = "rules that can be about this sandbox"},
	    {.name = "user",
		.value = "USER",
		.text = &l.filter.user,
		.help = "rules that can be about this user"},
	    {.name = "resource",
		.value = "GLOB",
		.text = &l.filter.resource,
		.help = "rules that name such a resource ('*': any characters)"},
	    CTL_OPTION_JSON(ctl),
	    CTL_OPTION_ADMIN(ctl),
	    CTL_OPTION_TIMEOUT(ctl),
	};
	const struct cli_command command = {
	    .name = "ls",
	    .about =
		"List the rules in force, in load order, and what happens when none matches. An "
		"allow is\n"
		"inactive when its policy is not the organisation's and one that is has been "
		"loaded.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .exits = CTL_EXITS_DONE,
	};

	(void)cli_parse(&command, argc, argv, NULL);
	return policy ? ls_file(ctl, &l, policy) : ls_service(ctl, &l);
}
