/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: defaults, what overrides what, each error with its place, and the bytes for children. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "policyd/config.h"
#include "policyd/options.h"

#define HEX "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"

static char dir[] = "/tmp/test_config.XXXXXX";

static void
take(struct settings *s, const char *text)
{
	struct config_error e = {""};

	if (config_text(s, "f.conf", str_from(text), &e) != 0)
		fail_msg("%s\n%s", text, e.text);
}

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

/* --- the file --------------------------------------------------------------------------------- */

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

/* --- defaults --------------------------------------------------------------------------------- */

static void
test_defaults(void **state)
{
	struct settings s;
	struct config_error e = {""};

	(void)state;
	settings_defaults(&s);
	assert_int_equal(config_check(&s, &e), 0);
	assert_true(s.evaluators >= 1 && s.evaluators <= LIMIT_EVALUATORS);
	assert_false(s.commit);
	assert_int_equal(s.rotate_seconds, 300);
	assert_int_equal(s.rotate_records, 1000);
	assert_int_equal(s.rotate_bytes, 50 << 20);
	assert_int_equal(s.reserve_bytes, 8 << 20);
	assert_int_equal(s.answer_ms, 5000);
	assert_int_equal(s.n_trusted, 0);
	assert_string_equal(s.user, "");
	if (geteuid() == 0) {
		assert_string_equal(s.audit_dir, "/var/log/sealwright/audit");
		assert_string_equal(s.key_dir, "/var/lib/sealwright/keys");
		assert_string_equal(s.socket, "/run/sealwright/policyd.sock");
	} else {
		setenv("XDG_STATE_HOME", "/state", 1);
		setenv("XDG_RUNTIME_DIR", "/run/me", 1);
		settings_defaults(&s);
		assert_string_equal(s.audit_dir, "/state/sealwright/audit");
		assert_string_equal(s.key_dir, "/state/sealwright/keys");
		assert_string_equal(s.admin_socket, "/run/me/sealwright/admin.sock");
		unsetenv("XDG_STATE_HOME");
		unsetenv("XDG_RUNTIME_DIR");
	}
}

/* --- the command line ------------------------------------------------------------------------- */

static int
parse(struct settings *s, enum options_wish *wish, struct config_error *e, ...)
{
	char *argv[32] = {(char[]){"policyd"}};
	int argc = 1;
	va_list args;
	char *word;

	va_start(args, e);
	while ((word = va_arg(args, char *))) {
		assert_true(argc < (int)ARRAY_SIZE(argv));
		argv[argc++] = word;
	}
	va_end(args);
	return options_parse(argc, argv, s, wish, e);
}

