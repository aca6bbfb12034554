/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/query.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "auditlog/bar.h"
#include "auditlog/emit.h"
#include "auditlog/reader.h"
#include "common/clock.h"
#include "common/hash.h"

size_t
query_options(struct query *q, struct cli_option *options)
{
	size_t n = filter_options(&q->given, options);

	options[n++] = (struct cli_option){
	    .name = "json", .help = "print JSON; records as they are stored", .flag = &q->json};
	return n;
}

size_t
query_record_options(struct query *q, struct cli_option *options)
{
	size_t n = query_options(q, options);

	return n + format_options(&q->format, options + n);
}

size_t
query_print_options(struct query *q, struct cli_option *options)
{
	size_t n = query_record_options(q, options);

	options[n++] = (struct cli_option){.name = "limit",
	    .value = "N",
	    .number = &q->limit,
	    .min = 1,
	    .max = UINT32_MAX,
	    .help = "no more than so many records"};
	options[n++] = (struct cli_option){
	    .name = "reverse", .flag = &q->reverse, .help = "newest first"};
	return n;
}

void
query_choose(struct query *q, const struct cli_command *command)
{
	format_choose(&q->format, command, q->json);
	if (!q->format.format)
		q->format.format = &format_human;
}

/* What there is; that nothing is there is told. */
static void
query_list(struct query *q, const char *path)
{
	int error = sources_list(&q->sources, &q->filter);

	if (error < 0)
		reader_failed(path, error);
	if (q->sources.dir.fd >= 0 && q->sources.dir.n == 0 && !q->waits)
		log_warn("%s: there is no segment of a log", path);
}

void
query_enter(struct query *q, const struct cli_command *command, const char *const *paths,
    size_t n_paths, int keep)
{
	q->now = clock_real();
	q->terminal = isatty(STDOUT_FILENO);
	q->format.terminal = q->terminal;
	q->format.colours = cli_colours();
	filter_make(&q->filter, command, &q->given, q->now);
	if (hash_init() < 0)
		cli_fatal(0, "libcrypto has no SHA-256");
	sources_open(&q->sources, paths, n_paths);
	sources_jail(&q->sources, &keep, keep >= 0);
	query_list(q, n_paths > 0 ? paths[0] : LOGDIR_DEFAULT);
}

void
query_leave(struct query *q)
{
	sources_close(&q->sources);
}

int
query_code(const struct query *q, bool found)
{
	return damage_finish(&q->damage, found ? CLI_YES : CLI_NO);
}

bool
query_scan(struct query *q, const struct source *source, char name[SEGNAME_SIZE], struct scan *ret)
{
	const char *shown;
	int fd = source_open(&q->sources, source, name, &shown);

	*ret = (struct scan){.fd = fd,
	    .name = shown,
	    .open = source_is_open(shown),
	    .filter = &q->filter,
	    .damage = &q->damage,
	    .done = &q->progress.done};
	if (fd < 0)
		damage_file(&q->damage, shown, fd);
	return fd >= 0;
}

void
query_run(struct query *q, const char *what, size_t n,
    void (*job)(void *context, unsigned worker, size_t i), void *context)
{
	q->progress.what = what;
	q->progress.total = what && bar_possible() ? sources_bytes(&q->sources) : 0;
	atomic_store(&q->progress.done, 0);
	pool_run(n, job, context, &q->progress);
}

void
query_show(const struct query *q, struct text *t, const struct recordline *r, struct str line)
{
	q->format.format->record(&q->format, t, r, line);
}

/* --- all that match -------------------------------------------------------------------------- */

struct query_worker {
	struct scanner scanner;
	char *line; /* FORMAT_LINE bytes */
};

struct query_run {
	struct query *query;
	struct emit emit;
	struct query_worker worker[POOL_WORKERS];
};

struct query_job {
	struct query_run *run;
	struct query_worker *worker;
	size_t i;
};

static bool
job_take(void *context, const struct recordline *r, struct str line, uint64_t at)
{
	const struct query_job *job = context;
	struct text t = text_over(job->worker->line, FORMAT_LINE);

	(void)at;
	query_show(job->run->query, &t, r, line);
	return emit_record(&job->run->emit, job->i, text_str(&t));
}

static void
job_scan(struct query_job *job, const struct source *source)
{
	struct query *q = job->run->query;
	char name[SEGNAME_SIZE];
	struct scan scan;

	if (!query_scan(q, source, name, &scan))
		return;
	scan.take = job_take;
	scan.context = job;
	if (q->reverse)
		scan_backward(&job->worker->scanner, &scan);
	else
		(void)scan_forward(&job->worker->scanner, &scan);
	source_done(source, scan.fd);
}

static void
run_job(void *context, unsigned worker, size_t i)
{
	struct query_run *run = context;
	struct query_job job = {run, &run->worker[worker], i};
	const struct sources *s = &run->query->sources;

	emit_begin(&run->emit, i);
	if (!atomic_load(&run->emit.stop))
		job_scan(&job, &s->all[run->query->reverse ? s->n - 1 - i : i]);
	emit_end(&run->emit, i);
}

static void
run_init(struct query_run *run)
{
	for (unsigned i = 0; i < pool_workers(run->query->sources.n); i++) {
		run->worker[i].line = malloc(FORMAT_LINE);
		if (scanner_init(&run->worker[i].scanner) < 0 || !run->worker[i].line)
			cli_fatal(ENOMEM, "search");
	}
}

static void
run_free(struct query_run *run)
{
	for (unsigned i = 0; i < POOL_WORKERS; i++) {
		scanner_free(&run->worker[i].scanner);
		free(run->worker[i].line);
	}
}

/* On a terminal a bar may stand where it comes. */
static void
sink_put(void *context, struct str records)
{
	struct format_use *use = context;

	if (use->terminal)
		bar_hold();
	format_put(use, records);
	if (use->terminal)
		bar_release();
}

static size_t
sink_size(void *context, struct str records)
{
	return format_size(context, records);
}

uint64_t
query_print(struct query *q)
{
	struct query_run run = {.query = q};
	/* A format with an end has lines that are not whole before it. */
	bool bar = !(q->terminal && q->format.format->end);
	uint64_t records;

	run_init(&run);
	emit_init(&run.emit, q->limit, (struct emit_sink){sink_put, sink_size, &q->format});
	format_begin(&q->format);
	query_run(q, bar ? "searching" : NULL, q->sources.n, run_job, &run);
	records = run.emit.records;
	format_end(&q->format);
	emit_deinit(&run.emit);
	run_free(&run);
	return records;
}
