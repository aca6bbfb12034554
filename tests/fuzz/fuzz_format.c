/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of any bytes that can be cut like a record, in every format of auditlog: it always has room, is
 * UTF-8, is one record by the format's own measure, one line where the format has lines, and never holds what
 * a terminal acts on where the format says so; what is to be JSON is that, and ocsf holds the line. Input: the line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auditlog/format.h"
#include "common/jscan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct format *const formats[] = {&format_human, &format_jsonl, &format_json,
    &format_csv, &format_template, &format_shorthand, &format_syslog, &format_cef, &format_leef,
    &format_ecs, &format_ocsf};

static struct format_use use[ARRAY_SIZE(formats)];
static char out[FORMAT_LINE];

#define TOKENS (2 * LIMIT_LINE)

static void
must(bool what)
{
	if (!what)
		abort();
}

static void
prepare(void)
{
	struct str wrong;

	if (use[0].format)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		use[i].format = formats[i];
	must(!format_csv_parse(&use[3], STR_NONE, &wrong));
	must(!format_template_parse(
	    &use[4], STR("{payload} {details.a.b} {deny_reason} {peer.uid}"), &wrong));
}

static void
is_harmless(struct str s, bool tabs)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		must((unsigned char)s.p[i] >= ' ' || (tabs && s.p[i] == '\t'));
	must(!memchr(s.p, 0x7f, s.n));
}

/* The strict scanner, which a record that no writer makes may be no JSON to, either. */
static bool
is_json(struct str s, struct jscan_tape *tape)
{
	static struct jscan_token tokens[TOKENS];
	const struct jscan_rules rules = {
	    .max_depth = 64, .max_members = TOKENS, .max_tokens = ARRAY_SIZE(tokens)};
	struct jscan_fault fault;

	*tape = (struct jscan_tape){.tokens = tokens, .cap = ARRAY_SIZE(tokens)};
	return jscan(s, &rules, tape, &fault) == 0;
}

/* What is made of a line that is JSON is JSON, and ocsf holds the line. */
static void
holds(const struct format *f, struct str made, struct str line)
{
	struct jscan_tape tape;

	line.n--;
	if (!is_json(line, &tape))
		return;
	must(is_json(made, &tape));
	must(f != &format_ocsf ||
	     jscan_string_is(&tape, jscan_member(&tape, 0, STR("raw_data")), line));
}

static void
try_format(const struct format_use *u, const struct recordline *r, struct str line)
{
	struct text t = text_over(out, sizeof(out));

	u->format->record(u, &t, r, line);
	must(text_ok(&t) && t.n > 0 && t.p[t.n - 1] == '\n' && utf8_valid(text_str(&t)));
	must(format_size(u, text_str(&t)) == t.n);
	if (u->format->kind == FORMAT_SAFE)
		is_harmless(text_str(&t), u->format == &format_leef);
	if (u->format == &format_ecs || u->format == &format_ocsf)
		holds(u->format, text_str(&t), line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char line[LIMIT_LINE + 1];
	static struct recordline r;
	struct recordline_fault fault;

	prepare();
	if (size >= LIMIT_LINE)
		return 0;
	memcpy(line, data, size);
	line[size] = '\n';
	if (recordline_cut(&r, (struct str){line, size + 1}, &fault) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		try_format(&use[i], &r, (struct str){line, size + 1});
	return 0;
}
