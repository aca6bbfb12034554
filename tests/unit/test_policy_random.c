/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Random small policies against a second reading of docs/POLICY.md, as naive as can be: patterns
 * are taken apart as text at every question, verdicts are counted out row by row.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit/policy_fixture.h"

static unsigned seed;

static unsigned
pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

#define PICK(array) (array)[pick(ARRAY_SIZE(array))]

#define WORD 64 /* bytes of every small string here */

static void
set(char out[WORD], const char *s)
{
	(void)snprintf(out, WORD, "%s", s);
}

static void
add(char out[WORD], const char *s)
{
	(void)snprintf(out + strlen(out), WORD - strlen(out), "%s", s);
}

/* --- random things --------------------------------------------------------------------------- */

#define RULES 5
#define POLICIES 4
#define PATTERNS 3

struct rule {
	bool deny, expired, net;
	char patterns[PATTERNS][64];
	unsigned n_patterns;
	const char *client, *branch; /* conditions; NULL: none */
};

struct policy {
	unsigned source, mode; /* indexes of the names below */
	const char *user, *group;
	struct rule rules[RULES];
	unsigned n_rules;
};

static const char *const sources[] = {"org", "host", "sandbox"};
static const char *const modes[] = {"enforce", "warn", "audit"};
static const char *const users[] = {NULL, NULL, "alice", "bob"};
static const char *const groups[] = {NULL, NULL, "dev"};
static const char *const clients[] = {NULL, NULL, NULL, "squid"};
static const char *const branches[] = {NULL, NULL, NULL, "main"};

static void
random_host(char out[64])
{
	unsigned labels = 1 + pick(4);

	*out = '\0';
	for (unsigned i = 0; i < labels; i++)
		(void)sprintf(out + strlen(out), "%s%c", i ? "." : "", "abc"[pick(3)]);
}

static void
random_net_pattern(char out[64])
{
	static const char *const ports[] = {"", "", ":80", ":443", ":80,443", ":80-443", ":*"};
	static const char *const fixed[] = {"**", "10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/17",
	    "10.1.2.3", "0.0.0.0/0", "[fd00::/8]", "[fd00::1]", "[::/0]", "[::ffff:10.1.0.0/112]"};

	if (pick(3) == 0) {
		set(out, PICK(fixed));
	} else {
		char host[64];
		static const char *const front[] = {"", "*.", "**."};

		random_host(host);
		(void)snprintf(out, 64, "%s%.40s", PICK(front), host);
	}
	add(out, PICK(ports));
}

static void
random_path_pattern(char out[64])
{
	static const char *const segments[] = {"a", "b", "c", "*", "**", "a*", "*b"};
	unsigned n = 1 + pick(4);

	*out = '\0';
	for (unsigned i = 0; i < n; i++) {
		add(out, "/");
		add(out, PICK(segments));
	}
	if (pick(20) == 0)
		set(out, pick(2) ? "/" : "**");
}

static void
random_rule(struct rule *r)
{
	*r = (struct rule){.deny = pick(3) == 0,
	    .expired = pick(6) == 0,
	    .net = pick(2),
	    .n_patterns = 1 + pick(PATTERNS),
	    .client = PICK(clients),
	    .branch = PICK(branches)};
	for (unsigned i = 0; i < r->n_patterns; i++) {
		if (r->net)
			random_net_pattern(r->patterns[i]);
		else
			random_path_pattern(r->patterns[i]);
	}
}

static void
random_policy(struct policy *p)
{
	*p = (struct policy){.source = pick(4) ? 1 + pick(2) : 0,
	    .mode = pick(2) ? 0 : pick(3),
	    .user = PICK(users),
	    .group = PICK(groups),
	    .n_rules = pick(RULES + 1)};
	for (unsigned i = 0; i < p->n_rules; i++)
		random_rule(&p->rules[i]);
}

/* --- as a document --------------------------------------------------------------------------- */

static char json[32768];

#define ADD(...) (void)snprintf(json + strlen(json), sizeof(json) - strlen(json), __VA_ARGS__)

static void
write_rule(const struct rule *r, unsigned i)
{
	ADD("%s{\"id\":\"r%u\",\"decision\":\"%s\",\"actions\":[\"%s\"],\"resources\":[",
	    i ? "," : "", i, r->deny ? "deny" : "allow", r->net ? "connect:tcp" : "read");
	for (unsigned k = 0; k < r->n_patterns; k++)
		ADD("%s\"%s\"", k ? "," : "", r->patterns[k]);
	ADD("],\"expires\":\"%s\",\"when\":{",
	    r->expired ? "2026-11-21T12:00:00Z" : "2026-11-21T12:00:00.000001Z");
	if (r->client)
		ADD("\"client\":[\"%s\"]", r->client);
	if (r->branch)
		ADD("%s\"context\":{\"branch\":\"%s\"}", r->client ? "," : "", r->branch);
	ADD("}}");
}

