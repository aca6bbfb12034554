/* SPDX-License-Identifier: Apache-2.0 */

/* The verdict: rows V1 to V6 and M1 to M3 of docs/POLICY.md, missing attributes, scope, when. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "tests/unit/policy_fixture.h"

#define MINUTE (60 * US_PER_S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define EXEC(id, decision, more) \
	"{\"id\":\"" id          \
	"\",\"actions\":[\"exec\"],\"resources\":[\"/x\"],\"decision\":\"" decision "\"" more "}"
#define POLICY(id, head, rules) "{\"id\":\"" id "\"," head "\"rules\":[" rules "]}"
#define DOCUMENT(policies) "{\"schema\":\"sealwright-policy/1\",\"policies\":[" policies "]}"

static struct policy_verdict
ask_x(const struct fixture *f, const struct policy_subject *subject)
{
	return fixture_ask(f, "proc:exec", "proc:path:/x", subject, NOON);
}

/* "allow enforce p/r", "deny warn -" */
static void
assert_finding(const struct policy_finding *f, const char *want)
{
	static const char *const modes[] = {"?", "enforce", "warn", "audit"};
	char got[320];

	if (str_given(f->rule_id))
		(void)snprintf(got, sizeof(got), "%s %s %.*s/%.*s", f->allow ? "allow" : "deny",
		    modes[f->mode], STR_ARG(f->policy_id), STR_ARG(f->rule_id));
	else
		(void)snprintf(
		    got, sizeof(got), "%s %s -", f->allow ? "allow" : "deny", modes[f->mode]);
	assert_string_equal(got, want);
	assert_int_equal(str_given(f->rule_id), str_given(f->policy_id));
}

/* What nobody in particular is answered about /x, and what goes on record. */
static void
check_for(const char *document, const struct policy_subject *subject, const char *answer,
    const char *record)
{
	struct policy_verdict verdict;
	struct fixture f;

	fixture_open(&f, document);
	verdict = ask_x(&f, subject);
	assert_finding(&verdict.answer, answer);
	assert_finding(&verdict.record, record);
	fixture_close(&f);
}

static void
check(const char *document, const char *answer, const char *record)
{
	check_for(document, NULL, answer, record);
}

/* --- V --------------------------------------------------------------------------------------- */

static void
test_deny_wins(void **state)
{
	(void)state;
	check(DOCUMENT(POLICY("p", "", EXEC("a", "allow", ""))), "allow enforce p/a",
	    "allow enforce p/a");
	check(DOCUMENT(POLICY("p", "", EXEC("a", "allow", "") "," EXEC("d", "deny", ""))),
	    "deny enforce p/d", "deny enforce p/d");
	check(DOCUMENT(POLICY("p", "", EXEC("d", "deny", "") "," EXEC("a", "allow", ""))),
	    "deny enforce p/d", "deny enforce p/d");
	/* From any source, in any order of sources. */
	check(DOCUMENT(POLICY("o", "\"source\":\"org\",", EXEC("a", "allow", "")) "," POLICY(
		  "s", "\"source\":\"sandbox\",", EXEC("d", "deny", ""))),
	    "deny enforce s/d", "deny enforce s/d");
	/* A wide deny beats a narrow allow. */
	check(DOCUMENT(POLICY("p", "",
		  EXEC("a", "allow",
		      "") ",{\"id\":\"d\",\"actions\":[\"exec\"],\"resources\":[\"**\"],"
			  "\"decision\":\"deny\"}")),
	    "deny enforce p/d", "deny enforce p/d");
}

static void
test_default_deny(void **state)
{
	(void)state;
	check(DOCUMENT(""), "deny enforce -", "deny enforce -");
	check(DOCUMENT(POLICY("p", "", "")), "deny enforce -", "deny enforce -");
	check(DOCUMENT(POLICY("p", "",
		  "{\"id\":\"a\",\"actions\":[\"exec\"],\"resources\":[\"/y\"],\"decision\":"
		  "\"allow\"}")),
	    "deny enforce -", "deny enforce -");
	/* Another action on the same path. */
	check(DOCUMENT(POLICY("p", "",
		  "{\"id\":\"a\",\"actions\":[\"read\"],\"resources\":[\"/x\"],\"decision\":"
		  "\"allow\"}")),
	    "deny enforce -", "deny enforce -");
}

