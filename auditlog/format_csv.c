/* SPDX-License-Identifier: Apache-2.0 */

/*
 * csv: RFC 4180, a heading first, lines ended by CR LF. Data is as recorded, but a text that a spreadsheet would
 * take for a formula (it begins with = + - @, a tab, CR or LF) gets an apostrophe before it, as text cells are
 * marked there. Numbers are not changed.
 */

#include "auditlog/format.h"

#define CSV_USUAL                                                                           \
	"timestamp,seq,category,decision,enforcement_mode,username,action,resource_id,"     \
	"policy_id,rule_id,policy_revision,deny_reason,action_type,payload,event,level,"    \
	"actor,details,evaluation_id,client_name,sandbox_id,agent,request_id,user_email,"   \
	"org_id,org_name,peer.uid,peer.gid,peer.pid,hostname,app_version,audit_session_id," \
	"audit_event_id,prev_hash"

const char *
format_csv_parse(struct format_use *use, struct str fields, struct str *ret_wrong)
{
	struct str rest = str_given(fields) ? fields : STR(CSV_USUAL);
	const char *comma, *why;

	*ret_wrong = rest;
	if (rest.n > FORMAT_GIVEN)
		return "longer than 2048 bytes";
	use->n = 0;
	do {
		comma = rest.n > 0 ? memchr(rest.p, ',', rest.n) : NULL;
		*ret_wrong = (struct str){rest.p, comma ? (size_t)(comma - rest.p) : rest.n};
		why = format_member(use, *ret_wrong);
		rest = str_skip(rest, ret_wrong->n + 1);
	} while (comma && !why);
	return why;
}

static bool
is_formula(struct str s)
{
	return s.n > 0 && s.p[0] && strchr("=+-@\t\r\n", s.p[0]);
}

static bool
needs_quotes(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '"' || s.p[i] == ',' || (unsigned char)s.p[i] < ' ')
			return true;
	return false;
}

static void
put_doubled(struct text *t, struct str s)
{
	while (s.n > 0) {
		const char *quote = memchr(s.p, '"', s.n);
		struct str run = {s.p, quote ? (size_t)(quote - s.p) + 1 : s.n};

		text_put(t, run);
		if (quote)
			text_char(t, '"');
		s = str_skip(s, run.n);
	}
}

/* Within quotes: nothing ends them but a single one. */
static void
put_quoted(struct text *t, struct str s)
{
	text_char(t, '"');
	if (is_formula(s))
		text_char(t, '\'');
	put_doubled(t, s);
	text_char(t, '"');
}

static void
put_string(struct text *t, struct str s)
{
	if (is_formula(s) || needs_quotes(s))
		put_quoted(t, s);
	else
		text_put(t, s);
}

/* Joined first, as it is one field. */
static __attribute__((noinline)) void
put_array(struct text *t, const struct recordline_value *v)
{
	char buf[2 * LIMIT_LINE];
	struct text joined = text_over(buf, sizeof(buf));

	format_value(&joined, v, text_put);
	put_string(t, text_str(&joined));
}

static void
put_field(struct text *t, const struct recordline_value *v)
{
	if (!v)
		return;
	if (v->type == RECORDLINE_ARRAY)
		put_array(t, v);
	else if (v->type == RECORDLINE_NUMBER)
		text_put(t, (struct str){v->p, v->n});
	else
		format_value(t, v, put_string);
}

static void
csv_begin(const struct format_use *use, struct text *t)
{
	for (size_t i = 0; i < use->n; i++) {
		if (i > 0)
			text_char(t, ',');
		put_string(t, use->member[i].text);
	}
	text_put(t, STR("\r\n"));
}

static void
csv_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	struct recordline_value room;
	size_t from = t->n;

	(void)line;
	for (size_t i = 0; i < use->n; i++) {
		if (i > 0)
			text_char(t, ',');
		put_field(t, path_find(&use->member[i], r, &room));
	}
	/* An empty line would be no record. */
	if (t->n == from)
		text_put(t, STR("\"\""));
	text_put(t, STR("\r\n"));
}

/* A newline within quotes ends nothing. */
static size_t
csv_size(struct str records)
{
	bool quoted = false;

	for (size_t i = 0; i < records.n; i++) {
		quoted ^= records.p[i] == '"';
		if (records.p[i] == '\n' && !quoted)
			return i + 1;
	}
	return records.n;
}

const struct format format_csv = {
    .name = "csv",
    .about = "RFC 4180 with a heading; --fields says which columns",
    .kind = FORMAT_RAW,
    .begin = csv_begin,
    .record = csv_record,
    .size = csv_size,
};