static void
write_document(const struct policy *policies, unsigned n)
{
	json[0] = '\0';
	ADD("{\"schema\":\"sealwright-policy/1\",\"policies\":[");
	for (unsigned i = 0; i < n; i++) {
		const struct policy *p = &policies[i];

		ADD("%s{\"id\":\"p%u\",\"source\":\"%s\",\"mode\":\"%s\",\"scope\":{", i ? "," : "",
		    i, sources[p->source], modes[p->mode]);
		if (p->user)
			ADD("\"users\":[\"%s\"]", p->user);
		if (p->group)
			ADD("%s\"groups\":[\"%s\"]", p->user ? "," : "", p->group);
		ADD("},\"rules\":[");
		for (unsigned k = 0; k < p->n_rules; k++)
			write_rule(&p->rules[k], k);
		ADD("]}");
	}
	ADD("]}");
	assert_true(strlen(json) < sizeof(json) - 1);
}

/* --- the naive reading ----------------------------------------------------------------------- */

struct question {
	bool net, is_ip, is_v6;
	char host[64]; /* name or address without brackets */
	unsigned port;
	char path[64];
	const char *user, *group, *client, *branch; /* NULL: missing */
};

static unsigned
split_words(char *s, const char *separator, char **words, unsigned max)
{
	unsigned n = 0;
	char *save = NULL;

	for (char *w = strtok_r(s, separator, &save); w && n < max;
	     w = strtok_r(NULL, separator, &save))
		words[n++] = w;
	return n;
}

static bool
naive_ports(const char *ports, unsigned port)
{
	char copy[64], *items[8];
	unsigned n;

	if (!*ports || strcmp(ports, "*") == 0)
		return true;
	(void)snprintf(copy, sizeof(copy), "%s", ports);
	n = split_words(copy, ",", items, 8);
	for (unsigned i = 0; i < n; i++) {
		char *rest;
		unsigned long low = strtoul(items[i], &rest, 10);
		unsigned long high = *rest == '-' ? strtoul(rest + 1, NULL, 10) : low;

		if (low <= port && port <= high)
			return true;
	}
	return false;
}

static bool
naive_name(const char *pattern, const char *host)
{
	char a[64], b[64], *want[8] = {a}, *have[8] = {b};
	unsigned n, m;

	(void)snprintf(a, sizeof(a), "%s", pattern);
	(void)snprintf(b, sizeof(b), "%s", host);
	n = split_words(a, ".", want, 8);
	m = split_words(b, ".", have, 8);
	assert_true(n > 0 && m > 0);
	if (strcmp(want[0], "**") == 0 ? m < n : m != n)
		return false;
	for (unsigned i = 1; i <= n; i++) {
		bool star = i == n && want[0][0] == '*';

		if (!star && strcmp(want[n - i], have[m - i]) != 0)
			return false;
	}
	return true;
}

/* The fixed patterns of random_net_pattern(), one by one. */
static bool
naive_address(const char *pattern, const struct question *q)
{
	unsigned long a, b, c;
	char *rest;

	if (q->is_v6)
		return strcmp(pattern, "::/0") == 0 ||
		       (strncmp(q->host, "fd", 2) == 0 && strcmp(pattern, "fd00::/8") == 0) ||
		       (strcmp(q->host, "fd00::1") == 0 && strcmp(pattern, "fd00::1") == 0);
	a = strtoul(q->host, &rest, 10);
	b = strtoul(rest + 1, &rest, 10);
	c = strtoul(rest + 1, &rest, 10);
	if (strcmp(pattern, "0.0.0.0/0") == 0)
		return true;
	if (strcmp(pattern, "10.0.0.0/8") == 0)
		return a == 10;
	if (strcmp(pattern, "10.1.0.0/16") == 0 || strcmp(pattern, "::ffff:10.1.0.0/112") == 0)
		return a == 10 && b == 1;
	if (strcmp(pattern, "10.1.0.0/17") == 0)
		return a == 10 && b == 1 && c < 128;
	return strcmp(pattern, q->host) == 0;
}

static bool
naive_net(const char *pattern, const struct question *q)
{
	char copy[64], *host = copy, *ports = copy + strlen(pattern);

	(void)snprintf(copy, sizeof(copy), "%s", pattern);
	if (*copy == '[') {
		char *close = strchr(copy, ']');

		host++;
		*close = '\0';
		ports = close[1] ? close + 2 : close;
	} else if (strchr(copy, ':')) {
		ports = strchr(copy, ':');
		*ports++ = '\0';
	}
	if (!naive_ports(ports, q->port))
		return false;
	if (strcmp(host, "**") == 0)
		return true;
	if (strpbrk(host, "0123456789"))
		return q->is_ip && naive_address(host, q);
	return !q->is_ip && naive_name(host, q->host);
}

