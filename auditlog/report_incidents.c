/* SPDX-License-Identifier: Apache-2.0 */

/* What changed and what went wrong, one by one, each with its time and its place. */

#include <inttypes.h>
#include <stdio.h>

#include "auditlog/report.h"
#include "auditlog/shown.h"

#define LINE 512
#define MS_TEXT 23

/* --- an overview ----------------------------------------------------------------------------- */

static void
print_overview(const struct report *r)
{
	static const struct paper_column columns[] = {
	    {"What", COLUMN_TEXT}, {"Records", COLUMN_NUMBER}, {"In them", COLUMN_TEXT}};

	r->paper->table(NULL, columns, ARRAY_SIZE(columns));
	for (unsigned k = 0; k < INCIDENTS; k++) {
		const struct incident_about *about = incident_about(k);
		const struct incident_list *l = &r->incidents.list[k];
		char buf[LINE];
		struct text t = text_over(buf, sizeof(buf));

		r->paper->cell(str_from(about->title));
		r->paper->number(l->n);
		if (about->unit[0] && l->n > 0) {
			shown_number(&t, l->sum);
			text_char(&t, ' ');
			text_put(&t, str_from(about->unit));
		}
		r->paper->cell(text_str(&t));
	}
	r->paper->table_end();
}

/* --- one kind -------------------------------------------------------------------------------- */

/* What finds all of them. */
static void
say_more(const struct report *r, enum incident_kind k, uint64_t more)
{
	char from[RFC3339_SIZE], to[RFC3339_SIZE], buf[PAPER_LINE];
	struct text t = text_over(buf, sizeof(buf));

	text_put(&t, STR("And "));
	shown_number(&t, more);
	text_put(&t, STR(" more: auditlog search "));
	incident_search(&t, k);
	clock_format(r->from, from);
	clock_format(r->to, to);
	text_put(&t, STR(" --from "));
	text_put(&t, str_from(from));
	text_put(&t, STR(" --to "));
	text_put(&t, str_from(to));
	text_char(&t, ' ');
	if (k == INCIDENT_ERROR && r->asked.n > 0 && r->asked.n < sizeof(buf) - LINE) {
		text_put(&t, r->asked);
		text_char(&t, ' ');
	}
	text_put(&t, STR("DIR"));
	r->paper->para(PAPER_PLAIN, text_str(&t));
}

/* To the millisecond where it is of our form: 2026-11-21 03:46:57.123 */
static void
print_time(const struct report *r, const char *time)
{
	char shown[RFC3339_SIZE];
	bool ours = strlen(time) == RFC3339_SIZE - 1;

	memcpy(shown, time, sizeof(shown));
	if (ours) {
		shown[MS_TEXT] = '\0';
		shown[10] = ' ';
	}
	r->paper->cell(str_from(shown));
}

/* As show takes it. */
static void
print_seq(const struct report *r, uint64_t seq)
{
	char buf[24];
	struct text t = text_over(buf, sizeof(buf));

	text_u64(&t, seq);
	r->paper->cell(text_str(&t));
}

static void
print_place(const struct report *r, const struct incident *i)
{
	char buf[LINE];

	(void)snprintf(buf, sizeof(buf), "%s, byte %" PRIu64, i->file, i->at);
	r->paper->cell(str_from(buf));
}

static void
print_kind(const struct report *r, enum incident_kind k)
{
	static const struct paper_column columns[] = {{"Time (UTC)", COLUMN_TIME},
	    {"Seq", COLUMN_NUMBER}, {"Who", COLUMN_TEXT}, {"What", COLUMN_TEXT},
	    {"Where", COLUMN_CODE}};
	const struct incident_list *l = &r->incidents.list[k];

	if (l->n == 0)
		return;
	r->paper->heading(incident_about(k)->title);
	r->paper->table(NULL, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < l->kept; i++) {
		print_time(r, l->v[i].time);
		print_seq(r, l->v[i].seq);
		r->paper->cell(str_from(l->v[i].who));
		r->paper->cell(str_from(l->v[i].text));
		print_place(r, &l->v[i]);
	}
	r->paper->table_end();
	if (l->n > l->kept)
		say_more(r, k, l->n - l->kept);
}

