/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of tools: options, operands, what is wrong with them, usage. */
#include "tests/unit/cli_case.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_letters),
	    cmocka_unit_test(test_wrong_options),
	    cmocka_unit_test(test_too_many_in_a_list),
	    cmocka_unit_test(test_usage),
	    cmocka_unit_test(test_usage_that_is_lost_is_an_error),
	    cmocka_unit_test(test_leading_options),
	};

	/* Where these point must not decide what is tested. */
	(void)unsetenv("JOURNAL_STREAM");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
