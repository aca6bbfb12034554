/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/pattern.h"

#include <errno.h>

#include "policy/canon.h"
#include "policy/glob_path.h"

static int
bad(struct text *why, const char *reason)
{
	text_put(why, str_from(reason));
	return -EINVAL;
}

static bool
has_star(struct str s)
{
	return s.n > 0 && memchr(s.p, '*', s.n);
}

static bool
only_stars(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] == '*')
		n++;
	return s.n > 0 && n == s.n;
}

static int
keep(struct arena *arena, struct str s, enum pattern_path kind, struct pattern *p)
{
	p->path = (uint8_t)kind;
	p->path_text = arena_str(arena, s);
	return str_given(p->path_text) ? 0 : -ENOMEM;
}

/* "**" inside a segment would read like "any depth" and be something else. */
static bool
stars_stand_alone(struct str path)
{
	while (path.n > 1) {
		struct str segment = glob_take_segment(&path);

		if (segment.n > 2 && memmem(segment.p, segment.n, "**", 2))
			return false;
	}
	return true;
}

/* A clean absolute path with stars: the cheapest kind that says the same. */
static int
parse_clean_path(struct str s, struct arena *arena, struct pattern *p, struct text *why)
{
	if (!stars_stand_alone(s))
		return bad(why, "'**' must be a whole path segment");
	if (!has_star(s))
		return keep(arena, s, PATH_EXACT, p);
	if (str_ends(s, STR("/**"))) {
		struct str above = {s.p, s.n - STR("/**").n};

		if (!has_star(above))
			return keep(arena, above, PATH_UNDER, p);
	}
	return keep(arena, s, PATH_GLOB, p);
}

static int
parse_file_path(struct str s, struct arena *arena, struct pattern *p, struct text *why)
{
	char buf[LIMIT_RESOURCE];
	struct text clean = text_over(buf, sizeof(buf));
	const char *reason;

	if (canon_path(s, &clean, &reason) < 0)
		return bad(why, reason);
	if (!str_eq(s, text_str(&clean)))
		return bad(why, "path must be clean: no '//', no '/.', no '/' at the end");
	return parse_clean_path(s, arena, p, why);
}

/* A program by its path, or by the name of its file wherever it lies. */
static int
parse_program(struct str s, struct arena *arena, struct pattern *p, struct text *why)
{
	if (str_starts(s, STR("/")))
		return parse_file_path(s, arena, p, why);
	if (s.n == 0 || memchr(s.p, '/', s.n) || memchr(s.p, '\0', s.n))
		return bad(why, "program must be an absolute path or a name without '/'");
	return keep(arena, s, PATH_BASE, p);
}

static int
parse_tool(struct str s, struct arena *arena, struct pattern *p, struct text *why)
{
	if (s.n == 0 || s.n > LIMIT_NAME)
		return bad(why, "tool name must have 1 to 256 bytes");
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return bad(why, "tool name must not contain control characters");
	return keep(arena, s, has_star(s) ? PATH_NAME : PATH_EXACT, p);
}

static int
parse_url_path(struct str s, struct arena *arena, struct pattern *p, struct text *why)
{
	char buf[LIMIT_RESOURCE];
	struct text canonical = text_over(buf, sizeof(buf));
	const char *reason;

	if (memchr(s.p, '?', s.n) || memchr(s.p, '#', s.n))
		return bad(why, "a query or fragment cannot be matched");
	if (canon_url_path(s, true, &canonical, &reason) < 0)
		return bad(why, reason);
	/* Below the root of a site means all of it. */
	if (str_eq(text_str(&canonical), STR("/**")))
		return 0;
	return parse_clean_path(text_str(&canonical), arena, p, why);
}

int
pattern_parse_path(struct str s, enum policy_family family, struct arena *arena, struct pattern *p,
    struct text *why)
{
	switch (family) {
	case FAMILY_FS:
		return parse_file_path(s, arena, p, why);
	case FAMILY_PROC:
		return parse_program(s, arena, p, why);
	case FAMILY_TOOL:
		return parse_tool(s, arena, p, why);
	case FAMILY_HTTP:
		return parse_url_path(s, arena, p, why);
	case FAMILY_NET:
		break;
	}
	return bad(why, "no path is expected here");
}

/* 10.0.0.0/8 in a URL pattern would be the path /8 on host 10.0.0.0. */
static bool
looks_like_network(struct str authority, struct str path)
{
	struct canon_ip ip;

	if (path.n < 2 || path.n > 4 || canon_ip_parse(authority, &ip) < 0)
		return false;
	for (size_t i = 1; i < path.n; i++)
		if (!canon_is_digit(path.p[i]))
			return false;
	return true;
}

/* Up to the first slash that is not within brackets. */
static struct str
authority_of(struct str s)
{
	const char *close = str_starts(s, STR("[")) ? memchr(s.p, ']', s.n) : NULL;
	struct str after = close ? str_skip(s, (size_t)(close - s.p)) : s;
	const char *slash = after.n ? memchr(after.p, '/', after.n) : NULL;

	return slash ? (struct str){s.p, (size_t)(slash - s.p)} : s;
}

/* A URL without a port means its scheme's own. */
static int
default_port(struct arena *arena, struct pattern *p, struct str authority)
{
	uint16_t port = canon_scheme_port((enum canon_scheme)p->scheme);
	struct port_range range = {port, port};
	uint8_t *kept;

	if (port == 0 || p->n_ports > 0 || str_ends(authority, STR(":*")))
		return 0;
	kept = arena_take(arena, sizeof(range));
	if (!kept)
		return -ENOMEM;
	memcpy(kept, &range, sizeof(range));
	p->ports = kept;
	p->n_ports = 1;
	return 0;
}

/* [SCHEME://]HOST[:PORTS][/PATH] */
static int
parse_url(struct str s, struct arena *arena, struct pattern *p, struct text *why)
{
	struct str authority, path;
	int error;

	p->scheme = (uint8_t)canon_scheme_take(&s);
	authority = authority_of(s);
	path = str_skip(s, authority.n);
	if (str_ends(authority, STR(":")) && str_starts(path, STR("//")))
		return bad(why, "scheme must be http or https");
	if (looks_like_network(authority, path))
		return bad(why, "a network must be in brackets here: [ADDRESS/LENGTH]");
	error = pattern_parse_host(authority, arena, p, why);
	if (error == 0)
		error = default_port(arena, p, authority);
	if (error < 0 || path.n == 0)
		return error;
	return pattern_parse_path(path, FAMILY_HTTP, arena, p, why);
}

int
pattern_parse(struct str s, enum policy_family family, struct arena *arena, struct pattern *ret,
    struct text *ret_why)
{
	struct pattern p = {.text = arena_str(arena, s)};
	int error;

	if (!str_given(p.text))
		return -ENOMEM;
	if (s.n == 0)
		return bad(ret_why, "empty pattern");
	if (s.n > LIMIT_RESOURCE)
		return bad(ret_why, "pattern is over 4096 bytes");
	if (str_eq(s, STR("**")) || (family == FAMILY_TOOL && only_stars(s)))
		error = 0; /* everything, in every family */
	else if (family == FAMILY_NET)
		error = pattern_parse_host(s, arena, &p, ret_why);
	else if (family == FAMILY_HTTP)
		error = parse_url(s, arena, &p, ret_why);
	else
		error = pattern_parse_path(s, family, arena, &p, ret_why);
	if (error == 0)
		*ret = p;
	return error;
}
