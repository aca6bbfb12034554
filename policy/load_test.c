/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/load.h"

static void
load_test_context(const struct reader *r, struct json_object *subject, struct doc_test *test)
{
	struct json_object *context;
	struct json_object_iter it;

	if (!read_member(r, subject, "context", json_type_object, OPTIONAL, &context))
		return;
	test->context = read_room(
	    r, (size_t)json_object_object_length(context), sizeof(*test->context));
	if (!test->context)
		return;
	json_object_object_foreachC(context, it)
	{
		struct policy_attribute *a = &test->context[test->n_context];

		if (!read_string(r, context, it.key, REQUIRED, LIMIT_NAME, &a->value))
			continue;
		a->key = arena_str(&r->doc->arena, str_from(it.key));
		r->doc->no_memory = r->doc->no_memory || !str_given(a->key);
		test->n_context++;
	}
}

static void
load_subject(const struct reader *r, struct json_object *object, struct doc_test *test)
{
	static const char *const keys[] = {
	    "user", "groups", "sandbox", "agent", "client", "context"};
	struct json_object *subject;

	if (!read_member(r, object, "subject", json_type_object, OPTIONAL, &subject) ||
	    !read_object(r, subject, object, "subject", keys, ARRAY_SIZE(keys)))
		return;
	(void)read_string(r, subject, "user", OPTIONAL, LIMIT_NAME, &test->user);
	(void)read_string(r, subject, "sandbox", OPTIONAL, LIMIT_NAME, &test->sandbox);
	(void)read_string(r, subject, "agent", OPTIONAL, LIMIT_NAME, &test->agent);
	(void)read_string(r, subject, "client", OPTIONAL, LIMIT_NAME, &test->client);
	read_list(r, subject, "groups", LIMIT_NAME, &test->groups);
	if (test->groups.n > LIMIT_GROUPS) {
		read_complain(r, subject, object, "more than %d groups", LIMIT_GROUPS);
		test->groups.n = LIMIT_GROUPS;
	}
	load_test_context(r, subject, test);
}

static void
load_test_op(const struct reader *r, struct json_object *object, struct doc_test *test)
{
	static const char *const keys[] = {"action", "resource"};
	struct policy_op op;
	struct json_object *node;
	const char *why;

	if (!read_member(r, object, "op", json_type_object, REQUIRED, &node) ||
	    !read_object(r, node, object, "op", keys, ARRAY_SIZE(keys)))
		return;
	if (!read_string(r, node, "action", REQUIRED, LIMIT_NAME, &test->action) ||
	    !read_string(r, node, "resource", REQUIRED, LIMIT_RESOURCE, &test->resource))
		return;
	if (policy_op_parse(&op, test->action, test->resource, &why) < 0)
		read_complain(r, node, object, "op is not understood: %s", why);
}

static void
load_test(const struct reader *r, struct json_object *object, struct json_object *list)
{
	static const char *const keys[] = {
	    "name", "op", "subject", "time", "expect", "record", "rule"};
	static const char *const decisions[] = {"deny", "allow"};
	struct doc_test test = {.has_time = false}, *kept;
	unsigned expect = 0, record = 0;

	if (!read_object(r, object, list, "a test", keys, ARRAY_SIZE(keys)))
		return;
	test.place = read_place(r, object, list);
	(void)read_string(r, object, "name", REQUIRED, LIMIT_NAME, &test.name);
	load_test_op(r, object, &test);
	load_subject(r, object, &test);
	test.has_time = read_time(r, object, "time", &test.time);
	(void)read_choice(r, object, "expect", REQUIRED, decisions, ARRAY_SIZE(decisions), &expect);
	test.expect_allow = expect == 1;
	test.has_record = read_choice(
	    r, object, "record", OPTIONAL, decisions, ARRAY_SIZE(decisions), &record);
	test.record_allow = record == 1;
	(void)read_string(r, object, "rule", OPTIONAL, 2 * DOC_ID_MAX + 1, &test.rule);
	kept = vec_add(&r->doc->tests, sizeof(*kept));
	if (kept)
		*kept = test;
	else
		r->doc->no_memory = true;
}

void
load_tests(const struct reader *r, struct json_object *list)
{
	size_t n = json_object_array_length(list);

	for (size_t i = 0; !r->doc->no_memory && i < n; i++)
		load_test(r, load_element(list, i), list);
}
