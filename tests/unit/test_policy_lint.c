/* SPDX-License-Identifier: Apache-2.0 */

/* Lint: what it reports, where, and what it leaves alone. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policy/pattern.h"
#include "tests/unit/policy_fixture.h"

#define HEAD "{\"schema\":\"sealwright-policy/1\",\"policies\":[\n"
#define NET(id, decision, pattern, more)                                             \
	"{\"id\":\"" id "\",\"actions\":[\"connect:tcp\"],\"resources\":[\"" pattern \
	"\"],\"decision\":\"" decision "\"" more "}"
#define FS(id, decision, action, pattern)                                           \
	"{\"id\":\"" id "\",\"actions\":[\"" action "\"],\"resources\":[\"" pattern \
	"\"],\"decision\":\"" decision "\"}"
#define POLICY(id, head, rules) "{\"id\":\"" id "\"," head "\"rules\":[\n" rules "]}"
#define EVER "covered already by"

static const struct {
	const char *policies, *want[3];
} cases[] = {
    {POLICY("p", "", NET("a", "allow", "x.example:443", "")), {NULL}},
    {"", {"no policies: everything is denied"}},
    {POLICY("p", "", ""), {"policy \"p\": no rules"}},
    {POLICY("p", "\"mode\":\"warn\",", ""),
	{"policy \"p\": no rules, and where it alone is in scope everything is allowed"}},
    {POLICY("p", "", NET("a", "allow", "x.example", ",\"expires\":\"2026-11-21T12:00:00Z\"")),
	{"rule \"a\": expired at 2026-11-21T12:00:00.000000Z"}},
    {POLICY("p", "", NET("a", "allow", "x.example", ",\"expires\":\"2026-11-21T12:00:01Z\"")),
	{NULL}},
    {POLICY("p", "", NET("a", "allow", "x.example", "")) "," POLICY(
	 "o", "\"source\":\"org\",", NET("b", "allow", "y.example", "")),
	{"rule \"a\": inactive: only rules of source \"org\" allow while one is loaded"}},
    {POLICY("p", "", NET("a", "deny", "x.example", "")) "," POLICY(
	 "o", "\"source\":\"org\",", NET("b", "allow", "y.example", "")),
	{NULL}},

    /* very much */
    {POLICY("p", "", NET("a", "allow", "**", "")), {"rule \"a\": allows very much: \"**\""}},
    {POLICY("p", "", NET("a", "allow", "**:443", "")),
	{"rule \"a\": allows very much: \"**:443\""}},
    {POLICY("p", "", NET("a", "allow", "*.com", "")), {"rule \"a\": allows very much: \"*.com\""}},
    {POLICY("p", "", NET("a", "allow", "**.example.com", "")), {NULL}},
    {POLICY("p", "", NET("a", "deny", "**", "")), {NULL}},
    {POLICY("p", "", NET("a", "allow", "8.0.0.0/7", "")),
	{"rule \"a\": allows very much: \"8.0.0.0/7\""}},
    {POLICY("p", "", NET("a", "allow", "10.0.0.0/8", "")), {NULL}},
    {POLICY("p", "", NET("a", "allow", "::/0", "")), {"rule \"a\": allows very much: \"::/0\""}},
    {POLICY("p", "", FS("a", "allow", "read", "/**")), {"rule \"a\": allows very much: \"/**\""}},
    {POLICY("p", "", FS("a", "allow", "read", "/data/**")), {NULL}},
    {POLICY("p", "", FS("a", "allow", "exec", "*")), {"rule \"a\": allows very much: \"*\""}},
    {POLICY("p", "", FS("a", "allow", "invoke", "*")), {"rule \"a\": allows very much: \"*\""}},

    /* covered already */
    {POLICY("p", "",
	 NET("a", "allow", "x.example:443", "") "," NET("b", "allow", "X.example.:443", "")),
	{"rule \"b\": \"X.example.:443\" is " EVER
	 " \"x.example:443\" of rule \"a\" in policy \"p\""}},
    {POLICY("p", "",
	 NET("a", "allow", "a.x.example:443", "") "," NET("b", "allow", "*.x.example", "")),
	{"rule \"a\": \"a.x.example:443\" is " EVER
	 " \"*.x.example\" of rule \"b\" in policy \"p\""}},
    {POLICY("p", "", NET("a", "deny", "10.1.0.0/16", "") "," NET("b", "deny", "10.0.0.0/8", "")),
	{"rule \"a\": \"10.1.0.0/16\" is " EVER " \"10.0.0.0/8\" of rule \"b\" in policy \"p\""}},
    {POLICY("p", "",
	 FS("a", "allow", "request:GET", "h.example/x") "," FS(
	     "b", "allow", "request", "h.example")),
	{"rule \"a\": \"h.example/x\" is " EVER " \"h.example\" of rule \"b\" in policy \"p\""}},
    {POLICY("p", "", FS("a", "allow", "exec", "/bin/curl") "," FS("b", "deny", "exec", "cu*")),
	{"rule \"a\": \"/bin/curl\" never allows: it is denied by \"cu*\" of rule \"b\" in policy "
	 "\"p\""}},
    {POLICY("p", "", FS("a", "allow", "invoke", "s/x") "," FS("b", "allow", "invoke", "s/*")),
	{"rule \"a\": \"s/x\" is " EVER " \"s/*\" of rule \"b\" in policy \"p\""}},
    {POLICY("p", "",
	 NET("a", "allow", "10.1.2.3:80", "") "," NET("b", "allow", "10.1.2.0/23:1-90", "")),
	{"rule \"a\": \"10.1.2.3:80\" is " EVER
	 " \"10.1.2.0/23:1-90\" of rule \"b\" in policy \"p\""}},
    {POLICY("p", "",
	 NET("a", "allow", "2001:db8:0:8000::/50", "") "," NET("b", "allow", "2001:db8::/47", "")),
	{"rule \"a\": \"2001:db8:0:8000::/50\" is " EVER
	 " \"2001:db8::/47\" of rule \"b\" in policy \"p\""}},
    {POLICY("p", "", FS("a", "allow", "read", "/d/*/x") "," FS("b", "allow", "read", "/d/**")),
	{"rule \"a\": \"/d/*/x\" is " EVER " \"/d/**\" of rule \"b\" in policy \"p\""}},
    {POLICY(
	 "p", "", NET("a", "allow", "x.example:80", "") "," NET("b", "allow", "x.example:443", "")),
	{NULL}},
    {POLICY("p", "", NET("a", "allow", "*.x.example", "") "," NET("b", "allow", "x.example", "")),
	{NULL}},
    {POLICY("p", "", FS("a", "allow", "fs:read", "/d") "," FS("b", "allow", "mount:read", "/d")),
	{NULL}},
    {POLICY("p", "", FS("a", "allow", "fs:read", "/d") "," FS("b", "allow", "read", "/d")),
	{"rule \"a\": \"/d\" is " EVER " \"/d\" of rule \"b\" in policy \"p\""}},
    /* Conditions make a difference: one way only. */
    {POLICY("p", "",
	 NET("a", "allow", "x.example", ",\"when\":{\"client\":[\"c\"]}") "," NET(
	     "b", "allow", "x.example", "")),
	{"rule \"a\": \"x.example\" is " EVER " \"x.example\" of rule \"b\" in policy \"p\""}},
    {POLICY("p", "",
	 NET("a", "allow", "x.example", ",\"expires\":\"2027-01-01T00:00:00Z\"") "," NET(
	     "b", "allow", "x.example", "")),
	{"rule \"a\": \"x.example\" is " EVER " \"x.example\" of rule \"b\" in policy \"p\""}},
    {POLICY("p", "\"scope\":{\"users\":[\"u\"]},", NET("a", "allow", "x.example", "")) "," POLICY(
	 "q", "\"scope\":{\"users\":[\"v\"]},", NET("b", "allow", "x.example", "")),
	{NULL}},
    {POLICY("p", "\"mode\":\"warn\",", NET("a", "deny", "x.example", "")) "," POLICY(
	 "q", "", NET("b", "deny", "x.example", "")),
	{NULL}},

    /* always denied */
    {POLICY("p", "",
	 NET("a", "allow", "a.x.example:443", "") "," NET("d", "deny", "**.x.example", "")),
	{"rule \"a\": \"a.x.example:443\" never allows: it is denied by \"**.x.example\" of rule "
	 "\"d\" "
	 "in policy \"p\""}},
    {POLICY(
	 "p", "", NET("a", "allow", "*.x.example:443", "") "," NET("d", "deny", "a.x.example", "")),
	{NULL}},
    {POLICY("p", "",
	 NET("a", "allow", "x.example", "") "," NET(
	     "d", "deny", "x.example", ",\"when\":{\"client\":[\"c\"]}")),
	{NULL}},
    {POLICY("p", "", NET("a", "allow", "x.example", "")) "," POLICY(
	 "q", "\"mode\":\"audit\",", NET("d", "deny", "x.example", "")),
	{NULL}},
};