static void
write_conf(char *path, size_t size, const char *text)
{
	FILE *f;

	(void)snprintf(path, size, "%s/sealwright.conf", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
test_command_line_beats_file(void **state)
{
	struct settings s;
	struct config_error e = {""};
	enum options_wish wish = OPTIONS_HELP;
	char path[128];

	(void)state;
	write_conf(path, sizeof(path),
	    "{\"evaluators\": 5, \"rotate_seconds\": 17, \"policy\": \"/file\"}");
	assert_int_equal(parse(&s, &wish, &e, "--evaluators", "7", "--config", path,
			     "--policy=/line", (char *)NULL),
	    0);
	assert_int_equal(wish, OPTIONS_RUN);
	assert_int_equal(s.evaluators, 7);
	assert_int_equal(s.rotate_seconds, 17);
	assert_string_equal(s.policy, "/line");
	assert_int_equal(s.rotate_records, 1000);
	assert_int_equal(
	    parse(&s, &wish, &e, "--config", path, "--durability", "commit", "--audit-dir", "/A",
		"--key-dir", "/K", "--admin-socket", "/T", "--writer-user", "W", "--rotate-bytes",
		"99999", "--landlock", "optional", (char *)NULL),
	    0);
	assert_true(s.commit);
	assert_true(s.landlock_optional);
	assert_string_equal(s.audit_dir, "/A");
	assert_string_equal(s.key_dir, "/K");
	assert_string_equal(s.admin_socket, "/T");
	assert_string_equal(s.writer_user, "W");
	assert_int_equal(s.rotate_bytes, 99999);
	unlink(path);
}

static void
test_command_line_errors(void **state)
{
	static const struct {
		const char *one, *two, *want;
	} cases[] = {
	    {"--nonsense", NULL, "unknown option \"--nonsense\""},
	    {"--audit_dir", "/x", "unknown option \"--audit_dir\""},
	    {"--limits", "/x", "unknown option \"--limits\""},
	    {"--in-flight", "5", "unknown option \"--in-flight\""},
	    {"stray", NULL, "unexpected argument \"stray\""},
	    {"--", NULL, "unexpected argument \"--\""},
	    {"--audit-dir", NULL, "--audit-dir: needs a value"},
	    {"--evaluators", "x", "--evaluators: must be an integer from 1 to 64"},
	    {"--evaluators", "1 ", "--evaluators: must be an integer from 1 to 64"},
	    {"--evaluators", "+1", "--evaluators: must be an integer from 1 to 64"},
	    {"--evaluators=", NULL, "--evaluators: must be an integer from 1 to 64"},
	    {"--evaluators", "9999999999999999999",
		"--evaluators: must be an integer from 1 to 64"},
	    {"--audit-dir=", NULL, "--audit-dir: must not be empty"},
	    {"--origin", "+", "--origin: " ORIGIN_RULE},
	    {"--succeeds", "", "--succeeds: " SUCCESSION_RULE},
	    {"--durability", "none", "--durability: must be \"sync\" or \"commit\""},
	    {"--help=x", NULL, "--help: takes no value"},
	    {"--config", "/nowhere/sealwright.conf",
		"/nowhere/sealwright.conf: No such file or directory"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings s;
		struct config_error e = {""};
		enum options_wish wish = OPTIONS_RUN;

		assert_true(parse(&s, &wish, &e, cases[i].one, cases[i].two, (char *)NULL) < 0);
		assert_string_equal(e.text, cases[i].want);
	}
}

static void
test_wishes(void **state)
{
	struct settings s;
	struct config_error e = {""};
	enum options_wish wish = OPTIONS_RUN;

	(void)state;
	assert_int_equal(parse(&s, &wish, &e, "--help", (char *)NULL), 0);
	assert_int_equal(wish, OPTIONS_HELP);
	assert_int_equal(parse(&s, &wish, &e, "-h", (char *)NULL), 0);
	assert_int_equal(wish, OPTIONS_HELP);
	assert_int_equal(
	    parse(&s, &wish, &e, "--version", "--config", "/nowhere", (char *)NULL), 0);
	assert_int_equal(wish, OPTIONS_VERSION);
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

static void
test_help(void **state)
{
	size_t n;
	const struct setting *f = settings_table(&n);
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(options_help(to), 0);
	fclose(to);
	assert_non_null(strstr(text, "--audit-dir DIR"));
	assert_non_null(strstr(text, "--config FILE"));
	assert_null(strstr(text, "--in-flight"));
	for (size_t i = 0; i < n; i++)
		assert_true(f[i].limit || strstr(text, f[i].text));
	free(text);
	to = fopen("/dev/full", "w");
	assert_non_null(to);
	assert_int_equal(options_help(to), -ENOSPC);
	fclose(to);
}

/* --- as bytes --------------------------------------------------------------------------------- */

static size_t
as_bytes(const struct settings *s, uint8_t *buf, size_t cap)
{
	struct wire_out out = wire_out_over(buf, cap);

	settings_put(&out, s);
	assert_true(wire_out_ok(&out));
	return cap - out.left;
}

/* The fullest settings there can be fit the bytes set aside, and come back the same. */
static void
test_round_trip(void **state)
{
	static uint8_t buf[SETTINGS_BYTES];
	static struct settings s, back;
	size_t count, n;
	const struct setting *f = settings_table(&count);

	(void)state;
	settings_defaults(&s);
	for (size_t i = 0; i < count; i++)
		if (f[i].form == SETTING_TEXT || f[i].form == SETTING_ORIGIN ||
		    f[i].form == SETTING_SUCCEEDS)
			memset((char *)&s + f[i].offset, 'x', f[i].size - 1);
	s.commit = s.landlock_optional = true;
	s.n_trusted = SETTINGS_TRUSTED;
	for (uint32_t i = 0; i < SETTINGS_TRUSTED; i++)
		s.trusted[i] = i * 3;
	s.n_excluded = SETTINGS_EXCLUDED;
	for (uint32_t i = 0; i < SETTINGS_EXCLUDED; i++)
		memset(s.excluded[i], 'e', LIMIT_NAME - 1);
	s.n_metadata = SETTINGS_METADATA;
	for (uint32_t i = 0; i < SETTINGS_METADATA; i++) {
		memset(s.metadata[i].key, 'k', sizeof(s.metadata[i].key) - 1);
		memset(s.metadata[i].value, 'v', sizeof(s.metadata[i].value) - 1);
	}
	n = as_bytes(&s, buf, sizeof(buf));
	struct wire_in in = wire_in_over(buf, n);

	assert_int_equal(settings_get(&in, &back), 0);
	assert_memory_equal(&s, &back, sizeof(s));
}

/* No cut of the bytes and no byte more is taken; a change of any byte never misbehaves. */
static void
test_bad_bytes(void **state)
{
	static uint8_t buf[SETTINGS_BYTES];
	struct settings s, back;
	size_t n;

	(void)state;
	settings_defaults(&s);
	take(&s, "{\"events\":{\"excluded\":[\"a\"],\"metadata\":{\"k\":\"v\"}}}");
	n = as_bytes(&s, buf, sizeof(buf));
	for (size_t cut = 0; cut < n; cut++) {
		struct wire_in in = wire_in_over(buf, cut);

		assert_int_equal(settings_get(&in, &back), -EPROTO);
	}
	struct wire_in longer = wire_in_over(buf, n + 1);

	assert_int_equal(settings_get(&longer, &back), -EPROTO);
	for (size_t i = 0; i < n; i++) {
		uint8_t was = buf[i];
		struct wire_in in = wire_in_over(buf, n);

		buf[i] = 0xff;
		if (settings_get(&in, &back) == 0) {
			assert_true(back.n_excluded <= SETTINGS_EXCLUDED);
			assert_true(back.evaluators <= LIMIT_EVALUATORS);
		}
		buf[i] = was;
	}
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(dir);
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
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_command_line_beats_file),
	    cmocka_unit_test(test_command_line_errors),
	    cmocka_unit_test(test_wishes),
	    cmocka_unit_test(test_together),
	    cmocka_unit_test(test_help),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_bad_bytes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
