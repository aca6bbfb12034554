/* SPDX-License-Identifier: Apache-2.0 */

/* Under which keys a rule is found. policy/select.c looks for the same. */

#include "policy/glob_path.h"
#include "policy/index_build.h"

static size_t
one_key(struct index_key *ret, enum index_kind kind, uint16_t sub, struct str text)
{
	*ret = (struct index_key){
	    .bytes = index_bytes(INDEX_SEED, text.p, text.n),
	    .text = text,
	    .sub = sub,
	    .kind = (uint8_t)kind,
	};
	return 1;
}

static bool
has_star(struct str s)
{
	return s.n > 0 && memchr(s.p, '*', s.n);
}

/* --- hosts ----------------------------------------------------------------------------------- */

/* A key whose hash goes by its parts. */
static size_t
deep_key(struct index_key *ret, enum index_kind kind, struct str text,
    uint64_t (*hash)(struct str text, uint32_t *ret_depth))
{
	*ret = (struct index_key){.text = text, .kind = (uint8_t)kind};
	ret->bytes = hash(text, &ret->depth);
	return 1;
}

static size_t
host_keys(const struct pattern *p, struct index_key *ret)
{
	switch ((enum pattern_host)p->host) {
	case HOST_EXACT:
		return deep_key(ret, INDEX_HOST, p->host_name, index_hash_name);
	case HOST_ONE:
		return deep_key(ret, INDEX_ONE, p->host_name, index_hash_name);
	case HOST_DEEP:
		return deep_key(ret, INDEX_DEEP, p->host_name, index_hash_name);
	case HOST_NETWORK:
		return one_key(ret, p->ip_bytes == 4 ? INDEX_IP4 : INDEX_IP6, p->prefix,
		    (struct str){(const char *)p->ip, p->ip_bytes});
	case HOST_ANY:
	case HOST_KINDS:
		break;
	}
	return 0;
}

/* --- paths ----------------------------------------------------------------------------------- */

/* A glob from the slash before its first segment with a star. */
static struct str
globs_of(struct str text)
{
	const char *star = memchr(text.p, '*', text.n);
	size_t n = star ? (size_t)(star - text.p) : text.n;
	const char *slash = memrchr(text.p, '/', n);

	return str_skip(text, slash ? (size_t)(slash - text.p) : 0);
}

static size_t
path_keys(const struct pattern *p, struct index_key *ret)
{
	struct str text = p->path_text;

	switch ((enum pattern_path)p->path) {
	case PATH_EXACT:
		return deep_key(ret, INDEX_PATH, text, index_hash_path);
	case PATH_UNDER:
		return deep_key(ret, INDEX_UNDER, text, index_hash_path);
	case PATH_GLOB:
		text.n -= globs_of(text).n;
		return deep_key(ret, INDEX_GLOBS, text, index_hash_path);
	case PATH_ANY:
	case PATH_BASE:
	case PATH_NAME:
	case PATH_KINDS:
		break;
	}
	return 0;
}

/* The last literal segment whose place is fixed. */
static size_t
segment_key(const struct pattern *p, struct index_key *ret)
{
	struct str rest = p->path == PATH_GLOB ? globs_of(p->path_text) : STR("");
	size_t n = 0;

	for (uint16_t i = 1; rest.n > 0 && i < 32; i++) {
		struct str segment = glob_take_segment(&rest);

		if (str_eq(segment, STR("**")))
			break;
		if (!has_star(segment))
			n = one_key(ret, INDEX_SEGMENT, i, segment);
	}
	return n;
}

/* The last literal segment after the first star. */
static size_t
any_segment_key(const struct pattern *p, struct index_key *ret)
{
	struct str rest = p->path == PATH_GLOB ? globs_of(p->path_text) : STR("");
	size_t n = 0;

	while (rest.n > 0) {
		struct str segment = glob_take_segment(&rest);

		if (!has_star(segment))
			n = one_key(ret, INDEX_ANY_SEGMENT, 0, segment);
	}
	return n;
}

/* What the last segment of a path must be like; empty: that is not said. */
static struct str
last_of(const struct pattern *p)
{
	struct str last = p->path == PATH_GLOB ? glob_base(p->path_text) : p->path_text;

	if (p->path != PATH_GLOB && p->path != PATH_BASE && p->path != PATH_NAME)
		return STR("");
	return str_eq(last, STR("**")) && p->path == PATH_GLOB ? STR("") : last;
}

static struct str
first_of(const struct pattern *p)
{
	struct str rest = p->path_text;

	if (p->path == PATH_NAME)
		return rest;
	if (p->path != PATH_GLOB)
		return STR("");
	rest = globs_of(rest);
	return glob_take_segment(&rest);
}

static size_t
base_key(const struct pattern *p, struct index_key *ret)
{
	struct str last = last_of(p);

	return last.n > 0 && !has_star(last) ? one_key(ret, INDEX_BASE, 0, last) : 0;
}

/* So much of n bytes as there are lengths for: a power of two, at most 32; 0 for none. */
static size_t
length_of(size_t n)
{
	size_t length = 32;

	while (length > n)
		length /= 2;
	return length;
}

static size_t
front_key(enum index_kind kind, struct str s, struct index_key *ret)
{
	const char *star = s.n ? memchr(s.p, '*', s.n) : NULL;

	s.n = length_of(star ? (size_t)(star - s.p) : s.n);
	return s.n ? one_key(ret, kind, (uint16_t)s.n, s) : 0;
}

