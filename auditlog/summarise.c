/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog summary: how many records there are of what, and when. */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "auditlog/commands.h"
#include "auditlog/query.h"
#include "auditlog/summary.h"
#include "auditlog/when.h"
#include "common/clock.h"

#define US_PER_DAY (86400 * US_PER_S)
#define HOURS_UP_TO (3 * US_PER_DAY) /* what is longer is told by days */
#define TOP 10

struct summarise {
	struct query *query;
	struct siphash_key key;
	struct scanner scanner[POOL_WORKERS];
	struct summary part[POOL_WORKERS];
	pthread_mutex_t lock;
	struct summary all; /* under the lock */
};

struct summarise_job {
	struct summarise *run;
	struct summary *part;
};

static void
job_merge(const struct summarise_job *job)
{
	(void)pthread_mutex_lock(&job->run->lock);
	summary_merge(&job->run->all, job->part);
	(void)pthread_mutex_unlock(&job->run->lock);
}

static bool
job_take(void *context, const struct recordline *r, struct str line, uint64_t at)
{
	const struct summarise_job *job = context;

	(void)line;
	(void)at;
	if (!summary_fits(job->part))
		job_merge(job);
	summary_add(job->part, r);
	return true;
}

static void
run_job(void *context, unsigned worker, size_t i)
{
	struct summarise *run = context;
	const struct source *source = &run->query->sources.all[i];
	struct summarise_job job = {run, &run->part[worker]};
	char name[SEGNAME_SIZE];
	struct scan scan;

	if (query_scan(run->query, source, name, &scan)) {
		scan.take = job_take;
		scan.context = &job;
		(void)scan_forward(&run->scanner[worker], &scan);
		source_done(source, scan.fd);
	}
}

static void
summarise(struct summarise *run)
{
	const struct query *q = run->query;
	bool by_day = q->filter.to - q->filter.from > HOURS_UP_TO;

	(void)pthread_mutex_init(&run->lock, NULL);
	summary_init(&run->all, &run->key, false, by_day);
	for (unsigned i = 0; i < pool_workers(q->sources.n); i++) {
		summary_init(&run->part[i], &run->key, true, by_day);
		if (scanner_init(&run->scanner[i]) < 0)
			cli_fatal(ENOMEM, "summary");
	}
	query_run(run->query, "reading", q->sources.n, run_job, run);
	for (unsigned i = 0; i < POOL_WORKERS; i++) {
		summary_merge(&run->all, &run->part[i]);
		summary_free(&run->part[i]);
		scanner_free(&run->scanner[i]);
	}
}

static void
say(const struct summarise *run, uint32_t top)
{
	const struct query *q = run->query;
	char from[RFC3339_SIZE], to[RFC3339_SIZE], line[160];

	if (q->json) {
		summary_print_json(&run->all, top, q->filter.from, q->filter.to);
		return;
	}
	clock_format(q->filter.from, from);
	clock_format(q->filter.to, to);
	(void)snprintf(line, sizeof(line), "%" PRIu64 " records from %.19sZ to %.19sZ\n",
	    run->all.records, from, to);
	cli_puts(line);
	summary_print(&run->all, top);
}

/* The last day, where nothing else is asked for. */
static void
default_span(struct query *q)
{
	static char from[RFC3339_SIZE];
	int64_t now = clock_real(), to = now;

	if (!q->given.to)
		q->given.to = "now";
	else
		(void)when_parse(str_from(q->given.to), now, true, &to);
	if (q->given.from)
		return;
	clock_format(to - US_PER_DAY, from);
	q->given.from = from;
}

int
cmd_summary(int argc, char **argv)
{
	static struct query q;
	static struct summarise run = {.query = &q};
	static const char *paths[SOURCES_FILES];
	struct cli_option options[QUERY_OPTIONS];
	uint32_t top = TOP;
	size_t n = query_options(&q, options), n_paths;
	struct cli_command command = {
	    .name = "summary",
	    .operands = "[DIR | FILE ...]",
	    .about = "Count the records that match: by decision, action, rule, user and so on, and "
		     "over time.\n"
		     "Without --from and --to: those of the last 24 hours.",
	    .options = options,
	    .most = SOURCES_FILES,
	    .exits = "0 counted, 1 there is no such record, 2 error, or part of the log could not "
		     "be read",
	};
	bool found;
	int error;

	options[n++] = (struct cli_option){.name = "top",
	    .value = "N",
	    .number = &top,
	    .min = 1,
	    .max = 32768,
	    .help = "so many of each (10)"};
	command.n_options = n;
	n_paths = cli_parse(&command, argc, argv, paths);
	default_span(&q);
	error = siphash_key_make(&run.key);
	if (error < 0)
		cli_fatal(error, "summary: random bytes");
	query_enter(&q, &command, paths, n_paths, -1);
	summarise(&run);
	say(&run, top);
	found = run.all.records > 0;
	summary_free(&run.all);
	query_leave(&q);
	return query_code(&q, found);
}
