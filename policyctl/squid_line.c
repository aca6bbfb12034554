/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/squid_line.h"

#include <arpa/inet.h>
#include <errno.h>

#include "common/ascii.h"
#include "common/limits.h"
#include "policyctl/request.h"

static bool
squid_digits(struct str s, size_t most)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0 && s.n <= most;
}

/* Take the next value off *rest, and the blank behind it. False: the line has ended before. */
static bool
squid_token(struct str *rest, struct str *ret)
{
	const char *blank;

	if (!rest->p)
		return false;
	blank = rest->n > 0 ? memchr(rest->p, ' ', rest->n) : NULL;
	*ret = (struct str){rest->p, blank ? (size_t)(blank - rest->p) : rest->n};
	*rest = blank ? str_skip(*rest, ret->n + 1) : STR_NONE;
	return true;
}

struct str
squid_id(struct str line)
{
	struct str id;

	return squid_token(&line, &id) && squid_digits(id, SQUID_ID) ? id : STR_NONE;
}

/* The byte that "%XX" at from means; -1: it is no escape, or NUL. */
static int
squid_escaped(const char *from, const char *end)
{
	int high, low;

	if (end - from < 3)
		return -1;
	high = ascii_hex(from[1]);
	low = ascii_hex(from[2]);
	return high < 0 || low < 0 || high + low == 0 ? -1 : high * 16 + low;
}

/* What an escaped value may hold as it is: what rfc1738_escape() leaves, '%' as part of an escape. */
static bool
squid_plain(char c)
{
	return c > ' ' && c < 0x7f && !strchr("<>\"#{}|\\^~[]`'", c);
}

/*
 * Undo URL escaping in place; line is the writable text that s points into. Strict: what is not an
 * escape, a NUL, a byte that should have been escaped or not UTF-8 has no one meaning, so nothing is
 * decided by it.
 */
static bool
squid_unescape(char *line, struct str *s)
{
	char *first = line + (s->p - line), *to = first;
	const char *from = first, *end = first + s->n;

	while (from < end) {
		int c = *from == '%' ? squid_escaped(from, end) : (unsigned char)*from;

		if (c < 0 || !squid_plain(*from))
			return false;
		from += *from == '%' ? 3 : 1;
		*to++ = (char)c;
	}
	*s = (struct str){first, (size_t)(to - first)};
	return utf8_valid(*s);
}

static const char *
squid_wrong(const struct squid_query *q, struct str data, struct str rest)
{
	if (!str_given(q->id))
		return "no channel-ID: external_acl_type needs concurrency=N";
	if (!str_eq(data, STR("-")) || rest.p)
		return "not the fields %#DST %PORT %#METHOD %SRC %#un";
	if (str_eq(q->host, STR("-")))
		return "no host";
	if (!squid_digits(q->port, 10))
		return "port is not a number";
	return NULL;
}

/* The fields as they stand in the line, still escaped. */
static const char *
squid_split(struct str line, struct squid_query *q)
{
	struct str *field[] = {&q->host, &q->port, &q->method, &q->source, &q->login};
	struct str rest = line, data = STR_NONE, skipped;
	bool whole = true;

	q->id = squid_id(line);
	if (str_given(q->id))
		(void)squid_token(&rest, &skipped);
	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		whole = squid_token(&rest, field[i]) && field[i]->n > 0 && whole;
	if (!whole || !squid_token(&rest, &data))
		data = STR_NONE;
	return squid_wrong(q, data, rest);
}

int
squid_parse(char *line, size_t n, struct squid_query *ret, const char **ret_why)
{
	struct str *field[] = {&ret->host, &ret->port, &ret->method, &ret->source, &ret->login};

	*ret = (struct squid_query){0};
	*ret_why = squid_split((struct str){line, n}, ret);
	if (*ret_why)
		return -EINVAL;
	if (str_eq(ret->login, STR("-")))
		ret->login = STR_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		if (str_given(*field[i]) && !squid_unescape(line, field[i])) {
			*ret_why = "a value is not URL-escaped UTF-8: is there a # in %#un, %#DST, "
				   "%#METHOD?";
			return -EINVAL;
		}
	return 0;
}

/* An IPv6 address may come in brackets or not. Returns it without them. */
static struct str
squid_bare(struct str host)
{
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		return (struct str){host.p + 1, host.n - 2};
	return host;
}

static void
squid_resource(struct text *t, const struct squid_query *q)
{
	unsigned char address[sizeof(struct in6_addr)];
	char z[INET6_ADDRSTRLEN] = "";
	struct str bare = squid_bare(q->host);
	bool v4, v6;

	if (bare.n < sizeof(z))
		memcpy(z, bare.p, bare.n);
	v4 = bare.n == q->host.n && inet_pton(AF_INET, z, address) == 1;
	v6 = inet_pton(AF_INET6, z, address) == 1;
	text_put(t, v4 || v6 ? STR("net:ip:") : STR("net:domain:"));
	if (v6)
		text_char(t, '[');
	text_put(t, v6 ? bare : q->host);
	if (v6)
		text_char(t, ']');
	text_char(t, ':');
	text_put(t, q->port);
}

void
squid_request(struct text *t, uint64_t number, const struct squid_query *q, struct str client)
{
	char resource_buf[SQUID_LINE + 32];
	struct text resource = text_over(resource_buf, sizeof(resource_buf));
	struct object request = object_open(t), inner;

	squid_resource(&resource, q);
	object_key(&request, STR("id"));
	text_u64(t, number);
	object_str(&request, "action", STR("net:connect:tcp"));
	object_str(&request, "resource", text_str(&resource));
	if (str_given(q->login)) {
		object_key(&request, STR("subject"));
		inner = object_open(t);
		object_str(&inner, "user", q->login);
		object_close(&inner);
	}
	object_str(&request, "client_name", client);
	object_key(&request, STR("context"));
	inner = object_open(t);
	object_str(&inner, "src", q->source);
	object_str(&inner, "method", q->method);
	object_close(&inner);
	object_close(&request);
	text_char(t, '\n');
	if (!text_ok(&resource))
		t->full = true;
}

static void
squid_escape(struct text *t, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '.' || c == '-' || c == '_') {
			text_char(t, c);
			continue;
		}
		text_char(t, '%');
		text_hex(t, (const uint8_t *)&s.p[i], 1);
	}
}

void
squid_reply(struct text *t, struct str id, bool allow, struct str message, struct str event_id)
{
	char buf[SQUID_MESSAGE];
	struct text safe = text_over(buf, sizeof(buf));

	if (str_given(id)) {
		text_put(t, id);
		text_char(t, ' ');
	}
	text_put(t, allow ? STR("OK") : STR("ERR"));
	if (!allow) {
		text_safe(&safe, message);
		text_put(t, STR(" message="));
		squid_escape(t, text_str(&safe));
	}
	if (str_given(event_id)) {
		text_put(t, STR(" log="));
		squid_escape(t, (struct str){event_id.p, event_id.n > 64 ? 64 : event_id.n});
	}
	text_char(t, '\n');
}
