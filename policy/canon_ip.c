/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/canon.h"

#include <errno.h>

/* 0 to 255 without leading zero: "010" is 8 to some readers and 10 to others. */
static int
parse_octet(struct str s, uint8_t *ret)
{
	unsigned v = 0;

	if (s.n == 0 || s.n > 3 || (s.n > 1 && s.p[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		if (!canon_is_digit(s.p[i]))
			return -EINVAL;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	if (v > 255)
		return -EINVAL;
	*ret = (uint8_t)v;
	return 0;
}

static struct str
part_until(struct str s, char end)
{
	const char *found = s.n ? memchr(s.p, end, s.n) : NULL;

	return found ? (struct str){s.p, (size_t)(found - s.p)} : s;
}

static int
parse_ipv4(struct str s, uint8_t ret[4])
{
	for (size_t i = 0; i < 4; i++) {
		struct str part = part_until(s, '.');

		if (parse_octet(part, &ret[i]) < 0)
			return -EINVAL;
		s = str_skip(s, part.n);
		if (i == 3)
			break;
		if (s.n == 0)
			return -EINVAL;
		s = str_skip(s, 1);
	}
	return s.n == 0 ? 0 : -EINVAL;
}

/* What has been read of an IPv6 address; gap: where "::" stands among the bytes. */
struct ipv6 {
	uint8_t bytes[16];
	size_t n;
	size_t gap;
	bool has_gap;
};

static int
ipv6_group(struct ipv6 *a, struct str part)
{
	unsigned v = 0;

	if (part.n == 0 || part.n > 4 || a->n > 14)
		return -EINVAL;
	for (size_t i = 0; i < part.n; i++) {
		int digit = canon_hex(part.p[i]);

		if (digit < 0)
			return -EINVAL;
		v = v << 4 | (unsigned)digit;
	}
	a->bytes[a->n++] = (uint8_t)(v >> 8);
	a->bytes[a->n++] = (uint8_t)v;
	return 0;
}

/* The last part may be a dotted quad. */
static int
ipv6_quad(struct ipv6 *a, struct str part, bool last)
{
	if (!last || a->n > 12 || parse_ipv4(part, a->bytes + a->n) < 0)
		return -EINVAL;
	a->n += 4;
	return 0;
}

/* "::" stands for at least one group. */
static int
ipv6_finish(const struct ipv6 *a, uint8_t ret[16])
{
	size_t tail = a->n - a->gap;

	if (!a->has_gap ? a->n != 16 : a->n > 14)
		return -EINVAL;
	memset(ret, 0, 16);
	if (!a->has_gap) {
		memcpy(ret, a->bytes, 16);
		return 0;
	}
	memcpy(ret, a->bytes, a->gap);
	memcpy(ret + 16 - tail, a->bytes + a->gap, tail);
	return 0;
}

/* After a part: ":" and another part, "::" and perhaps another, or the end. */
static int
ipv6_separator(struct ipv6 *a, struct str *s)
{
	*s = str_skip(*s, 1);
	if (s->n == 0)
		return -EINVAL;
	if (!str_starts(*s, STR(":")))
		return 0;
	if (a->has_gap)
		return -EINVAL;
	a->has_gap = true;
	a->gap = a->n;
	*s = str_skip(*s, 1);
	return 0;
}

static int
parse_ipv6(struct str s, uint8_t ret[16])
{
	struct ipv6 a = {.n = 0};

	if (str_starts(s, STR("::")))
		(void)ipv6_separator(&a, &s);
	else if (s.n == 0)
		return -EINVAL;
	while (s.n > 0) {
		struct str part = part_until(s, ':');
		bool quad = part.n > 0 && memchr(part.p, '.', part.n);
		int error = quad ? ipv6_quad(&a, part, part.n == s.n) : ipv6_group(&a, part);

		if (error < 0)
			return error;
		s = str_skip(s, part.n);
		if (s.n > 0 && ipv6_separator(&a, &s) < 0)
			return -EINVAL;
	}
	return ipv6_finish(&a, ret);
}

int
canon_ip_parse_raw(struct str s, struct canon_ip *ret)
{
	struct canon_ip ip = {.n = 0};

	if (parse_ipv4(s, ip.bytes) == 0)
		ip.n = 4;
	else if (parse_ipv6(s, ip.bytes) == 0)
		ip.n = 16;
	else
		return -EINVAL;
	*ret = ip;
	return 0;
}

bool
canon_ip_is_mapped(const struct canon_ip *ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return ip->n == 16 && memcmp(ip->bytes, mapped, sizeof(mapped)) == 0;
}

void
canon_ip_unmap(struct canon_ip *ip)
{
	memmove(ip->bytes, ip->bytes + 12, 4);
	memset(ip->bytes + 4, 0, 12);
	ip->n = 4;
}

int
canon_ip_parse(struct str s, struct canon_ip *ret)
{
	int error = canon_ip_parse_raw(s, ret);

	if (error == 0 && canon_ip_is_mapped(ret))
		canon_ip_unmap(ret);
	return error;
}

static void
ipv4_text(struct text *t, const uint8_t *bytes)
{
	for (size_t i = 0; i < 4; i++) {
		if (i > 0)
			text_char(t, '.');
		text_u64(t, bytes[i]);
	}
}

static unsigned
group_at(const uint8_t *bytes, size_t i)
{
	return (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
}

/* RFC 5952: the longest run of at least two zero groups, the first of equals. */
static size_t
longest_zeros(const uint8_t *bytes, size_t *ret_at)
{
	size_t best = 0, run = 0;

	*ret_at = 0;
	for (size_t i = 0; i < 8; i++) {
		run = group_at(bytes, i) == 0 ? run + 1 : 0;
		if (run > best) {
			best = run;
			*ret_at = i + 1 - run;
		}
	}
	return best >= 2 ? best : 0;
}

static void
group_text(struct text *t, unsigned v)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned shift = 12; shift > 0; shift -= 4)
		if (v >> shift)
			text_char(t, digits[v >> shift & 15]);
	text_char(t, digits[v & 15]);
}

static void
ipv6_text(struct text *t, const uint8_t *bytes)
{
	size_t gap, zeros = longest_zeros(bytes, &gap);

	for (size_t i = 0; i < 8; i++) {
		if (zeros > 0 && i == gap) {
			text_put(t, STR("::"));
			i += zeros - 1;
			continue;
		}
		if (i > 0 && !(zeros > 0 && i == gap + zeros))
			text_char(t, ':');
		group_text(t, group_at(bytes, i));
	}
}

void
canon_ip_text(struct text *t, const struct canon_ip *ip, bool brackets)
{
	if (ip->n == 4) {
		ipv4_text(t, ip->bytes);
		return;
	}
	if (brackets)
		text_char(t, '[');
	ipv6_text(t, ip->bytes);
	if (brackets)
		text_char(t, ']');
}

bool
canon_ip_within(const uint8_t *net, unsigned prefix, const uint8_t *a)
{
	unsigned whole = prefix / 8, rest = prefix % 8;

	if (memcmp(net, a, whole) != 0)
		return false;
	return rest == 0 || (net[whole] ^ a[whole]) >> (8 - rest) == 0;
}
