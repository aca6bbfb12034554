/* SPDX-License-Identifier: Apache-2.0 */

/* Beside each control what this log shows for it, in figures, and what no log like it can show. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "auditlog/report.h"
#include "auditlog/shown.h"

#define SHOWS REPORT_SHOWS
#define US_PER_DAY (86400 * US_PER_S)

static void say(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
say(struct text *t, const char *fmt, ...)
{
	char line[SHOWS];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	text_put(t, t->n > 0 ? STR(" ") : STR(""));
	text_put(t, str_from(line));
}

static uint64_t
records_of(const struct report *r, enum incident_kind k)
{
	return r->incidents.list[k].n;
}

static uint64_t
sum_of(const struct report *r, enum incident_kind k)
{
	return r->incidents.list[k].sum;
}

/* More than were told apart, where they were too many. */
static const char *
at_least(const struct tally *t)
{
	return t->others > 0 ? "at least " : "";
}

/* --- what the log shows ---------------------------------------------------------------------- */

static void
show_access(const struct report *r, struct text *t)
{
	const struct tally *rules = &r->all.tally[TALLY_RULE];

	say(t,
	    COUNT " decided by policy: %" PRIu64 " allowed, %" PRIu64 " denied, %" PRIu64
		  " denied on record only, as the policy was not enforced.",
	    COUNT_OF(report_decisions(r), "request"), report_figure(r, FIGURE_ALLOWED),
	    report_figure(r, FIGURE_DENIED), report_figure(r, FIGURE_AUDITED));
	say(t, COUNT " for want of a rule that allows.",
	    COUNT_OF(report_figure(r, FIGURE_UNMATCHED), "denial"));
	say(t, "%s" COUNT " decided.", at_least(rules), COUNT_OF(rules->n, "rule"));
}

static void
show_changes(const struct report *r, struct text *t)
{
	const struct tally *revisions = &r->all.tally[TALLY_REVISION];

	say(t, "Policies that came into force: %" PRIu64 "; refused: %" PRIu64 ".",
	    records_of(r, INCIDENT_LOADED), records_of(r, INCIDENT_REFUSED));
	say(t, "Requests were decided by %s" COUNT "; each decision names the one that did.",
	    at_least(revisions), COUNT_OF(revisions->n, "revision"));
	say(t, "Configurations that came into force: %" PRIu64 ".",
	    records_of(r, INCIDENT_CONFIGURATION));
}

static void
show_anomalies(const struct report *r, struct text *t)
{
	say(t, COUNT ", %" PRIu64 " of them of what could not be understood; " COUNT " refused.",
	    COUNT_OF(report_denials(r), "denial"), report_figure(r, FIGURE_UNKNOWN),
	    COUNT_OF(sum_of(r, INCIDENT_INPUT), "input"));
	say(t,
	    "Ends of the service's processes: %" PRIu64
	    ", for breaking out of their sandbox: %" PRIu64 "; " COUNT " of the clock.",
	    records_of(r, INCIDENT_PROCESS), sum_of(r, INCIDENT_PROCESS),
	    COUNT_OF(records_of(r, INCIDENT_CLOCK), "step"));
	say(t, "Application events: " COUNT ", " COUNT ".",
	    COUNT_OF(report_figure(r, FIGURE_ERRORS), "error"),
	    COUNT_OF(report_figure(r, FIGURE_WARNINGS), "warning"));
}

static void
show_integrity(const struct report *r, struct text *t)
{
	const struct judgement *j = &r->examine.judgement;

	say(t, "The examination found: %s.", verdict_name(j->verdict));
	if (j->verdict == VERDICT_BROKEN)
		say(t, "The log is not as it was written, or not the one that the key, pin or "
		       "anchor is of.");
	else
		say(t, COUNT " in " COUNT " as sealed, each chained to the one before it.",
		    COUNT_OF(j->records, "record"), COUNT_OF(j->segments, "segment"));
	if (!r->examine.trust.pinned)
		say(t, "No pinned key was given, so all of it may have been made up.");
	if (j->pruned > 0)
		say(t, "Gone from the front: " COUNT ".", COUNT_OF(j->pruned, "segment"));
}

