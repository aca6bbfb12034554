/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy_exercise.h"

#include <stdlib.h>

static unsigned
touch(struct str s)
{
	unsigned sum = 0;

	for (size_t i = 0; i < s.n; i++)
		sum += (unsigned char)s.p[i];
	return sum;
}

static unsigned
exercise_listing(const struct policy_image *img)
{
	uint32_t n = policy_image_rules(img);
	unsigned sum = policy_image_policies(img);

	for (uint32_t i = 0; i < n; i++) {
		struct policy_rule_view v;

		policy_image_rule(img, i, &v);
		sum += touch(v.policy_id) + touch(v.policy_name) + touch(v.rule_id) +
		       touch(v.rule_name);
		for (uint32_t k = 0; k < v.n_actions && k < 16; k++)
			sum += touch(policy_image_rule_action(img, i, k));
		for (uint32_t k = 0; k < v.n_resources && k < 16; k++)
			sum += touch(policy_image_rule_resource(img, i, k));
	}
	return sum + touch(policy_image_revision(img)) + touch(policy_image_org_id(img)) +
	       touch(policy_image_org_name(img));
}

static unsigned
exercise_accounts(const struct policy_image *img)
{
	static const uint32_t uids[] = {0, 1, 33, 1000, 1001, 65534, UINT32_MAX};
	unsigned sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(uids); i++) {
		struct str groups[LIMIT_GROUPS];
		bool more;
		size_t n = policy_image_groups(img, uids[i], groups, LIMIT_GROUPS, &more);

		sum += touch(policy_image_user(img, uids[i]));
		for (size_t k = 0; k < n; k++)
			sum += touch(groups[k]);
	}
	return sum;
}

static const char *const asked[][2] = {
    {"net:connect:tcp", "net:domain:www.example.com:443"},
    {"net:connect:udp", "net:domain:a.b.c.d.example:53"},
    {"ssh:connect", "net:domain:x:22"},
    {"net:connect:tcp", "net:ip:10.1.2.3:80"},
    {"net:connect:tcp", "net:ip:[2001:db8::1]:8080"},
    {"fs:read", "fs:path:/"},
    {"fs:mount:write", "fs:path:/data/a/b/c/d.txt"},
    {"proc:exec", "proc:path:/usr/bin/curl"},
    {"http:request:GET", "http:url:https://api.example.com/v1/users/?q"},
    {"http:request:POST", "http:url:http://10.1.2.3:8080/x"},
    {"tool:invoke", "tool:name:github/create_issue"},
    {"net:connect:tcp",
	"net:domain:a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a:1"},
    {"net:connect:tcp", "net:ip:10.255.255.255:65535"},
    {"fs:write",
	"fs:path:/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a.log"},
    {"proc:exec", "proc:path:/"},
    {"http:request:FOO", "http:url:https://[2001:db8::1]:8443/"},
    {"tool:invoke", "tool:name:/x"},
};

#define ASKED ARRAY_SIZE(asked)

static const struct policy_op *
asked_ops(void)
{
	static struct policy_op ops[ASKED];
	static bool parsed;
	const char *why;

	for (size_t i = 0; !parsed && i < ASKED; i++)
		if (policy_op_parse(&ops[i], str_from(asked[i][0]), str_from(asked[i][1]), &why) <
		    0)
			abort();
	parsed = true;
	return ops;
}

static void
count(uint32_t rule, enum policy_part part, void *arg)
{
	unsigned *parts = arg;

	*parts += rule + (unsigned)part;
}

static unsigned
exercise_one(const struct policy_image *img, const struct policy_op *op,
    const struct policy_subject *subject, int64_t now)
{
	struct policy_verdict v;
	char buf[8192];
	struct text t = text_over(buf, sizeof(buf));
	unsigned parts = 0;

	policy_explain(img, op, subject, now, &v, count, &parts);
	policy_evaluate(img, op, subject, now, &v);
	policy_reason(&t, op, &v.record);
	/* Never told "no" without being put on record so. */
	if (!v.answer.allow && v.record.allow)
		abort();
	return parts + touch(v.answer.policy_id) + touch(v.answer.rule_id) +
	       touch(v.record.policy_id) + touch(v.record.rule_id) + touch(text_str(&t));
}

unsigned
policy_exercise(const struct policy_image *img)
{
	static const struct policy_attribute context[] = {
	    {{"branch", 6}, {"main", 4}}, {{"", 0}, {"", 0}}};
	static const struct policy_subject subjects[] = {
	    {.n_groups = 0},
	    {.user = {"alice", 5},
		.n_groups = 2,
		.groups = {{"dev", 3}, {"", 0}},
		.sandbox = {"sb-1", 4},
		.agent = {"coder", 5},
		.client = {"squid", 5},
		.n_context = 2,
		.context = context},
	    {.user = {"", 0}, .n_groups = 1, .groups = {{"users", 5}}, .more_groups = true},
	};
	const struct policy_op *ops = asked_ops();
	unsigned sum = exercise_listing(img) + exercise_accounts(img);

	for (size_t i = 0; i < ASKED; i++)
		for (size_t k = 0; k < ARRAY_SIZE(subjects); k++)
			sum += exercise_one(img, &ops[i], &subjects[k], INT64_C(1795262400000000));
	return sum;
}
