/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/canon.h"
#include "policy/pattern.h"

/* b's name is a's, or below it. */
static bool
at_or_below(struct str a, struct str b)
{
	return str_eq(a, b) || (b.n > a.n + 1 && str_ends(b, a) && b.p[b.n - a.n - 1] == '.');
}

static bool
host_covers(const struct pattern *a, const struct pattern *b)
{
	if (a->host == HOST_ANY)
		return true;
	switch ((enum pattern_host)b->host) {
	case HOST_EXACT:
		return pattern_matches_name(a, b->host_name);
	case HOST_ONE:
		return a->host == HOST_ONE
			   ? str_eq(a->host_name, b->host_name)
			   : a->host == HOST_DEEP && at_or_below(a->host_name, b->host_name);
	case HOST_DEEP:
		return a->host == HOST_DEEP && at_or_below(a->host_name, b->host_name);
	case HOST_NETWORK:
		return a->host == HOST_NETWORK && a->ip_bytes == b->ip_bytes &&
		       a->prefix <= b->prefix && canon_ip_within(a->ip, a->prefix, b->ip);
	case HOST_ANY:
	case HOST_KINDS:
		break;
	}
	return false;
}

static bool
range_covered(const struct pattern *a, struct port_range b)
{
	for (uint32_t i = 0; i < a->n_ports; i++) {
		struct port_range range = pattern_port(a, i);

		if (range.low <= b.low && b.high <= range.high)
			return true;
	}
	return false;
}

static bool
ports_cover(const struct pattern *a, const struct pattern *b)
{
	if (a->n_ports == 0)
		return true;
	for (uint32_t i = 0; i < b->n_ports; i++)
		if (!range_covered(a, pattern_port(b, i)))
			return false;
	return b->n_ports > 0 || range_covered(a, (struct port_range){1, UINT16_MAX});
}

/* Everything that begins with "PATH/". */
static bool
lies_under(struct str path, struct str p)
{
	return p.n > path.n + 1 && str_starts(p, path) && p.p[path.n] == '/';
}

static bool
path_covers(const struct pattern *a, const struct pattern *b)
{
	if (a->path == PATH_ANY)
		return true;
	switch ((enum pattern_path)b->path) {
	case PATH_EXACT:
		return pattern_matches_path(a, b->path_text);
	case PATH_UNDER:
		return a->path == PATH_UNDER && (str_eq(a->path_text, b->path_text) ||
						    lies_under(a->path_text, b->path_text));
	case PATH_GLOB:
		/* Before its first star a glob is what it matches. */
		if (a->path == PATH_UNDER && lies_under(a->path_text, b->path_text))
			return true;
		return a->path == PATH_GLOB && str_eq(a->path_text, b->path_text);
	case PATH_BASE:
	case PATH_NAME:
		return a->path == b->path && str_eq(a->path_text, b->path_text);
	case PATH_ANY:
	case PATH_KINDS:
		break;
	}
	return false;
}

bool
pattern_covers(const struct pattern *a, const struct pattern *b)
{
	return host_covers(a, b) && ports_cover(a, b) && path_covers(a, b) &&
	       (a->scheme == SCHEME_ANY || a->scheme == b->scheme);
}