static void
test_org_source(void **state)
{
	(void)state;
	check(DOCUMENT(POLICY("h", "", EXEC("a", "allow", "")) "," POLICY(
		  "s", "\"source\":\"sandbox\",", EXEC("b", "allow", ""))),
	    "allow enforce h/a", "allow enforce h/a");
	/* Whatever the scope, mode and rules of the org's policy. */
	check(DOCUMENT(POLICY("h", "", EXEC("a", "allow", "")) "," POLICY("o",
		  "\"source\":\"org\",\"mode\":\"audit\",\"scope\":{\"users\":[\"nobody\"]},", "")),
	    "deny enforce -", "deny enforce -");
	check(DOCUMENT(POLICY("h", "", EXEC("a", "allow", "")) "," POLICY(
		  "o", "\"source\":\"org\",", EXEC("b", "allow", ""))),
	    "allow enforce o/b", "allow enforce o/b");
	check(DOCUMENT(POLICY("h", "", EXEC("a", "deny", "")) "," POLICY(
		  "o", "\"source\":\"org\",", EXEC("b", "allow", ""))),
	    "deny enforce h/a", "deny enforce h/a");
	check(DOCUMENT(POLICY("s", "\"source\":\"sandbox\",\"mode\":\"warn\",",
		  EXEC("a", "allow", "")) "," POLICY("o", "\"source\":\"org\",\"mode\":\"audit\",",
		  "")),
	    "allow warn -", "deny warn -");
}

static void
test_first_in_load_order(void **state)
{
	(void)state;
	check(DOCUMENT(POLICY("p", "", EXEC("z", "deny", "") "," EXEC("a", "deny", "")) "," POLICY(
		  "a", "", EXEC("a", "deny", ""))),
	    "deny enforce p/z", "deny enforce p/z");
	check(DOCUMENT(POLICY("p", "", EXEC("z", "allow", "") "," EXEC("a", "allow", ""))),
	    "allow enforce p/z", "allow enforce p/z");
	/* One that is passed over decides nothing. */
	check(DOCUMENT(POLICY("p", "",
		  EXEC("z", "deny", ",\"expires\":\"2026-11-21T12:00:00Z\"") "," EXEC(
		      "a", "deny", ""))),
	    "deny enforce p/a", "deny enforce p/a");
}

static void
test_expiry(void **state)
{
	const char *allow = DOCUMENT(
	    POLICY("p", "", EXEC("a", "allow", ",\"expires\":\"2026-12-31T00:00:00Z\"")));
	struct fixture f;
	int64_t end;

	(void)state;
	assert_int_equal(clock_parse(STR("2026-12-31T00:00:00Z"), &end), 0);
	fixture_open(&f, allow);
	assert_true(fixture_ask(&f, "proc:exec", "proc:path:/x", NULL, end - 1).answer.allow);
	assert_false(fixture_ask(&f, "proc:exec", "proc:path:/x", NULL, end).answer.allow);
	assert_false(fixture_ask(&f, "proc:exec", "proc:path:/x", NULL, end + 1).answer.allow);
	assert_true(fixture_ask(&f, "proc:exec", "proc:path:/x", NULL, INT64_MIN).answer.allow);
	fixture_close(&f);
	check(DOCUMENT(POLICY("p", "",
		  EXEC("d", "deny", ",\"expires\":\"2026-11-21T12:00:00Z\"") "," EXEC(
		      "a", "allow", ""))),
	    "allow enforce p/a", "allow enforce p/a");
}

/* --- M --------------------------------------------------------------------------------------- */

#define WARN "\"mode\":\"warn\","
#define AUDIT "\"mode\":\"audit\","
#define FOR(user) "\"scope\":{\"users\":[\"" user "\"]},"

