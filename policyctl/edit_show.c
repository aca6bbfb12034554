/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/edit_show.h"

#include <errno.h>

#include "common/cleanup.h"
#include "policyctl/request.h"

static struct str
what_name(enum edit_what what)
{
	static const char *const names[] = {
	    [EDIT_ADDED] = "added",
	    [EDIT_REMOVED] = "removed",
	    [EDIT_THERE] = "there already",
	    [EDIT_NEEDLESS] = "said already",
	};

	return str_from(names[what]);
}

static struct str
decision_name(bool deny)
{
	return deny ? STR("deny") : STR("allow");
}

/* --- for people --------------------------------------------------------------------------------- */

static void
show_lines(const struct edit *e)
{
	const struct edit_line *lines = e->lines.p;
	struct cli_table t;

	cli_table_init(&t, 4, false);
	for (uint32_t i = 0; i < e->lines.n; i++) {
		char buf[2 * DOC_ID_MAX + 1];
		struct text rule = text_over(buf, sizeof(buf));

		text_put(&rule, lines[i].policy_id);
		text_char(&rule, '/');
		text_put(&rule, lines[i].rule_id);
		cli_table_cell(&t, what_name(lines[i].what));
		cli_table_cell(&t, decision_name(lines[i].deny));
		cli_table_cell(&t, lines[i].resource);
		cli_table_cell(&t, text_str(&rule));
	}
	cli_table_print(&t);
}

static void
show_doubts(const struct edit *e)
{
	for (uint32_t i = 0; i < e->doubts.n; i++)
		log_warn("%s: %s", e->name, e->doubts.complaint[i].text);
	if (e->doubts.dropped > 0)
		log_warn("%s: %u more not shown", e->name, e->doubts.dropped);
}

static struct str
take_line(struct str *text)
{
	const char *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
	struct str line = {text->p, end ? (size_t)(end - text->p) : text->n};

	*text = str_skip(*text, line.n + (end ? 1 : 0));
	return line;
}

/* A comma that is there because something follows makes no difference. */
static bool
same_line(struct str a, struct str b)
{
	a.n -= str_ends(a, STR(","));
	b.n -= str_ends(b, STR(","));
	return str_eq(a, b);
}

/* Whether line comes again before the rest does. */
static bool
has_line(struct str rest, struct str line)
{
	while (rest.n > 0)
		if (same_line(take_line(&rest), line))
			return true;
	return false;
}

static void
show_line(enum cli_colour colour, const char *mark, struct str line)
{
	cli_paint(colour, str_from(mark));
	cli_paint(colour, line);
	cli_puts("\n");
}

/*
 * Both texts are made here: lines are taken out or put in, none is moved. So what the old one has and
 * the rest of the new one has not was taken out, and all else that differs was put in.
 */
static void
show_changes(struct str before, struct str after)
{
	while (before.n > 0 || after.n > 0) {
		struct str old_rest = before, new_rest = after;
		struct str old = take_line(&old_rest), new = take_line(&new_rest);

		if (before.n > 0 && after.n > 0 && same_line(old, new)) {
			before = old_rest;
			after = new_rest;
		} else if (before.n > 0 && !has_line(after, old)) {
			show_line(CLI_BAD, "-", old);
			before = old_rest;
		} else {
			show_line(CLI_GOOD, "+", new);
			after = new_rest;
		}
	}
}

static void
show_diff(const struct edit *e, struct str before, struct str after)
{
	show_line(CLI_DIM, "--- ", before.n > 0 ? str_from(e->file) : STR("/dev/null"));
	show_line(CLI_DIM, "+++ ", str_from(e->file));
	show_changes(before, after);
}

static void
show_text(const struct edit *e, bool changed, struct str before, struct str after)
{
	if (changed && e->options->dry_run)
		show_diff(e, before, after);
	else
		show_lines(e);
	if (!changed) {
		cli_puts("nothing to change in ");
		cli_put_safe(str_from(e->file));
		cli_puts("\n");
	} else if (!e->options->dry_run) {
		cli_puts("written to ");
		cli_put_safe(str_from(e->file));
		cli_puts(e->options->reload ? "\n" : "; not in force before: policyctl reload\n");
	}
	(void)cli_flush();
	show_doubts(e);
}

/* --- as JSON ------------------------------------------------------------------------------------ */

static void
json_flag(struct object *o, const char *key, bool value)
{
	object_key(o, str_from(key));
	text_put(o->t, value ? STR("true") : STR("false"));
}

static void
json_line(struct text *t, const struct edit_line *line)
{
	static const char *const names[] = {"added", "removed", "there", "said_already"};
	struct object o = object_open(t);

	object_str(&o, "what", str_from(names[line->what]));
	object_str(&o, "policy_id", line->policy_id);
	object_str(&o, "rule_id", line->rule_id);
	object_str(&o, "decision", decision_name(line->deny));
	object_str(&o, "resource", line->resource);
	object_close(&o);
}

static size_t
json_room(const struct edit *e)
{
	const struct edit_line *lines = e->lines.p;
	size_t n = 6 * strlen(e->file) + 512 +
		   POLICY_COMPLAINTS * (6 * sizeof(struct policy_complaint));

	for (uint32_t i = 0; i < e->lines.n; i++)
		n += 6 * (lines[i].policy_id.n + lines[i].rule_id.n + lines[i].resource.n) + 128;
	return n;
}

static void
json_all(const struct edit *e, bool changed, struct text *t)
{
	const struct edit_line *lines = e->lines.p;
	struct object o = object_open(t);

	object_str(&o, "file", str_from(e->file));
	json_flag(&o, "changed", changed && !e->options->dry_run);
	json_flag(&o, "dry_run", e->options->dry_run);
	object_key(&o, STR("rules"));
	text_char(t, '[');
	for (uint32_t i = 0; i < e->lines.n; i++) {
		if (i > 0)
			text_char(t, ',');
		json_line(t, &lines[i]);
	}
	text_char(t, ']');
	object_key(&o, STR("doubts"));
	text_char(t, '[');
	for (uint32_t i = 0; i < e->doubts.n; i++) {
		if (i > 0)
			text_char(t, ',');
		text_json(t, str_from(e->doubts.complaint[i].text));
	}
	text_char(t, ']');
	object_close(&o);
}

static void
show_json(const struct edit *e, bool changed)
{
	size_t room = json_room(e);
	CLEANUP_FREE char *buf = malloc(room);
	struct text t = text_over(buf, room);

	if (!buf)
		cli_fatal(ENOMEM, "%s", e->name);
	json_all(e, changed, &t);
	cli_put_json(text_str(&t));
}

void
edit_show(const struct edit *e, bool changed, struct str before, struct str after)
{
	if (e->ctl->json)
		show_json(e, changed);
	else
		show_text(e, changed, before, after);
}
