/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: every key, what it does not name, each error with its place, and settings that do not go together. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/config_case.h"

#define HEX "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"

static void
refuse(const char *text, const char *want)
{
	struct settings s;
	struct config_error e = {""};

	settings_defaults(&s);
	if (config_text(&s, "f.conf", str_from(text), &e) != -EINVAL)
		fail_msg("accepted: %s", text);
	assert_string_equal(e.text, want);
}

static void
test_every_key(void **state)
{
	struct settings s;

	(void)state;
	settings_defaults(&s);
	take(&s,
	    "// comment\n{\"audit_dir\": \"/a\", \"key_dir\": \"/k\", \"policy\": \"/p\", /* x */\n"
	    "\"socket\": \"/s\", \"admin_socket\": \"/t\", \"user\": \"u\", \"writer_user\": "
	    "\"w\",\n"
	    "\"origin\": \"o.example/l\", \"succeeds\": \"old 7:" HEX "\",\n"
	    "\"evaluators\": 3, \"durability\": \"commit\", \"rotate_seconds\": 60,\n"
	    "\"rotate_records\": 500, \"rotate_bytes\": 1048576, \"heartbeat_seconds\": 0,\n"
	    "\"reserve_bytes\": 16777216, \"low_bytes\": 0,\n"
	    "\"limits\": {\"connections\": 10, \"connections_per_uid\": 5, \"in_flight\": 7,\n"
	    "\"line_bytes\": 4096, \"line_seconds\": 9, \"idle_seconds\": 11,\n"
	    "\"records_per_second\": 1000, \"answer_ms\": 250},\n"
	    "\"trusted_enforcement_points\": [0, 54321],\n"
	    "\"events\": {\"min_level\": \"warning\", \"excluded\": [\"task.*\", \"api.call\"],\n"
	    "\"metadata\": {\"site\": \"b\\u00e4r\", \"tier.x\": \"\"}}}\n");
	assert_string_equal(s.audit_dir, "/a");
	assert_string_equal(s.origin, "o.example/l");
	assert_string_equal(s.succeeds, "old 7:" HEX);
	assert_string_equal(s.key_dir, "/k");
	assert_string_equal(s.policy, "/p");
	assert_string_equal(s.socket, "/s");
	assert_string_equal(s.admin_socket, "/t");
	assert_string_equal(s.user, "u");
	assert_string_equal(s.writer_user, "w");
	assert_int_equal(s.evaluators, 3);
	assert_true(s.commit);
	assert_int_equal(s.rotate_seconds, 60);
	assert_int_equal(s.rotate_records, 500);
	assert_int_equal(s.rotate_bytes, 1048576);
	assert_int_equal(s.heartbeat_seconds, 0);
	assert_int_equal(s.reserve_bytes, 16777216);
	assert_int_equal(s.low_bytes, 0);
	assert_int_equal(s.connections, 10);
	assert_int_equal(s.connections_per_uid, 5);
	assert_int_equal(s.in_flight, 7);
	assert_int_equal(s.line_bytes, 4096);
	assert_int_equal(s.line_seconds, 9);
	assert_int_equal(s.idle_seconds, 11);
	assert_int_equal(s.records_per_second, 1000);
	assert_int_equal(s.answer_ms, 250);
	assert_int_equal(s.n_trusted, 2);
	assert_int_equal(s.trusted[1], 54321);
	assert_int_equal(s.min_level, LEVEL_WARNING);
	assert_int_equal(s.n_excluded, 2);
	assert_string_equal(s.excluded[0], "task.*");
	assert_int_equal(s.n_metadata, 2);
	assert_string_equal(s.metadata[0].key, "site");
	assert_string_equal(s.metadata[0].value, "b\xc3\xa4r");
	assert_string_equal(s.metadata[1].value, "");
}

