/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog report: one page on a period of a log, and on how far it can be believed. */

#include "auditlog/report.h"

#include <errno.h>
#include <unistd.h>

#include "auditlog/commands.h"
#include "auditlog/reader.h"
#include "auditlog/when.h"

#define US_PER_DAY (86400 * US_PER_S)
#define DEFAULT_DAYS 30
#define TOP 10
#define TITLE_MOST 200
#define ASKED_TEXT 4096

struct report_given {
	struct filter_given filter;
	const char *format, *title;
	bool json;
	struct cli_option options[FILTER_OPTIONS + EXAMINE_OPTIONS + 4];
	size_t n_filter;
};

/* --- the command line ------------------------------------------------------------------------ */

/* The last 30 days before --to, where nothing else is asked for. */
static void
default_period(struct report *r, struct filter_given *given)
{
	static char from[RFC3339_SIZE];
	int64_t to = r->now;

	if (!given->to)
		given->to = "now";
	(void)when_parse(str_from(given->to), r->now, true, &to);
	if (given->from)
		return;
	clock_format(to - DEFAULT_DAYS * US_PER_DAY, from);
	given->from = from;
}

/* As a shell takes it back. */
static void
put_quoted(struct text *t, const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "@%+=:,./_-";

	if (value[0] && value[strspn(value, plain)] == '\0') {
		text_put(t, str_from(value));
		return;
	}
	text_char(t, '\'');
	for (; *value; value++) {
		if (*value == '\'')
			text_put(t, STR("'\\'"));
		text_char(t, *value);
	}
	text_char(t, '\'');
}

static void
put_asked(struct text *t, const char *name, const char *value)
{
	text_put(t, t->n > 0 ? STR(" --") : STR("--"));
	text_put(t, str_from(name));
	text_char(t, ' ');
	put_quoted(t, value);
}

/* What was asked for besides the period, as it was given. */
static struct str
asked_of(const struct report_given *g)
{
	static char buf[ASKED_TEXT];
	struct text t = text_over(buf, sizeof(buf));

	for (size_t i = 0; i < g->n_filter; i++) {
		const struct cli_option *o = &g->options[i];

		if (strcmp(o->name, "from") == 0 || strcmp(o->name, "to") == 0)
			continue;
		if (o->text && *o->text)
			put_asked(&t, o->name, *o->text);
		for (size_t k = 0; o->list && k < o->list->n; k++)
			put_asked(&t, o->name, o->list->v[k]);
	}
	return text_ok(&t) ? text_str(&t) : STR("more than fits here");
}

static const struct paper *
choose_paper(const struct cli_command *command, const struct report_given *g)
{
	if (g->json && g->format)
		cli_wrong(command, "--json is --format json: give one of them");
	if (g->json)
		return NULL;
	if (!g->format)
		return isatty(STDOUT_FILENO) ? &paper_text : &paper_html;
	if (strcmp(g->format, "html") == 0)
		return &paper_html;
	if (strcmp(g->format, "text") == 0)
		return &paper_text;
	if (strcmp(g->format, "json") == 0)
		return NULL;
	cli_wrong(command, "--format: neither html nor text nor json: %s", g->format);
}

static void
choose(struct report *r, struct report_given *g, const struct cli_command *command)
{
	struct filter_given period;

	r->now = clock_real();
	r->paper = choose_paper(command, g);
	r->title = g->title ? str_from(g->title) : STR("Audit log report");
	if (r->title.n > TITLE_MOST || !utf8_valid(r->title))
		cli_wrong(command, "--title: not UTF-8, or over %d bytes", TITLE_MOST);
	examine_choose(&r->examine, command, r->now);
	r->asked = asked_of(g);
	default_period(r, &g->filter);
	period = (struct filter_given){.from = g->filter.from, .to = g->filter.to};
	filter_make(&r->narrow, command, &g->filter, r->now);
	filter_make(&r->query.filter, command, &period, r->now);
	r->from = r->query.filter.from;
	r->to = r->query.filter.to;
}

