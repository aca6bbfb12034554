/* SPDX-License-Identifier: Apache-2.0 */
/* Each case runs in a child whose stdout is a pipe, a terminal or a full device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "common/cli.h"

struct result {
	int code;
	char out[8192]; /* stdout */
	char err[4096]; /* stderr */
};

enum stdout_kind {
	TO_PIPE,
	TO_TERMINAL,
	TO_FULL,
	TO_CLOSED,
	TO_NOBODY
};

/* Master side of a new terminal without output processing; its slave in *ret_slave. */
static int
terminal(int *ret_slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	struct termios t;

	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	*ret_slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(*ret_slave >= 0 && tcgetattr(*ret_slave, &t) == 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(*ret_slave, TCSANOW, &t), 0);
	return master;
}

static void
slurp(int fd, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n;

	/* A terminal whose other side has closed says EIO. */
	while (used < size - 1 && (n = read(fd, buf + used, size - 1 - used)) > 0)
		used += (size_t)n;
	buf[used] = '\0';
	(void)close(fd);
}

static void
redirect(enum stdout_kind kind, int out)
{
	int fd = kind == TO_FULL ? open("/dev/full", O_WRONLY) : out;

	if (kind == TO_CLOSED)
		(void)close(STDOUT_FILENO);
	else
		(void)dup2(fd, STDOUT_FILENO);
}

static void
stdout_ends(enum stdout_kind kind, int ends[2])
{
	if (kind == TO_TERMINAL)
		ends[0] = terminal(&ends[1]);
	else
		assert_int_equal(pipe(ends), 0);
	if (kind == TO_NOBODY) {
		(void)close(ends[0]);
		ends[0] = open("/dev/null", O_RDONLY);
	}
}

/* What fn returns is its exit code, by cli_finish(). */
static struct result
run(int (*fn)(void), enum stdout_kind kind)
{
	struct result r = {0};
	int out[2], err[2], status;
	pid_t pid;

	stdout_ends(kind, out);
	assert_int_equal(pipe(err), 0);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		redirect(kind, out[1]);
		(void)dup2(err[1], STDERR_FILENO);
		for (int fd = STDERR_FILENO + 1; fd < 32; fd++)
			(void)close(fd);
		cli_init("tool");
		exit(cli_finish(fn()));
	}
	(void)close(err[1]);
	(void)close(out[1]);
	slurp(out[0], r.out, sizeof(r.out));
	slurp(err[0], r.err, sizeof(r.err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	r.code = WEXITSTATUS(status);
	return r;
}

/* --- output ---------------------------------------------------------------------------------- */

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

/* --- the command line ------------------------------------------------------------------------ */

static struct {
	bool flag;
	const char *text;
	struct cli_list list;
	uint32_t number;
} given;

static const struct cli_option options[] = {
    {.name = "flag", .help = "a flag", .flag = &given.flag},
    {.name = "text", .value = "T", .help = "a text", .text = &given.text},
    {.name = "each", .value = "K=V", .help = "several", .list = &given.list},
    {.name = "number",
	.value = "N",
	.help = "a number",
	.number = &given.number,
	.min = 5,
	.max = 4294967295},
};

static const struct cli_command command = {
    .name = "do",
    .operands = "ONE [TWO]",
    .about = "Does it.",
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .least = 1,
    .most = 2,
    .exits = "0 always",
};

static const char *words[80]; /* of the command line, NULL at the end */

static int
parse(void)
{
	const char *operand[2] = {"-", "-"};
	char *argv[ARRAY_SIZE(words)];
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = strdup(words[argc]);
	(void)cli_parse(&command, argc, argv, operand);
	(void)printf("%s %s flag=%d text=%s number=%u each=", operand[0], operand[1], given.flag,
	    given.text ? given.text : "-", given.number);
	for (size_t i = 0; i < given.list.n; i++)
		(void)printf("%s;", given.list.v[i]);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return CLI_YES;
}

/* A command line as words separated by blanks; "''" is the empty word. */
static struct result
parse_line(const char *line)
{
	static char copy[1024];
	char *rest;
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "do %s", line);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		words[n++] = strcmp(word, "''") == 0 ? "" : word;
	words[n] = NULL;
	return run(parse, TO_PIPE);
}