static void
show_events(const struct report *r, struct text *t)
{
	uint64_t listed = 0;

	for (unsigned k = 0; k < INCIDENTS; k++)
		if (incident_about(k)->tone != PAPER_PLAIN)
			listed += records_of(r, k);
	say(t,
	    COUNT " that may need a look under \"Changes and incidents\", counted, and the first "
		  "of each kind with time, place and who.",
	    COUNT_OF(listed, "record"));
	say(t, "Denials without a record: %" PRIu64 ".", sum_of(r, INCIDENT_UNRECORDED));
	show_integrity(r, t);
}

static void
show_hosts(const struct report *r, struct text *t)
{
	const struct tally *hosts = &r->all.tally[TALLY_HOST];

	say(t, "The records are of %s" COUNT ".", at_least(hosts), COUNT_OF(hosts->n, "host"));
}

static void
show_recorded(const struct report *r, struct text *t)
{
	const struct tally *users = &r->all.tally[TALLY_USER];

	say(t, COUNT ": " COUNT ", " COUNT ", " COUNT ", and the service's own.",
	    COUNT_OF(report_figure(r, FIGURE_RECORDS), "record"),
	    COUNT_OF(report_decisions(r), "decision"),
	    COUNT_OF(report_figure(r, FIGURE_EXECUTION), "outcome"),
	    COUNT_OF(report_figure(r, FIGURE_EVENT), "event"));
	show_hosts(r, t);
	say(t, "%s" COUNT " asked.", at_least(users), COUNT_OF(users->n, "user"));
	if (r->all.first[0])
		say(t, "The first is of %s, the last of %s.", r->all.first, r->all.last);
	say(t, "Denials without a record: %" PRIu64 ".", sum_of(r, INCIDENT_UNRECORDED));
}

static void
show_named(const struct report *r, struct text *t)
{
	say(t,
	    "Of " COUNT ", %" PRIu64 " name the account, and %" PRIu64
	    " have user, group and process as the kernel gave them.",
	    COUNT_OF(report_decisions(r), "decision"), report_figure(r, FIGURE_DECIDED_NAMED),
	    report_figure(r, FIGURE_DECIDED_PEER));
}

static void
show_admin(const struct report *r, struct text *t)
{
	say(t,
	    "Requests of administrators for status, rotation and reload: %" PRIu64
	    "; policies loaded: %" PRIu64 ", refused: %" PRIu64 "; configurations: %" PRIu64 ".",
	    records_of(r, INCIDENT_ADMIN), records_of(r, INCIDENT_LOADED),
	    records_of(r, INCIDENT_REFUSED), records_of(r, INCIDENT_CONFIGURATION));
}

static void
show_denials(const struct report *r, struct text *t)
{
	say(t, COUNT ", %" PRIu64 " on record only, %" PRIu64 " of what could not be understood.",
	    COUNT_OF(report_denials(r), "denial"), report_figure(r, FIGURE_AUDITED),
	    report_figure(r, FIGURE_UNKNOWN));
	say(t, COUNT " refused before being a request.",
	    COUNT_OF(sum_of(r, INCIDENT_INPUT), "input"));
}

static void
show_runs(const struct report *r, struct text *t)
{
	const struct tally *sessions = &r->all.tally[TALLY_SESSION];

	say(t, "%s" COUNT " of the service with records here, with " COUNT " and " COUNT ".",
	    at_least(sessions), COUNT_OF(sessions->n, "run"),
	    COUNT_OF(records_of(r, INCIDENT_START), "start"),
	    COUNT_OF(records_of(r, INCIDENT_STOP), "clean end"));
	say(t, "A run without a clean end crashed, was killed, or went on after the period.");
	say(t, "Segments closed after a crash: %" PRIu64 ". New logs begun: %" PRIu64 ".",
	    records_of(r, INCIDENT_RECOVERY), records_of(r, INCIDENT_ORIGIN));
}

static void
show_fields(const struct report *r, struct text *t)
{
	say(t, "Each record has its time, host, kind, number and run; each decision the action, "
	       "the resource, the result, and the rule where one decided.");
	show_named(r, t);
}

static void
show_review(const struct report *r, struct text *t)
{
	(void)r;
	say(t, "This report: the same command on the same log gives the same figures, and each "
	       "record behind them can be searched for.");
}