static bool
naive_segment(const char *pattern, const char *s)
{
	size_t n = strlen(pattern), m = strlen(s);

	if (strcmp(pattern, "*") == 0)
		return true;
	if (pattern[0] == '*')
		return m >= n - 1 && strcmp(s + m - (n - 1), pattern + 1) == 0;
	if (pattern[n - 1] == '*')
		return strncmp(s, pattern, n - 1) == 0;
	return strcmp(pattern, s) == 0;
}

static bool
naive_segments(char **want, unsigned n, char **have, unsigned m)
{
	if (n == 0)
		return m == 0;
	if (strcmp(want[0], "**") == 0) {
		for (unsigned taken = 1; taken <= m; taken++)
			if (naive_segments(want + 1, n - 1, have + taken, m - taken))
				return true;
		return false;
	}
	return m > 0 && naive_segment(want[0], have[0]) &&
	       naive_segments(want + 1, n - 1, have + 1, m - 1);
}

static bool
naive_path(const char *pattern, const char *path)
{
	char a[64], b[64], *want[16], *have[16];
	unsigned n, m;

	if (strcmp(pattern, "**") == 0)
		return true;
	(void)snprintf(a, sizeof(a), "%s", pattern);
	(void)snprintf(b, sizeof(b), "%s", path);
	n = split_words(a, "/", want, 16);
	m = split_words(b, "/", have, 16);
	return naive_segments(want, n, have, m);
}

/* 1 holds, 0 does not, -1 unknown */
static int
naive_one(const char *wanted, const char *given)
{
	if (!wanted)
		return 1;
	return given ? strcmp(wanted, given) == 0 : -1;
}

static int
naive_all(const int *truths, unsigned n)
{
	int all = 1;

	for (unsigned i = 0; i < n; i++)
		if (truths[i] == 0)
			return 0;
		else if (truths[i] < 0)
			all = -1;
	return all;
}

static int
naive_scope(const struct policy *p, const struct question *q)
{
	int truths[] = {naive_one(p->user, q->user), naive_one(p->group, q->group)};

	return naive_all(truths, 2);
}

static bool
naive_matches(const struct policy *p, const struct rule *r, const struct question *q, bool org)
{
	int truths[] = {
	    naive_scope(p, q), naive_one(r->client, q->client), naive_one(r->branch, q->branch)};
	int truth = naive_all(truths, 3);
	bool resource = false;

	if (r->net != q->net || r->expired || (org && !r->deny && p->source != 0))
		return false;
	for (unsigned i = 0; i < r->n_patterns; i++)
		resource = resource || (q->net ? naive_net(r->patterns[i], q)
					       : naive_path(r->patterns[i], q->path));
	return resource && (truth == 1 || (truth < 0 && r->deny));
}

struct naive_finding {
	bool allow;
	unsigned mode;
	int policy, rule; /* -1: none */
};

/* The first rule that matches, of this decision and of enforce (or else of the other) policies. */
static bool
naive_first(const struct policy *policies, unsigned n, const struct question *q, bool deny,
    bool enforce, struct naive_finding *ret)
{
	bool org = false;

	for (unsigned i = 0; i < n; i++)
		org = org || policies[i].source == 0;
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < policies[i].n_rules; k++) {
			const struct rule *r = &policies[i].rules[k];

			if (r->deny != deny || (policies[i].mode == 0) != enforce ||
			    !naive_matches(&policies[i], r, q, org))
				continue;
			*ret = (struct naive_finding){!deny, policies[i].mode, (int)i, (int)k};
			return true;
		}
	return false;
}

static void
naive_verdict(const struct policy *policies, unsigned n, const struct question *q,
    struct naive_finding *answer, struct naive_finding *record)
{
	bool enforce = false, warn = false, audit = false;
	struct naive_finding found;

	for (unsigned i = 0; i < n; i++) {
		int truth = naive_scope(&policies[i], q);

		enforce = enforce || (policies[i].mode == 0 && truth != 0);
		warn = warn || (policies[i].mode == 1 && truth == 1);
		audit = audit || (policies[i].mode == 2 && truth == 1);
	}
	if (!enforce && (warn || audit)) { /* M3 */
		*answer = (struct naive_finding){true, warn ? 1 : 2, -1, -1};
		*record = (struct naive_finding){false, warn ? 1 : 2, -1, -1};
		if (naive_first(policies, n, q, true, false, &found))
			*record = found;
		else if (naive_first(policies, n, q, false, false, &found))
			*answer = *record = found;
		return;
	}
	*answer = (struct naive_finding){false, 0, -1, -1};    /* V3 */
	if (naive_first(policies, n, q, true, true, &found) || /* V1 */
	    naive_first(policies, n, q, false, true, &found))  /* V2 */
		*answer = found;
	*record = *answer;
	if (answer->allow && naive_first(policies, n, q, true, false, &found))
		*record = found; /* M2 */
}

