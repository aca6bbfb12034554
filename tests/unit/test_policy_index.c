/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The index against the plain reading: random policies, made so that many rules speak of one name, and
 * random questions of every family. policy_evaluate() and policy_explain() must name the same rules.
 * TEST_SEED repeats a run, TEST_POLICIES says how many policies (each gets 200 questions).
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit/policy_agree.h"

#define POLICIES 1500
#define QUESTIONS 200

static unsigned seed;

static unsigned
pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

#define PICK(array) (array)[pick(ARRAY_SIZE(array))]

/* --- random resources ------------------------------------------------------------------------ */

static unsigned names = 3; /* of each sort: fewer of them means more rules on each */

static void
put_name(struct line *l)
{
	unsigned labels = pick(40) == 0 ? 30 + pick(6) : 1 + pick(4);

	for (unsigned i = 0; i < labels; i++)
		line_put(l, "%s%c", i > 0 ? "." : "", 'a' + (int)pick(names));
}

static void
put_address(struct line *l, bool four)
{
	static const unsigned some[] = {0, 1, 127, 128, 192, 255};

	if (four)
		line_put(l, "10.%u.%u.%u", PICK(some), PICK(some), PICK(some));
	else
		line_put(l, "2001:db8:%x::%x", PICK(some), PICK(some));
}

/* A network without host bits: a short address, or all of one. */
static void
put_network(struct line *l)
{
	static const char *const some[] = {"0.0.0.0/0", "10.0.0.0/8", "10.128.0.0/9", "10.0.0.0/9",
	    "10.1.0.0/16", "10.127.128.0/17", "10.192.192.0/18", "10.255.255.192/26", "::/0",
	    "2001:db8::/32", "2001:db8:80::/41", "2001:db8:ff::/48", "2001:db8:1::/64",
	    "2001:db8:1::/127", "::ffff:10.0.0.0/104", "::ffff:10.1.0.0/112"};
	bool four = pick(2);

	if (pick(3) == 0)
		put_address(l, four);
	else
		line_put(l, "%s", PICK(some));
}

static void
put_ports(struct line *l)
{
	static const char *const some[] = {
	    "", "", "", ":80", ":443", ":80,443", ":80-90", ":1-65535", ":*", ":22,80-85"};

	if (pick(3) == 0)
		line_put(l, ":%u", 80 + pick(20));
	else
		line_put(l, "%s", PICK(some));
}

static void
put_host_pattern(struct line *l)
{
	static const char *const front[] = {"", "", "*.", "**."};

	switch (pick(8)) {
	case 0:
		line_put(l, "**");
		break;
	case 1:
	case 2:
		line_put(l, "[");
		put_network(l);
		line_put(l, "]");
		break;
	default:
		line_put(l, "%s", PICK(front));
		put_name(l);
	}
	put_ports(l);
}

static void
put_segment(struct line *l, bool pattern)
{
	static const char *const plain[] = {"a", "b", "c", "lib", "libcrypto.so", "x.log", "y.log"};
	static const char *const globs[] = {
	    "*", "*", "**", "**", "lib*", "*.log", "l*o", "*b*", "libcryp*", "*ypto.so", "x*"};

	if (pattern && pick(2))
		line_put(l, "%s", PICK(globs));
	else if (pick(4) == 0)
		line_put(l, "%c%u", 'p' + (int)pick(3), pick(names * 4));
	else
		line_put(l, "%s", PICK(plain));
}

static void
put_path(struct line *l, bool pattern)
{
	unsigned n = pick(60) == 0 ? 30 + pick(6) : pick(6);

	if (n == 0)
		line_put(l, "/");
	while (n-- > 0) {
		line_put(l, "/");
		put_segment(l, pattern);
	}
}

static void
put_tool(struct line *l, bool pattern)
{
	static const char *const parts[] = {
	    "github", "git", "/", "_read", "issue", "x", "a", "github/create_issue_for_everybody"};
	unsigned n = 1 + pick(3);

	while (n-- > 0)
		line_put(l, "%s%s", PICK(parts), pattern && pick(3) == 0 ? "*" : "");
}

static void
put_pattern(struct line *l, enum policy_family family)
{
	static const char *const schemes[] = {"", "", "http://", "https://"};

	if (pick(12) == 0) {
		line_put(l, "**");
		return;
	}
	switch (family) {
	case FAMILY_NET:
		put_host_pattern(l);
		break;
	case FAMILY_FS:
		put_path(l, true);
		break;
	case FAMILY_PROC:
		if (pick(2))
			put_path(l, true);
		else
			do {
				l->n = 0;
				put_segment(l, true);
			} while (strcmp(l->s, "**") == 0);
		break;
	case FAMILY_HTTP:
		line_put(l, "%s", PICK(schemes));
		put_host_pattern(l);
		if (pick(3))
			put_path(l, true);
		break;
	case FAMILY_TOOL:
		put_tool(l, true);
		break;
	}
}

