/* SPDX-License-Identifier: Apache-2.0 */
/* What tools write: that it arrives or is an error, that it is harmless, colours, tables. */
#include "tests/unit/cli_case.h"

static int
say_hello(void)
{
	cli_puts("hello\n");
	return CLI_NO;
}

static int
say_much(void)
{
	for (int i = 0; i < 100000; i++)
		cli_puts("0123456789\n");
	return CLI_YES;
}

static void
test_output_reaches_stdout(void **state)
{
	struct result r = run(say_hello, TO_PIPE);

	(void)state;
	assert_string_equal(r.out, "hello\n");
	assert_string_equal(r.err, "");
	assert_int_equal(r.code, CLI_NO);
}

static void
test_output_that_is_lost_is_an_error(void **state)
{
	static const struct {
		enum stdout_kind kind;
		const char *says;
	} cases[] = {
	    {TO_FULL, "tool: standard output: No space left on device\n"},
	    {TO_CLOSED, "tool: standard output: Bad file descriptor\n"},
	    {TO_NOBODY, "tool: standard output: Broken pipe\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct result little = run(say_hello, cases[i].kind);
		struct result much = run(say_much, cases[i].kind);

		assert_string_equal(little.err, cases[i].says);
		assert_int_equal(little.code, CLI_ERROR);
		assert_string_equal(much.err, cases[i].says);
		assert_int_equal(much.code, CLI_ERROR);
	}
}

static int
open_a_file(void)
{
	/* stdout was closed: what is opened now must not become stdout. */
	return open("/dev/null", O_RDONLY) > STDERR_FILENO ? CLI_YES : CLI_NO;
}

static void
test_closed_stdout_is_not_reused(void **state)
{
	(void)state;
	assert_int_equal(run(open_a_file, TO_CLOSED).code, CLI_YES);
}

static int
say_hostile(void)
{
	cli_put_safe(STR("a\033[31mb\r\n\x7f\xff\xc2\x9b|\xe2\x80\xae|\xc3\xa4\xf0\x9f\x98\x80"));
	cli_puts("\n");
	return CLI_YES;
}

static void
test_data_is_harmless(void **state)
{
	static const char want[] = "a\\x1b[31mb\\x0d\\x0a\\x7f\\xff\\xc2\\x9b|\\xe2\\x80\\xae|"
				   "\xc3\xa4\xf0\x9f\x98\x80\n";

	(void)state;
	assert_string_equal(run(say_hostile, TO_PIPE).out, want);
	assert_string_equal(run(say_hostile, TO_TERMINAL).out, want);
}

/* Longer than what is escaped at a time, two bytes a character: none may be torn. */
static int
say_long(void)
{
	char buf[1501];

	for (size_t i = 0; i < 1500; i++)
		buf[i] = "\xc3\xa4"[i % 2];
	buf[1500] = 'x';
	for (size_t skip = 0; skip < 3; skip += 2)
		cli_put_safe((struct str){buf + 1 + skip, sizeof(buf) - 1 - skip});
	cli_put_safe((struct str){buf, sizeof(buf)});
	return CLI_YES;
}

static void
test_long_data_is_not_torn(void **state)
{
	struct result r = run(say_long, TO_PIPE);
	const char *rest;

	(void)state;
	/* The odd one out at each start is shown as a byte, and only that. */
	assert_memory_equal(r.out, "\\xa4\xc3\xa4", 6);
	rest = strstr(r.out + 4, "\\x");
	assert_non_null(rest);
	assert_memory_equal(rest, "\\xa4\xc3\xa4", 6);
	assert_null(strstr(rest + 4, "\\x"));
	assert_int_equal(strlen(r.out), 4 + 1498 + 1 + 4 + 1496 + 1 + 1501);
}

#define JSON "{\"a\":\"\xc2\x9b[1m \xe2\x80\xae \xc3\xa4 \xf0\x9f\x98\x80 \\u001b\"}"

static int
say_json(void)
{
	cli_put_json(STR(JSON));
	return CLI_YES;
}

static int
say_raw_control(void)
{
	cli_put_json(STR("\"\033]0;x\007\xff\""));
	return CLI_YES;
}

static void
test_json(void **state)
{
	(void)state;
	assert_string_equal(run(say_json, TO_PIPE).out, JSON "\n");
	assert_string_equal(run(say_json, TO_TERMINAL).out,
	    "{\"a\":\"\\u009b[1m \\u202e \xc3\xa4 \xf0\x9f\x98\x80 \\u001b\"}\n");
	assert_string_equal(
	    run(say_raw_control, TO_TERMINAL).out, "\"\\u001b]0;x\\u0007\\ufffd\"\n");
}

static int
say_colour(void)
{
	cli_paint(CLI_GOOD, STR("yes\033"));
	cli_paint(CLI_PLAIN, STR(" "));
	cli_paint(CLI_BAD, STR("no"));
	return CLI_YES;
}

static void
test_colour(void **state)
{
	(void)state;
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	assert_int_equal(unsetenv("NO_COLOR"), 0);
	assert_string_equal(run(say_colour, TO_PIPE).out, "yes\\x1b no");
	assert_string_equal(
	    run(say_colour, TO_TERMINAL).out, "\033[32myes\\x1b\033[0m \033[31mno\033[0m");
	assert_int_equal(setenv("NO_COLOR", "", 1), 0); /* no-color.org: empty is not set */
	assert_non_null(strchr(run(say_colour, TO_TERMINAL).out, '\033'));
	assert_int_equal(setenv("NO_COLOR", "0", 1), 0);
	assert_string_equal(run(say_colour, TO_TERMINAL).out, "yes\\x1b no");
	assert_int_equal(unsetenv("NO_COLOR"), 0);
	assert_int_equal(setenv("TERM", "dumb", 1), 0);
	assert_string_equal(run(say_colour, TO_TERMINAL).out, "yes\\x1b no");
	assert_int_equal(unsetenv("TERM"), 0);
	assert_string_equal(run(say_colour, TO_TERMINAL).out, "yes\\x1b no");
}

static int
say_table(void)
{
	static const char *const cells[] = {
	    "name", "n", "what", "\xc3\xa4\xc3\xb6", "12345", "x", "a\nb", "", "last  "};
	struct cli_table t;

	cli_table_init(&t, 3, true);
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		cli_table_cell(&t, str_from(cells[i]));
	cli_table_print(&t);
	cli_table_init(&t, 2, false);
	cli_table_print(&t);
	return CLI_YES;
}

static void
test_table(void **state)
{
	(void)state;
	assert_string_equal(run(say_table, TO_PIPE).out, "name    n      what\n"
							 "\xc3\xa4\xc3\xb6      12345  x\n"
							 "a\\x0ab         last  \n");
}

static int
die(void)
{
	cli_puts("before\n");
	cli_fatal(-ENOENT, "%s", "/x\n");
}

static void
test_fatal(void **state)
{
	struct result r = run(die, TO_PIPE);

	(void)state;
	assert_string_equal(r.out, "before\n");
	assert_string_equal(r.err, "tool: /x\\x0a: No such file or directory\n");
	assert_int_equal(r.code, CLI_ERROR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_output_reaches_stdout),
	    cmocka_unit_test(test_output_that_is_lost_is_an_error),
	    cmocka_unit_test(test_closed_stdout_is_not_reused),
	    cmocka_unit_test(test_data_is_harmless),
	    cmocka_unit_test(test_long_data_is_not_torn),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_colour),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_fatal),
	};

	/* Where these point must not decide what is tested. */
	(void)unsetenv("JOURNAL_STREAM");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
