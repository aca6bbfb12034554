/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the tests of the evaluator ask, and what it must answer. Included by test programs only. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "policyd/evaluator/evaluator.h"
#include "proto/value.h"
#include "tests/unit/role_harness.h"

#define POLICY_OF(rules)                                                      \
	"{\"schema\":\"sealwright-policy/"                                    \
	"1\",\"revision\":\"r1\",\"policies\":[{\"id\":\"p\",\"name\":\"P\"," \
	"\"source\":\"host\",\"mode\":\"enforce\",\"rules\":[" rules "]}]}"
#define RULE(id, path)                                                                    \
	"{\"id\":\"" id "\",\"name\":\"n\",\"actions\":[\"read\"],\"resources\":[\"" path \
	"\"],\"decision\":\"allow\"}"
#define POLICY POLICY_OF(RULE("a", "/a"))

#define ALLOWED "{\"id\":1,\"action\":\"fs:read\",\"resource\":\"fs:path:/a\"}\n"
#define DENIED "{\"id\":2,\"action\":\"fs:read\",\"resource\":\"fs:path:/b\"}\n"
#define EMIT "{\"id\":3,\"op\":\"emit\",\"event\":\"e\"}\n"
#define PING "{\"id\":4,\"op\":\"ping\"}\n"

#define YES                                                                                  \
	"{\"id\":1,\"decision\":\"allow\",\"audit_event_id\":\"EVENT\",\"policy_id\":\"p\"," \
	"\"rule_id\":\"a\","                                                                 \
	"\"policy_revision\":\"r1\"}"
#define NO                                                                                         \
	"{\"id\":2,\"decision\":\"deny\",\"audit_event_id\":\"EVENT\",\"policy_revision\":\"r1\"," \
	"\"reason\":[\"no applicable policies for op(action=fs:read, resource=fs:path:/b)\"]}"
#define ASK_SHORT(name) "{\"action\":\"fs:read\",\"resource\":\"fs:path:/" name "\"}\n"
#define RECORDED "{\"id\":3,\"audit_event_id\":\"EVENT\"}"
#define PONG "{\"id\":4,\"pong\":true}"
#define DENY_BECAUSE(id, cause) \
	"{\"id\":" id ",\"decision\":\"deny\",\"reason\":[\"audit log unavailable: " cause "\"]}"

static struct harness h;

static inline int
setup(void **state)
{
	(void)state;
	harness_init(&h);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	harness_stop(&h);
	return 0;
}

static inline void
serve(void)
{
	harness_serve(&h, PEER_EVALUATOR, evaluator_main, POLICY);
}

static inline void
start(void)
{
	harness_start(&h, PEER_EVALUATOR, evaluator_main, POLICY);
	harness_hello(&h);
}

static inline int64_t
number_in(struct str object, const char *key)
{
	return value_int(value_member(object, str_from(key)), -1);
}

static inline void
assert_text_in(struct str object, const char *key, const char *want)
{
	struct str v = value_member(object, str_from(key));

	assert_int_equal(v.n, strlen(want) + 3);
	assert_memory_equal(v.p + 3, want, strlen(want));
}

static inline void
assert_is(struct str s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static inline void
expect_unrecorded(uint64_t count)
{
	struct record r;

	harness_take(&h, &r);
	assert_int_equal(r.category, RECORD_MANAGEMENT);
	assert_int_equal(r.action_type, ACTION_UNRECORDED);
	assert_int_equal(number_in(r.payload, "count"), count);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
