/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/canon.h"

#include <errno.h>

static int
refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

static bool
is_label_char(char c)
{
	return canon_is_alpha(c) || canon_is_digit(c) || c == '-' || c == '_';
}

static int
check_label(struct str label, const char **ret_why)
{
	if (label.n == 0)
		return refuse(ret_why, "host name has an empty label");
	if (label.n > CANON_LABEL_MAX)
		return refuse(ret_why, "host name has a label over 63 bytes");
	if (label.p[0] == '-' || label.p[label.n - 1] == '-')
		return refuse(ret_why, "host name has a label that begins or ends with '-'");
	for (size_t i = 0; i < label.n; i++) {
		if ((unsigned char)label.p[i] >= 0x80)
			return refuse(
			    ret_why, "host name is not ASCII: give its A-labels (xn--...) instead");
		if (!is_label_char(label.p[i]))
			return refuse(ret_why, "host name has a character that no name may have");
	}
	return 0;
}

/* 0x7f, 017, 1: what inet_aton and URL parsers read as part of an IPv4 address. */
static bool
is_number(struct str label)
{
	bool hex = label.n >= 2 && label.p[0] == '0' && canon_lower(label.p[1]) == 'x';

	for (size_t i = hex ? 2 : 0; i < label.n; i++)
		if (hex ? canon_hex(label.p[i]) < 0 : !canon_is_digit(label.p[i]))
			return false;
	return true;
}

static struct str
next_label(struct str s)
{
	const char *dot = s.n ? memchr(s.p, '.', s.n) : NULL;

	return dot ? (struct str){s.p, (size_t)(dot - s.p)} : s;
}

int
canon_host(struct str s, struct text *out, const char **ret_why)
{
	struct str label;

	if (str_ends(s, STR(".")))
		s.n--;
	if (s.n == 0)
		return refuse(ret_why, "host name is empty");
	if (s.n > CANON_HOST_MAX)
		return refuse(ret_why, "host name is over 253 bytes");
	for (struct str rest = s;; rest = str_skip(rest, label.n + 1)) {
		int error;

		label = next_label(rest);
		error = check_label(label, ret_why);
		if (error < 0)
			return error;
		if (label.n == rest.n)
			break;
	}
	if (is_number(label))
		return refuse(ret_why, "host ends in a number but is no IPv4 address of four "
				       "decimal numbers");
	for (size_t i = 0; i < s.n; i++)
		text_char(out, canon_lower(s.p[i]));
	return 0;
}

int
canon_port(struct str s, uint16_t *ret)
{
	uint32_t v = 0;

	if (s.n == 0 || s.n > 5 || s.p[0] == '0')
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		if (!canon_is_digit(s.p[i]))
			return -EINVAL;
		v = v * 10 + (uint32_t)(s.p[i] - '0');
	}
	if (v > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)v;
	return 0;
}

/* What follows the host: nothing or ":PORT". */
static int
endpoint_port(struct str rest, uint16_t default_port, uint16_t *ret, const char **ret_why)
{
	if (rest.n == 0 && default_port != 0) {
		*ret = default_port;
		return 0;
	}
	if (rest.n == 0)
		return refuse(ret_why, "port is missing");
	if (rest.p[0] != ':' || canon_port(str_skip(rest, 1), ret) < 0)
		return refuse(ret_why, "port must be 1 to 65535");
	return 0;
}

static int
endpoint_bracketed(
    struct str s, struct canon_endpoint *ret, struct str *ret_rest, const char **ret_why)
{
	const char *close = memchr(s.p, ']', s.n);
	struct str inner;

	if (!close)
		return refuse(ret_why, "']' is missing");
	inner = (struct str){s.p + 1, (size_t)(close - s.p) - 1};
	if (!inner.n || !memchr(inner.p, ':', inner.n) || canon_ip_parse(inner, &ret->ip) < 0)
		return refuse(ret_why, "what is in brackets is no IPv6 address");
	*ret_rest = str_skip(s, inner.n + 2);
	return 0;
}

static int
endpoint_plain(struct str s, struct canon_endpoint *ret, struct str *ret_rest, const char **ret_why)
{
	struct text name = text_over(ret->name, sizeof(ret->name));
	const char *colon = s.n ? memchr(s.p, ':', s.n) : NULL;
	struct str host = colon ? (struct str){s.p, (size_t)(colon - s.p)} : s;
	int error;

	*ret_rest = str_skip(s, host.n);
	if (ret_rest->n > 1 && memchr(ret_rest->p + 1, ':', ret_rest->n - 1))
		return refuse(ret_why, "an IPv6 address must be in brackets");
	if (canon_ip_parse(host, &ret->ip) == 0)
		return 0;
	error = canon_host(host, &name, ret_why);
	if (error < 0)
		return error;
	ret->name_n = name.n;
	return 0;
}

int
canon_endpoint(
    struct str s, uint16_t default_port, struct canon_endpoint *ret, const char **ret_why)
{
	struct str rest;
	int error;

	ret->ip.n = 0;
	ret->name_n = 0;
	ret->port = 0;
	error = str_starts(s, STR("[")) ? endpoint_bracketed(s, ret, &rest, ret_why)
					: endpoint_plain(s, ret, &rest, ret_why);
	if (error < 0)
		return error;
	return endpoint_port(rest, default_port, &ret->port, ret_why);
}
