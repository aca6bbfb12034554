/* SPDX-License-Identifier: Apache-2.0 */

/* What a report is about, and how far the log can be believed. */

#include <errno.h>
#include <inttypes.h>

#include "auditlog/report.h"
#include "auditlog/shown.h"
#include "common/cleanup.h"
#include "proto/merkle.h"

#define LINE 1024
#define NAMES_SHOWN 5

/* --- what it is about ------------------------------------------------------------------------ */

struct str
report_origin(const struct report *r)
{
	const struct examine *e = &r->examine;

	if (e->judgement.seals > 0)
		return e->chain.seals[0]->seal.origin;
	return e->trust.known ? e->trust.key.name : STR_NONE;
}

static void
fact_origin(const struct report *r)
{
	struct str origin = report_origin(r);

	r->paper->fact("Log", str_given(origin) ? origin : STR("not known: nothing is sealed"));
}

/* The most frequent of a few names. */
static void
fact_names(const struct report *r, const char *name, enum report_tally of)
{
	const struct tally *tally = &r->all.tally[of];
	CLEANUP_FREE struct tally_row *rows = tally_rows(tally, false);
	char buf[LINE];
	struct text t = text_over(buf, sizeof(buf));

	if (!rows)
		cli_fatal(ENOMEM, "report");
	for (size_t i = 0; i < tally->n && i < NAMES_SHOWN; i++) {
		text_put(&t, i > 0 ? STR(", ") : STR(""));
		shown_put(&t, rows[i].key, 64);
	}
	if (tally->n > NAMES_SHOWN) {
		text_put(&t, STR(" and "));
		shown_number(&t, tally->n - NAMES_SHOWN);
		text_put(&t, STR(" more"));
	}
	r->paper->fact(name, t.n > 0 ? text_str(&t) : STR("none in this period"));
}

static void
fact_period(const struct report *r)
{
	char buf[LINE];
	struct text t = text_over(buf, sizeof(buf));

	shown_time(&t, r->from);
	text_put(&t, STR(" to "));
	shown_time(&t, r->to);
	r->paper->fact("Period", text_str(&t));
	if (r->all.first[0])
		paper_fact(r->paper, "Records in it", "%s to %s", r->all.first, r->all.last);
	else
		r->paper->fact("Records in it", STR("none"));
}

static void
fact_made(const struct report *r)
{
	char buf[LINE];
	struct text t = text_over(buf, sizeof(buf));

	shown_time(&t, r->now);
	text_put(&t, STR(" by auditlog " SEALWRIGHT_VERSION));
	r->paper->fact("Made", text_str(&t));
}

static const char *const sections[] = {"verdict", "Can it be believed?", "figures", "Figures",
    "denials", "Denials", "who", "Who and what", "incidents", "Changes and incidents", "controls",
    "Controls", NULL};

void
report_print_head(const struct report *r)
{
	const struct paper *p = r->paper;

	p->facts();
	fact_origin(r);
	p->fact("Directory", str_from(r->path));
	fact_names(r, "Hosts", TALLY_HOST);
	fact_names(r, "Written by version", TALLY_VERSION);
	fact_period(r);
	if (r->asked.n > 0)
		p->fact("Narrowed to", r->asked);
	fact_made(r);
	p->fact("Times", STR("all in UTC, as the host's clock had them"));
	p->facts_end();
	if (r->asked.n > 0)
		paper_say(p, PAPER_WARN,
		    "This report is narrowed: %" PRIu64
		    " other records of the period are not in its figures. The service's own "
		    "records are all there.",
		    report_figure(r, FIGURE_LEFT_OUT));
	p->contents(sections);
}

/* --- the verdict ----------------------------------------------------------------------------- */

static void
print_words(const struct report *r, const struct verdict_report *v)
{
	enum verdict main_word = v->judgement->verdict;
	char buf[LINE], why[VERDICT_REASON];
	struct text t = text_over(buf, sizeof(buf)), reason = text_over(why, sizeof(why));
	enum paper_tone tone = main_word == VERDICT_BROKEN    ? PAPER_BAD
			       : verdict_exit(main_word) == 0 ? PAPER_GOOD
							      : PAPER_WARN;

	text_put(&t, str_from(verdict_name(main_word)));
	for (unsigned w = main_word + 1; w < VERDICT_SEALED; w++) {
		if (!verdict_says(v, w))
			continue;
		text_put(&t, STR(", "));
		text_put(&t, str_from(verdict_name(w)));
	}
	verdict_reason(v, &reason);
	r->paper->verdict(tone, text_str(&t), text_str(&reason));
}