/* What a file does not name stays; lists are replaced as a whole. */
static void
test_partial(void **state)
{
	struct settings s, before;

	(void)state;
	settings_defaults(&s);
	before = s;
	take(&s, "{}");
	assert_memory_equal(&s, &before, sizeof(s));
	take(&s, "{\"trusted_enforcement_points\": [\"root\", 7]}");
	assert_int_equal(s.n_trusted, 2);
	assert_int_equal(s.trusted[0], 0);
	take(&s, "{\"trusted_enforcement_points\": [8], \"limits\": {}, \"events\": {}}");
	assert_int_equal(s.n_trusted, 1);
	assert_int_equal(s.trusted[0], 8);
	assert_int_equal(s.connections, before.connections);
	assert_int_equal(s.min_level, LEVEL_INFO);
}

static const struct {
	const char *text, *want;
} wrong[] = {
    {"[]", "f.conf:1:1: the configuration must be one JSON object"},
    {"null", "f.conf:1:1: the configuration must be one JSON object"},
    {"{\n  \"audit\": \"/x\"\n}", "f.conf:2:3: unknown key \"audit\""},
    {"{\"connections\": 5}", "f.conf:1:2: unknown key \"connections\""},
    {"{\"limits\": {\n\t\"evaluators\": 5}}", "f.conf:2:2: unknown key \"evaluators\" in limits"},
    {"{\"events\": {\"level\": 5}}", "f.conf:1:13: unknown key \"level\" in events"},
    {"{\"evaluators\": 0}", "f.conf:1:16: evaluators must be an integer from 1 to 64"},
    {"{\"evaluators\": 65}", "f.conf:1:16: evaluators must be an integer from 1 to 64"},
    {"{\"evaluators\": -1}", "f.conf:1:16: evaluators must be an integer from 1 to 64"},
    {"{\"evaluators\": 2.0}", "f.conf:1:16: evaluators must be an integer from 1 to 64"},
    {"{\"evaluators\": \"2\"}", "f.conf:1:16: evaluators must be an integer from 1 to 64"},
    {"{\"evaluators\": true}", "f.conf:1:16: evaluators must be an integer from 1 to 64"},
    {"{\"rotate_bytes\": []}",
	"f.conf:1:18: rotate_bytes must be an integer from 65536 to 68719476736"},
    {"{\"limits\": {\"in_flight\": 100000}}",
	"f.conf:1:26: in_flight must be an integer from 1 to 4096"},
    {"{\"audit_dir\": 7}", "f.conf:1:15: audit_dir must be a string"},
    {"{\"audit_dir\": \"\"}", "f.conf:1:15: audit_dir must not be empty"},
    {"{\"audit_dir\": {}}", "f.conf:1:15: audit_dir must be a string"},
    {"{\"origin\": \"two words\"}", "f.conf:1:12: origin " ORIGIN_RULE},
    {"{\"origin\": \"\"}", "f.conf:1:12: origin " ORIGIN_RULE},
    {"{\"origin\": 5}", "f.conf:1:12: origin must be a string"},
    {"{\"succeeds\": \"old\"}", "f.conf:1:14: succeeds " SUCCESSION_RULE},
    {"{\"succeeds\": \"old 7:" HEX "0\"}", "f.conf:1:14: succeeds " SUCCESSION_RULE},
    {"{\"succeeds\": [\"old 7:" HEX "\"]}", "f.conf:1:14: succeeds must be a string"},
    {"{\"durability\": \"fast\"}", "f.conf:1:16: durability must be \"sync\" or \"commit\""},
    {"{\"landlock\": \"no\"}", "f.conf:1:14: landlock must be \"required\" or \"optional\""},
    {"{\"durability\": 1}", "f.conf:1:16: durability must be \"sync\" or \"commit\""},
    {"{\"durability\": false}", "f.conf:1:16: durability must be \"sync\" or \"commit\""},
    {"{\"limits\": 3}", "f.conf:1:12: limits must be an object"},
    {"{\"events\": []}", "f.conf:1:12: events must be an object"},
    {"{\"trusted_enforcement_points\": {}}",
	"f.conf:1:32: trusted_enforcement_points must be an array"},
    {"{\"trusted_enforcement_points\": [true]}",
	"f.conf:1:33: a trusted enforcement point must be a user name or a uid"},
    {"{\"trusted_enforcement_points\": [-1]}",
	"f.conf:1:33: a trusted enforcement point must be a user name or a uid"},
    {"{\"trusted_enforcement_points\": [4294967295]}",
	"f.conf:1:33: a trusted enforcement point must be a user name or a uid"},
    {"{\"trusted_enforcement_points\": [1,\n 65534]}",
	"f.conf:2:2: uid 65534 (nobody) cannot be trusted"},
    {"{\"trusted_enforcement_points\": [\"root\", 0]}", "f.conf:1:41: uid 0 stands here twice"},
    {"{\"trusted_enforcement_points\": [\"no-such-account\"]}",
	"f.conf:1:33: no local account \"no-such-account\""},
    {"{\"events\": {\"min_level\": \"warn\"}}",
	"f.conf:1:26: min_level must be \"debug\", \"info\", \"warning\" or \"error\""},
    {"{\"events\": {\"min_level\": 3}}",
	"f.conf:1:26: min_level must be \"debug\", \"info\", \"warning\" or \"error\""},
    {"{\"events\": {\"excluded\": \"x\"}}", "f.conf:1:25: excluded must be an array"},
    {"{\"events\": {\"excluded\": [\"a*b\"]}}",
	"f.conf:1:26: an excluded event must be a name such as \"task.start\" or "
	"\"task.*\""},
    {"{\"events\": {\"excluded\": [\"a*\"]}}", "f.conf:1:26: an excluded event must be a "
					       "name such as \"task.start\" or \"task.*\""},
    {"{\"events\": {\"excluded\": [\"\"]}}", "f.conf:1:26: an excluded event must be a "
					     "name such as \"task.start\" or \"task.*\""},
    {"{\"events\": {\"excluded\": [5]}}", "f.conf:1:26: an excluded event must be a name "
					  "such as \"task.start\" or \"task.*\""},
    {"{\"events\": {\"metadata\": []}}", "f.conf:1:25: metadata must be an object"},
    {"{\"events\": {\"metadata\": {\"a b\": \"x\"}}}",
	"f.conf:1:26: a metadata key must be 1 to 127 of A-Z a-z 0-9 . _ -"},
    {"{\"events\": {\"metadata\": {\"a\": 5}}}",
	"f.conf:1:31: metadata must be a string of less than 256 bytes"},
};