static void
test_modes(void **state)
{
	static const struct {
		const char *document, *answer, *record;
	} rows[] = {
	    /* M2 */
	    {POLICY("e", "", EXEC("a", "allow", "")) "," POLICY("w", WARN, EXEC("d", "deny", "")),
		"allow enforce e/a", "deny warn w/d"},
	    {POLICY("e", "", EXEC("a", "allow", "")) "," POLICY("w", AUDIT, EXEC("d", "deny", "")),
		"allow enforce e/a", "deny audit w/d"},
	    {POLICY("w", AUDIT, EXEC("d", "deny", "")) "," POLICY(
		 "v", WARN, EXEC("d", "deny", "")) "," POLICY("e", "", EXEC("a", "allow", "")),
		"allow enforce e/a", "deny audit w/d"},
	    {POLICY("e", "", EXEC("d", "deny", "")) "," POLICY("w", WARN, EXEC("d", "deny", "")),
		"deny enforce e/d", "deny enforce e/d"},
	    {POLICY("w", WARN, EXEC("d", "deny", "")) "," POLICY("e", "", EXEC("d", "deny", "")),
		"deny enforce e/d", "deny enforce e/d"},
	    {POLICY("e", "", "") "," POLICY("w", WARN, EXEC("d", "deny", "")), "deny enforce -",
		"deny enforce -"},
	    {POLICY("e", "", "") "," POLICY("w", WARN, EXEC("a", "allow", "")), "deny enforce -",
		"deny enforce -"},
	    {POLICY("e", "", EXEC("a", "allow", "")) "," POLICY("w", WARN, ""), "allow enforce e/a",
		"allow enforce e/a"},
	    /* M3 */
	    {POLICY("w", WARN, EXEC("d", "deny", "")), "allow warn -", "deny warn w/d"},
	    {POLICY("w", AUDIT, EXEC("d", "deny", "")), "allow audit -", "deny audit w/d"},
	    {POLICY("w", WARN, EXEC("a", "allow", "")), "allow warn w/a", "allow warn w/a"},
	    {POLICY("w", WARN, EXEC("a", "allow", "") "," EXEC("d", "deny", "")), "allow warn -",
		"deny warn w/d"},
	    {POLICY("w", WARN, ""), "allow warn -", "deny warn -"},
	    {POLICY("w", AUDIT, ""), "allow audit -", "deny audit -"},
	    {POLICY("w", AUDIT, "") "," POLICY("v", WARN, ""), "allow warn -", "deny warn -"},
	    {POLICY("w", AUDIT, EXEC("d", "deny", "")) "," POLICY("v", WARN, ""), "allow warn -",
		"deny audit w/d"},
	    {POLICY("w", AUDIT, EXEC("a", "allow", "")) "," POLICY("v", WARN, ""),
		"allow audit w/a", "allow audit w/a"},
	    /* By scope: for alice. M1, then who is in scope decides. */
	    {POLICY("e", FOR("bob"), EXEC("a", "allow", "")), "deny enforce -", "deny enforce -"},
	    {POLICY("e", FOR("bob"), EXEC("d", "deny", "")), "deny enforce -", "deny enforce -"},
	    {POLICY("w", WARN FOR("bob"), EXEC("d", "deny", "")), "deny enforce -",
		"deny enforce -"},
	    {POLICY("e", FOR("bob"), "") "," POLICY("w", WARN FOR("alice"), ""), "allow warn -",
		"deny warn -"},
	    {POLICY("e", FOR("alice"), "") "," POLICY("w", WARN FOR("alice"), ""), "deny enforce -",
		"deny enforce -"},
	};
	static const struct policy_subject alice = {.user = {"alice", 5}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char document[2048];

		print_message("# row %zu\n", i);
		(void)snprintf(document, sizeof(document),
		    "{\"schema\":\"sealwright-policy/1\",\"policies\":[%s]}", rows[i].document);
		check_for(document, &alice, rows[i].answer, rows[i].record);
	}
}

/* An unknown scope: in scope for enforce, out of scope for warn and audit. */
static void
test_modes_of_unknown_scope(void **state)
{
	(void)state;
	check(DOCUMENT(POLICY("w", WARN, "") "," POLICY("e", FOR("bob"), "")), "deny enforce -",
	    "deny enforce -");
	check(DOCUMENT(POLICY("w", WARN FOR("bob"), "")), "deny enforce -", "deny enforce -");
	check(DOCUMENT(
		  POLICY("w", WARN, "") "," POLICY("v", AUDIT FOR("bob"), EXEC("d", "deny", ""))),
	    "allow warn -", "deny audit v/d");
	check(DOCUMENT(POLICY("e", "", EXEC("a", "allow", "")) "," POLICY(
		  "v", AUDIT FOR("bob"), EXEC("d", "deny", ""))),
	    "allow enforce e/a", "deny audit v/d");
}

