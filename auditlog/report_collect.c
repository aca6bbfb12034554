/* SPDX-License-Identifier: Apache-2.0 */

/* The figures of a report: one pass over the records of the period, in bounded memory whatever is in them. */

#include <errno.h>

#include "auditlog/facet.h"
#include "auditlog/pool.h"
#include "auditlog/report.h"

#define SMALL_KEYS 512
#define SMALL_BYTES (64u << 10)
#define LARGE_KEYS 16384
#define LARGE_BYTES (1u << 20)
#define MINUTE_TEXT 16 /* 2026-11-21T03:46 */

/* One worker's. */
struct part {
	struct report_counts counts;
	struct scanner scanner;
	char minute[MINUTE_TEXT]; /* of the record before: most are of the same */
	size_t bar;
	bool has_bar;
};

struct collect {
	struct report *report;
	struct part part[POOL_WORKERS];
};

struct collect_job {
	struct report *report;
	struct part *part;
	struct incident_place place;
	enum report_figure stands;
	bool any; /* it holds a record of the period */
};

/* --- counts ---------------------------------------------------------------------------------- */

void
report_counts_init(struct report_counts *c, const struct siphash_key *key, bool small)
{
	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < REPORT_TALLIES; i++)
		tally_init(&c->tally[i], key, small ? SMALL_KEYS : LARGE_KEYS,
		    small ? SMALL_BYTES : LARGE_BYTES);
}

void
report_counts_free(struct report_counts *c)
{
	for (unsigned i = 0; i < REPORT_TALLIES; i++)
		tally_free(&c->tally[i]);
}

/* All of `from` into c, then `from` is empty. */
static void
counts_merge(struct report_counts *c, struct report_counts *from)
{
	for (unsigned i = 0; i < REPORT_TALLIES; i++)
		tally_merge(&c->tally[i], &from->tally[i]);
	for (unsigned i = 0; i < REPORT_FIGURES; i++)
		c->figure[i] += from->figure[i];
	for (unsigned i = 0; i < REPORT_BARS; i++)
		for (size_t bar = 0; bar < TIMELINE_BARS; bar++)
			c->bar[i][bar] += from->bar[i][bar];
	if (from->first[0] && (!c->first[0] || strcmp(from->first, c->first) < 0))
		memcpy(c->first, from->first, sizeof(c->first));
	if (strcmp(from->last, c->last) > 0)
		memcpy(c->last, from->last, sizeof(c->last));
	memset(from->figure, 0, sizeof(from->figure));
	memset(from->bar, 0, sizeof(from->bar));
}

static void
merge(struct report *r, struct part *part)
{
	(void)pthread_mutex_lock(&r->lock);
	counts_merge(&r->all, &part->counts);
	(void)pthread_mutex_unlock(&r->lock);
}

/* --- time ------------------------------------------------------------------------------------ */

/* The filter has seen that it is of our form. */
static void
take_time(struct part *part, const struct timeline *line, const struct recordline *r)
{
	const struct recordline_value *v = recordline_value(r, MEMBER_timestamp);
	struct report_counts *c = &part->counts;
	int64_t us;

	if (!c->first[0] || memcmp(v->p, c->first, v->n) < 0)
		memcpy(c->first, v->p, v->n);
	if (memcmp(v->p, c->last, v->n) > 0)
		memcpy(c->last, v->p, v->n);
	if (memcmp(v->p, part->minute, MINUTE_TEXT) == 0)
		return;
	memcpy(part->minute, v->p, MINUTE_TEXT);
	part->has_bar = clock_parse((struct str){v->p, v->n}, &us) == 0 &&
			timeline_bar(line, us, &part->bar);
}

static void
add_bar(struct part *part, enum report_bar of)
{
	if (part->has_bar)
		part->counts.bar[of][part->bar]++;
	else
		part->counts.figure[FIGURE_OUTSIDE]++;
}

