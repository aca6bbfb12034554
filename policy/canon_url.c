/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/canon.h"

#include <errno.h>

static int
refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

static const struct scheme_row {
	enum canon_scheme scheme;
	struct str name;
	uint16_t port;
} schemes[] = {
    {SCHEME_HTTP, {"http", 4}, 80},
    {SCHEME_HTTPS, {"https", 5}, 443},
};

static bool
starts_no_case(struct str s, struct str prefix)
{
	if (s.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++)
		if (canon_lower(s.p[i]) != prefix.p[i])
			return false;
	return true;
}

enum canon_scheme
canon_scheme_take(struct str *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		struct str rest;

		if (!starts_no_case(*s, schemes[i].name))
			continue;
		rest = str_skip(*s, schemes[i].name.n);
		if (!str_starts(rest, STR("://")))
			continue;
		*s = str_skip(rest, 3);
		return schemes[i].scheme;
	}
	return SCHEME_ANY;
}

uint16_t
canon_scheme_port(enum canon_scheme scheme)
{
	return scheme == SCHEME_ANY ? 0 : schemes[scheme - SCHEME_HTTP].port;
}

struct str
canon_scheme_name(enum canon_scheme scheme)
{
	return scheme == SCHEME_ANY ? STR("") : schemes[scheme - SCHEME_HTTP].name;
}

/* Up to the first byte that is in set. */
static struct str
until_any(struct str s, const char *set)
{
	size_t n = 0;

	while (n < s.n && !(s.p[n] && strchr(set, s.p[n])))
		n++;
	return (struct str){s.p, n};
}

int
canon_url_parse(struct str s, struct canon_url *ret, const char **ret_why)
{
	struct str authority, rest;

	ret->scheme = canon_scheme_take(&s);
	if (ret->scheme == SCHEME_ANY)
		return refuse(ret_why, "URL must begin with http:// or https://");
	authority = until_any(s, "/?#\\");
	if (authority.n > 0 && memchr(authority.p, '@', authority.n))
		return refuse(ret_why, "URL must not carry credentials");
	if (canon_endpoint(authority, canon_scheme_port(ret->scheme), &ret->endpoint, ret_why) < 0)
		return -EINVAL;
	rest = until_any(str_skip(s, authority.n), "#");
	ret->path = until_any(rest, "?");
	rest = str_skip(rest, ret->path.n);
	ret->query = rest.n > 0 ? str_skip(rest, 1) : STR_NONE;
	if (ret->path.n > 0 && ret->path.p[0] != '/')
		return refuse(ret_why, "URL must not contain a backslash");
	return 0;
}

int
canon_url_text(const struct canon_url *url, struct text *out, const char **ret_why)
{
	text_put(out, canon_scheme_name(url->scheme));
	text_put(out, STR("://"));
	if (url->endpoint.ip.n > 0)
		canon_ip_text(out, &url->endpoint.ip, true);
	else
		text_put(out, (struct str){url->endpoint.name, url->endpoint.name_n});
	if (url->endpoint.port != canon_scheme_port(url->scheme)) {
		text_char(out, ':');
		text_u64(out, url->endpoint.port);
	}
	if (canon_url_path(url->path, false, out, ret_why) < 0)
		return -EINVAL;
	if (!str_given(url->query))
		return 0;
	text_char(out, '?');
	return canon_url_part(url->query, out, ret_why);
}