static int
lint(const char *json, struct policy_report *report)
{
	struct policy_text text = {"test.json", str_from(json)};
	struct policy_texts texts = {.v = &text, .n = 1};

	*report = (struct policy_report){.n = 0};
	return policy_lint(&texts, NOON, report);
}

static void
test_cases(void **state)
{
	static struct policy_report report;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char json[4096];
		uint32_t n = 0;

		(void)snprintf(json, sizeof(json), HEAD "%s]}", cases[i].policies);
		assert_int_equal(lint(json, &report), 0);
		for (; n < ARRAY_SIZE(cases[i].want) && cases[i].want[n]; n++)
			if (n >= report.n ||
			    strcmp(report.complaint[n].text, cases[i].want[n]) != 0)
				fail_msg("case %zu: \"%s\", want \"%s\"", i,
				    n < report.n ? report.complaint[n].text : "", cases[i].want[n]);
		if (report.n != n)
			fail_msg("case %zu: \"%s\"", i, report.complaint[n].text);
	}
}

static void
test_places(void **state)
{
	static struct policy_report report;

	(void)state;
	assert_int_equal(
	    lint(HEAD POLICY("p", "",
		     NET("a", "allow", "x.example", "") ",\n  " NET("b", "allow", "**", "")) "]}",
		&report),
	    0);
	assert_int_equal(report.n, 2);
	assert_string_equal(report.complaint[0].text, "rule \"b\": allows very much: \"**\"");
	assert_int_equal(report.complaint[0].line, 4);
	assert_int_equal(report.complaint[0].column, 52);
	assert_int_equal(report.complaint[1].line, 3);
}

