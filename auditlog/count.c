/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog count: how many records match. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "auditlog/commands.h"
#include "auditlog/query.h"

struct count {
	struct query *query;
	struct scanner scanner[POOL_WORKERS];
	_Atomic(uint64_t) n;
};

static bool
count_take(void *context, const struct recordline *r, struct str line, uint64_t at)
{
	(void)r;
	(void)line;
	(void)at;
	++*(uint64_t *)context;
	return true;
}

static void
count_job(void *context, unsigned worker, size_t i)
{
	struct count *c = context;
	const struct source *source = &c->query->sources.all[i];
	char name[SEGNAME_SIZE];
	struct scan scan;
	uint64_t n = 0;

	if (query_scan(c->query, source, name, &scan)) {
		scan.take = count_take;
		scan.context = &n;
		if (filter_empty(&c->query->filter))
			n = scan_count(&c->scanner[worker], &scan);
		else
			(void)scan_forward(&c->scanner[worker], &scan);
		source_done(source, scan.fd);
	}
	atomic_fetch_add(&c->n, n);
}

static uint64_t
count_all(struct query *q)
{
	static struct count c;

	c.query = q;
	for (unsigned i = 0; i < pool_workers(q->sources.n); i++)
		if (scanner_init(&c.scanner[i]) < 0)
			cli_fatal(ENOMEM, "count");
	query_run(q, "counting", q->sources.n, count_job, &c);
	for (unsigned i = 0; i < POOL_WORKERS; i++)
		scanner_free(&c.scanner[i]);
	return atomic_load(&c.n);
}

int
cmd_count(int argc, char **argv)
{
	static struct query q;
	static const char *paths[SOURCES_FILES];
	struct cli_option options[QUERY_OPTIONS];
	const struct cli_command command = {
	    .name = "count",
	    .operands = "[DIR | FILE ...]",
	    .about = "Print how many records match all that is asked for, in the log in DIR\n"
		     "(" LOGDIR_DEFAULT ") or in segments named one by one (- is standard input).",
	    .options = options,
	    .n_options = query_options(&q, options),
	    .most = SOURCES_FILES,
	    .exits = "0 counted (0 records, too), 2 error, or part of the log could not be read",
	};
	char line[64];
	uint64_t n;

	query_enter(&q, &command, paths, cli_parse(&command, argc, argv, paths), -1);
	n = count_all(&q);
	(void)snprintf(
	    line, sizeof(line), q.json ? "{\"records\":%" PRIu64 "}\n" : "%" PRIu64 "\n", n);
	cli_puts(line);
	query_leave(&q);
	return query_code(&q, true);
}