static void
print_warnings(const struct report *r)
{
	const struct examine *e = &r->examine;

	if (e->judgement.verdict == VERDICT_BROKEN)
		r->paper->para(PAPER_BAD,
		    STR("THE LOG IS NOT AS IT WAS WRITTEN, OR NOT THE ONE THAT THE KEY, PIN OR "
			"ANCHOR IS OF. The figures below are of what the files say now; for what "
			"stands at the fault and behind it nothing vouches."));
	if (!e->trust.pinned)
		r->paper->para(PAPER_WARN,
		    STR("NOTHING WAS CHECKED AGAINST A PINNED KEY. The only key at hand lay beside "
			"the log, where whoever could replace the log could replace it, too: all "
			"of it may have been made up. Give --key with the verifier key that was "
			"kept elsewhere."));
	if (e->trust.n_pins == 0 && !e->anchors_path && e->order.max_age == SPAN_NO_AGE)
		r->paper->para(PAPER_PLAIN,
		    STR("No pinned seal, no anchor and no greatest age was given: that the end of "
			"the log was not cut off is not shown."));
	if (report_figure(r, FIGURE_UNVOUCHED) > 0)
		paper_say(r->paper, PAPER_WARN,
		    "%" PRIu64 " records of the period stand in segments for which no good seal "
		    "vouches.",
		    report_figure(r, FIGURE_UNVOUCHED));
	if (r->query.damage.n > 0)
		paper_say(r->paper, PAPER_WARN,
		    "%" PRIu64 " places in the files of the period are no records and could not "
		    "be counted.",
		    (uint64_t)r->query.damage.n);
}

/* --- its evidence ---------------------------------------------------------------------------- */

static void
fact_key(const struct report *r)
{
	const struct trust *trust = &r->examine.trust;
	char buf[NOTE_VKEY];
	struct text t = text_over(buf, sizeof(buf));

	if (trust->known)
		note_key_put(&t, &trust->key);
	r->paper->fact(trust->pinned ? "pinned key" : "key beside the log, NOT PINNED",
	    trust->known ? text_str(&t) : STR("none there"));
}

/* Of all good seals: what anchors are about, and what another reader can compute again. */
bool
report_root(const struct report *r, uint8_t root[HASH_SIZE])
{
	const struct sealchain *c = &r->examine.chain;
	size_t n = r->examine.judgement.seals;
	struct merkle tree;
	struct hash *h;

	if (n == 0 || c->seals[0]->seal.index > 0)
		return false;
	h = hash_new();
	if (!h)
		cli_fatal(ENOMEM, "report");
	merkle_init(&tree);
	for (size_t i = 0; i < n; i++)
		merkle_add(&tree, h, c->seals[i]->leaf);
	merkle_root(&tree, h, root);
	hash_free(h);
	return true;
}

static void
fact_tree(const struct report *r)
{
	uint8_t root[HASH_SIZE];
	char buf[LINE];
	struct text t = text_over(buf, sizeof(buf));

	if (!report_root(r, root))
		return;
	text_put(&t, STR("of "));
	shown_count(&t, r->examine.judgement.seals, "seal");
	text_put(&t, STR(", root "));
	text_hex(&t, root, sizeof(root));
	r->paper->fact("tree", text_str(&t));
}

static void
facts_pins(const struct report *r)
{
	const struct trust *trust = &r->examine.trust;
	bool broken = r->examine.judgement.verdict == VERDICT_BROKEN;

	for (size_t i = 0; i < trust->n_pins; i++) {
		char buf[LINE];
		struct text t = text_over(buf, sizeof(buf));

		text_u64(&t, trust->pins[i].index);
		text_char(&t, ':');
		text_hex(&t, trust->pins[i].hash, HASH_SIZE);
		text_put(&t, broken ? STR(" (the log is broken)") : STR(" (met)"));
		r->paper->fact("pin given", text_str(&t));
	}
	if (trust->n_pins == 0)
		r->paper->fact("pin given", STR("none"));
}

static void
fact_age(const struct report *r)
{
	const struct examine *e = &r->examine;
	size_t n = e->judgement.seals;
	char buf[LINE];
	struct text t = text_over(buf, sizeof(buf));

	if (n > 0) {
		shown_time(&t, e->chain.seals[n - 1]->seal.last_time);
		text_put(&t, STR("; "));
	}
	text_put(&t, e->max_age ? STR("asked for: not older than ") : STR("no greatest age given"));
	text_put(&t, str_from(e->max_age));
	r->paper->fact("newest sealed", text_str(&t));
}

static void
fact_row(void *context, const char *name, struct str value)
{
	const struct paper *p = context;

	p->fact(name, value);
}

void
report_print_verdict(const struct report *r)
{
	const struct verdict_report v = examine_report(&r->examine);
	struct paper to = *r->paper;

	r->paper->section(sections[0], sections[1]);
	print_words(r, &v);
	print_warnings(r);
	r->paper->facts();
	fact_key(r);
	verdict_rows(&v, &(struct verdict_rows){fact_row, &to});
	fact_tree(r);
	facts_pins(r);
	fact_age(r);
	if (!r->examine.anchors_path)
		r->paper->fact("anchors", STR("none given"));
	r->paper->facts_end();
	r->paper->para(PAPER_PLAIN,
	    STR("The whole log was checked, not the period alone, as auditlog verify does; the "
		"same options give the same verdict. docs/EVIDENCE.md says what each word proves, "
		"and what nobody can detect."));
}