/* What does not load is not linted, but said. */
static void
test_broken(void **state)
{
	static struct policy_report report;

	(void)state;
	assert_int_equal(lint("{\"schema\":\"sealwright-policy/1\",\"x\":1}", &report), -EINVAL);
	assert_int_equal(report.n, 1);
}

/* --- covering, by examples ------------------------------------------------------------------- */

static const char *const net_patterns[] = {"**", "a", "*.a", "**.a", "b.a", "*.b.a", "**.b.a",
    "c.b.a", "10.0.0.0/8", "10.0.0.0/9", "10.1.1.1", "[::/0]", "[::1]", "0.0.0.0/0"};
static const char *const net_ports[] = {"", ":1", ":1-3", ":2,3", ":1-65535"};
static const char *const net_targets[] = {"domain:a", "domain:b.a", "domain:c.b.a",
    "domain:d.c.b.a", "domain:xa", "ip:10.0.0.1", "ip:10.1.1.1", "ip:10.200.0.1", "ip:[::1]",
    "ip:[::2]", "ip:9.9.9.9"};
static const char *const fs_patterns[] = {"**", "/**", "/", "/a", "/a/*", "/a/**", "/a/b",
    "/a/b/**", "/a/*/**", "/*", "/*/b", "/a/**/b", "/a*"};
static const char *const fs_targets[] = {
    "/", "/a", "/a/b", "/a/b/c", "/a/b/b", "/b", "/b/b", "/ab", "/a/c/d/b"};

static void
parse(struct arena *arena, const char *s, enum policy_family family, struct pattern *ret)
{
	char why[128];
	struct text t = text_over(why, sizeof(why));

	assert_int_equal(pattern_parse(str_from(s), family, arena, ret, &t), 0);
}

/* Whatever b matches a must match, when it is said to cover b. */
static void
check_covers(
    const struct pattern *a, const struct pattern *b, const struct policy_op *op, unsigned *used)
{
	if (!pattern_covers(a, b) || !pattern_matches(b, op))
		return;
	(*used)++;
	if (!pattern_matches(a, op))
		fail_msg("\"%.*s\" does not cover \"%.*s\"", STR_ARG(a->text), STR_ARG(b->text));
}

static unsigned
parse_net(struct arena *arena, struct pattern *out)
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(net_patterns); i++)
		for (size_t k = 0; k < ARRAY_SIZE(net_ports); k++) {
			char s[64];
			(void)snprintf(s, sizeof(s), "%s%s", net_patterns[i], net_ports[k]);
			parse(arena, s, FAMILY_NET, &out[n++]);
		}
	return n;
}