/* --- scope, when, missing -------------------------------------------------------------------- */

static const struct policy_attribute branch_main = {{"branch", 6}, {"main", 4}};
static const struct policy_attribute branch_topic = {{"branch", 6}, {"topic/7", 7}};

static const struct policy_subject who[] = {
    {.n_groups = 0},
    {.user = {"alice", 5}, .n_groups = 2, .groups = {{"dev", 3}, {"ops", 3}}},
    {.user = {"bob", 3}, .n_groups = 1, .groups = {{"dev", 3}}},
    {.sandbox = {"sb-1", 4}, .agent = {"coder", 5}, .client = {"squid", 5}},
    {.n_context = 1, .context = &branch_main},
    {.n_context = 1, .context = &branch_topic},
    {.user = {"", 0}, .agent = {"", 0}},
};

/*
 * One letter for each of who[]: 'y' holds, 'n' does not, 'u' unknown. An allow under the condition
 * matches for 'y' alone, a deny for 'y' and 'u'.
 */
static const struct {
	const char *scope, *when, *truth;
} conditions[] = {
    {"", "", "yyyyyyy"},
    {"\"users\":[],\"groups\":[]", "", "yyyyyyy"},
    {"\"users\":[\"alice\"]", "", "uynuuun"},
    {"\"users\":[\"alice\",\"bob\"]", "", "uyyuuun"},
    {"\"users\":[\"al*\"]", "", "uynuuun"},
    {"\"users\":[\"*\"]", "", "uyyuuuy"},
    {"\"users\":[\"Alice\"]", "", "unnuuun"},
    {"\"groups\":[\"ops\"]", "", "uynuuuu"},
    {"\"groups\":[\"o*\",\"d*\"]", "", "uyyuuuu"},
    {"\"sandboxes\":[\"sb-*\"]", "", "uuuyuuu"},
    {"\"agents\":[\"coder\"]", "", "uuuyuun"},
    {"\"agents\":[\"visitor\"]", "", "uuunuun"},
    {"\"users\":[\"bob\"],\"groups\":[\"ops\"]", "", "unnuuun"},
    {"\"users\":[\"alice\"],\"groups\":[\"ops\"]", "", "uynuuun"},
    {"\"users\":[\"alice\"],\"agents\":[\"visitor\"]", "", "uunnuun"},
    {"", "\"client\":[\"squid\"]", "uuuyuuu"},
    {"", "\"client\":[\"s*d\"]", "uuuyuuu"},
    {"", "\"client\":[]", "yyyyyyy"},
    {"", "\"context\":{\"branch\":\"main\"}", "uuuuynu"},
    {"", "\"context\":{\"branch\":[\"main\",\"topic/*\"]}", "uuuuyyu"},
    {"", "\"context\":{\"branch\":\"main\",\"ci\":\"yes\"}", "uuuuunu"},
    {"", "\"context\":{}", "yyyyyyy"},
    {"\"users\":[\"alice\"]", "\"client\":[\"squid\"]", "uunuuun"},
    {"", "\"time\":{\"from\":\"13:00\"}", "nnnnnnn"},
    {"", "\"time\":{\"from\":\"13:00\"},\"client\":[\"squid\"]", "nnnnnnn"},
    {"\"users\":[\"alice\"]", "\"time\":{\"to\":\"13:00\"}", "uynuuun"},
};

static void
check_condition(size_t i, bool deny)
{
	char head[256], rules[512];
	struct fixture f;

	(void)snprintf(head, sizeof(head), "\"scope\":{%s},", conditions[i].scope);
	(void)snprintf(rules, sizeof(rules),
	    "{\"id\":\"r\",\"actions\":[\"exec\"],\"resources\":[\"/x\"],\"decision\":\"%s\","
	    "\"when\":{%s}}",
	    deny ? "deny" : "allow", conditions[i].when);
	fixture_open(&f, fixture_document(head, rules));
	for (size_t k = 0; k < ARRAY_SIZE(who); k++) {
		struct policy_verdict verdict = ask_x(&f, &who[k]);
		char truth = conditions[i].truth[k];
		bool matches = str_given(verdict.answer.rule_id);

		if (matches != (truth == 'y' || (deny && truth == 'u')))
			fail_msg("condition %zu, subject %zu: %s %s", i, k, deny ? "deny" : "allow",
			    matches ? "matches" : "does not match");
	}
	fixture_close(&f);
}

