/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What goes into a report, and its parts. */

#include <inttypes.h>
#include <pthread.h>

#include "auditlog/examine.h"
#include "auditlog/incident.h"
#include "auditlog/paper.h"
#include "auditlog/query.h"
#include "auditlog/tally.h"
#include "auditlog/timeline.h"

#define REPORT_TOP 200 /* rows of a table at most */

/* Numbers of records of the period. */
enum report_figure {
	FIGURE_RECORDS,
	FIGURE_LEFT_OUT, /* that the other filters left out; counted nowhere else */
	FIGURE_EVALUATION,
	FIGURE_EXECUTION,
	FIGURE_EVENT,
	FIGURE_MANAGEMENT,
	FIGURE_ALLOWED,
	FIGURE_AUDITED,       /* decision deny, of a policy that refuses nothing */
	FIGURE_DENIED,        /* decision deny, enforced */
	FIGURE_UNMATCHED,     /* either of them, by no rule */
	FIGURE_UNKNOWN,       /* requests that could not be understood */
	FIGURE_DECIDED_NAMED, /* decisions with a username */
	FIGURE_DECIDED_PEER,  /* decisions with the kernel's word on who asked */
	FIGURE_FAILED,        /* outcomes without success */
	FIGURE_ERRORS,        /* events of level error, */
	FIGURE_WARNINGS,      /* and warning */
	FIGURE_HEARTBEATS,
	/* Where they stand: in a segment that agrees with its good seal, in none that is sealed, in another one. */
	FIGURE_AGREES,
	FIGURE_UNSEALED,
	FIGURE_UNVOUCHED,
	FIGURE_SEALED, /* segments that hold records of the period */
	FIGURE_OPEN,
	FIGURE_OUTSIDE, /* of the chart's bars, as the clock went */
	REPORT_FIGURES,
};

enum report_tally {
	TALLY_USER,
	TALLY_CLIENT,
	TALLY_SANDBOX,
	TALLY_ACTION,
	TALLY_RULE,
	/* The same of denials, in the same order. */
	TALLY_DENIED_USER,
	TALLY_DENIED_CLIENT,
	TALLY_DENIED_SANDBOX,
	TALLY_DENIED_ACTION,
	TALLY_DENIED_RULE,
	TALLY_DENIED_RESOURCE,
	TALLY_REASON,
	TALLY_EVENT,
	TALLY_HOST,
	TALLY_VERSION,
	TALLY_SESSION,
	TALLY_REVISION,
	REPORT_TALLIES,
};
#define TALLY_DENIED (TALLY_DENIED_USER - TALLY_USER)

enum report_bar {
	BAR_ALLOWED,
	BAR_AUDITED,
	BAR_DENIED,
	BAR_EVENT,
	BAR_OUTCOME,
	BAR_OWN,
	REPORT_BARS,
};

struct report_counts {
	uint64_t figure[REPORT_FIGURES];
	uint64_t bar[REPORT_BARS][TIMELINE_BARS];
	struct tally tally[REPORT_TALLIES];
	char first[RFC3339_SIZE],
	    last[RFC3339_SIZE]; /* earliest and latest time; empty: no record */
};

struct report {
	const struct paper *paper; /* NULL: JSON */
	struct str title;
	const char *path;
	uint32_t top; /* rows of a table */
	int64_t now, from, to;
	struct siphash_key key; /* of tallies */
	struct examine examine;
	struct query query;   /* its sources and its filter are of the period alone */
	struct filter narrow; /* and all else that was asked for */
	struct str asked;     /* that, as "--user alice"; empty: nothing */
	struct timeline line;
	pthread_mutex_t lock; /* of all, while it is collected */
	struct report_counts all;
	struct incidents incidents;
};

/* Read the records of the period, on all cores. */
void report_collect(struct report *r);
void report_counts_init(struct report_counts *c, const struct siphash_key *key, bool small);
void report_counts_free(struct report_counts *c);

/* Whether the examination found that the segment agrees with its seal. */
bool report_agrees(const struct report *r, const struct source *s);

/* As one JSON object (docs/man/auditlog.1). */
void report_print_json(const struct report *r);

/* Parts of the page, in this order. */
void report_print_head(const struct report *r);
void report_print_verdict(const struct report *r);
void report_print_figures(const struct report *r);
void report_print_who(const struct report *r);
void report_print_incidents(const struct report *r);
void report_print_controls(const struct report *r);

#define REPORT_SHOWS 1024

/* A requirement of a catalogue, and what the log shows for it. Static texts, but for `shown`, which is in `shows`. */
struct report_control {
	const char *catalogue, *clause, *asks, *cannot;
	struct str shown;
	char shows[REPORT_SHOWS];
};
/* False: there are no more. */
bool report_control(const struct report *r, size_t i, struct report_control *ret);

/* The root of the tree over all good seals. False: there is none, or they do not begin with seal 0. */
bool report_root(const struct report *r, uint8_t root[HASH_SIZE]);
/* Whose log it is; STR_NONE: nothing says it. */
struct str report_origin(const struct report *r);
/* Whether a segment was not closed in the usual way, by its seal. */
bool report_is_odd(const struct source *s);

/* "1 record", "2 records": COUNT in the format, COUNT_OF(n, "record") for it. */
#define COUNT "%" PRIu64 " %s%s"
#define COUNT_OF(n, one) (uint64_t)(n), one, (n) == 1 ? "" : "s"

static inline uint64_t
report_figure(const struct report *r, enum report_figure f)
{
	return r->all.figure[f];
}

static inline uint64_t
report_decisions(const struct report *r)
{
	return report_figure(r, FIGURE_EVALUATION);
}

static inline uint64_t
report_denials(const struct report *r)
{
	return report_figure(r, FIGURE_AUDITED) + report_figure(r, FIGURE_DENIED);
}
