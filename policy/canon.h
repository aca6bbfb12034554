/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Canonical forms. One set of functions for requests and for policies, so that two spellings of one
 * thing are never two things. What has no single safe reading is refused: inet_aton's octal, hex
 * and short addresses, `..`, credentials in URLs, names that are not ASCII.
 *
 * All functions are pure. On failure they return -EINVAL with *ret_why a static text that ends a
 * sentence ("... : port must be 1 to 65535"); what was appended to a text then is undefined.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"
#include "common/text.h"

#define CANON_HOST_MAX 253  /* bytes of a host name, RFC 1035 without the root label */
#define CANON_LABEL_MAX 63  /* bytes of a label */
#define CANON_METHOD_MAX 32 /* bytes of an HTTP method */

/* --- addresses (canon_ip.c) ------------------------------------------------------------------ */

struct canon_ip {
	uint8_t bytes[16];
	uint8_t n; /* 4 or 16; 0: no address */
};

/*
 * Dotted quad (four decimal numbers without leading zeros) or RFC 4291 text without zone and
 * without brackets. IPv4-mapped IPv6 comes out as IPv4. -EINVAL when it is neither.
 */
int canon_ip_parse(struct str s, struct canon_ip *ret);
/* The same, but ::ffff:a.b.c.d stays 16 bytes: for networks, whose length counts from there. */
int canon_ip_parse_raw(struct str s, struct canon_ip *ret);
bool canon_ip_is_mapped(const struct canon_ip *ip);
/* Make an IPv4-mapped address the IPv4 address it means. */
void canon_ip_unmap(struct canon_ip *ip);
/* Dotted quad, or RFC 5952 text; IPv6 in brackets if asked. */
void canon_ip_text(struct text *t, const struct canon_ip *ip, bool brackets);
/* Whether a is in the network net/prefix (prefix <= 8 * net.n, of the same family). */
bool canon_ip_within(const uint8_t *net, unsigned prefix, const uint8_t *a);

/* --- host names, ports, endpoints (canon_host.c) --------------------------------------------- */

/*
 * Lower case, one trailing dot dropped, A-labels as they are. Labels of letters, digits, '-' and
 * '_', not beginning or ending with '-'. A last label that is a number (also 0x...) is refused:
 * resolvers read such names as addresses.
 */
int canon_host(struct str s, struct text *out, const char **ret_why);

/* Decimal, no sign, no leading zero, 1 to 65535. */
int canon_port(struct str s, uint16_t *ret);

struct canon_endpoint {
	struct canon_ip ip; /* n == 0: it is a name */
	char name[CANON_HOST_MAX + 1];
	size_t name_n;
	uint16_t port; /* 0: not given */
};

/*
 * HOST:PORT, IPV4:PORT, [IPV6]:PORT; the port may be missing when default_port is not 0 (then
 * port = default_port).
 */
int canon_endpoint(
    struct str s, uint16_t default_port, struct canon_endpoint *ret, const char **ret_why);

/* --- paths (canon_path.c) -------------------------------------------------------------------- */

/*
 * Absolute; empty and "." segments and a trailing slash dropped; ".." refused (what it means
 * depends on symbolic links); well-formed UTF-8 without NUL, otherwise any bytes.
 */
int canon_path(struct str s, struct text *out, const char **ret_why);

/*
 * A part of a URL: percent-encoding normalised (unreserved characters decoded, hex in upper case,
 * what must not stand as it is encoded). Refuses control bytes, backslashes, NUL, bad escapes.
 */
int canon_url_part(struct str s, struct text *out, const char **ret_why);

/*
 * The path of a URL, "/" for an empty one. With match set, as rules match it: runs of slashes are
 * one, no trailing slash, nothing encoded that could stand as it is (but "/", "?" and "*"). Dot
 * segments, also encoded ones and those with a parameter ("..;x"), are refused.
 */
int canon_url_path(struct str s, bool match, struct text *out, const char **ret_why);

/* --- URLs (canon_url.c) ---------------------------------------------------------------------- */

enum canon_scheme {
	SCHEME_ANY = 0, /* patterns only */
	SCHEME_HTTP,
	SCHEME_HTTPS,
};

struct canon_url {
	enum canon_scheme scheme;
	struct canon_endpoint endpoint;
	struct str path;  /* as given, not yet canonical; empty for none */
	struct str query; /* as given, without '?'; STR_NONE when there is none */
};

/* http or https; no credentials; a fragment is dropped. */
int canon_url_parse(struct str s, struct canon_url *ret, const char **ret_why);
/* The whole URL in canonical form; a port is shown unless it is the scheme's own. */
int canon_url_text(const struct canon_url *url, struct text *out, const char **ret_why);
/* A scheme in any case followed by "://" is taken off *s; SCHEME_ANY when there is none of ours. */
enum canon_scheme canon_scheme_take(struct str *s);
uint16_t canon_scheme_port(enum canon_scheme scheme);
struct str canon_scheme_name(enum canon_scheme scheme);

/* --- single characters ----------------------------------------------------------------------- */

static inline bool
canon_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
canon_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline char
canon_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline char
canon_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* 0 to 15, -1 for what is no hex digit. */
static inline int
canon_hex(char c)
{
	if (canon_is_digit(c))
		return c - '0';
	c = canon_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