/* --- compared -------------------------------------------------------------------------------- */

static void
random_question(struct question *q)
{
	static const char *const addresses[] = {"10.1.2.3", "10.1.200.3", "10.9.9.9", "192.0.2.1"};
	static const char *const addresses6[] = {"fd00::1", "fd12::1", "2001:db8::1"};
	static const unsigned ports[] = {80, 443, 200, 22};
	static const char *const segments[] = {"a", "b", "c", "ab", "cb"};

	*q = (struct question){.net = pick(2), .port = PICK(ports)};
	q->user = PICK(users);
	q->group = pick(3) == 0 ? "ops" : PICK(groups);
	q->client = pick(4) == 0 ? "sbx" : PICK(clients);
	q->branch = pick(4) == 0 ? "topic" : PICK(branches);
	if (!q->net) {
		for (unsigned n = pick(5); n > 0; n--) {
			add(q->path, "/");
			add(q->path, PICK(segments));
		}
		if (!*q->path)
			set(q->path, "/");
		return;
	}
	q->is_ip = pick(3) == 0;
	q->is_v6 = q->is_ip && pick(2);
	if (q->is_ip)
		set(q->host, q->is_v6 ? PICK(addresses6) : PICK(addresses));
	else
		random_host(q->host);
}

static struct policy_verdict
ask(const struct fixture *f, const struct question *q)
{
	struct policy_attribute branch = {STR("branch"), str_from(q->branch)};
	struct policy_subject s = {.user = str_from(q->user),
	    .client = str_from(q->client),
	    .n_groups = q->group != NULL,
	    .groups = {str_from(q->group)},
	    .n_context = q->branch != NULL,
	    .context = &branch};
	char resource[160];

	if (q->net)
		(void)snprintf(resource, sizeof(resource), "net:%s:%s%s%s:%u",
		    q->is_ip ? "ip" : "domain", q->is_v6 ? "[" : "", q->host, q->is_v6 ? "]" : "",
		    q->port);
	else
		(void)snprintf(resource, sizeof(resource), "fs:path:%s", q->path);
	return fixture_ask(f, q->net ? "net:connect:tcp" : "fs:read", resource, &s, NOON);
}

static bool
same(const struct policy_finding *f, const struct naive_finding *n)
{
	char policy[16] = "", rule[16] = "";

	if (n->policy >= 0) {
		(void)sprintf(policy, "p%d", n->policy);
		(void)sprintf(rule, "r%d", n->rule);
	}
	return f->allow == n->allow && f->mode == POLICY_ENFORCE + n->mode &&
	       str_given(f->rule_id) == (n->policy >= 0) &&
	       str_eq(f->policy_id, str_from(policy)) && str_eq(f->rule_id, str_from(rule));
}

static void
compare(const struct fixture *f, const struct policy *policies, unsigned n, unsigned counts[3])
{
	struct naive_finding answer, record;
	struct policy_verdict v;
	struct question q;

	random_question(&q);
	naive_verdict(policies, n, &q, &answer, &record);
	v = ask(f, &q);
	if (!same(&v.answer, &answer) || !same(&v.record, &record))
		fail_msg(
		    "%s\nhost %s port %u path %s user %s group %s client %s branch %s: answer %d "
		    "p%d/r%d, record %d p%d/r%d",
		    json, q.host, q.port, q.path, q.user, q.group, q.client, q.branch, answer.allow,
		    answer.policy, answer.rule, record.allow, record.policy, record.rule);
	counts[0] += answer.allow;
	counts[1] += answer.allow != record.allow;
	counts[2] += answer.rule >= 0;
}

static void
test_random(void **state)
{
	const char *given = getenv("TEST_SEED");
	unsigned counts[3] = {0, 0, 0};

	(void)state;
	seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	print_message("# TEST_SEED=%u\n", seed);
	for (unsigned i = 0; i < 20000; i++) {
		static struct policy policies[POLICIES];
		unsigned n = pick(POLICIES + 1);
		struct fixture f;

		for (unsigned k = 0; k < n; k++)
			random_policy(&policies[k]);
		write_document(policies, n);
		fixture_open(&f, json);
		for (unsigned k = 0; k < 40; k++)
			compare(&f, policies, n, counts);
		fixture_close(&f);
	}
	print_message("# 800000 questions: %u allowed, %u recorded otherwise, %u by a rule\n",
	    counts[0], counts[1], counts[2]);
	assert_true(counts[0] > 40000 && counts[1] > 10000 && counts[2] > 20000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
