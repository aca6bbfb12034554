/* SPDX-License-Identifier: Apache-2.0 */

/*
 * No false alarms: what lint calls covered, never allowing, expired or inactive is taken out of random
 * policies, and no decision changes. LINT_ROUNDS=N makes it longer, SEED=N repeats a run.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policy/policy.h"
#include "tests/unit/policy_fixture.h"

#define POLICIES 3
#define RULES 4 /* of each policy at most */
#define NONE UINT32_MAX

static unsigned seed;

static unsigned
pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

#define PICK(array) (array)[pick(ARRAY_SIZE(array))]

/* --- random documents ---------------------------------------------------------------------------- */

static const char *const nets[] = {"a.b.c", "*.b.c", "**.c", "**.b.c", "b.c", "c", "**", "*.c:80",
    "a.b.c:80", "a.b.c:443", "**.b.c:80-443", "10.0.0.0/8", "10.1.0.0/16", "10.1.0.1",
    "10.1.0.1:80", "0.0.0.0/0", "[::/0]", "[fd00::/8]:80", "[fd00::1]", "**:80"};
static const char *const files[] = {
    "/a", "/a/b", "/a/*", "/a/**", "/a/*/c", "/**", "**", "/*/b", "/a/b*", "/a/b/**", "/a/**/c"};
static const char *const urls[] = {"h.x", "h.x/a", "h.x/a/*", "h.x/**", "https://h.x",
    "https://h.x/a", "*.x/a", "**", "**/a", "h.x:80", "[10.0.0.0/8]/a", "10.0.0.1/a/**"};
static const char *const programs[] = {"/bin/a", "/bin/*", "a", "a*", "*a", "**", "/bin/**", "*"};
static const char *const tools[] = {"s/a", "s/*", "*", "s/a*", "**", "t/b", "*a"};

static const char *const net_actions[] = {
    "connect:tcp", "connect:udp", "connect:tcp\",\"connect:udp", "ssh:connect"};
static const char *const file_actions[] = {
    "read", "write", "fs:read", "mount:read", "read\",\"write"};
static const char *const url_actions[] = {
    "request:*", "request:GET", "request:GET\",\"request:PUT", "request"};
static const char *const program_actions[] = {"exec"};
static const char *const tool_actions[] = {"invoke"};

#define FAMILY(a, p)                               \
	{                                          \
		a, ARRAY_SIZE(a), p, ARRAY_SIZE(p) \
	}
static const struct {
	const char *const *actions;
	unsigned n_actions;
	const char *const *patterns;
	unsigned n_patterns;
} families[] = {FAMILY(net_actions, nets), FAMILY(net_actions, nets), FAMILY(file_actions, files),
    FAMILY(url_actions, urls), FAMILY(program_actions, programs), FAMILY(tool_actions, tools)};

static const char *const ends[] = {"", "", "", ",\"expires\":\"2026-11-21T12:00:00Z\"",
    ",\"expires\":\"2026-11-21T12:00:01Z\"", ",\"when\":{\"client\":[\"c\"]}",
    ",\"when\":{\"time\":{\"from\":\"11:00\",\"to\":\"13:00\"}}",
    ",\"when\":{\"time\":{\"from\":\"13:00\",\"to\":\"14:00\"}}"};
static const char *const heads[] = {"", "", "", "\"scope\":{\"users\":[\"u\"]},",
    "\"scope\":{\"sandboxes\":[\"s*\"]},", "\"mode\":\"warn\",", "\"mode\":\"audit\",",
    "\"source\":\"org\",", "\"source\":\"sandbox\",",
    "\"mode\":\"warn\",\"scope\":{\"users\":[\"v\"]},"};

struct draft {
	const char *head[POLICIES];
	unsigned n_rules[POLICIES];
	char rule[POLICIES][RULES][256];
};

static void
draft_make(struct draft *d)
{
	unsigned family = pick(ARRAY_SIZE(families));

	for (unsigned i = 0; i < POLICIES; i++) {
		d->head[i] = PICK(heads);
		d->n_rules[i] = 1 + pick(RULES);
		for (unsigned k = 0; k < d->n_rules[i]; k++)
			(void)snprintf(d->rule[i][k], sizeof(d->rule[i][k]),
			    "{\"id\":\"r%u\",\"decision\":\"%s\",\"actions\":[\"%s\"],"
			    "\"resources\":[\"%s\"]%s}",
			    i * RULES + k, pick(3) ? "allow" : "deny",
			    families[family].actions[pick(families[family].n_actions)],
			    families[family].patterns[pick(families[family].n_patterns)],
			    PICK(ends));
	}
}

/* All rules but one; NONE: all. */
static void
draft_write(const struct draft *d, uint32_t without, char *json, size_t size)
{
	struct text t = text_over(json, size - 1);

	text_put(&t, STR("{\"schema\":\"sealwright-policy/1\",\"policies\":["));
	for (unsigned i = 0; i < POLICIES; i++) {
		bool any = false;

		text_put(&t, i ? STR(",{\"id\":\"p") : STR("{\"id\":\"p"));
		text_u64(&t, i);
		text_put(&t, STR("\","));
		text_put(&t, str_from(d->head[i]));
		text_put(&t, STR("\"rules\":["));
		for (unsigned k = 0; k < d->n_rules[i]; k++) {
			if (i * RULES + k == without)
				continue;
			text_put(&t, any ? STR(",") : STR(""));
			text_put(&t, str_from(d->rule[i][k]));
			any = true;
		}
		text_put(&t, STR("]}"));
	}
	text_put(&t, STR("]}"));
	assert_true(text_ok(&t));
	json[t.n] = '\0';
}