/* --- one record ------------------------------------------------------------------------------ */

static bool
member_is(const struct recordline *r, enum recordline_member m, struct str s)
{
	return recordline_is(recordline_value(r, m), s);
}

static void
add_denial(struct part *part, const struct recordline *r)
{
	struct report_counts *c = &part->counts;
	bool enforced = !recordline_has(r, MEMBER_enforcement_mode) ||
			member_is(r, MEMBER_enforcement_mode, STR("enforce"));

	c->figure[enforced ? FIGURE_DENIED : FIGURE_AUDITED]++;
	c->figure[FIGURE_UNMATCHED] += !recordline_has(r, MEMBER_rule_id);
	c->figure[FIGURE_UNKNOWN] += member_is(r, MEMBER_action_type, STR("unknown_action"));
	add_bar(part, enforced ? BAR_DENIED : BAR_AUDITED);
	facet_user(&c->tally[TALLY_DENIED_USER], r);
	facet_member(&c->tally[TALLY_DENIED_CLIENT], r, MEMBER_client_name);
	facet_member(&c->tally[TALLY_DENIED_SANDBOX], r, MEMBER_sandbox_id);
	facet_member(&c->tally[TALLY_DENIED_ACTION], r, MEMBER_action);
	facet_rule(&c->tally[TALLY_DENIED_RULE], r);
	facet_member(&c->tally[TALLY_DENIED_RESOURCE], r, MEMBER_resource_id);
	facet_reasons(&c->tally[TALLY_REASON], r);
}

static void
add_decision(struct part *part, const struct recordline *r)
{
	struct report_counts *c = &part->counts;

	c->figure[FIGURE_EVALUATION]++;
	c->figure[FIGURE_DECIDED_NAMED] += recordline_has(r, MEMBER_username);
	c->figure[FIGURE_DECIDED_PEER] += recordline_has(r, MEMBER_peer);
	facet_user(&c->tally[TALLY_USER], r);
	facet_member(&c->tally[TALLY_CLIENT], r, MEMBER_client_name);
	facet_member(&c->tally[TALLY_SANDBOX], r, MEMBER_sandbox_id);
	facet_member(&c->tally[TALLY_ACTION], r, MEMBER_action);
	facet_rule(&c->tally[TALLY_RULE], r);
	facet_member(&c->tally[TALLY_REVISION], r, MEMBER_policy_revision);
	if (member_is(r, MEMBER_decision, STR("AUDIT_DECISION_DENY"))) {
		add_denial(part, r);
		return;
	}
	c->figure[FIGURE_ALLOWED]++;
	add_bar(part, BAR_ALLOWED);
}

static void
add_outcome(struct part *part, const struct recordline *r)
{
	struct recordline_walk w = recordline_walk(recordline_value(r, MEMBER_payload));
	struct recordline_value key, v;

	part->counts.figure[FIGURE_EXECUTION]++;
	add_bar(part, BAR_OUTCOME);
	while (recordline_next(&w, &key, &v))
		if (recordline_is(&key, STR("success")))
			part->counts.figure[FIGURE_FAILED] += str_eq(
			    (struct str){v.p, v.n}, STR("false"));
}

static void
add_event(struct part *part, const struct recordline *r)
{
	struct report_counts *c = &part->counts;

	c->figure[FIGURE_EVENT]++;
	c->figure[FIGURE_ERRORS] += member_is(r, MEMBER_level, STR("error"));
	c->figure[FIGURE_WARNINGS] += member_is(r, MEMBER_level, STR("warning"));
	facet_member(&c->tally[TALLY_EVENT], r, MEMBER_event);
	add_bar(part, BAR_EVENT);
}

static void
add_own(struct part *part, const struct recordline *r)
{
	part->counts.figure[FIGURE_MANAGEMENT]++;
	part->counts.figure[FIGURE_HEARTBEATS] += member_is(
	    r, MEMBER_action_type, STR("heartbeat"));
	add_bar(part, BAR_OWN);
}

