/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluator's quick answer to "does the record fit a line" must never be yes when it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "policyd/evaluator/state.h"
#include "proto/line.h"
#include "proto/value.h"

static char bytes[8192];

static struct str
some(size_t max)
{
	size_t n = (size_t)random() % (max + 1);

	return (struct str){bytes, n};
}

static struct record
random_record(size_t max)
{
	struct record r = {
	    .category = RECORD_EVALUATION,
	    .decision = DECISION_DENY,
	    .enforcement_mode = MODE_ENFORCE,
	    .action_type = ACTION_FILESYSTEM_ACCESS,
	    .username = some(max),
	    .user_email = some(max),
	    .org_id = some(max),
	    .org_name = some(max),
	    .sandbox_id = some(max),
	    .agent = some(max),
	    .resource_id = some(max),
	    .client_name = some(max),
	    .reasons = RECORD_REASONS,
	    .action = some(max),
	    .policy_id = some(max),
	    .rule_id = some(max),
	    .policy_revision = some(max),
	    .has_peer = true,
	    .peer = {UINT32_MAX, UINT32_MAX, UINT32_MAX},
	    .request_id = some(max),
	};

	for (int i = 0; i < RECORD_REASONS; i++)
		r.deny_reason[i] = some(max);
	return r;
}

static void
test_never_too_long(void **state)
{
	static const char fill[] = {1, 'a', '"', (char)0xff, 0x7f};
	static uint8_t value[2048];
	unsigned fitting = 0, refused = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct record r = random_record(20 + (size_t)random() % 500);
		struct wire_out out = wire_out_over(value, sizeof(value));

		memset(bytes, fill[(size_t)random() % sizeof(fill)], sizeof(bytes));
		value_open_object(&out);
		for (long keys = random() % 20; keys > 0; keys--) {
			char key = (char)('a' + keys);

			value_member_str(&out, (struct str){&key, 1}, some(30));
		}
		value_close_object(&out);
		r.payload = (struct str){(const char *)value, (size_t)(out.p - value)};
		if (fill_fits(&r)) {
			fitting++;
			assert_true(line_measure(&r) <= LIMIT_LINE);
		} else {
			refused++;
			assert_true(line_measure(&r) > LIMIT_LINE);
		}
	}
	assert_true(fitting > 1000 && refused > 1000);
}

/* Every kind, all fields at once, one byte each: little but what is fixed. */
static void
test_fixed_part(void **state)
{
	static const enum record_category categories[] = {
	    RECORD_EVALUATION, RECORD_EXECUTION, RECORD_EVENT};
	static const enum record_action_type types[] = {
	    ACTION_FILESYSTEM_ACCESS, ACTION_EXECUTION, ACTION_APPLICATION_EVENT};
	uint8_t value[2] = "{}";
	struct str empty = {(const char *)value, 2};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(categories); i++) {
		struct record r = random_record(0);

		r.category = categories[i];
		r.action_type = types[i];
		r.level = LEVEL_WARNING;
		r.event = r.actor = r.evaluation_id = some(0);
		r.details = r.payload = empty;
		assert_true(line_measure(&r) <= 1600);
	}
}

static void
test_cut(void **state)
{
	(void)state;
	assert_int_equal(fill_cut(STR("abc"), 3).n, 3);
	assert_int_equal(fill_cut(STR("abcd"), 3).n, 3);
	assert_int_equal(fill_cut(STR(""), 3).n, 0);
	assert_int_equal(fill_cut(STR("ab\xc3\xbc"), 3).n, 2);
	assert_int_equal(fill_cut(STR("ab\xc3\xbc"), 4).n, 4);
	assert_int_equal(fill_cut(STR("\xf0\x9f\x98\x80x"), 3).n, 0);
	assert_int_equal(fill_cut(STR("\xf0\x9f\x98\x80x"), 4).n, 4);
	assert_int_equal(fill_cut(STR("\xff\xff\xff\xff"), 3).n, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_never_too_long),
	    cmocka_unit_test(test_fixed_part),
	    cmocka_unit_test(test_cut),
	};
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	printf("# SEED=%u\n", seed);
	srandom(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
