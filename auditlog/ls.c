/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog ls: the segments of a log, what their seals say of them, and totals. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "auditlog/commands.h"
#include "auditlog/json.h"
#include "auditlog/query.h"
#include "common/clock.h"

#define LS_SIZE 40 /* room for a size as text */

struct ls_total {
	uint64_t segments, sealed, records, bytes;
};

/* What the lines of a segment without a seal say, as a seal would. */
struct ls_lines {
	struct source *source;
	uint64_t end; /* byte behind the last record */
};

/* --- segments without a seal ------------------------------------------------------------------ */

static bool
ls_take(void *context, const struct recordline *r, struct str line, uint64_t at)
{
	struct ls_lines *l = context;
	const struct recordline_value *v = recordline_value(r, MEMBER_timestamp);
	int64_t seq = 0, time = 0;

	(void)recordline_int(recordline_value(r, MEMBER_seq), &seq);
	if (v && clock_parse((struct str){v->p, v->n}, &time) < 0)
		time = 0;
	if (l->source->records++ == 0) {
		l->source->first_seq = (uint64_t)seq;
		l->source->first_time = time;
	}
	l->source->last_seq = (uint64_t)seq;
	l->source->last_time = time;
	l->source->bytes = at + line.n;
	return true;
}

static void
ls_look(struct query *q, struct source *source)
{
	struct ls_lines l = {.source = source};
	char name[SEGNAME_SIZE];
	struct scanner scanner;
	struct scan scan;

	if (source->sealed || !query_scan(q, source, name, &scan))
		return;
	if (scanner_init(&scanner) < 0)
		cli_fatal(ENOMEM, "ls");
	scan.filter = NULL;
	scan.take = ls_take;
	scan.context = &l;
	(void)scan_forward(&scanner, &scan);
	scanner_free(&scanner);
	source_done(source, scan.fd);
}

/* --- what is said ---------------------------------------------------------------------------- */

static const char *
ls_state(const struct source *s)
{
	if (s->sealed)
		return seal_state_name(s->state);
	if (s->bad_seal)
		return "bad seal";
	if (s->path)
		return "-";
	return s->kinds & LOGDIR_CLOSED ? "unsealed" : "open";
}

static void
ls_size(uint64_t bytes, char out[LS_SIZE])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	uint64_t tenths = bytes * 10;
	size_t unit = 0;

	for (; tenths >= 10240 && unit + 1 < ARRAY_SIZE(units); unit++)
		tenths /= 1024;
	if (unit == 0)
		(void)snprintf(out, LS_SIZE, "%" PRIu64 " B", bytes);
	else
		(void)snprintf(out, LS_SIZE, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
		    units[unit]);
}

static void
ls_row(const struct source *s)
{
	char index[24] = "-", span[48] = "-", from[RFC3339_SIZE] = "-", to[RFC3339_SIZE] = "-";
	char size[LS_SIZE], line[256];

	if (s->sealed)
		(void)snprintf(index, sizeof(index), "%" PRIu64, s->index);
	if (s->records > 0) {
		(void)snprintf(
		    span, sizeof(span), "%" PRIu64 "-%" PRIu64, s->first_seq, s->last_seq);
		clock_format(s->first_time, from);
		clock_format(s->last_time, to);
	}
	ls_size(s->bytes, size);
	(void)snprintf(line, sizeof(line),
	    "%6s  %-9s  %8" PRIu64 "  %-17s  %-19.19s  %-19.19s  %10s  ", index, ls_state(s),
	    s->records, span, from, to, size);
	cli_puts(line);
	cli_put_safe(str_from(s->path ? s->path : s->base));
	cli_puts("\n");
}

static void
ls_row_json(const struct source *s)
{
	char buf[1024];
	struct text t = text_over(buf, sizeof(buf));
	struct json j = json_object(&t);

	json_z(&j, "file", s->path ? s->path : s->base);
	json_z(&j, "state", ls_state(s));
	if (s->sealed)
		json_number(&j, "index", s->index);
	json_number(&j, "records", s->records);
	json_number(&j, "bytes", s->bytes);
	if (s->records > 0) {
		json_number(&j, "first_seq", s->first_seq);
		json_number(&j, "last_seq", s->last_seq);
		json_time(&j, "first_time", s->first_time);
		json_time(&j, "last_time", s->last_time);
	}
	json_object_end(&j);
	if (!text_ok(&t))
		cli_fatal(0, "%s: the name is too long", s->path);
	cli_put_json(text_str(&t));
}

static void
ls_heading(void)
{
	char line[160];

	(void)snprintf(line, sizeof(line), "%6s  %-9s  %8s  %-17s  %-19s  %-19s  %10s  %s", "SEAL",
	    "STATE", "RECORDS", "SEQ", "FROM", "TO", "SIZE", "FILE");
	cli_paint(CLI_DIM, str_from(line));
	cli_puts("\n");
}

static void
ls_end(const struct ls_total *total)
{
	char size[LS_SIZE], line[160];

	ls_size(total->bytes, size);
	(void)snprintf(line, sizeof(line),
	    "%" PRIu64 " segments, %" PRIu64 " sealed: %" PRIu64 " records, %s\n", total->segments,
	    total->sealed, total->records, size);
	cli_puts(line);
}

static void
ls_all(struct query *q)
{
	struct ls_total total = {.segments = 0};

	if (!q->json)
		ls_heading();
	for (size_t i = 0; i < q->sources.n && !cli_output_failed(); i++) {
		struct source *s = &q->sources.all[i];

		ls_look(q, s);
		total.segments++;
		total.sealed += s->sealed;
		total.records += s->records;
		total.bytes += s->bytes;
		if (q->json)
			ls_row_json(s);
		else
			ls_row(s);
	}
	if (!q->json)
		ls_end(&total);
}

int
cmd_ls(int argc, char **argv)
{
	static struct query q;
	static const char *paths[SOURCES_FILES];
	const struct cli_option options[] = {
	    {.name = "from",
		.value = "TIME",
		.text = &q.given.from,
		.help = "only what holds records from then on: see search --help"},
	    {.name = "to", .value = "TIME", .text = &q.given.to, .help = "and up to then"},
	    {.name = "json", .help = "print a line of JSON for each", .flag = &q.json},
	};
	const struct cli_command command = {
	    .name = "ls",
	    .operands = "[DIR | FILE ...]",
	    .about = "List the segments of the log in DIR (" LOGDIR_DEFAULT "), oldest first,\n"
		     "by what their seals say; auditlog verify checks whether it is true. Times "
		     "are UTC.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .most = SOURCES_FILES,
	    .exits = "0 listed, 1 there is none, 2 error, or part of the log could not be read",
	};
	bool found;

	query_enter(&q, &command, paths, cli_parse(&command, argc, argv, paths), -1);
	found = q.sources.n > 0;
	ls_all(&q);
	query_leave(&q);
	return query_code(&q, found);
}