static void
show_history(const struct report *r, struct text *t)
{
	const struct judgement *j = &r->examine.judgement;
	char first[RFC3339_SIZE], last[RFC3339_SIZE];
	int64_t days;

	if (!j->first) {
		say(t, "No sealed record was found good.");
		return;
	}
	clock_format(j->first->seal.first_time, first);
	clock_format(j->last->seal.last_time, last);
	days = (j->last->seal.last_time - j->first->seal.first_time) / US_PER_DAY;
	say(t,
	    "The oldest sealed record that is here is of %s, the newest of %s. Whole days between "
	    "them: %" PRId64 ".",
	    first, last, days);
	if (j->pruned > 0 || j->gap == GAP_FRONT)
		say(t, "There were older ones, which are not here.");
}

static void
show_clock(const struct report *r, struct text *t)
{
	const struct anchors *anchors = r->examine.order.anchors;

	say(t, "Steps of the clock on record: %" PRIu64 ".", records_of(r, INCIDENT_CLOCK));
	if (anchors && anchors_newest(anchors))
		say(t, "An anchor says from outside when part of the log was there.");
}

static void
show_storage(const struct report *r, struct text *t)
{
	say(t,
	    "Records of storage that was low, full or failing, or was that no more: %" PRIu64
	    ". Denials without a record: %" PRIu64 ".",
	    records_of(r, INCIDENT_STORAGE), sum_of(r, INCIDENT_UNRECORDED));
}

static void
show_failures(const struct report *r, struct text *t)
{
	show_storage(r, t);
	say(t,
	    "Ends of the service's processes: %" PRIu64 ", faults between them: %" PRIu64
	    ", segments closed after a crash: %" PRIu64 ", segments missing at a start: %" PRIu64
	    ".",
	    records_of(r, INCIDENT_PROCESS), sum_of(r, INCIDENT_CHANNEL),
	    records_of(r, INCIDENT_RECOVERY), records_of(r, INCIDENT_SEGMENTS));
}

/* --- the tables ------------------------------------------------------------------------------ */

enum catalogue {
#define CATALOGUE(id, title) CATALOGUE_##id,
#include "auditlog/report_controls.def"
	CATALOGUES,
};

static const char *const catalogues[CATALOGUES] = {
#define CATALOGUE(id, title) [CATALOGUE_##id] = (title),
#include "auditlog/report_controls.def"
};

static const struct control {
	enum catalogue catalogue;
	const char *clause, *asks;
	void (*shows)(const struct report *r, struct text *t);
	const char *cannot;
} controls[] = {
#define CONTROL(catalogue, clause, asks, shows, cannot) \
	{CATALOGUE_##catalogue, clause, asks, shows, cannot},
#include "auditlog/report_controls.def"
};

bool
report_control(const struct report *r, size_t i, struct report_control *ret)
{
	struct text t = text_over(ret->shows, sizeof(ret->shows));

	if (i >= ARRAY_SIZE(controls))
		return false;
	controls[i].shows(r, &t);
	ret->shown = text_str(&t);
	ret->catalogue = catalogues[controls[i].catalogue];
	ret->clause = controls[i].clause;
	ret->asks = controls[i].asks;
	ret->cannot = controls[i].cannot;
	return true;
}

static void
print_controls(const struct report *r, const char *catalogue)
{
	struct report_control c;

	for (size_t i = 0; report_control(r, i, &c); i++) {
		if (c.catalogue != catalogue)
			continue;
		r->paper->cell(str_from(c.clause));
		r->paper->cell(str_from(c.asks));
		r->paper->cell(c.shown);
		r->paper->cell(str_from(c.cannot));
	}
}

void
report_print_controls(const struct report *r)
{
	static const struct paper_column columns[] = {{"Control", COLUMN_PROSE},
	    {"It asks for", COLUMN_PROSE}, {"This log shows", COLUMN_PROSE},
	    {"It cannot show", COLUMN_PROSE}};

	r->paper->section("controls", "Controls");
	r->paper->para(PAPER_PLAIN,
	    STR("Nothing here says that a requirement is met: that is for whoever judges more than "
		"a log. Beside each control stand what it asks for, in words of our own and not "
		"those of its catalogue, what this log has on it in the period, and what it "
		"cannot show. Requirements that are not listed are not addressed by it."));
	if (r->asked.n > 0)
		r->paper->para(PAPER_WARN,
		    STR("The figures of this section are narrowed, too: of requests, outcomes and "
			"events they count those that were asked for."));
	for (unsigned k = 0; k < CATALOGUES; k++) {
		r->paper->heading(catalogues[k]);
		r->paper->table(NULL, columns, ARRAY_SIZE(columns));
		print_controls(r, catalogues[k]);
		r->paper->table_end();
	}
}
