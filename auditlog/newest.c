/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog tail: the newest records, and with --follow those that come. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "auditlog/commands.h"
#include "auditlog/follow.h"
#include "auditlog/human.h"
#include "auditlog/last.h"
#include "common/cleanup.h"

#define NEWEST 10

struct newest {
	struct query query;
	struct follow follow;
	uint32_t lines;   /* that are asked for */
	bool on;          /* --follow */
	uint64_t found;   /* matching records so far */
	uint64_t at;      /* byte of the last of them */
	size_t start;     /* the source that it is in */
	char *line;       /* FORMAT_LINE bytes */
	struct last last; /* of what cannot be read backwards */
	bool at_once;     /* nobody knows when more will come */
};

/* --- where to begin -------------------------------------------------------------------------- */

static bool
back_take(void *context, const struct recordline *r, struct str line, uint64_t at)
{
	struct newest *n = context;

	(void)r;
	(void)line;
	n->at = at;
	return ++n->found < n->lines;
}

/* A pipe, which nobody can look back in. */
static bool
is_pipe(const struct source *s)
{
	return s->path && lseek(s->fd, 0, SEEK_CUR) < 0;
}

/* Back from the end until there are enough: n->start is the source to begin with, n->at the byte in it. */
static void
find_start(void *context, unsigned worker, size_t job)
{
	struct newest *n = context;
	struct query *q = &n->query;
	size_t i = q->sources.n;
	char name[SEGNAME_SIZE];

	while (i > 0 && n->found < n->lines) {
		const struct source *source = &q->sources.all[--i];
		uint64_t found = n->found;
		struct scan scan;

		/* Whatever comes is new. */
		if (is_pipe(source))
			break;
		if (!query_scan(q, source, name, &scan))
			continue;
		scan.take = back_take;
		scan.context = n;
		scan_backward(&n->follow.scanner, &scan);
		source_done(source, scan.fd);
		if (n->found == found || n->found < n->lines)
			n->at = 0;
	}
	n->start = i;
	(void)worker;
	(void)job;
}

/* Behind the last line that is there. */
static uint64_t
find_end(struct newest *n, const struct source *source)
{
	char name[SEGNAME_SIZE];
	struct scan scan;
	uint64_t end;

	if (is_pipe(source) || !query_scan(&n->query, source, name, &scan))
		return 0;
	end = scan_end(&n->follow.scanner, &scan);
	source_done(source, scan.fd);
	return end;
}

/* Segments that stand by are listed, too, and come behind all others. */
static bool
has_records(const struct source *s)
{
	return s->first_seq > 0 || s->kinds != LOGDIR_TMP;
}

/* --- output ---------------------------------------------------------------------------------- */

static bool
print_take(void *context, const struct recordline *r, struct str line, uint64_t at)
{
	struct newest *n = context;
	struct text t = text_over(n->line, FORMAT_LINE);

	(void)at;
	n->found++;
	query_show(&n->query, &t, r, line);
	format_put(&n->query.format, text_str(&t));
	if (n->at_once)
		(void)cli_flush();
	return !cli_output_failed();
}

static void
print_from(struct newest *n, size_t i)
{
	const struct sources *s = &n->query.sources;

	for (; i < s->n && !cli_output_failed(); i++, n->at = 0)
		if (has_records(&s->all[i]))
			(void)follow_source(&n->follow, &s->all[i], n->at);
}

static bool
keep_take(void *context, const struct recordline *r, struct str line, uint64_t at)
{
	struct newest *n = context;
	struct text t = text_over(n->line, FORMAT_LINE);
	int error;

	(void)at;
	query_show(&n->query, &t, r, line);
	error = last_add(&n->last, text_str(&t));
	if (error == -E2BIG)
		cli_fatal(0,
		    "tail: the last %" PRIu32
		    " records are more than the %u MiB that are kept of a pipe",
		    n->lines, LAST_BYTES >> 20);
	if (error < 0)
		cli_fatal(error, "tail");
	return true;
}