/* --- random documents ------------------------------------------------------------------------ */

static const char *const actions[][5] = {
    [FAMILY_NET] = {"connect:tcp", "connect:udp", "ssh:connect", "connect:tcp", "connect:tcp"},
    [FAMILY_FS] = {"read", "write", "fs:read", "mount:write", "read"},
    [FAMILY_PROC] = {"exec", "exec", "exec", "exec", "exec"},
    [FAMILY_HTTP] = {"request:GET", "request", "request:POST", "request:FOO", "request:get"},
    [FAMILY_TOOL] = {"invoke", "invoke", "invoke", "invoke", "invoke"},
};

/* Of one attribute: mostly one name, sometimes several, a glob, or more than keys are made for. */
static void
add_names(const char *key, char letter, unsigned often)
{
	unsigned n = pick(4) == 0 ? 1 + pick(3) : 1;

	if (pick(often) > 0)
		return;
	n = pick(100) == 0 ? 70 : n;
	agree_add("%s\"%s\":[", agree_json[agree_n - 1] == '{' ? "" : ",", key);
	for (unsigned i = 0; i < n; i++)
		agree_add("%s\"%c%u\"", i > 0 ? "," : "", letter, pick(n > 3 ? 200 : names * 3));
	if (pick(10) == 0)
		agree_add(",\"%c*%u\"", letter, pick(3));
	agree_add("]");
}

static void
add_when(void)
{
	if (pick(4) > 0)
		return;
	agree_add(",\"when\":{");
	add_names("client", 'c', 2);
	if (pick(4) == 0)
		agree_add("%s\"context\":{\"branch\":[\"b%u\"]}",
		    agree_json[agree_n - 1] == '{' ? "" : ",", pick(3));
	if (pick(6) == 0)
		agree_add("%s\"time\":{\"from\":\"%02u:00\",\"to\":\"%02u:30\"}",
		    agree_json[agree_n - 1] == '{' ? "" : ",", pick(24), pick(24));
	agree_add("}");
}

static void
add_rule(unsigned i, enum policy_family family)
{
	unsigned n = 1 + pick(3);

	agree_add("%s{\"id\":\"r%u\",\"decision\":\"%s\",\"actions\":[", i > 0 ? "," : "", i,
	    pick(4) ? "allow" : "deny");
	agree_add("\"%s\"", PICK(actions[family]));
	if (pick(4) == 0)
		agree_add(",\"%s\"", PICK(actions[family]));
	agree_add("],\"resources\":[");
	for (unsigned k = 0; k < n; k++) {
		struct line l = {.n = 0};

		put_pattern(&l, family);
		agree_add("%s\"%s\"", k > 0 ? "," : "", l.s);
	}
	agree_add("]");
	if (pick(10) == 0)
		agree_add(",\"expires\":\"2026-11-21T12:00:00%sZ\"", pick(2) ? "" : ".000001");
	add_when();
	agree_add("}");
}

static void
add_policy(unsigned i, unsigned rules, bool org, bool scopes, bool watched)
{
	static const char *const sources[] = {"org", "host", "sandbox"};
	static const char *const modes[] = {"enforce", "warn", "audit"};
	enum policy_family only = (enum policy_family)(FAMILY_NET + pick(5));
	bool mixed = pick(2);

	agree_add("%s{\"id\":\"p%u\",\"source\":\"%s\",\"mode\":\"%s\",\"scope\":{",
	    i > 0 ? "," : "", i, sources[org ? pick(3) : 1 + pick(2)],
	    modes[watched ? pick(3) : 0]);
	if (scopes) {
		add_names("users", 'u', 2);
		add_names("groups", 'g', 4);
		add_names("sandboxes", 's', 3);
		add_names("agents", 'a', 5);
	}
	agree_add("},\"rules\":[");
	for (unsigned k = 0; k < rules; k++)
		add_rule(k, mixed ? (enum policy_family)(FAMILY_NET + pick(5)) : only);
	agree_add("]}");
}

static void
random_document(void)
{
	unsigned n = pick(3) ? pick(6) : pick(40), rules = pick(3) ? pick(30) : pick(4);
	bool org = pick(6) == 0, scopes = pick(3) > 0, watched = pick(2);

	names = 1 + pick(6);
	agree_n = 0;
	agree_add("{\"schema\":\"sealwright-policy/1\",\"policies\":[");
	for (unsigned i = 0; i < n; i++)
		add_policy(i, rules, org, scopes, watched);
	agree_add("]}");
}