static void
parse(struct report *r, int argc, char **argv)
{
	static struct report_given g;
	size_t n = filter_options(&g.filter, g.options);
	struct cli_command command = {
	    .name = "report",
	    .operands = "[DIR]",
	    .about =
		"Verify the log in DIR (" LOGDIR_DEFAULT
		") and report on a period of it: one page of\n"
		"HTML that needs nothing else, or text, or its figures as JSON. Without --from "
		"and --to:\n"
		"the last 30 days.\n"
		"The other filters narrow what others did; the service's own records are "
		"always told.",
	    .options = g.options,
	    .most = 1,
	    .exits =
		"0 sealed or anchored, 1 broken, 2 error, or part of the log could not be read,\n"
		"3 sealed with a caveat, 4 incomplete; in all but 2 the report is whole",
	};

	g.n_filter = n;
	n += examine_options(&r->examine, g.options + n);
	g.options[n++] = (struct cli_option){.name = "format",
	    .value = "FORMAT",
	    .text = &g.format,
	    .help = "html|text|json (on a terminal text)"};
	g.options[n++] = (struct cli_option){
	    .name = "json", .flag = &g.json, .help = "print JSON, as --format json"};
	g.options[n++] = (struct cli_option){
	    .name = "title", .value = "TEXT", .text = &g.title, .help = "heading of the report"};
	g.options[n++] = (struct cli_option){.name = "top",
	    .value = "N",
	    .number = &r->top,
	    .min = 1,
	    .max = REPORT_TOP,
	    .help = "rows of each table (10)"};
	command.n_options = n;
	if (cli_parse(&command, argc, argv, &r->path) == 0)
		r->path = LOGDIR_DEFAULT;
	choose(r, &g, &command);
}

/* --- the report ------------------------------------------------------------------------------ */

static void
enter(struct report *r)
{
	int error = siphash_key_make(&r->key);

	if (error < 0)
		cli_fatal(error, "report: random bytes");
	examine_read(&r->examine);
	sources_open(&r->query.sources, &r->path, 1);
	if (r->query.sources.dir.fd < 0)
		cli_fatal(ENOTDIR, "%s", r->path);
	sources_jail(&r->query.sources, NULL, 0);
	examine_log(&r->examine, &r->query.sources.dir, r->path);
	error = sources_list(&r->query.sources, &r->query.filter);
	if (error < 0)
		reader_failed(r->path, error);
}

/* When a segment was made, by its name: audit-20261121T034657Z-... */
static bool
time_of_name(const char *base, int64_t *ret)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
	const char *at = base + sizeof("audit-") - 1;
	char text[sizeof(form)] = "";

	if (strlen(base) < sizeof("audit-") - 1 + COMPACT_SIZE)
		return false;
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		at += form[i] == 'd' && *at == 'T';
		text[i] = form[i] == 'd' ? *at++ : form[i];
	}
	return clock_parse(str_from(text), ret) == 0;
}

/* Nothing in it is older, clocks set back aside. */
static int64_t
oldest_in(const struct source *s, int64_t otherwise)
{
	int64_t us;

	if (s->sealed)
		return s->first_time < s->last_time ? s->first_time : s->last_time;
	return time_of_name(s->base, &us) ? us : otherwise;
}

/* Of the period what the log can hold something of. */
static void
make_timeline(struct report *r)
{
	int64_t from = r->query.sources.n > 0 ? r->to : r->from,
		to = r->to < r->now ? r->to : r->now;

	for (size_t i = 0; i < r->query.sources.n; i++) {
		const struct source *s = &r->query.sources.all[i];
		int64_t oldest = oldest_in(s, r->from);

		from = oldest < from ? oldest : from;
		if (s->sealed && s->last_time > to)
			to = s->last_time < r->to ? s->last_time : r->to;
	}
	timeline_init(&r->line, from > r->from ? from : r->from, to);
}

static void
print(const struct report *r)
{
	if (!r->paper) {
		report_print_json(r);
		return;
	}
	r->paper->begin(r->title);
	report_print_head(r);
	report_print_verdict(r);
	report_print_figures(r);
	report_print_who(r);
	report_print_incidents(r);
	report_print_controls(r);
	r->paper->end();
}

int
cmd_report(int argc, char **argv)
{
	static struct report r = {.top = TOP};
	enum verdict verdict;
	int code;

	parse(&r, argc, argv);
	enter(&r);
	make_timeline(&r);
	report_collect(&r);
	print(&r);
	verdict = r.examine.judgement.verdict;
	code = damage_finish(&r.query.damage, verdict_exit(verdict));
	report_counts_free(&r.all);
	examine_free(&r.examine);
	sources_close(&r.query.sources);
	return verdict == VERDICT_BROKEN ? EXIT_BROKEN : code;
}
