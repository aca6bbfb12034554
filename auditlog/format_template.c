/* SPDX-License-Identifier: Apache-2.0 */

/* '{timestamp} {decision} {resource_id}': members within text of one's own, harmless on a terminal. */

#include "auditlog/format.h"

/* Control characters of its own: a tab between columns, and nothing else. */
static bool
is_text(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (((unsigned char)text.p[i] < ' ' && text.p[i] != '\t') || text.p[i] == 0x7f)
			return false;
	return text.n <= FORMAT_TEMPLATE / 2 && utf8_valid(text);
}

bool
format_template_parse(struct format_use *use, struct str text, struct str *ret_wrong)
{
	*ret_wrong = text;
	if (!is_text(text))
		return false;
	for (use->n = 0; use->n <= FORMAT_MEMBERS; use->n++) {
		const char *open = text.n > 0 ? memchr(text.p, '{', text.n) : NULL, *close;
		struct str before = {text.p, open ? (size_t)(open - text.p) : text.n};

		use->before[use->n] = before;
		if (!open)
			return true;
		text = str_skip(text, before.n + 1);
		close = text.n > 0 ? memchr(text.p, '}', text.n) : NULL;
		*ret_wrong = (struct str){text.p, close ? (size_t)(close - text.p) : text.n};
		if (!close || use->n == FORMAT_MEMBERS ||
		    !path_parse(&use->member[use->n], *ret_wrong))
			return false;
		text = str_skip(text, ret_wrong->n + 1);
	}
	return false;
}

static void
template_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	struct recordline_value room;

	(void)line;
	for (size_t i = 0; i < use->n; i++) {
		const struct recordline_value *v = path_find(&use->member[i], r, &room);

		text_put(t, use->before[i]);
		if (v)
			format_value(t, v, format_safe);
		else
			text_char(t, '-');
	}
	text_put(t, use->before[use->n]);
	text_char(t, '\n');
}

const struct format format_template = {
    .name = "template",
    .about = "a line with members by name in it, as '{timestamp} {decision} {peer.uid}'",
    .record = template_record,
};
