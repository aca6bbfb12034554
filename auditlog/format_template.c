/* SPDX-License-Identifier: Apache-2.0 */

/* '{timestamp} {decision} {resource_id}': members within text of one's own, harmless on a terminal. */

#include "auditlog/format.h"

/* Control characters of its own: a tab between columns, and nothing else. */
static bool
is_harmless(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (((unsigned char)text.p[i] < ' ' && text.p[i] != '\t') || text.p[i] == 0x7f)
			return false;
	return utf8_valid(text);
}

/* A brace that is meant as such is written twice. */
static bool
is_twice(struct str text, size_t at)
{
	return at + 1 < text.n && text.p[at] == text.p[at + 1];
}

/* Takes the text before the next member off, and what opens that. False: there is none. */
static bool
next_text(struct str *rest, struct str *ret)
{
	size_t n = 0;
	bool open;

	while (n < rest->n && (rest->p[n] != '{' || is_twice(*rest, n)))
		n += rest->p[n] == '{' ? 2 : 1;
	open = n < rest->n;
	*ret = (struct str){rest->p, n};
	*rest = str_skip(*rest, n + 1);
	return open;
}

const char *
format_template_parse(struct format_use *use, struct str text, struct str *ret_wrong)
{
	const char *why = NULL;

	*ret_wrong = text;
	if (text.n > FORMAT_GIVEN)
		return "longer than 2048 bytes";
	if (!is_harmless(text))
		return "not UTF-8, or a control character that is no tab";
	use->n = 0;
	while (!why && next_text(&text, &use->before[use->n])) {
		const char *close = text.n > 0 ? memchr(text.p, '}', text.n) : NULL;

		*ret_wrong = (struct str){text.p, close ? (size_t)(close - text.p) : text.n};
		why = close ? format_member(use, *ret_wrong) : "a { without its }";
		text = str_skip(text, ret_wrong->n + 1);
	}
	return why;
}

static void
put_text(struct text *t, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		text_char(t, s.p[i]);
		i += (s.p[i] == '{' || s.p[i] == '}') && is_twice(s, i);
	}
}

static void
template_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	struct recordline_value room;

	(void)line;
	for (size_t i = 0; i < use->n; i++) {
		const struct recordline_value *v = path_find(&use->member[i], r, &room);

		put_text(t, use->before[i]);
		if (v)
			format_value(t, v, format_safe);
		else
			text_char(t, '-');
	}
	put_text(t, use->before[use->n]);
	text_char(t, '\n');
}

const struct format format_template = {
    .name = "template",
    .about = "a line with members by name in it, as '{timestamp} {decision} {peer.uid}'",
    .record = template_record,
};
