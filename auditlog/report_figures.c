/* SPDX-License-Identifier: Apache-2.0 */

/* How many of what, when, and of whom. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "auditlog/report.h"
#include "auditlog/shown.h"
#include "common/cleanup.h"

#define NOTE 160
#define WITH_DENIED 4 /* columns of a table that says how many were denied */

/* --- figures --------------------------------------------------------------------------------- */

static void figure(const struct report *r, const char *name, uint64_t n, enum paper_tone bad,
    const char *fmt, ...) PRINTF_LIKE(5, 6);

/* bad: its tone unless it is 0. */
static void
figure(
    const struct report *r, const char *name, uint64_t n, enum paper_tone bad, const char *fmt, ...)
{
	char note[NOTE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(note, sizeof(note), fmt, args);
	va_end(args);
	r->paper->figure(name, n, n > 0 ? bad : PAPER_PLAIN, str_from(note));
}

static uint64_t
incidents_of(const struct report *r, enum incident_kind k)
{
	return r->incidents.list[k].n;
}

static void
print_decisions(const struct report *r)
{
	figure(r, "Records", report_figure(r, FIGURE_RECORDS), PAPER_PLAIN, "in this period");
	figure(r, "Decisions", report_decisions(r), PAPER_PLAIN, "requests that were answered");
	figure(r, "Allowed", report_figure(r, FIGURE_ALLOWED), PAPER_PLAIN, "and let through");
	figure(r, "Denied", report_figure(r, FIGURE_DENIED), PAPER_PLAIN, "and refused");
	figure(r, "Denied on record only", report_figure(r, FIGURE_AUDITED), PAPER_WARN,
	    "policy of mode audit or warn: not refused");
	figure(r, "Denied without a record", r->incidents.list[INCIDENT_UNRECORDED].sum, PAPER_BAD,
	    "answered while recording failed");
	figure(r, "Outcomes", report_figure(r, FIGURE_EXECUTION), PAPER_PLAIN,
	    "%" PRIu64 " without success", report_figure(r, FIGURE_FAILED));
	figure(r, "Application events", report_figure(r, FIGURE_EVENT), PAPER_PLAIN,
	    COUNT ", " COUNT, COUNT_OF(report_figure(r, FIGURE_ERRORS), "error"),
	    COUNT_OF(report_figure(r, FIGURE_WARNINGS), "warning"));
}

static void
print_service(const struct report *r)
{
	const struct tally *sessions = &r->all.tally[TALLY_SESSION];

	figure(r, "The service's own records", report_figure(r, FIGURE_MANAGEMENT), PAPER_PLAIN,
	    COUNT, COUNT_OF(report_figure(r, FIGURE_HEARTBEATS), "heartbeat"));
	figure(r, "Runs of the service", sessions->n, PAPER_PLAIN, COUNT ", " COUNT,
	    COUNT_OF(incidents_of(r, INCIDENT_START), "start"),
	    COUNT_OF(incidents_of(r, INCIDENT_STOP), "clean end"));
	figure(r, "Segments sealed", report_figure(r, FIGURE_SEALED), PAPER_PLAIN,
	    "that hold records of the period");
	figure(r, "Segments not sealed", report_figure(r, FIGURE_OPEN), PAPER_PLAIN,
	    "that hold records of the period");
}

static void
print_stand(const struct report *r)
{
	const struct paper *p = r->paper;

	p->facts();
	paper_fact(p, "Agree with their seals", COUNT,
	    COUNT_OF(report_figure(r, FIGURE_AGREES), "record"));
	paper_fact(
	    p, "Not sealed yet", COUNT, COUNT_OF(report_figure(r, FIGURE_UNSEALED), "record"));
	paper_fact(p, "Without a good seal", COUNT,
	    COUNT_OF(report_figure(r, FIGURE_UNVOUCHED), "record"));
	p->facts_end();
}

/* --- over time ------------------------------------------------------------------------------- */

/* Of so many of the series given. */
static void
print_chart(const struct report *r, const char *id, const char *title, size_t n,
    const struct chart_series *series)
{
	struct chart c = {.id = id, .title = title, .line = &r->line, .n = n};

	memcpy(c.series, series, n * sizeof(*series));
	r->paper->chart(&c);
}

static void
print_charts(const struct report *r)
{
	const struct chart_series decisions[] = {{"allowed", "allow", r->all.bar[BAR_ALLOWED]},
	    {"denied on record only", "audit", r->all.bar[BAR_AUDITED]},
	    {"denied", "deny", r->all.bar[BAR_DENIED]}};
	const struct chart_series others[] = {
	    {"application events", "allow", r->all.bar[BAR_EVENT]},
	    {"outcomes", "audit", r->all.bar[BAR_OUTCOME]},
	    {"of the service itself", "other", r->all.bar[BAR_OWN]}};

	r->paper->heading("Over time");
	print_chart(r, "decisions", "Decisions", ARRAY_SIZE(decisions), decisions);
	if (report_denials(r) > 0)
		print_chart(
		    r, "refusals", "Denials alone", ARRAY_SIZE(decisions) - 1, decisions + 1);
	print_chart(r, "others", "Other records", ARRAY_SIZE(others), others);
	if (report_figure(r, FIGURE_OUTSIDE) > 0)
		paper_say(r->paper, PAPER_PLAIN,
		    COUNT " outside of the bars, older or newer than their segments say.",
		    COUNT_OF(report_figure(r, FIGURE_OUTSIDE), "record"));
}

void
report_print_figures(const struct report *r)
{
	const struct paper *p = r->paper;

	p->section("figures", "Figures");
	p->figures();
	print_decisions(r);
	print_service(r);
	p->figures_end();
	print_stand(r);
	print_charts(r);
}

/* --- of whom --------------------------------------------------------------------------------- */

/* What the bound of memory, and of the table, leave out. */
static void
say_rest(const struct report *r, const struct tally *t)
{
	if (t->n > r->top)
		paper_say(r->paper, PAPER_PLAIN, "And %zu more; --top shows up to %d.",
		    t->n - r->top, REPORT_TOP);
	if (t->others > 0)
		paper_say(r->paper, PAPER_WARN,
		    "There were more than the %zu that are told apart: %" PRIu64
		    " counts are of others. What stands here is at least as often, and one that "
		    "came late may be missing.",
		    t->n, t->others);
}

/* Name, number, how many of them were denied (where that is asked for), share of all of them. */
static void
print_table(const struct report *r, const char *title, const struct paper_column *columns, size_t n,
    enum report_tally of, uint64_t all)
{
	const struct tally *t = &r->all.tally[of];
	CLEANUP_FREE struct tally_row *rows = tally_rows(t, false);

	if (!rows)
		cli_fatal(ENOMEM, "report");
	if (t->n == 0)
		return;
	r->paper->heading(title);
	r->paper->table(NULL, columns, n);
	for (size_t i = 0; i < t->n && i < r->top; i++) {
		r->paper->cell(rows[i].key);
		r->paper->number(rows[i].count);
		if (n == WITH_DENIED)
			r->paper->number(
			    tally_count(&r->all.tally[of + TALLY_DENIED], rows[i].key));
		r->paper->share(rows[i].count, all);
	}
	r->paper->table_end();
	say_rest(r, t);
}

static void
table_of(const struct report *r, const char *title, const char *name, enum report_tally of,
    const char *number, uint64_t all)
{
	const struct paper_column columns[] = {
	    {name, COLUMN_CODE}, {number, COLUMN_NUMBER}, {"Share", COLUMN_SHARE}};

	print_table(r, title, columns, ARRAY_SIZE(columns), of, all);
}

static void
table_both(const struct report *r, const char *title, const char *name, enum report_tally of)
{
	const struct paper_column columns[WITH_DENIED] = {{name, COLUMN_CODE},
	    {"Requests", COLUMN_NUMBER}, {"Denied", COLUMN_NUMBER}, {"Share", COLUMN_SHARE}};

	print_table(r, title, columns, ARRAY_SIZE(columns), of, report_decisions(r));
}

static void
print_denials(const struct report *r)
{
	uint64_t n = report_denials(r);

	r->paper->section("denials", "Denials");
	if (n == 0) {
		r->paper->para(PAPER_PLAIN, STR("There is no denial on record in this period."));
		return;
	}
	paper_say(r->paper, PAPER_PLAIN,
	    COUNT ", %" PRIu64 " of them on record only; %" PRIu64
		  " for want of a rule that allows.",
	    COUNT_OF(n, "denial"), report_figure(r, FIGURE_AUDITED),
	    report_figure(r, FIGURE_UNMATCHED));
	table_of(r, "What was denied most", "Resource", TALLY_DENIED_RESOURCE, "Denials", n);
	table_of(r, "By which rule", "Policy/rule", TALLY_DENIED_RULE, "Denials", n);
	table_of(r, "To whom", "User", TALLY_DENIED_USER, "Denials", n);
	table_of(r, "Through which client", "Client", TALLY_DENIED_CLIENT, "Denials", n);
	table_of(r, "Why", "Reason", TALLY_REASON, "Denials", n);
}

void
report_print_who(const struct report *r)
{
	print_denials(r);
	r->paper->section("who", "Who and what");
	if (report_decisions(r) == 0 && report_figure(r, FIGURE_EVENT) == 0)
		r->paper->para(PAPER_PLAIN,
		    STR("Nobody asked for anything in this period, nor told of anything."));
	table_both(r, "Users", "User", TALLY_USER);
	table_both(r, "Clients", "Client", TALLY_CLIENT);
	table_both(r, "Sandboxes", "Sandbox", TALLY_SANDBOX);
	table_both(r, "Actions", "Action", TALLY_ACTION);
	table_both(r, "Rules", "Policy/rule", TALLY_RULE);
	table_of(r, "Application events", "Event", TALLY_EVENT, "Records",
	    report_figure(r, FIGURE_EVENT));
}