static void
put_kept(void *context, struct str text)
{
	struct newest *n = context;

	n->found++;
	format_put(&n->query.format, text);
}

/* Forwards through all there is. */
static void
keep_newest(void *context, unsigned worker, size_t job)
{
	struct newest *n = context;
	const struct sources *s = &n->query.sources;
	char name[SEGNAME_SIZE];
	struct scan scan;

	(void)worker;
	(void)job;
	n->last.most = n->lines;
	for (size_t i = 0; i < s->n; i++) {
		if (!query_scan(&n->query, &s->all[i], name, &scan))
			continue;
		scan.take = keep_take;
		scan.context = n;
		(void)scan_forward(&n->follow.scanner, &scan);
		source_done(&s->all[i], scan.fd);
	}
}

static bool
has_pipe(const struct sources *s)
{
	size_t i = 0;

	while (i < s->n && !is_pipe(&s->all[i]))
		i++;
	return i < s->n;
}

static void
print_newest(struct newest *n)
{
	const struct sources *s = &n->query.sources;
	size_t i;

	n->at_once = n->on && has_pipe(s);
	if (!n->on && has_pipe(s)) {
		query_run(&n->query, "reading", 1, keep_newest, n);
		last_take(&n->last, put_kept, n);
		return;
	}
	query_run(&n->query, "looking back", 1, find_start, n);
	i = n->start;
	n->found = 0;
	if (n->lines == 0)
		while (i > 0 && !has_records(&s->all[i - 1]))
			i--;
	if (n->lines == 0 && i > 0)
		n->at = find_end(n, &s->all[--i]);
	print_from(n, i);
}

/* --- the command ----------------------------------------------------------------------------- */

static int
run(struct newest *n, int watch)
{
	n->line = malloc(FORMAT_LINE);
	if (!n->line || follow_init(&n->follow, &n->query, watch, print_take, n) < 0)
		cli_fatal(ENOMEM, "tail");
	format_begin(&n->query.format);
	print_newest(n);
	if (n->on && !cli_output_failed())
		follow_on(&n->follow);
	format_end(&n->query.format);
	follow_deinit(&n->follow);
	free(n->line);
	query_leave(&n->query);
	return query_code(&n->query, n->found > 0 || n->on);
}

int
cmd_tail(int argc, char **argv)
{
	static struct newest n = {.lines = NEWEST};
	static const char *paths[SOURCES_FILES];
	struct cli_option options[QUERY_OPTIONS];
	size_t n_options = query_record_options(&n.query, options), n_paths;
	struct cli_command command = {
	    .name = "tail",
	    .operands = "[DIR | FILE ...]",
	    .about = "Print the newest records that match, and with -f those that come, across "
		     "segments\n"
		     "as they are sealed and begun.",
	    .options = options,
	    .most = SOURCES_FILES,
	    .more = format_usage,
	    .exits = "0 found, 1 nothing found, 2 error, or part of the log could not be read",
	};
	int watch = -1;

	options[n_options++] = (struct cli_option){.name = "lines",
	    .letter = 'n',
	    .value = "N",
	    .number = &n.lines,
	    .max = UINT32_MAX,
	    .help = "so many records (10)"};
	options[n_options++] = (struct cli_option){
	    .name = "follow", .letter = 'f', .flag = &n.on, .help = "go on with those that come"};
	command.n_options = n_options;
	n_paths = cli_parse(&command, argc, argv, paths);
	query_choose(&n.query, &command);
	if (n.on && n.query.format.format->end)
		cli_wrong(&command, "--follow: --format %s has an end, and this has none",
		    n.query.format.name);
	n.query.waits = n.on;
	if (n.on)
		watch = follow_watch(n_paths > 0 ? paths[n_paths - 1] : LOGDIR_DEFAULT);
	query_enter(&n.query, &command, paths, n_paths, watch);
	return run(&n, watch);
}
