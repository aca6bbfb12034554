/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "policy/canon.h"
#include "policy/pattern.h"

static int
bad(struct text *why, const char *reason)
{
	text_put(why, str_from(reason));
	return -EINVAL;
}

static size_t
count_char(struct str s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

/* s up to c, and what follows c; false when c is not in s. */
static bool
split(struct str s, char c, struct str *ret_before, struct str *ret_after)
{
	const char *found = s.n ? memchr(s.p, c, s.n) : NULL;

	*ret_before = found ? (struct str){s.p, (size_t)(found - s.p)} : s;
	*ret_after = str_skip(s, ret_before->n + 1);
	return found != NULL;
}

/* --- ports ----------------------------------------------------------------------------------- */

/* PORT or LOW-HIGH. */
static int
parse_range(struct str s, struct port_range *ret)
{
	struct str low, high;

	if (!split(s, '-', &low, &high))
		high = low;
	if (canon_port(low, &ret->low) < 0 || canon_port(high, &ret->high) < 0)
		return -EINVAL;
	return ret->low <= ret->high ? 0 : -EINVAL;
}

static int
parse_ports(struct str s, struct arena *arena, struct pattern *p, struct text *why)
{
	struct port_range ranges[PATTERN_PORTS];
	uint16_t n = 0;
	bool more = true;
	uint8_t *kept;

	if (str_eq(s, STR("*")))
		return 0;
	while (more) {
		struct str item;

		more = split(s, ',', &item, &s);
		if (n == PATTERN_PORTS)
			return bad(why, "more than 64 ports or ranges");
		if (parse_range(item, &ranges[n++]) < 0)
			return bad(why, "ports must be numbers from 1 to 65535, ranges LOW-HIGH, "
					"separated by ',', or '*'");
	}
	kept = arena_take(arena, n * sizeof(ranges[0]));
	if (!kept)
		return -ENOMEM;
	memcpy(kept, ranges, n * sizeof(ranges[0]));
	p->ports = kept;
	p->n_ports = n;
	return 0;
}

/* --- networks -------------------------------------------------------------------------------- */

static int
parse_prefix(struct str s, unsigned max, unsigned *ret)
{
	unsigned v = 0;

	if (s.n == 0 || s.n > 3 || (s.n > 1 && s.p[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		if (!canon_is_digit(s.p[i]))
			return -EINVAL;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	if (v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* Clear what lies beyond the prefix; whether anything did. */
static bool
clear_host_bits(struct canon_ip *ip, unsigned prefix)
{
	bool any = false;

	for (unsigned bit = prefix; bit < 8u * ip->n; bit++) {
		uint8_t mask = (uint8_t)(0x80u >> bit % 8);

		any = any || (ip->bytes[bit / 8] & mask);
		ip->bytes[bit / 8] &= (uint8_t)~mask;
	}
	return any;
}

static int
bad_host_bits(struct text *why, const struct canon_ip *network, unsigned prefix)
{
	text_put(why, STR("network has host bits set: did you mean "));
	canon_ip_text(why, network, false);
	text_char(why, '/');
	text_u64(why, prefix);
	text_char(why, '?');
	return -EINVAL;
}

/* ADDRESS or ADDRESS/LENGTH. */
static int
parse_network(struct str s, struct pattern *p, struct text *why)
{
	struct str address, length;
	struct canon_ip ip;
	unsigned prefix;
	bool sized = split(s, '/', &address, &length);

	if (canon_ip_parse_raw(address, &ip) < 0)
		return bad(why, "not an IP address or network");
	prefix = 8u * ip.n;
	if (sized && parse_prefix(length, prefix, &prefix) < 0)
		return bad(why, ip.n == 4 ? "length of an IPv4 network must be 0 to 32"
					  : "length of an IPv6 network must be 0 to 128");
	if (clear_host_bits(&ip, prefix))
		return bad_host_bits(why, &ip, prefix);
	if (canon_ip_is_mapped(&ip) && prefix >= 96) {
		canon_ip_unmap(&ip);
		prefix -= 96;
	}
	p->host = HOST_NETWORK;
	p->ip_bytes = ip.n;
	p->prefix = (uint8_t)prefix;
	memcpy(p->ip, ip.bytes, sizeof(p->ip));
	return 0;
}

/* --- names ----------------------------------------------------------------------------------- */

static int
parse_name(
    struct str s, enum pattern_host kind, struct arena *arena, struct pattern *p, struct text *why)
{
	char buf[CANON_HOST_MAX + 1];
	struct text name = text_over(buf, sizeof(buf));
	const char *reason;

	if (s.n > 0 && memchr(s.p, '*', s.n))
		return bad(why, "'*' may stand only for whole labels at the front: *.NAME or "
				"**.NAME, or ** for everything");
	if (canon_host(s, &name, &reason) < 0)
		return bad(why, reason);
	p->host = (uint8_t)kind;
	p->host_name = arena_str(arena, text_str(&name));
	return str_given(p->host_name) ? 0 : -ENOMEM;
}

static int
parse_host(struct str s, struct arena *arena, struct pattern *p, struct text *why)
{
	struct canon_ip ip;

	if (str_eq(s, STR("**"))) {
		p->host = HOST_ANY;
		return 0;
	}
	if (str_starts(s, STR("**.")))
		return parse_name(str_skip(s, 3), HOST_DEEP, arena, p, why);
	if (str_starts(s, STR("*.")))
		return parse_name(str_skip(s, 2), HOST_ONE, arena, p, why);
	if ((s.n > 0 && memchr(s.p, '/', s.n)) || canon_ip_parse_raw(s, &ip) == 0)
		return parse_network(s, p, why);
	return parse_name(s, HOST_EXACT, arena, p, why);
}

static int
parse_bracketed(struct str s, struct pattern *p, struct str *ret_rest, struct text *why)
{
	struct str inner;

	if (!split(str_skip(s, 1), ']', &inner, ret_rest))
		return bad(why, "']' is missing");
	return parse_network(inner, p, why);
}

int
pattern_parse_host(struct str s, struct arena *arena, struct pattern *p, struct text *why)
{
	struct str host, rest;
	int error;

	if (str_starts(s, STR("["))) {
		error = parse_bracketed(s, p, &rest, why);
		if (error < 0 || rest.n == 0)
			return error;
		if (rest.p[0] != ':')
			return bad(why, "after ']' only :PORTS may follow");
		return parse_ports(str_skip(rest, 1), arena, p, why);
	}
	/* Without brackets a second colon can only belong to an IPv6 address without ports. */
	if (count_char(s, ':') > 1)
		return parse_network(s, p, why);
	if (!split(s, ':', &host, &rest))
		return parse_host(host, arena, p, why);
	error = parse_host(host, arena, p, why);
	return error < 0 ? error : parse_ports(rest, arena, p, why);
}