/* The same options, with letters. */
static int
parse_letters(void)
{
	struct cli_option lettered[ARRAY_SIZE(options)];
	struct cli_command with = command;
	const char *operand[2] = {"-", "-"};
	char *argv[] = {strdup("do"), strdup(words[1]), strdup(words[2] ? words[2] : ""), NULL};

	memcpy(lettered, options, sizeof(options));
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		lettered[i].letter = options[i].name[0];
	with.options = lettered;
	(void)cli_parse(&with, words[2] ? 3 : 2, argv, operand);
	(void)printf("%s flag=%d text=%s number=%u each=%s", operand[0], given.flag,
	    given.text ? given.text : "-", given.number, given.list.n ? given.list.v[0] : "-");
	for (int i = 0; i < 3; i++)
		free(argv[i]);
	return CLI_YES;
}

static void
test_letters(void **state)
{
	static const char *const cases[][3] = {
	    {"-f", "a", "a flag=1 text=- number=0 each=-"},
	    {"-n5", "a", "a flag=0 text=- number=5 each=-"},
	    {"-fn6", "a", "a flag=1 text=- number=6 each=-"},
	    {"-fft-n", "a", "a flag=1 text=-n number=0 each=-"},
	    {"-ek=v", "a", "a flag=0 text=- number=0 each=k=v"},
	    {"-tf", "a", "a flag=0 text=f number=0 each=-"},
	};
	static const char *const wrong[][3] = {
	    {"-fx", "a", "unknown option: -fx"},
	    {"-x", "a", "unknown option: -x"},
	    {"-n4", "a", "--number: not a number from 5 to 4294967295: 4"},
	    {"-n=5", "a", "--number: not a number from 5 to 4294967295: =5"},
	    {"a", "-fn", "--number needs a value: N"},
	    {"-n", "a", "--number: not a number from 5 to 4294967295: a"},
	};

	(void)state;
	words[3] = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct result r;

		words[1] = cases[i][0];
		words[2] = cases[i][1];
		r = run(parse_letters, TO_PIPE);
		assert_string_equal(r.err, "");
		assert_string_equal(r.out, cases[i][2]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct result r;
		char want[256];

		words[1] = wrong[i][0];
		words[2] = wrong[i][1];
		r = run(parse_letters, TO_PIPE);
		(void)snprintf(
		    want, sizeof(want), "tool: do: %s\nTry 'tool do --help'.\n", wrong[i][2]);
		assert_string_equal(r.err, want);
		assert_int_equal(r.code, CLI_ERROR);
	}
}

static void
test_options(void **state)
{
	static const char *const cases[][2] = {
	    {"a", "a - flag=0 text=- number=0 each="},
	    {"a b", "a b flag=0 text=- number=0 each="},
	    {"--flag a --text x b", "a b flag=1 text=x number=0 each="},
	    {"a --text=x=y --number=5", "a - flag=0 text=x=y number=5 each="},
	    {"a --text= --number 4294967295", "a - flag=0 text= number=4294967295 each="},
	    {"a --text --flag", "a - flag=0 text=--flag number=0 each="},
	    {"--each k=v --each=l=w a", "a - flag=0 text=- number=0 each=k=v;l=w;"},
	    {"-- --flag -x", "--flag -x flag=0 text=- number=0 each="},
	    {"- a", "- a flag=0 text=- number=0 each="},
	    {"'' a", " a flag=0 text=- number=0 each="},
	    {"--text a --text b c", "c - flag=0 text=b number=0 each="},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct result r = parse_line(cases[i][0]);

		assert_string_equal(r.err, "");
		assert_string_equal(r.out, cases[i][1]);
		assert_int_equal(r.code, CLI_YES);
	}
}

