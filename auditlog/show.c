/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog show: one record, all of it, and where it lies. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "auditlog/bar.h"
#include "auditlog/commands.h"
#include "auditlog/query.h"
#include "common/hash.h"

#define SHOW_LABEL 24 /* columns of names */

struct show {
	struct query *query;
	uint64_t seq;
	const char *id; /* NULL: only the seq is known */
	const struct source *source;
	const char *name; /* of the file that is read */
	bool found;
};

/* --- what is shown --------------------------------------------------------------------------- */

static void
show_label(struct str prefix, struct str name)
{
	size_t n = prefix.n + name.n;

	cli_paint(CLI_DIM, prefix);
	cli_paint(CLI_DIM, name);
	do
		cli_puts(" ");
	while (++n < SHOW_LABEL);
}

static void
show_scalar(const struct recordline_value *v)
{
	char buf[LIMIT_LINE];
	struct str s = recordline_string(v, buf, sizeof(buf));

	cli_put_safe(str_given(s) ? s : (struct str){v->p, v->n});
	cli_puts("\n");
}

/* A member; what is in an object or an array one by one, what is in those as it is written. */
static void
show_member(struct str name, const struct recordline_value *v)
{
	struct recordline_walk w = recordline_walk(v);
	struct recordline_value key, inner;
	char prefix[64];

	if (v->type != RECORDLINE_OBJECT && v->type != RECORDLINE_ARRAY) {
		show_label(STR(""), name);
		show_scalar(v);
		return;
	}
	(void)snprintf(prefix, sizeof(prefix), "%.*s%s", (int)(name.n < 60 ? name.n : 60), name.p,
	    v->type == RECORDLINE_OBJECT ? "." : "");
	while (recordline_next(&w, &key, &inner)) {
		show_label(str_from(prefix),
		    v->type == RECORDLINE_OBJECT ? (struct str){key.p, key.n} : STR(""));
		show_scalar(&inner);
	}
}

static void
show_members(const struct recordline *r)
{
	for (unsigned m = 0; m < MEMBER_COUNT; m++) {
		const struct recordline_value *v = recordline_value(r, m);

		if (v && m != MEMBER_payload)
			show_member(str_from(recordline_name(m)), v);
	}
	for (uint32_t i = 0; i < r->n_others; i++)
		show_member(r->other[i].key, &r->other[i].value);
}

static void
show_place(const struct show *s, uint64_t at)
{
	char line[160];

	show_label(STR(""), STR("file"));
	cli_put_safe(str_from(s->name));
	(void)snprintf(line, sizeof(line), ", byte %" PRIu64 "\n", at);
	cli_puts(line);
	if (s->source->path)
		return;
	show_label(STR(""), STR("seal"));
	if (s->source->sealed)
		(void)snprintf(line, sizeof(line), "%" PRIu64 ", %s\n", s->source->index,
		    seal_state_name(s->source->state));
	cli_puts(s->source->sealed ? line : "none yet\n");
}

static void
show_formatted(struct query *q, const struct recordline *r, struct str line)
{
	char *buf = malloc(FORMAT_LINE);
	struct text t = text_over(buf, FORMAT_LINE);

	if (!buf)
		cli_fatal(ENOMEM, "show");
	query_show(q, &t, r, line);
	format_begin(&q->format);
	format_put(&q->format, text_str(&t));
	format_end(&q->format);
	free(buf);
}

static bool
show_take(void *context, const struct recordline *r, struct str line, uint64_t at)
{
	struct show *s = context;

	s->found = true;
	bar_hold();
	if (s->query->format.format) {
		show_formatted(s->query, r, line);
	} else {
		show_members(r);
		show_place(s, at);
	}
	bar_release();
	return false;
}

/* --- where it is ----------------------------------------------------------------------------- */

static void
show_filter(const struct show *s, struct filter *f)
{
	static char seq[24];
	int n = snprintf(seq, sizeof(seq), "%" PRIu64, s->seq);
	struct text t = text_over(f->needle, sizeof(f->needle));

	f->n = 1;
	if (s->id) {
		f->term[0] = (struct filter_term){
		    .member = MEMBER_audit_event_id, .pattern = str_from(s->id)};
		text_put(&t, STR("\"audit_event_id\":\""));
		text_put(&t, str_from(s->id));
	} else {
		f->term[0] = (struct filter_term){
		    .member = MEMBER_seq, .pattern = {seq, (size_t)n}};
		text_put(&t, STR("\"seq\":"));
		text_put(&t, (struct str){seq, (size_t)n});
		text_char(&t, ',');
	}
	f->n_needle = t.n;
}

static void
show_find(void *context, unsigned worker, size_t job)
{
	struct show *s = context;
	struct sources *sources = &s->query->sources;
	struct scanner scanner;
	char name[SEGNAME_SIZE];

	if (scanner_init(&scanner) < 0)
		cli_fatal(ENOMEM, "show");
	for (size_t i = 0; i < sources->n && !s->found; i++) {
		struct scan scan;

		s->source = &sources->all[i];
		if (!query_scan(s->query, s->source, name, &scan))
			continue;
		s->name = scan.name;
		scan.take = show_take;
		scan.context = s;
		(void)scan_forward(&scanner, &scan);
		source_done(s->source, scan.fd);
	}
	scanner_free(&scanner);
	(void)worker;
	(void)job;
}

/* --- the command ----------------------------------------------------------------------------- */

static void
show_parse(struct show *s, const struct cli_command *command, const char *text)
{
	static char id[UUID_TEXT + 1];
	uint64_t log_id, n = 0;

	if (line_event_id_parse(str_from(text), &log_id, &s->seq) == 0) {
		line_event_id(log_id, s->seq, id);
		s->id = id;
		return;
	}
	if (!*text)
		cli_wrong(command, "neither an audit_event_id nor a seq");
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9' || n >= (uint64_t)LIMIT_JSON_INT)
			cli_wrong(command, "neither an audit_event_id nor a seq: %s", text);
		n = n * 10 + (uint64_t)(*p - '0');
	}
	s->seq = n;
}

int
cmd_show(int argc, char **argv)
{
	static struct query q;
	static const char *operands[1 + SOURCES_FILES];
	struct show s = {.query = &q};
	struct cli_option options[1 + FORMAT_OPTIONS] = {
	    {.name = "json", .help = "print the line as it is stored", .flag = &q.json},
	};
	const struct cli_command command = {
	    .name = "show",
	    .operands = "EVENT_ID|SEQ [DIR | FILE ...]",
	    .about =
		"Print one record, member by member, and in which file and under which seal it is.",
	    .options = options,
	    .n_options = 1 + format_options(&q.format, options + 1),
	    .least = 1,
	    .most = 1 + SOURCES_FILES,
	    .more = format_usage,
	    .exits = "0 found, 1 no such record, 2 error, or part of the log could not be read",
	};
	size_t n = cli_parse(&command, argc, argv, operands);

	format_choose(&q.format, &command, q.json);
	show_parse(&s, &command, operands[0]);
	query_enter(&q, &command, operands + 1, n - 1, -1);
	show_filter(&s, &q.filter);
	sources_choose_seq(&q.sources, s.seq);
	query_run(&q, "searching", 1, show_find, &s);
	query_leave(&q);
	return query_code(&q, s.found);
}
