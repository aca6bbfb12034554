/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy_fixture.h"

#include <stdio.h>
#include <stdlib.h>

int
fixture_try(struct fixture *f, const char *json, struct policy_report *report)
{
	struct policy_text text = {"test.json", str_from(json)};
	struct policy_texts texts = {.v = &text, .n = 1};
	struct policy_compile_options options = {.run_tests = true, .now = NOON};
	const char *why;
	int error = policy_compile(&texts, &options, &f->bytes, &f->size, report);

	if (error == 0)
		assert_int_equal(policy_image_open(&f->image, f->bytes, f->size, &why), 0);
	return error;
}

void
fixture_open(struct fixture *f, const char *json)
{
	static struct policy_report report;
	int error = fixture_try(f, json, &report);

	for (uint32_t i = 0; i < report.n; i++)
		print_error("%u:%u: %s\n", report.complaint[i].line, report.complaint[i].column,
		    report.complaint[i].text);
	assert_int_equal(error, 0);
}

void
fixture_close(struct fixture *f)
{
	free(f->bytes);
	f->bytes = NULL;
}

const char *
fixture_document(const char *policy_head, const char *rules)
{
	static char buf[16384];
	int n = snprintf(buf, sizeof(buf),
	    "{\"schema\":\"sealwright-policy/1\",\"revision\":\"7\",\"policies\":[{\"id\":\"p\",%s"
	    "\"rules\":[%s]}]}",
	    policy_head, rules);

	assert_in_range(n, 1, sizeof(buf) - 1);
	return buf;
}

struct policy_verdict
fixture_ask(const struct fixture *f, const char *action, const char *resource,
    const struct policy_subject *subject, int64_t now)
{
	static const struct policy_subject nobody;
	struct policy_verdict verdict;
	struct policy_op op;
	const char *why = "";

	if (policy_op_parse(&op, str_from(action), str_from(resource), &why) < 0)
		fail_msg("%s %s: %s", action, resource, why);
	policy_evaluate(&f->image, &op, subject ? subject : &nobody, now, &verdict);
	return verdict;
}

bool
fixture_allows(const struct fixture *f, const char *action, const char *resource)
{
	return fixture_ask(f, action, resource, NULL, NOON).answer.allow;
}

void
assert_str(struct str got, const char *want)
{
	if (!str_eq(got, str_from(want)))
		fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(got), want);
}