/* --- all questions ------------------------------------------------------------------------------- */

static const char *const net_names[] = {"net:domain:a.b.c:80", "net:domain:a.b.c:443",
    "net:domain:b.c:80", "net:domain:x.a.b.c:1", "net:domain:c:80", "net:ip:10.1.0.1:80",
    "net:ip:10.2.0.1:81", "net:ip:11.0.0.1:80", "net:ip:[fd00::1]:80", "net:ip:[2001::1]:443"};
static const char *const file_names[] = {
    "fs:path:/", "fs:path:/a", "fs:path:/a/b", "fs:path:/a/b/c", "fs:path:/a/bb", "fs:path:/c/b"};
static const char *const url_names[] = {"http:url:http://h.x/a", "http:url:https://h.x/a",
    "http:url:https://h.x/a/b", "http:url:https://h.x/", "http:url:https://g.x/a",
    "http:url:http://10.0.0.1/a", "http:url:http://h.x:81/b"};
static const char *const program_names[] = {
    "proc:path:/bin/a", "proc:path:/bin/ab", "proc:path:/x/a", "proc:path:/x/ba"};
static const char *const tool_names[] = {
    "tool:name:s/a", "tool:name:s/ab", "tool:name:t/b", "tool:name:a"};

static const struct {
	const char *action;
	const char *const *names;
	size_t n;
} questions[] = {{"net:connect:tcp", net_names, ARRAY_SIZE(net_names)},
    {"net:connect:udp", net_names, ARRAY_SIZE(net_names)},
    {"ssh:connect", net_names, ARRAY_SIZE(net_names)},
    {"fs:read", file_names, ARRAY_SIZE(file_names)},
    {"fs:mount:read", file_names, ARRAY_SIZE(file_names)},
    {"fs:write", file_names, ARRAY_SIZE(file_names)},
    {"http:request:GET", url_names, ARRAY_SIZE(url_names)},
    {"http:request:PUT", url_names, ARRAY_SIZE(url_names)},
    {"proc:exec", program_names, ARRAY_SIZE(program_names)},
    {"tool:invoke", tool_names, ARRAY_SIZE(tool_names)}};

static const struct policy_subject subjects[] = {{.n_groups = 0},
    {.user = {"u", 1}, .client = {"c", 1}}, {.user = {"v", 1}, .sandbox = {"s1", 2}},
    {.user = {"u", 1}, .sandbox = {"t", 1}, .client = {"d", 1}}};

static void
compare_answers(const struct fixture *a, const struct fixture *b, const char *action,
    const char *resource, const char *why, const char *json)
{
	for (size_t s = 0; s < ARRAY_SIZE(subjects); s++) {
		struct policy_verdict x = fixture_ask(a, action, resource, &subjects[s], NOON);
		struct policy_verdict y = fixture_ask(b, action, resource, &subjects[s], NOON);

		if (x.answer.allow != y.answer.allow || x.record.allow != y.record.allow)
			fail_msg("%s, but without it %s %s is decided otherwise (subject %zu): %s",
			    why, action, resource, s, json);
	}
}

static void
compare_all(const struct fixture *a, const struct fixture *b, const char *why, const char *json)
{
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		for (size_t k = 0; k < questions[i].n; k++)
			compare_answers(
			    a, b, questions[i].action, questions[i].names[k], why, json);
}

/* --- the test ------------------------------------------------------------------------------------ */

/* What lint says, of each rule that could be left out. */
static unsigned
check_draft(const struct draft *d)
{
	static struct policy_report report;
	static char json[16384], less[16384];
	struct policy_text text = {"random.json", STR_NONE};
	struct policy_texts texts = {.v = &text, .n = 1};
	struct fixture all, without;
	unsigned used = 0;

	draft_write(d, NONE, json, sizeof(json));
	text.text = str_from(json);
	report = (struct policy_report){.n = 0};
	assert_int_equal(policy_lint(&texts, NOON, &report), 0);
	fixture_open(&all, json);
	for (uint32_t i = 0; i < report.n; i++) {
		const char *what = report.complaint[i].text;
		unsigned rule;

		if (sscanf(what, "rule \"r%u\":", &rule) != 1 || strstr(what, "allows very much"))
			continue;
		draft_write(d, rule, less, sizeof(less));
		fixture_open(&without, less);
		compare_all(&all, &without, what, json);
		fixture_close(&without);
		used++;
	}
	fixture_close(&all);
	return used;
}

static void
test_no_false_alarms(void **state)
{
	const char *rounds = getenv("LINT_ROUNDS"), *given = getenv("SEED");
	static struct draft d;
	unsigned used = 0, n = rounds ? (unsigned)atoi(rounds) : 400;

	(void)state;
	seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	for (unsigned i = 0; i < n; i++) {
		draft_make(&d);
		used += check_draft(&d);
	}
	print_message("%u findings in %u policies\n", used, n);
	assert_true(used > n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_false_alarms)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