/* Not to be found in a part of one's groups means nothing: a deny holds, an allow does not. */
static void
test_part_of_groups(void **state)
{
	static const struct policy_subject part = {
	    .user = {"alice", 5}, .n_groups = 1, .groups = {{"dev", 3}}, .more_groups = true};
	static const char *const decision[] = {"allow", "deny"}, *const group[] = {"dev", "ops"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char head[64], rule[128];
		struct policy_verdict v;
		struct fixture f;

		(void)snprintf(
		    head, sizeof(head), "\"scope\":{\"groups\":[\"%s\"]},", group[i / 2]);
		(void)snprintf(rule, sizeof(rule),
		    "{\"id\":\"r\",\"actions\":[\"exec\"],\"resources\":[\"/x\"],"
		    "\"decision\":\"%s\"}",
		    decision[i % 2]);
		fixture_open(&f, fixture_document(head, rule));
		v = ask_x(&f, &part);
		assert_int_equal(str_given(v.answer.rule_id), i / 2 == 0 || i % 2 == 1);
		fixture_close(&f);
	}
}

static void
test_conditions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		assert_int_equal(strlen(conditions[i].truth), ARRAY_SIZE(who));
		check_condition(i, false);
		check_condition(i, true);
	}
}

/* --- time windows ---------------------------------------------------------------------------- */

/* Holds from..until (us since midnight UTC of Saturday, 2026-11-21), not a microsecond more. */
static const struct {
	const char *time;
	int64_t from, until;
} windows[] = {
    {"\"from\":\"08:00\",\"to\":\"18:00\"", 8 * HOUR, 18 * HOUR},
    {"\"from\":\"08:00\",\"to\":\"18:00\",\"zone\":\"UTC\"", 8 * HOUR, 18 * HOUR},
    {"\"from\":\"08:00\",\"to\":\"18:00\",\"zone\":\"+01:00\"", 7 * HOUR, 17 * HOUR},
    {"\"from\":\"08:00\",\"to\":\"18:00\",\"zone\":\"-05:30\"", 13 * HOUR + 30 * MINUTE,
	23 * HOUR + 30 * MINUTE},
    {"\"from\":\"20:00\"", 20 * HOUR, DAY},
    {"\"to\":\"00:01\"", 0, MINUTE},
    {"\"from\":\"22:00\",\"to\":\"06:00\"", 22 * HOUR, 30 * HOUR},
    {"\"from\":\"23:59\",\"to\":\"00:00\"", DAY - MINUTE, DAY},
    {"\"days\":[\"sat\"]", 0, DAY},
    {"\"days\":[\"sat\"],\"zone\":\"+14:00\"", -14 * HOUR, 10 * HOUR},
    {"\"days\":[\"sat\"],\"zone\":\"-14:00\"", 14 * HOUR, 38 * HOUR},
    {"\"days\":[\"sat\",\"sun\"]", 0, 2 * DAY},
    {"\"days\":[\"fri\"],\"from\":\"22:00\",\"to\":\"06:00\"", -2 * HOUR, 6 * HOUR},
    {"\"days\":[\"sat\"],\"from\":\"22:00\",\"to\":\"06:00\"", 22 * HOUR, 30 * HOUR},
    {"\"days\":[\"sat\"],\"from\":\"08:00\",\"to\":\"24:00\"", 8 * HOUR, DAY},
    {"\"days\":[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\"]", 2 * DAY, 7 * DAY},
};