static void
test_covers_net(void **state)
{
	static struct pattern p[ARRAY_SIZE(net_patterns) * ARRAY_SIZE(net_ports)];
	struct arena arena = {NULL};
	unsigned n = parse_net(&arena, p), used = 0;

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(net_targets); t++)
		for (unsigned port = 1; port < 5; port++) {
			struct policy_op op;
			char s[64];
			const char *why;

			(void)snprintf(s, sizeof(s), "net:%s:%u", net_targets[t], port);
			assert_int_equal(
			    policy_op_parse(&op, STR("net:connect:tcp"), str_from(s), &why), 0);
			for (unsigned a = 0; a < n; a++)
				for (unsigned b = 0; b < n; b++)
					check_covers(&p[a], &p[b], &op, &used);
		}
	assert_true(used > 1000);
	/* And it does say yes: everything covers itself. */
	for (unsigned i = 0; i < n; i++)
		assert_true(pattern_covers(&p[i], &p[i]));
	arena_free(&arena);
}

static void
test_covers_fs(void **state)
{
	static struct pattern p[ARRAY_SIZE(fs_patterns)];
	struct arena arena = {NULL};
	unsigned used = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fs_patterns); i++)
		parse(&arena, fs_patterns[i], FAMILY_FS, &p[i]);
	for (size_t t = 0; t < ARRAY_SIZE(fs_targets); t++) {
		struct policy_op op;
		char s[64];
		const char *why;

		(void)snprintf(s, sizeof(s), "fs:path:%s", fs_targets[t]);
		assert_int_equal(policy_op_parse(&op, STR("fs:read"), str_from(s), &why), 0);
		for (size_t a = 0; a < ARRAY_SIZE(p); a++)
			for (size_t b = 0; b < ARRAY_SIZE(p); b++)
				check_covers(&p[a], &p[b], &op, &used);
	}
	assert_true(used > 100);
	arena_free(&arena);
}

/* Large policies take seconds at most, and lint says when it has not looked at all. */
static void
lint_large(unsigned n, const char *action, const char *before, const char *after,
    struct policy_report *report)
{
	size_t cap = (size_t)16 << 20;
	char *json = malloc(cap);
	struct text t = text_over(json, cap - 1);

	assert_non_null(json);
	text_put(&t, STR(HEAD "{\"id\":\"p\",\"rules\":["));
	for (unsigned i = 0; i < n; i++) {
		text_put(&t, i ? STR(",{\"id\":\"r") : STR("{\"id\":\"r"));
		text_u64(&t, i);
		text_put(&t, STR("\",\"decision\":\"allow\",\"actions\":[\""));
		text_put(&t, str_from(action));
		text_put(&t, STR("\"],\"resources\":[\""));
		text_put(&t, str_from(before));
		text_u64(&t, i);
		text_put(&t, str_from(after));
		text_put(&t, STR("\"]}"));
	}
	text_put(&t, STR("]}]}"));
	assert_true(text_ok(&t));
	json[t.n] = '\0';
	assert_int_equal(lint(json, report), 0);
	free(json);
}

static void
test_large(void **state)
{
	static struct policy_report report;
	time_t began = time(NULL);

	(void)state;
	lint_large(25000, "connect:tcp", "*.h", ".example", &report);
	assert_int_equal(report.n, 0);
	lint_large(25000, "read", "/srv/d", "/**", &report);
	assert_int_equal(report.n, 0);
	lint_large(25000, "exec", "x", "y*", &report);
	assert_int_equal(report.n, 0);
	lint_large(25000, "invoke", "x", "/*", &report);
	assert_int_equal(report.n, 0);
	lint_large(25000, "request:GET", "h.example/*/x", "", &report);
	assert_int_equal(report.n, 1);
	assert_non_null(strstr(report.complaint[0].text, "not all were looked at"));
	assert_true(time(NULL) - began < 60);
}

/* Of one host: a few hundred are all compared with each other, more are not, and that is said. */
static void
test_many_of_one_host(void **state)
{
	static struct policy_report report;

	(void)state;
	lint_large(250, "connect:tcp", "h.example:1", "", &report);
	assert_int_equal(report.n, 0);
	lint_large(250, "connect:tcp", "h.example:1,2", "", &report);
	assert_int_equal(report.n, 0);
	lint_large(8000, "connect:tcp", "h.example:1", "", &report);
	assert_int_equal(report.n, 1);
	assert_non_null(strstr(report.complaint[0].text, "not all were looked at"));
	lint_large(250, "connect:tcp", "h.example:1-65535,1", "", &report);
	assert_true(report.n > 0);
	assert_non_null(strstr(report.complaint[0].text, "is covered already by"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_covers_net),
	    cmocka_unit_test(test_covers_fs),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_many_of_one_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
