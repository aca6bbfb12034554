/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/format.h"

#include "auditlog/human.h"

static const struct format *const formats[] = {
    &format_human,
    &format_jsonl,
    &format_json,
    &format_csv,
    &format_shorthand,
    &format_syslog,
    &format_cef,
    &format_leef,
    &format_ecs,
    &format_ocsf,
};

/* --- choosing -------------------------------------------------------------------------------- */

size_t
format_options(struct format_use *use, struct cli_option *options)
{
	options[0] = (struct cli_option){.name = "format",
	    .value = "FORMAT",
	    .text = &use->name,
	    .help = "one of those below, or a template as '{timestamp} {decision}'"};
	options[1] = (struct cli_option){.name = "fields",
	    .value = "A,B,C",
	    .text = &use->fields,
	    .help = "the columns of csv, any members, as seq,username,peer.uid"};
	options[2] = (struct cli_option){.name = "ocsf-version",
	    .value = "VERSION",
	    .text = &use->ocsf_version,
	    .help = "of ocsf: 1.7.0|1.8.0 (1.7.0)"};
	return FORMAT_OPTIONS;
}

static const struct format *
find_format(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return strchr(name, '{') ? &format_template : NULL;
}

static void
choose_members(struct format_use *use, const struct cli_command *command)
{
	const char *option = "format", *why = NULL;
	struct str wrong = STR("");

	if (use->format == &format_template) {
		why = format_template_parse(use, str_from(use->name), &wrong);
	} else if (use->format == &format_csv) {
		option = "fields";
		why = format_csv_parse(use, str_from(use->fields), &wrong);
	}
	if (why)
		cli_wrong(command, "--%s: %s: %.*s", option, why, STR_ARG(wrong));
}

void
format_choose(struct format_use *use, const struct cli_command *command, bool jsonl)
{
	if (use->name && jsonl)
		cli_wrong(command, "--json is --format jsonl: give one of them");
	use->format = jsonl ? &format_jsonl : use->name ? find_format(use->name) : NULL;
	if (use->name && !use->format)
		cli_wrong(command, "--format: there is no such format, and no {member} in it: %s",
		    use->name);
	if (use->fields && use->format != &format_csv)
		cli_wrong(command, "--fields: only --format csv has them");
	if (use->ocsf_version && use->format != &format_ocsf)
		cli_wrong(command, "--ocsf-version: only --format ocsf has it");
	if (use->ocsf_version && !format_ocsf_knows(use->ocsf_version))
		cli_wrong(
		    command, "--ocsf-version: not among 1.7.0 and 1.8.0: %s", use->ocsf_version);
	choose_members(use, command);
}

void
format_usage(void)
{
	struct cli_table t;

	cli_usage_begin(&t, "formats");
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		cli_usage_row(&t, formats[i]->name, formats[i]->about);
	cli_usage_row(&t, "'{...}...'", format_template.about);
	cli_usage_end(&t);
}

/* --- output ---------------------------------------------------------------------------------- */

/* For a terminal, which must not act on what stands in them. */
static void
put_lines(const struct format *f, struct str s)
{
	while (s.n > 0) {
		const char *newline = memchr(s.p, '\n', s.n);
		struct str line = {s.p, newline ? (size_t)(newline - s.p) : s.n};

		s = str_skip(s, line.n + 1);
		if (f->kind == FORMAT_JSON) {
			cli_put_json(line);
			continue;
		}
		line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
		cli_put_safe(line);
		cli_puts("\n");
	}
}

static void
put_out(const struct format_use *use, struct str s)
{
	if (use->terminal && use->format->kind != FORMAT_SAFE)
		put_lines(use->format, s);
	else
		cli_put(s);
}

void
format_begin(struct format_use *use)
{
	char buf[4 * FORMAT_GIVEN]; /* each may have to be quoted */
	struct text t = text_over(buf, sizeof(buf));

	if (use->format->begin)
		use->format->begin(use, &t);
	put_out(use, text_str(&t));
}

void
format_put(struct format_use *use, struct str records)
{
	struct str between = str_from(use->format->between);

	if (records.n == 0)
		return;
	if (use->behind)
		cli_put(between);
	use->behind = true;
	records.n -= between.n;
	put_out(use, records);
}

void
format_end(const struct format_use *use)
{
	cli_put(str_from(use->format->end));
}

size_t
format_size(const struct format_use *use, struct str records)
{
	const char *newline;

	if (use->format->size)
		return use->format->size(records);
	newline = memchr(records.p, '\n', records.n);
	return newline ? (size_t)(newline - records.p) + 1 : records.n;
}

/* --- for people ------------------------------------------------------------------------------ */

static void
human_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	(void)line;
	human_line(t, r, use->colours);
}

const struct format format_human = {
    .name = "human",
    .about = "one aligned line, for people (what you get without --format)",
    .record = human_record,
};