static void
test_windows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		int64_t saturday = NOON - 12 * HOUR, from = saturday + windows[i].from,
			until = saturday + windows[i].until;
		char rules[512];
		struct fixture f;

		(void)snprintf(rules, sizeof(rules),
		    "{\"id\":\"r\",\"actions\":[\"exec\"],\"resources\":[\"/x\"],\"decision\":"
		    "\"allow\",\"when\":{\"time\":{%s}}}",
		    windows[i].time);
		fixture_open(&f, fixture_document("", rules));
		for (int64_t t = from; t < until; t += 13 * MINUTE)
			if (!fixture_ask(&f, "proc:exec", "proc:path:/x", NULL, t).answer.allow)
				fail_msg("window %zu does not hold", i);
		assert_true(
		    fixture_ask(&f, "proc:exec", "proc:path:/x", NULL, until - 1).answer.allow);
		assert_false(
		    fixture_ask(&f, "proc:exec", "proc:path:/x", NULL, from - 1).answer.allow);
		assert_false(
		    fixture_ask(&f, "proc:exec", "proc:path:/x", NULL, until).answer.allow);
		fixture_close(&f);
	}
}

/* Before 1970 and at the ends of time nothing breaks. */
static void
test_windows_far_away(void **state)
{
	static const int64_t moments[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX};
	struct fixture f;

	(void)state;
	fixture_open(&f,
	    fixture_document("", "{\"id\":\"r\",\"actions\":[\"exec\"],\"resources\":[\"/x\"],"
				 "\"decision\":\"allow\",\"when\":{\"time\":{\"days\":[\"wed\"],"
				 "\"zone\":\"+14:00\"}}}"));
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++)
		(void)fixture_ask(&f, "proc:exec", "proc:path:/x", NULL, moments[i]);
	/* 1969-12-31 was a Wednesday, as far east as that until 10:00 UTC. */
	assert_true(
	    fixture_ask(&f, "proc:exec", "proc:path:/x", NULL, -14 * HOUR - 1).answer.allow);
	assert_false(fixture_ask(&f, "proc:exec", "proc:path:/x", NULL, -14 * HOUR).answer.allow);
	fixture_close(&f);
}

/* --- actions --------------------------------------------------------------------------------- */

static void
test_actions(void **state)
{
	static const struct {
		const char *rule, *resource, *matches;
	} rows[] = {
	    {"read", "/x", "fs:read fs:mount:read"},
	    {"write", "/x", "fs:write fs:mount:write"},
	    {"fs:read", "/x", "fs:read"},
	    {"fs:write", "/x", "fs:write"},
	    {"mount:read", "/x", "fs:mount:read"},
	    {"fs:mount:write", "/x", "fs:mount:write"},
	    {"exec", "/x", "proc:exec"},
	    {"connect:tcp", "h.example", "net:connect:tcp"},
	    {"net:connect:udp", "h.example", "net:connect:udp"},
	    {"ssh:connect", "h.example", "ssh:connect"},
	    {"request", "h.example", "http:request:GET http:request:POST http:request:PROPFIND"},
	    {"http:request:*", "h.example",
		"http:request:GET http:request:POST http:request:PROPFIND"},
	    {"request:get", "h.example", "http:request:GET"},
	    {"http:request:PropFind", "h.example", "http:request:PROPFIND"},
	    {"invoke", "x", "tool:invoke"},
	};
	static const char *const requests[][2] = {
	    {"fs:read", "fs:path:/x"},
	    {"fs:write", "fs:path:/x"},
	    {"fs:mount:read", "fs:path:/x"},
	    {"fs:mount:write", "fs:path:/x"},
	    {"proc:exec", "proc:path:/x"},
	    {"net:connect:tcp", "net:domain:h.example:22"},
	    {"net:connect:udp", "net:domain:h.example:22"},
	    {"ssh:connect", "net:domain:h.example:22"},
	    {"http:request:GET", "http:url:http://h.example/"},
	    {"http:request:POST", "http:url:http://h.example/"},
	    {"http:request:PROPFIND", "http:url:http://h.example/"},
	    {"tool:invoke", "tool:name:x"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char rules[256], padded[256];
		struct fixture f;

		(void)snprintf(rules, sizeof(rules),
		    "{\"id\":\"r\",\"actions\":[\"%s\"],\"resources\":[\"%s\"],\"decision\":"
		    "\"allow\"}",
		    rows[i].rule, rows[i].resource);
		(void)snprintf(padded, sizeof(padded), " %s ", rows[i].matches);
		fixture_open(&f, fixture_document("", rules));
		for (size_t k = 0; k < ARRAY_SIZE(requests); k++) {
			char word[64];

			(void)snprintf(word, sizeof(word), " %s ", requests[k][0]);
			assert_int_equal(fixture_allows(&f, requests[k][0], requests[k][1]),
			    strstr(padded, word) != NULL);
		}
		fixture_close(&f);
	}
}

/* --- reasons and listings -------------------------------------------------------------------- */

static void
assert_reason(const struct fixture *f, const char *action, const char *resource, const char *want)
{
	struct policy_verdict verdict = fixture_ask(f, action, resource, NULL, NOON);
	char buf[512];
	struct text t = text_over(buf, sizeof(buf));
	struct policy_op op;
	const char *why;

	assert_int_equal(policy_op_parse(&op, str_from(action), str_from(resource), &why), 0);
	policy_reason(&t, &op, &verdict.answer);
	assert_str(text_str(&t), want);
}

static void
test_reasons(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, fixture_document("", "{\"id\":\"no-plain\",\"actions\":[\"connect:tcp\"],"
					      "\"resources\":[\"**:80\"],\"decision\":\"deny\"}"));
	assert_reason(&f, "net:connect:tcp", "net:domain:Example.COM.:443",
	    "no applicable policies for op(action=net:connect:tcp, "
	    "resource=net:domain:example.com:443)");
	assert_reason(&f, "net:connect:tcp", "net:ip:[::ffff:1.2.3.4]:80",
	    "denied by rule no-plain in policy p for op(action=net:connect:tcp, "
	    "resource=net:ip:1.2.3.4:80)");
	fixture_close(&f);
}

