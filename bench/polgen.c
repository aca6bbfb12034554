/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/polgen.h"

#include <stdio.h>
#include <stdlib.h>

#define SEED UINT64_C(0x5ea1)
#define RULE_ROOM 320      /* bytes of one in a document */
#define OTHERS 0x40000000u /* numbers of names that no rule has begin here */

static const char *const words[] = {"alpha", "blue", "cargo", "delta", "echo", "forge", "grid",
    "harbor", "index", "jolt", "kernel", "lumen", "mirror", "north", "orbit", "packages"};
static const char *const services[] = {
    "api", "www", "cdn", "registry", "auth", "files", "img", "git"};
static const char *const tops[] = {"com", "org", "net", "io", "example", "co.uk", "dev", "de"};

/* splitmix64 */
static uint64_t
mixed(uint64_t x)
{
	x += SEED * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static enum polgen_sort
sort_of(uint32_t i)
{
	static const enum polgen_sort sorts[20] = {POLGEN_HOST, POLGEN_BELOW, POLGEN_NETWORK,
	    POLGEN_HOST, POLGEN_FILES, POLGEN_HOST, POLGEN_BELOW, POLGEN_HOST, POLGEN_HOST,
	    POLGEN_FILES, POLGEN_HOST, POLGEN_NETWORK, POLGEN_HOST, POLGEN_BELOW, POLGEN_HOST,
	    POLGEN_FILES, POLGEN_HOST, POLGEN_NETWORK, POLGEN_BELOW, POLGEN_HOST};

	return sorts[i % 20];
}

#define WORD(bits) words[(bits) % 16]

static void
put_domain(char *out, size_t room, uint64_t h, uint32_t i)
{
	(void)snprintf(
	    out, room, "%s-%s%u.%s", WORD(h >> 8), WORD(h >> 16), i, tops[(h >> 24) % 8]);
}

static void
put_files(char *out, size_t room, uint64_t h, uint32_t i, const char *const parts[3])
{
	switch ((h >> 8) % 4) {
	case 0:
		(void)snprintf(
		    out, room, "/home/%s/%s%u%s", WORD(h >> 16), WORD(h >> 24), i, parts[0]);
		break;
	case 1:
		(void)snprintf(
		    out, room, "/usr/share/%s/%s%u.conf", WORD(h >> 16), WORD(h >> 24), i);
		break;
	case 2:
		(void)snprintf(
		    out, room, "/srv/%s%u/%s/logs/%s", WORD(h >> 16), i, parts[1], parts[2]);
		break;
	default:
		(void)snprintf(
		    out, room, "/var/lib/%s/%s%u%s", WORD(h >> 16), WORD(h >> 24), i, parts[0]);
	}
}

/* A network by number: IPv6 /48 for every fourth, else IPv4 of 16 to 32 bits. */
static void
put_network(char *out, size_t room, uint64_t h, uint32_t i)
{
	unsigned bits = 16 + (unsigned)(h >> 8) % 17;
	uint32_t ip = (uint32_t)(mixed(i) >> 16) & (bits < 32 ? ~(UINT32_MAX >> bits) : UINT32_MAX);

	if (h % 4 == 0)
		(void)snprintf(
		    out, room, "2001:%x:%x::/48", 0x1000 + (i >> 16) % 0xe000, i & 0xffff);
	else
		(void)snprintf(out, room, "%u.%u.%u.%u/%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
		    ip & 255, bits);
}

static void
put_address(char *out, size_t room, uint64_t h, uint32_t i, uint64_t extra)
{
	unsigned bits = 16 + (unsigned)(h >> 8) % 17;
	uint32_t host = bits < 32 ? UINT32_MAX >> bits : 0;
	uint32_t ip = ((uint32_t)(mixed(i) >> 16) & ~host) | ((uint32_t)extra & host);

	if (h % 4 == 0)
		(void)snprintf(out, room, "[2001:%x:%x::%x]", 0x1000 + (i >> 16) % 0xe000,
		    i & 0xffff, (unsigned)extra & 0xffff);
	else
		(void)snprintf(
		    out, room, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

void
polgen_rule(uint32_t i, struct polgen_rule *ret)
{
	static const char *const stars[3] = {"/**", "*", "*.log"};
	uint64_t h = mixed(i);
	char domain[64];

	*ret = (struct polgen_rule){.sort = sort_of(i), .deny = (h >> 40) % 5 == 0};
	(void)snprintf(ret->action, sizeof(ret->action), "%s",
	    ret->sort == POLGEN_FILES ? "read" : "connect:tcp");
	put_domain(domain, sizeof(domain), h, i);
	switch (ret->sort) {
	case POLGEN_HOST:
		(void)snprintf(ret->pattern, sizeof(ret->pattern), "%s.%s%s",
		    services[(h >> 32) % 8], domain, h % 2 ? ":443" : "");
		break;
	case POLGEN_BELOW:
		(void)snprintf(
		    ret->pattern, sizeof(ret->pattern), "%s.%s", h % 2 ? "*" : "**", domain);
		break;
	case POLGEN_NETWORK:
		put_network(ret->pattern, sizeof(ret->pattern), h, i);
		break;
	case POLGEN_FILES:
		put_files(ret->pattern, sizeof(ret->pattern), h, i, stars);
		break;
	}
}

/* Below n; skewed: any power of two alike often, and within it all numbers. */
static uint32_t
pick_rule(uint32_t n, uint64_t g, bool skewed)
{
	unsigned bits = 32 - (unsigned)__builtin_clz(n);
	uint32_t from = UINT32_C(1) << (g >> 40) % bits, rule = from + (uint32_t)(g >> 8) % from;

	return skewed ? (rule - 1) % n : (uint32_t)(g >> 8) % n;
}

void
polgen_request(uint32_t n, uint32_t j, bool skewed, struct polgen_request *ret)
{
	static const char *const plain[3] = {"/src/main.c", "site", "access.log"};
	uint64_t g = mixed((uint64_t)j << 32 | n), h;
	uint32_t rule = pick_rule(n, g, skewed);
	char text[128];

	*ret = (struct polgen_request){.sort = sort_of(rule), .hit = j % 2};
	/* A name of the same sort that no rule has. */
	rule += ret->hit ? 0 : OTHERS + (j / 2 * 20000 + (20 - OTHERS % 20) % 20);
	h = mixed(rule);
	put_domain(text, sizeof(text), h, rule);
	(void)snprintf(ret->action, sizeof(ret->action), "%s",
	    ret->sort == POLGEN_FILES ? "fs:read" : "net:connect:tcp");
	switch (ret->sort) {
	case POLGEN_HOST:
		(void)snprintf(ret->resource, sizeof(ret->resource), "net:domain:%s.%s:443",
		    services[(h >> 32) % 8], text);
		break;
	case POLGEN_BELOW:
		(void)snprintf(ret->resource, sizeof(ret->resource), "net:domain:%s.%s:443",
		    services[g % 8], text);
		break;
	case POLGEN_NETWORK:
		put_address(text, sizeof(text), h, rule, g >> 32);
		(void)snprintf(ret->resource, sizeof(ret->resource), "net:ip:%s:443", text);
		break;
	case POLGEN_FILES:
		put_files(text, sizeof(text), h, rule, plain);
		(void)snprintf(ret->resource, sizeof(ret->resource), "fs:path:%s", text);
		break;
	}
}

char *
polgen_document(uint32_t n)
{
	size_t room = 256 + (size_t)n * RULE_ROOM;
	char *buf = malloc(room);
	size_t at;

	if (!buf)
		return NULL;
	at = (size_t)snprintf(buf, room,
	    "{\"schema\":\"sealwright-policy/"
	    "1\",\"revision\":\"bench\",\"policies\":[{\"id\":\"bench\","
	    "\"rules\":[");
	for (uint32_t i = 0; i < n; i++) {
		struct polgen_rule r;

		polgen_rule(i, &r);
		at += (size_t)snprintf(buf + at, room - at,
		    "%s\n{\"id\":\"r%u\",\"actions\":[\"%s\"],\"resources\":[\"%s\"],\"decision\":"
		    "\"%s\"}",
		    i ? "," : "", i, r.action, r.pattern, r.deny ? "deny" : "allow");
	}
	(void)snprintf(buf + at, room - at, "]}]}");
	return buf;
}

char *
polgen_scoped(uint32_t n)
{
	size_t room = 256 + (size_t)n * RULE_ROOM, at;
	char *buf = malloc(room);

	if (!buf)
		return NULL;
	at = (size_t)snprintf(buf, room, "{\"schema\":\"sealwright-policy/1\",\"policies\":[");
	for (uint32_t i = 0; i < n; i++)
		at += (size_t)snprintf(buf + at, room - at,
		    "%s\n{\"id\":\"p%u\",\"scope\":{\"sandboxes\":[\"sb-%u\"]},\"rules\":[{\"id\":"
		    "\"r\","
		    "\"actions\":[\"connect:tcp\"],\"resources\":[\"www.example.com\"],"
		    "\"decision\":"
		    "\"%s\"}]}",
		    i ? "," : "", i, i, i % 5 ? "allow" : "deny");
	(void)snprintf(buf + at, room - at, "]}");
	return buf;
}