static void
test_wrong_options(void **state)
{
	static const char *const cases[][2] = {
	    {"", "operand missing: ONE [TWO]"},
	    {"a b c", "too many operands: c"},
	    {"a --what", "unknown option: --what"},
	    {"a --fla", "unknown option: --fla"},
	    {"a --flags", "unknown option: --flags"},
	    {"a -f", "unknown option: -f"},
	    {"a --=x", "unknown option: --=x"},
	    {"a --flag=1", "--flag takes no value"},
	    {"a --text", "--text needs a value: T"},
	    {"a --number 4", "--number: not a number from 5 to 4294967295: 4"},
	    {"a --number 4294967296", "--number: not a number from 5 to 4294967295: 4294967296"},
	    {"a --number 99999999999999999999999",
		"--number: not a number from 5 to 4294967295: 99999999999999999999999"},
	    {"a --number=", "--number: not a number from 5 to 4294967295: "},
	    {"a --number -6", "--number: not a number from 5 to 4294967295: -6"},
	    {"a --number 6x", "--number: not a number from 5 to 4294967295: 6x"},
	    {"a --x\033[31m", "unknown option: --x\\x1b[31m"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct result r = parse_line(cases[i][0]);
		char want[256];

		(void)snprintf(
		    want, sizeof(want), "tool: do: %s\nTry 'tool do --help'.\n", cases[i][1]);
		assert_string_equal(r.err, want);
		assert_string_equal(r.out, "");
		assert_int_equal(r.code, CLI_ERROR);
	}
}

static void
test_too_many_in_a_list(void **state)
{
	struct result r;

	(void)state;
	words[0] = "do";
	for (size_t i = 1; i <= CLI_LIST + 1; i++)
		words[i] = "--each=x";
	words[CLI_LIST + 2] = NULL;
	r = run(parse, TO_PIPE);
	assert_int_equal(r.code, CLI_ERROR);
	assert_non_null(strstr(r.err, "--each: given more than 64 times"));
}

static void
test_usage(void **state)
{
	static const char want[] = "usage: tool do [options] ONE [TWO]\n"
				   "\n"
				   "Does it.\n"
				   "\n"
				   "  --flag      a flag\n"
				   "  --text T    a text\n"
				   "  --each K=V  several\n"
				   "  --number N  a number\n"
				   "  --help      show this and exit\n"
				   "\n"
				   "exit status: 0 always\n";
	static const char *const lines[] = {
	    "--help", "a -h", "--flag --help --what", "a b --help c"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct result r = parse_line(lines[i]);

		assert_string_equal(r.out, want);
		assert_string_equal(r.err, "");
		assert_int_equal(r.code, CLI_YES);
	}
}

static int
usage_on_full_disk(void)
{
	static char name[] = "do", help[] = "--help";
	char *argv[] = {name, help};

	return (int)cli_parse(&command, 2, argv, NULL);
}

static void
test_usage_that_is_lost_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(run(usage_on_full_disk, TO_FULL).code, CLI_ERROR);
}

static int
parse_leading(void)
{
	static char name[] = "tool", flag[] = "--flag", text[] = "--text=x", sub[] = "sub",
		    later[] = "--later", end[] = "--";
	char *with[] = {name, flag, text, sub, later}, *none[] = {name, flag};
	char *after[] = {name, end, later};

	return cli_parse_leading(&command, 5, with) == 3 && given.flag &&
		       cli_parse_leading(&command, 2, none) == 2 &&
		       cli_parse_leading(&command, 3, after) == 2
		   ? CLI_YES
		   : CLI_NO;
}

static void
test_leading_options(void **state)
{
	(void)state;
	assert_int_equal(run(parse_leading, TO_PIPE).code, CLI_YES);
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
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_letters),
	    cmocka_unit_test(test_wrong_options),
	    cmocka_unit_test(test_too_many_in_a_list),
	    cmocka_unit_test(test_usage),
	    cmocka_unit_test(test_usage_that_is_lost_is_an_error),
	    cmocka_unit_test(test_leading_options),
	    cmocka_unit_test(test_fatal),
	};

	/* Where these point must not decide what is tested. */
	(void)unsetenv("JOURNAL_STREAM");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
