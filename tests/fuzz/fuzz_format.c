/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of any bytes that can be cut like a record, in every format of auditlog: it always has room, is
 * UTF-8, is one record by the format's own measure, one line where the format has lines, and never holds what
 * a terminal acts on where the format says so; what is to be JSON is a record's line once more. Input: the line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auditlog/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct format *const formats[] = {&format_human, &format_jsonl, &format_json,
    &format_csv, &format_template, &format_shorthand, &format_syslog, &format_cef, &format_leef,
    &format_ecs, &format_ocsf};

static struct format_use use[ARRAY_SIZE(formats)];
static char out[FORMAT_LINE];

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

static void
is_json(struct str s)
{
	static struct recordline r;
	struct recordline_fault fault;

	/* The same reader: what is longer than a line of the log may be as good. */
	must(s.n > LIMIT_LINE || recordline_cut(&r, s, &fault) == 0);
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
		is_json(text_str(&t));
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