static void
test_listing(void **state)
{
	struct policy_rule_view view;
	struct fixture f;

	(void)state;
	fixture_open(&f,
	    DOCUMENT(
		POLICY("h", "\"name\":\"Host\",", EXEC("a", "allow", ",\"name\":\"A\"")) "," POLICY(
		    "o", "\"source\":\"org\",\"mode\":\"warn\",",
		    "{\"id\":\"d\",\"actions\":[\"request:get\",\"request:POST\"],\"resources\":"
		    "[\"A.example:80\",\"**\"],\"decision\":\"deny\",\"expires\":\"2026-12-31T00:"
		    "00:00Z\"}")));
	assert_int_equal(policy_image_policies(&f.image), 2);
	assert_int_equal(policy_image_rules(&f.image), 2);
	policy_image_rule(&f.image, 0, &view);
	assert_str(view.policy_id, "h");
	assert_str(view.policy_name, "Host");
	assert_str(view.rule_name, "A");
	assert_true(view.inactive && !view.deny && view.source == SOURCE_HOST);
	assert_true(view.expires == INT64_MAX);
	policy_image_rule(&f.image, 1, &view);
	assert_true(!view.inactive && view.deny && view.mode == POLICY_WARN);
	assert_false(str_given(view.policy_name));
	assert_int_equal(view.n_actions, 2);
	assert_int_equal(view.n_resources, 2);
	assert_str(policy_image_rule_action(&f.image, 1, 0), "request:get");
	assert_str(policy_image_rule_resource(&f.image, 1, 0), "A.example:80");
	assert_str(policy_image_rule_resource(&f.image, 1, 1), "**");
	assert_false(str_given(policy_image_rule_resource(&f.image, 1, 2)));
	assert_false(str_given(policy_image_rule_action(&f.image, 1, 2)));
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_deny_wins),
	    cmocka_unit_test(test_default_deny),
	    cmocka_unit_test(test_org_source),
	    cmocka_unit_test(test_first_in_load_order),
	    cmocka_unit_test(test_expiry),
	    cmocka_unit_test(test_modes),
	    cmocka_unit_test(test_modes_of_unknown_scope),
	    cmocka_unit_test(test_conditions),
	    cmocka_unit_test(test_part_of_groups),
	    cmocka_unit_test(test_windows),
	    cmocka_unit_test(test_windows_far_away),
	    cmocka_unit_test(test_actions),
	    cmocka_unit_test(test_reasons),
	    cmocka_unit_test(test_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
