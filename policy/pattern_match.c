/* SPDX-License-Identifier: Apache-2.0 */
#include "common/glob.h"
#include "policy/canon.h"
#include "policy/glob_path.h"
#include "policy/pattern.h"

/* host without ".name" at its end; empty when it does not end so. */
static struct str
labels_before(struct str host, struct str name)
{
	size_t n = host.n - name.n;

	if (host.n < name.n + 2 || host.p[n - 1] != '.' || !str_ends(host, name))
		return (struct str){host.p, 0};
	return (struct str){host.p, n - 1};
}

bool
pattern_matches_name(const struct pattern *p, struct str host)
{
	struct str before;

	switch ((enum pattern_host)p->host) {
	case HOST_ANY:
		return true;
	case HOST_EXACT:
		return str_eq(host, p->host_name);
	case HOST_ONE:
		before = labels_before(host, p->host_name);
		return before.n > 0 && !memchr(before.p, '.', before.n);
	case HOST_DEEP:
		return labels_before(host, p->host_name).n > 0;
	case HOST_NETWORK:
	case HOST_KINDS:
		break;
	}
	return false;
}

static bool
host_matches(const struct pattern *p, const struct policy_op *op)
{
	if (op->ip_bytes == 0)
		return pattern_matches_name(p, op->host);
	if (p->host == HOST_NETWORK)
		return op->ip_bytes == p->ip_bytes && canon_ip_within(p->ip, p->prefix, op->ip);
	return p->host == HOST_ANY;
}

static bool
port_matches(const struct pattern *p, uint16_t port)
{
	for (uint32_t i = 0; i < p->n_ports; i++) {
		struct port_range range = pattern_port(p, i);

		if (port >= range.low && port <= range.high)
			return true;
	}
	return p->n_ports == 0;
}

bool
pattern_matches_path(const struct pattern *p, struct str path)
{
	switch ((enum pattern_path)p->path) {
	case PATH_ANY:
		return true;
	case PATH_EXACT:
		return str_eq(path, p->path_text);
	case PATH_UNDER:
		return path.n > p->path_text.n + 1 && str_starts(path, p->path_text) &&
		       path.p[p->path_text.n] == '/';
	case PATH_GLOB:
		return glob_path(p->path_text, path);
	case PATH_BASE:
		return glob_name(p->path_text, glob_base(path));
	case PATH_NAME:
		return glob_name(p->path_text, path);
	case PATH_KINDS:
		break;
	}
	return false;
}

static bool
scheme_matches(const struct pattern *p, struct str scheme)
{
	return p->scheme == SCHEME_ANY ||
	       str_eq(scheme, canon_scheme_name((enum canon_scheme)p->scheme));
}

bool
pattern_matches(const struct pattern *p, const struct policy_op *op)
{
	return host_matches(p, op) && port_matches(p, op->port) && scheme_matches(p, op->scheme) &&
	       pattern_matches_path(p, op->path);
}