static void
add_record(const struct collect_job *job, const struct recordline *r, bool own)
{
	struct report_counts *c = &job->part->counts;

	c->figure[FIGURE_RECORDS]++;
	c->figure[job->stands]++;
	facet_member(&c->tally[TALLY_HOST], r, MEMBER_hostname);
	facet_member(&c->tally[TALLY_VERSION], r, MEMBER_app_version);
	facet_member(&c->tally[TALLY_SESSION], r, MEMBER_audit_session_id);
	if (own)
		add_own(job->part, r);
	else if (recordline_has(r, MEMBER_decision))
		add_decision(job->part, r);
	else if (recordline_has(r, MEMBER_evaluation_id))
		add_outcome(job->part, r);
	else
		add_event(job->part, r);
}

/* The service's own records are always all there: filters are for what others did. */
static bool
job_take(void *context, const struct recordline *r, struct str line, uint64_t at)
{
	struct collect_job *job = context;
	struct report *report = job->report;
	bool own = member_is(r, MEMBER_category, STR("AUDIT_CATEGORY_MANAGEMENT"));

	(void)line;
	job->any = true;
	if (!facet_fits(job->part->counts.tally, REPORT_TALLIES))
		merge(report, job->part);
	if (!own && !filter_matches(&report->narrow, r)) {
		job->part->counts.figure[FIGURE_LEFT_OUT]++;
		return true;
	}
	take_time(job->part, &report->line, r);
	add_record(job, r, own);
	job->place.at = at;
	if (!recordline_has(r, MEMBER_decision))
		(void)incidents_take(&report->incidents, r, &job->place);
	return true;
}

/* --- all of them ----------------------------------------------------------------------------- */

bool
report_agrees(const struct report *r, const struct source *s)
{
	const struct sealchain *c = &r->examine.chain;
	const struct sealchain_seal *seal = s->sealed ? sealchain_find(c, s->index) : NULL;

	return seal && strcmp(seal->base, s->base) == 0 &&
	       seal->seal.index - c->seals[0]->seal.index < r->examine.judgement.seals;
}

static void
run_job(void *context, unsigned worker, size_t i)
{
	struct collect *run = context;
	struct report *r = run->report;
	const struct source *source = &r->query.sources.all[i];
	char name[SEGNAME_SIZE];
	struct collect_job job = {r, &run->part[worker], {i, NULL, 0}, FIGURE_UNVOUCHED, false};
	struct scan scan;

	if (report_agrees(r, source))
		job.stands = FIGURE_AGREES;
	else if (!source->sealed && !source->bad_seal)
		job.stands = FIGURE_UNSEALED;
	if (!query_scan(&r->query, source, name, &scan))
		return;
	scan.take = job_take;
	scan.context = &job;
	job.place.file = scan.name;
	(void)scan_forward(&job.part->scanner, &scan);
	source_done(source, scan.fd);
	if (job.any)
		job.part->counts.figure[source->sealed ? FIGURE_SEALED : FIGURE_OPEN]++;
}

void
report_collect(struct report *r)
{
	static struct collect run;
	size_t n = r->query.sources.n;

	run.report = r;
	(void)pthread_mutex_init(&r->lock, NULL);
	incidents_init(&r->incidents);
	report_counts_init(&r->all, &r->key, false);
	for (unsigned i = 0; i < pool_workers(n); i++) {
		report_counts_init(&run.part[i].counts, &r->key, true);
		if (scanner_init(&run.part[i].scanner) < 0)
			cli_fatal(ENOMEM, "report");
	}
	query_run(&r->query, "reading", n, run_job, &run);
	for (unsigned i = 0; i < pool_workers(n); i++) {
		merge(r, &run.part[i]);
		report_counts_free(&run.part[i].counts);
		scanner_free(&run.part[i].scanner);
	}
}
