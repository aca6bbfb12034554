/* SPDX-License-Identifier: Apache-2.0 */

/* The index against the plain reading where thousands of rules are alike but for one thing. */

#include <stdio.h>

#include "tests/unit/policy_agree.h"

#define MANY 3000u

/* What a policy says that is the i-th of many. */
typedef void write_many(unsigned i);
typedef void ask_many(struct question *q, unsigned i);

static void
check_many(write_many *write, ask_many *ask)
{
	unsigned parts[PART_KINDS] = {0}, ruled = 0;
	struct fixture f;

	agree_n = 0;
	agree_add("{\"schema\":\"sealwright-policy/1\",\"policies\":[");
	for (unsigned i = 0; i < MANY; i++) {
		agree_add("%s{\"id\":\"p%u\",", i > 0 ? "," : "", i);
		write(i);
		agree_add("}");
	}
	agree_add("]}");
	fixture_open(&f, agree_json);
	for (unsigned i = 0; i < 2 * MANY; i += 97) {
		struct question q = {.action = "net:connect:tcp"};

		ask(&q, i);
		assert_true(agree(&f, &q, parts));
		ruled += parts[PART_ANSWER] > 0;
	}
	assert_true(ruled > 0);
	fixture_close(&f);
}

static void
add_one_rule(const char *pattern, bool deny, const char *more)
{
	agree_add("\"rules\":[{\"id\":\"r\",\"actions\":[\"connect:tcp\"],\"resources\":[\"%s\"],"
		  "\"decision\":\"%s\"%s}]",
	    pattern, deny ? "deny" : "allow", more);
}

static void
write_sandbox(unsigned i)
{
	agree_add("\"scope\":{\"sandboxes\":[\"s%u\"],\"users\":[\"u%u\"]},", i / 2, i % 7);
	add_one_rule("www.example", i % 5 == 0, "");
}

static void
ask_sandbox(struct question *q, unsigned i)
{
	line_put(&q->resource, "net:domain:www.example:443");
	(void)sprintf(q->room[0], "s%u", i / 2);
	(void)sprintf(q->room[1], "u%u", i % 7);
	q->subject.sandbox = i % 3 ? str_from(q->room[0]) : STR_NONE;
	q->subject.user = i % 4 ? str_from(q->room[1]) : STR_NONE;
}

static void
write_name(unsigned i)
{
	char pattern[64];

	(void)sprintf(pattern, "%sx%u.example", i % 3 == 0 ? "**." : i % 3 == 1 ? "*." : "", i);
	add_one_rule(pattern, i % 5 == 0, "");
}

static void
ask_name(struct question *q, unsigned i)
{
	static const char *const front[] = {"", "a.", "a.b."};

	line_put(&q->resource, "net:domain:%sx%u.example:443", front[i / 97 % 3], i);
}

/* Nothing tells them apart before they are asked. */
static void
write_context(unsigned i)
{
	char more[64];

	(void)sprintf(more, ",\"when\":{\"context\":{\"branch\":\"b%u\"}}", i);
	add_one_rule("*.example", i % 5 == 0, more);
}

static void
ask_context(struct question *q, unsigned i)
{
	line_put(&q->resource, "net:domain:www.example:443");
	(void)sprintf(q->room[0], "b%u", i);
	q->context = (struct policy_attribute){STR("branch"), str_from(q->room[0])};
	q->subject.context = &q->context;
	q->subject.n_context = i % 3 > 0;
}

static void
write_network(unsigned i)
{
	char pattern[64];

	if (i % 2)
		(void)sprintf(pattern, "10.%u.%u.0/24", i >> 8, i & 255);
	else
		(void)sprintf(pattern, "2001:db8:%x::/%u", i, 48 + i % 81);
	add_one_rule(pattern, i % 5 == 0, "");
}

static void
ask_network(struct question *q, unsigned i)
{
	if (i / 97 % 2)
		line_put(&q->resource, "net:ip:10.%u.%u.7:443", i >> 8, i & 255);
	else
		line_put(&q->resource, "net:ip:[2001:db8:%x::]:443", i);
}

static void
test_many(void **state)
{
	(void)state;
	check_many(write_sandbox, ask_sandbox);
	check_many(write_name, ask_name);
	check_many(write_context, ask_context);
	check_many(write_network, ask_network);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