static void
test_errors_have_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		refuse(wrong[i].text, wrong[i].want);
}

/* What the scanner finds: only the place is ours to check, the words are its own. */
static void
test_not_json(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", "f.conf:1:1: "},
	    {"{\"user\": \"a\",\n \"user\": \"b\"}", "f.conf:2:2: "},
	    {"{\n'user': 1}", "f.conf:2:1: "},
	    {"{\"evaluators\": 1,}", "f.conf:1:18: "},
	    {"{} {}", "f.conf:1:4: "},
	    {"{\"user\": \"\xff\"}", "f.conf:1:11: "},
	    {"{\"user\": \"\\u0000\"}", "f.conf:1:11: "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings s;
		struct config_error e = {""};

		settings_defaults(&s);
		assert_int_equal(config_text(&s, "f.conf", str_from(cases[i].text), &e), -EINVAL);
		if (strncmp(e.text, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("%s: wanted %s", e.text, cases[i].want);
		assert_true(strlen(e.text) > strlen(cases[i].want));
	}
}

/* A document of n elements in this list. */
static void
repeated(char *buf, size_t size, const char *open, const char *before, const char *after, size_t n,
    const char *close)
{
	size_t used = (size_t)snprintf(buf, size, "%s", open);

	for (size_t i = 0; i < n; i++) {
		used += (size_t)snprintf(buf + used, size - used, "%s%zu%s", before, i, after);
		if (i + 1 < n)
			buf[used++] = ',';
	}
	(void)snprintf(buf + used, size - used, "%s", close);
}

static void
test_list_limits(void **state)
{
	static const struct {
		const char *open, *before, *after, *close, *fault;
		size_t n;
	} cases[] = {
	    {"{\"trusted_enforcement_points\":[", "", "", "]}",
		"more than 64 trusted enforcement points", 64},
	    {"{\"events\":{\"excluded\":[", "\"e", "\"", "]}}", "more than 64 excluded events", 64},
	    {"{\"events\":{\"metadata\":{", "\"k", "\":\"v\"", "}}}", "more than 16 metadata keys",
		16},
	};
	static char buf[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings s;
		struct config_error e = {""};

		settings_defaults(&s);
		repeated(buf, sizeof(buf), cases[i].open, cases[i].before, cases[i].after,
		    cases[i].n, cases[i].close);
		take(&s, buf);
		repeated(buf, sizeof(buf), cases[i].open, cases[i].before, cases[i].after,
		    cases[i].n + 1, cases[i].close);
		assert_int_equal(config_text(&s, "f.conf", str_from(buf), &e), -EINVAL);
		assert_non_null(strstr(e.text, cases[i].fault));
	}
}

static void
test_long_values(void **state)
{
	static char text[PATH_MAX + 100], path[PATH_MAX + 1];
	struct settings s;
	struct config_error e = {""};

	(void)state;
	settings_defaults(&s);
	memset(path, 'x', sizeof(path));
	path[107] = '\0';
	(void)snprintf(text, sizeof(text), "{\"socket\": \"%s\"}", path);
	take(&s, text);
	path[107] = 'x';
	path[108] = '\0';
	(void)snprintf(text, sizeof(text), "{\"socket\": \"%s\"}", path);
	refuse(text, "f.conf:1:12: socket must be shorter than 108 bytes");
	path[108] = 'x';
	path[PATH_MAX] = '\0';
	(void)snprintf(text, sizeof(text), "{\"audit_dir\": \"%s\"}", path);
	refuse(text, "f.conf:1:15: audit_dir must be shorter than 4096 bytes");
	assert_int_equal(config_check(&s, &e), 0);
}

static void
test_together(void **state)
{
	struct settings s;
	struct config_error e = {""};

	(void)state;
	settings_defaults(&s);
	take(&s, "{\"socket\": \"/same\", \"admin_socket\": \"/same\"}");
	assert_int_equal(config_check(&s, &e), -EINVAL);
	assert_string_equal(e.text, "socket and admin_socket must be different");
	settings_defaults(&s);
	take(&s, "{\"audit_dir\": \"/same\", \"key_dir\": \"/same\"}");
	assert_int_equal(config_check(&s, &e), -EINVAL);
	settings_defaults(&s);
	take(&s, "{\"origin\": \"one\", \"succeeds\": \"one 7:" HEX "\"}");
	assert_int_equal(config_check(&s, &e), -EINVAL);
	assert_string_equal(
	    e.text, "origin must be another one than that of the log that it succeeds");
	take(&s, "{\"origin\": \"two\"}");
	assert_int_equal(config_check(&s, &e), 0);
	settings_defaults(&s);
	s.policy[0] = '\0';
	assert_int_equal(config_check(&s, &e), -EINVAL);
	assert_string_equal(e.text, "policy is not configured and has no default here");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_key),
	    cmocka_unit_test(test_partial),
	    cmocka_unit_test(test_errors_have_places),
	    cmocka_unit_test(test_not_json),
	    cmocka_unit_test(test_list_limits),
	    cmocka_unit_test(test_long_values),
	    cmocka_unit_test(test_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
