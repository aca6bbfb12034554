/* SPDX-License-Identifier: Apache-2.0 */
/* policyd's command line: it comes before the file; its errors, its help. */
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

#include "policyd/options.h"

static char dir[] = "/tmp/test_options.XXXXXX";

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
	    cmocka_unit_test(test_command_line_beats_file),
	    cmocka_unit_test(test_command_line_errors),
	    cmocka_unit_test(test_wishes),
	    cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