/* --- segments -------------------------------------------------------------------------------- */

bool
report_is_odd(const struct source *s)
{
	return s->bad_seal || (s->sealed && s->state != SEAL_CLEAN);
}

static void
print_segment(const struct report *r, const struct source *s)
{
	char time[RFC3339_SIZE] = "";

	if (s->sealed)
		clock_format(s->last_time, time);
	print_time(r, time);
	r->paper->cell(s->bad_seal ? STR("its seal is none") : str_from(seal_state_name(s->state)));
	r->paper->number(s->records);
	r->paper->cell(str_from(s->base));
}

/* Segments that were not closed as they should be, by their seals. */
static void
print_segments(const struct report *r)
{
	static const struct paper_column columns[] = {{"Last record (UTC)", COLUMN_TIME},
	    {"State", COLUMN_TEXT}, {"Records", COLUMN_NUMBER}, {"Segment", COLUMN_CODE}};
	size_t n = 0;

	for (size_t i = 0; i < r->query.sources.n; i++)
		n += report_is_odd(&r->query.sources.all[i]);
	if (n == 0)
		return;
	r->paper->heading("Segments that were not closed in the usual way");
	r->paper->table(NULL, columns, ARRAY_SIZE(columns));
	for (size_t i = 0, shown = 0; i < r->query.sources.n && shown < INCIDENT_KEPT; i++) {
		if (!report_is_odd(&r->query.sources.all[i]))
			continue;
		print_segment(r, &r->query.sources.all[i]);
		shown++;
	}
	r->paper->table_end();
	if (n > INCIDENT_KEPT)
		paper_say(r->paper, PAPER_PLAIN, "And %zu more; auditlog ls has them.",
		    n - INCIDENT_KEPT);
}

/* --- gaps ------------------------------------------------------------------------------------ */

/* Seals count without a gap, so what is missing is known. */
static void
print_good(const struct report *r)
{
	const struct judgement *j = &r->examine.judgement;
	const struct sealchain *c = &r->examine.chain;

	if (j->seals == 0) {
		r->paper->para(PAPER_PLAIN,
		    j->verdict == VERDICT_BROKEN
			? STR("No seal is good.")
			: STR("Nothing is sealed, so nothing is known to be missing."));
		return;
	}
	paper_say(r->paper, PAPER_PLAIN,
	    COUNT ", each signed with a key of its own; seq %" PRIu64 " to %" PRIu64
		  " without a gap.",
	    COUNT_OF(j->seals, "good seal"), c->seals[0]->seal.first_seq,
	    c->seals[j->seals - 1]->seal.last_seq);
	if (c->seals[0]->seal.index > 0)
		paper_say(r->paper, PAPER_BAD,
		    "Seals missing at the front: %" PRIu64
		    ", and with them the segments up to seq %" PRIu64 ".",
		    c->seals[0]->seal.index, c->seals[0]->seal.first_seq - 1);
}

static void
print_gaps(const struct report *r)
{
	const struct judgement *j = &r->examine.judgement;

	r->paper->heading("Keys and gaps");
	print_good(r);
	if (j->pruned > 0)
		paper_say(r->paper, PAPER_WARN,
		    "Segments gone from the front, with their seals kept: %" PRIu64 ".", j->pruned);
	if (j->verdict == VERDICT_BROKEN)
		paper_say(r->paper, PAPER_BAD, "Then comes the fault: %s%s%s.", j->fault.file,
		    j->fault.file[0] ? ": " : "", j->fault.what);
	if (r->query.sources.dir.torn > 0)
		paper_say(r->paper, PAPER_WARN,
		    "Files with what crashes or storage errors left of segments (.torn): %" PRIu64
		    ".",
		    r->query.sources.dir.torn);
}

void
report_print_incidents(const struct report *r)
{
	r->paper->section("incidents", "Changes and incidents");
	print_overview(r);
	print_gaps(r);
	print_segments(r);
	for (unsigned k = 0; k < INCIDENTS; k++)
		print_kind(r, k);
}