static size_t
tail_key(const struct pattern *p, struct index_key *ret)
{
	struct str s = last_of(p);
	const char *star = s.n ? memrchr(s.p, '*', s.n) : NULL;
	size_t n = length_of(star ? s.n - (size_t)(star - s.p) - 1 : s.n);

	return n ? one_key(ret, INDEX_TAIL, (uint16_t)n, str_skip(s, s.n - n)) : 0;
}

static size_t
anchor_keys(const struct pattern *p, enum index_kind kind, struct index_key *ret)
{
	if (kind == INDEX_SEGMENT)
		return segment_key(p, ret);
	if (kind == INDEX_BASE)
		return base_key(p, ret);
	if (kind == INDEX_ANY_SEGMENT)
		return any_segment_key(p, ret);
	if (kind == INDEX_HEAD)
		return front_key(kind, first_of(p), ret);
	return kind == INDEX_BASE_HEAD ? front_key(kind, last_of(p), ret) : tail_key(p, ret);
}

/* --- who asks, and ports --------------------------------------------------------------------- */

/* The names that one attribute must be among; none: that is not asked. */
static struct doc_list
names_of(const struct index_item *item, enum index_kind kind)
{
	static const uint8_t scopes[INDEX_KINDS] = {
	    [INDEX_USER] = SCOPE_USERS,
	    [INDEX_SANDBOX] = SCOPE_SANDBOXES,
	    [INDEX_AGENT] = SCOPE_AGENTS,
	    [INDEX_GROUP] = SCOPE_GROUPS,
	};

	if (kind != INDEX_CLIENT)
		return item->policy->scope[scopes[kind]];
	if (item->rule && item->rule->when)
		return item->rule->when->client;
	return (struct doc_list){NULL, 0};
}

/* A deny counts, too, when nothing is known of the attribute. */
static bool
counts_unknown(const struct index_item *item)
{
	return item->rule ? item->rule->deny : item->policy->mode == POLICY_ENFORCE;
}

static size_t
name_keys(const struct index_item *item, enum index_kind kind, struct index_key ret[INDEX_KEYS])
{
	struct doc_list names = names_of(item, kind);
	size_t n = 0;

	if (names.n == 0 || names.n > INDEX_KEYS - 1)
		return 0;
	for (uint32_t i = 0; i < names.n; i++) {
		if (has_star(names.v[i]))
			return 0;
		n += one_key(&ret[n], kind, 0, names.v[i]);
	}
	if (counts_unknown(item))
		n += one_key(&ret[n], kind, 1, STR(""));
	return n;
}

/* Ranges port by port, if they are few. */
static size_t
port_keys(const struct pattern *p, struct index_key ret[INDEX_KEYS])
{
	size_t n = 0;

	for (uint32_t i = 0; p && i < p->n_ports; i++) {
		struct port_range range = pattern_port(p, i);

		if (range.high - range.low >= (int)(INDEX_KEYS - n))
			return 0;
		for (uint32_t port = range.low; port <= range.high; port++)
			n += one_key(&ret[n], INDEX_PORT, (uint16_t)port, STR(""));
	}
	return n;
}

size_t
index_keys(const struct index_item *item, uint32_t step, struct index_key ret[INDEX_KEYS])
{
	enum index_kind kind = (enum index_kind)__builtin_ctz(step);

	if (step & INDEX_SUBJECTS)
		return name_keys(item, kind, ret);
	if (!item->pattern)
		return 0;
	if (step & INDEX_HOSTS)
		return host_keys(item->pattern, ret);
	if (step & INDEX_PATHS)
		return path_keys(item->pattern, ret);
	if (step & INDEX_ANCHORS)
		return anchor_keys(item->pattern, kind, ret);
	return port_keys(item->pattern, ret);
}

/* --- what keys leave open -------------------------------------------------------------------- */

static bool
ask_who(const struct index_item *item)
{
	static const enum index_kind subjects[] = {
	    INDEX_SANDBOX, INDEX_USER, INDEX_AGENT, INDEX_CLIENT, INDEX_GROUP};
	const struct doc_rule *r = item->rule;

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (!(item->settled & INDEX_BIT(subjects[i])) && names_of(item, subjects[i]).n > 0)
			return true;
	return r && (r->expires != INT64_MAX ||
			(r->when && (r->when->has_time || r->when->n_context > 0)));
}

/* The keys of which one says all that the path of a pattern says. */
static uint32_t
path_settled(const struct pattern *p)
{
	if (p->path == PATH_BASE)
		return INDEX_BIT(INDEX_BASE);
	return INDEX_BIT(INDEX_PATH) | INDEX_BIT(INDEX_UNDER);
}

static bool
ask_pattern(const struct index_item *item)
{
	const struct pattern *p = item->pattern;

	if (!p)
		return false;
	if (p->host != HOST_ANY && !(item->settled & INDEX_HOSTS))
		return true;
	if (p->path != PATH_ANY && !(item->settled & path_settled(p)))
		return true;
	return p->n_ports > 1 && !(item->settled & INDEX_BIT(INDEX_PORT));
}

static bool
ask_methods(const struct index_item *item)
{
	for (uint32_t i = 0; item->rule && i < item->rule->methods.n; i++)
		if (index_method(item->rule->methods.v[i]) == INDEX_OTHER_METHOD)
			return true;
	return false;
}

uint8_t
index_ask(const struct index_item *item)
{
	return (uint8_t)((ask_pattern(item) ? ASK_PATTERN : 0) |
			 (ask_methods(item) ? ASK_METHODS : 0) | (ask_who(item) ? ASK_WHO : 0));
}