/* --- random questions ------------------------------------------------------------------------ */

static struct str
random_attribute(struct question *q, unsigned at, char letter)
{
	if (pick(4) == 0)
		return STR_NONE;
	(void)sprintf(q->room[at], "%c%u", letter, pick(names * 3));
	return str_from(q->room[at]);
}

static void
random_subject(struct question *q)
{
	struct policy_subject *s = &q->subject;

	s->user = random_attribute(q, 0, 'u');
	s->sandbox = random_attribute(q, 1, 's');
	s->agent = random_attribute(q, 2, 'a');
	s->client = random_attribute(q, 3, 'c');
	for (unsigned n = pick(3); n > 0; n--) {
		struct str group = random_attribute(q, 4 + s->n_groups, 'g');

		if (str_given(group))
			s->groups[s->n_groups++] = group;
	}
	s->more_groups = pick(10) == 0;
	q->context = (struct policy_attribute){STR("branch"), random_attribute(q, 7, 'b')};
	s->context = &q->context;
	s->n_context = str_given(q->context.value);
}

static void
put_endpoint(struct line *l)
{
	bool four = pick(2);

	if (pick(3) > 0)
		put_name(l);
	else if (four)
		put_address(l, true);
	else {
		line_put(l, "[");
		put_address(l, false);
		line_put(l, "]");
	}
	line_put(l, ":%u", pick(4) ? 80 + pick(20) : 443);
}

static void
random_question(struct question *q)
{
	static const char *const net[] = {"net:connect:tcp", "net:connect:udp", "ssh:connect"};
	static const char *const fs[] = {"fs:read", "fs:write", "fs:mount:read", "fs:mount:write"};
	static const char *const http[] = {
	    "http:request:GET", "http:request:POST", "http:request:FOO", "http:request:BAR"};
	struct line *r = &q->resource;

	*q = (struct question){.action = ""};
	random_subject(q);
	switch (pick(5)) {
	case 0:
		(void)strcpy(q->action, PICK(net));
		line_put(r, "net:domain:");
		put_endpoint(r);
		break;
	case 1:
		(void)strcpy(q->action, PICK(fs));
		line_put(r, "fs:path:");
		put_path(r, false);
		break;
	case 2:
		(void)strcpy(q->action, "proc:exec");
		line_put(r, "proc:path:");
		put_path(r, false);
		break;
	case 3:
		(void)strcpy(q->action, PICK(http));
		line_put(r, "http:url:%s://", pick(2) ? "http" : "https");
		put_endpoint(r);
		put_path(r, false);
		break;
	default:
		(void)strcpy(q->action, "tool:invoke");
		line_put(r, "tool:name:");
		put_tool(r, false);
	}
}

/* --- compared -------------------------------------------------------------------------------- */

static void
compare(const struct fixture *f, unsigned parts[PART_KINDS])
{
	struct question q;

	random_question(&q);
	if (!agree(f, &q, parts))
		fail_msg("%s\n%s %s user %.*s sandbox %.*s: not the same", agree_json, q.action,
		    q.resource.s, STR_ARG(q.subject.user), STR_ARG(q.subject.sandbox));
}

static unsigned
number(const char *name, unsigned otherwise)
{
	const char *given = getenv(name);

	return given ? (unsigned)strtoul(given, NULL, 10) : otherwise;
}

static void
test_random(void **state)
{
	unsigned policies = number("TEST_POLICIES", POLICIES), parts[PART_KINDS] = {0};

	(void)state;
	seed = number("TEST_SEED", (unsigned)time(NULL));
	print_message("# TEST_SEED=%u\n", seed);
	for (unsigned i = 0; i < policies; i++) {
		struct fixture f;

		random_document();
		fixture_open(&f, agree_json);
		for (unsigned k = 0; k < QUESTIONS; k++)
			compare(&f, parts);
		fixture_close(&f);
	}
	print_message("# %u questions; rules that decided %u, recorded %u, outvoted %u, later %u, "
		      "watched %u, inactive %u, expired %u, false %u, missing %u\n",
	    policies * QUESTIONS, parts[PART_ANSWER], parts[PART_RECORD], parts[PART_OUTVOTED],
	    parts[PART_LATER], parts[PART_WATCHED], parts[PART_INACTIVE], parts[PART_EXPIRED],
	    parts[PART_FALSE], parts[PART_MISSING]);
	for (unsigned i = 0; i < PART_KINDS; i++)
		assert_true(parts[i] > policies / 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
