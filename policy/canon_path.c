/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/canon.h"

#include <errno.h>

static int
refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

/* Up to the next slash. */
static struct str
first_segment(struct str s)
{
	const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;

	return slash ? (struct str){s.p, (size_t)(slash - s.p)} : s;
}

int
canon_path(struct str s, struct text *out, const char **ret_why)
{
	size_t start = out->n;

	if (!str_starts(s, STR("/")))
		return refuse(ret_why, "path must be absolute");
	if (memchr(s.p, '\0', s.n) || !utf8_valid(s))
		return refuse(ret_why, "path must be UTF-8 without NUL");
	while (s.n > 0) {
		struct str segment;

		s = str_skip(s, 1);
		segment = first_segment(s);
		s = str_skip(s, segment.n);
		if (str_eq(segment, STR("..")))
			return refuse(ret_why, "path must not contain '..'");
		if (segment.n == 0 || str_eq(segment, STR(".")))
			continue;
		text_char(out, '/');
		text_put(out, segment);
	}
	if (out->n == start)
		text_char(out, '/');
	return text_ok(out) ? 0 : refuse(ret_why, "path is too long");
}

/* --- URLs ------------------------------------------------------------------------------------ */

/* RFC 3986, section 2.3: never needs encoding, so its encoded form means the same. */
static bool
is_unreserved(char c)
{
	return canon_is_alpha(c) || canon_is_digit(c) || (c && strchr("-._~", c));
}

/* What else may stand in a path (or a query) as it is. */
static bool
is_plain(char c)
{
	return is_unreserved(c) || (c && strchr("!$&'()*+,;=:@/?", c));
}

static void
put_encoded(struct text *out, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";

	text_char(out, '%');
	text_char(out, digits[c >> 4]);
	text_char(out, digits[c & 15]);
}

/* %XX at the start of s. */
static int
put_decoded(struct text *out, struct str s, const char **ret_why)
{
	int high = s.n >= 3 ? canon_hex(s.p[1]) : -1, low = s.n >= 3 ? canon_hex(s.p[2]) : -1;
	char c;

	if (high < 0 || low < 0)
		return refuse(ret_why, "URL has a '%' without two hex digits");
	c = (char)(high << 4 | low);
	if (c == '\0')
		return refuse(ret_why, "URL must not contain %00");
	if (is_unreserved(c))
		text_char(out, c);
	else
		put_encoded(out, (unsigned char)c);
	return 0;
}

static int
put_url_char(struct text *out, struct str s, size_t *ret_used, const char **ret_why)
{
	unsigned char c = (unsigned char)s.p[0];

	*ret_used = c == '%' ? 3 : 1;
	if (c == '%')
		return put_decoded(out, s, ret_why);
	if (c < 0x20 || c == 0x7f)
		return refuse(ret_why, "URL must not contain control characters");
	if (c == '\\')
		return refuse(ret_why, "URL must not contain a backslash");
	if (is_plain((char)c))
		text_char(out, (char)c);
	else
		put_encoded(out, c);
	return 0;
}

/* Bytes of a separator at the start of s: '/' or what some servers decode to one. */
static size_t
separator(struct str s)
{
	if (str_starts(s, STR("/")))
		return 1;
	return str_starts(s, STR("%2F")) || str_starts(s, STR("%5C")) ? 3 : 0;
}

/* The end of a segment's name: of the segment itself, or a parameter, which some servers drop. */
static bool
name_ends(struct str s)
{
	return s.n == 0 || separator(s) > 0 || s.p[0] == ';' || str_starts(s, STR("%3B"));
}

/* s is canonical: a dot is always a plain dot there. */
static bool
has_dot_segment(struct str s)
{
	while (s.n > 0) {
		size_t dots = 0;

		s = str_skip(s, separator(s));
		while (dots < s.n && s.p[dots] == '.')
			dots++;
		if ((dots == 1 || dots == 2) && name_ends(str_skip(s, dots)))
			return true;
		s = str_skip(s, dots);
		while (s.n > 0 && separator(s) == 0)
			s = str_skip(s, 1);
	}
	return false;
}

int
canon_url_part(struct str s, struct text *out, const char **ret_why)
{
	while (s.n > 0) {
		size_t used;

		if (put_url_char(out, s, &used, ret_why) < 0)
			return -EINVAL;
		s = str_skip(s, used);
	}
	return text_ok(out) ? 0 : refuse(ret_why, "URL is too long");
}

/*
 * In place: servers take %3A for ':' and the like, so a rule must not see a difference. Not so '/'
 * (another segment), '?' (a query) and '*' (in a pattern a star).
 */
static void
decode_plain(struct text *out, size_t start)
{
	size_t to = start;

	for (size_t i = start; i < out->n; i++) {
		char c = out->p[i];

		if (c == '%' && out->n - i >= 3) {
			int high = canon_hex(out->p[i + 1]), low = canon_hex(out->p[i + 2]);
			char d = high < 0 || low < 0 ? c : (char)(high << 4 | low);

			if (is_plain(d) && !strchr("/?*", d)) {
				c = d;
				i += 2;
			}
		}
		out->p[to++] = c;
	}
	out->n = to;
}

/* In place: runs of slashes to one, no slash at the end. */
static void
squeeze_slashes(struct text *out, size_t start)
{
	size_t to = start + 1;

	for (size_t i = to; i < out->n; i++)
		if (out->p[i] != '/' || out->p[to - 1] != '/')
			out->p[to++] = out->p[i];
	out->n = to - start > 1 && out->p[to - 1] == '/' ? to - 1 : to;
}

int
canon_url_path(struct str s, bool match, struct text *out, const char **ret_why)
{
	size_t start = out->n;

	if (canon_url_part(s.n > 0 ? s : STR("/"), out, ret_why) < 0)
		return -EINVAL;
	if (has_dot_segment((struct str){out->p + start, out->n - start}))
		return refuse(ret_why, "URL path must not contain '.' or '..' segments");
	if (!match)
		return 0;
	decode_plain(out, start);
	squeeze_slashes(out, start);
	return 0;
}
