/* SPDX-License-Identifier: Apache-2.0 */

/* The command line of a tool: usage and options from one table. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/text.h"

/* --- usage ----------------------------------------------------------------------------------- */

static void
cli_usage_options(const struct cli_command *command)
{
	struct cli_table t;

	cli_table_init(&t, 2, false);
	for (size_t i = 0; i < command->n_options; i++) {
		const struct cli_option *o = &command->options[i];
		char left[64], letter[8] = "";

		if (o->letter)
			(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		(void)snprintf(left, sizeof(left), "  %s--%s%s%s", letter, o->name,
		    o->value ? " " : "", o->value ? o->value : "");
		cli_table_cell(&t, str_from(left));
		cli_table_cell(&t, str_from(o->help));
	}
	cli_table_cell(&t, STR("  --help"));
	cli_table_cell(&t, STR("show this and exit"));
	cli_table_print(&t);
}

void
cli_usage(const struct cli_command *command)
{
	cli_puts("usage: ");
	cli_puts(cli_name());
	if (command->name) {
		cli_puts(" ");
		cli_puts(command->name);
	}
	cli_puts(" [options]");
	if (command->operands) {
		cli_puts(" ");
		cli_puts(command->operands);
	}
	cli_puts("\n\n");
	cli_puts(command->about);
	cli_puts("\n\n");
	cli_usage_options(command);
	if (command->more)
		command->more();
	if (command->exits) {
		cli_puts("\nexit status: ");
		cli_puts(command->exits);
		cli_puts("\n");
	}
}

void
cli_usage_begin(struct cli_table *t, const char *heading)
{
	cli_puts("\n");
	cli_puts(heading);
	cli_puts(":\n");
	cli_table_init(t, 2, false);
}

void
cli_usage_row(struct cli_table *t, const char *name, const char *about)
{
	char left[64];

	(void)snprintf(left, sizeof(left), "  %s", name);
	cli_table_cell(t, str_from(left));
	cli_table_cell(t, str_from(about));
}

void
cli_usage_end(struct cli_table *t)
{
	cli_table_print(t);
}

void
cli_wrong(const struct cli_command *command, const char *fmt, ...)
{
	char what[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (command->name)
		log_error("%s: %s", command->name, what);
	else
		log_error("%s", what);
	(void)fprintf(stderr, "Try '%s%s%s --help'.\n", cli_name(), command->name ? " " : "",
	    command->name ? command->name : "");
	exit(CLI_ERROR);
}

/* --- options --------------------------------------------------------------------------------- */

static const struct cli_option *
cli_find(const struct cli_command *command, struct str name)
{
	for (size_t i = 0; i < command->n_options; i++)
		if (str_eq(str_from(command->options[i].name), name))
			return &command->options[i];
	return NULL;
}

static const struct cli_option *
cli_find_letter(const struct cli_command *command, char letter)
{
	for (size_t i = 0; i < command->n_options; i++)
		if (letter == command->options[i].letter)
			return &command->options[i];
	return NULL;
}

static uint32_t
cli_number(const struct cli_command *command, const struct cli_option *o, const char *value)
{
	uint64_t v = 0;

	for (const char *p = value; *p >= '0' && *p <= '9' && v <= UINT32_MAX; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	if (!*value || value[strspn(value, "0123456789")] || v < o->min || v > o->max)
		cli_wrong(command, "--%s: not a number from %u to %u: %s", o->name, o->min, o->max,
		    value);
	return (uint32_t)v;
}

static void
cli_take(const struct cli_command *command, const struct cli_option *o, const char *value)
{
	if (o->flag) {
		*o->flag = true;
	} else if (o->text) {
		*o->text = value;
	} else if (o->number) {
		*o->number = cli_number(command, o, value);
	} else {
		if (o->list->n == CLI_LIST)
			cli_wrong(command, "--%s: given more than %d times", o->name, CLI_LIST);
		o->list->v[o->list->n++] = value;
	}
}

/* argv[i] is letters: -f, -n 5, -n5, -fn5. Returns the index of the last argument that they took. */
static int
cli_letters(const struct cli_command *command, int argc, char **argv, int i)
{
	for (const char *p = argv[i] + 1; *p; p++) {
		const struct cli_option *o = cli_find_letter(command, *p);

		if (!o)
			cli_wrong(command, "unknown option: %s", argv[i]);
		if (!o->flag && !p[1] && i + 1 == argc)
			cli_wrong(command, "--%s needs a value: %s", o->name, o->value);
		if (!o->flag) {
			cli_take(command, o, p[1] ? p + 1 : argv[i + 1]);
			return p[1] ? i : i + 1;
		}
		cli_take(command, o, "");
	}
	return i;
}

/* argv[i] is an option. Returns the index of the last argument that it took. */
static int
cli_one(const struct cli_command *command, int argc, char **argv, int i)
{
	const char *word = argv[i], *equals = strchr(word, '=');
	struct str name = str_skip(str_from(word), 2);
	const struct cli_option *o;

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		cli_usage(command);
		exit(cli_finish(CLI_YES));
	}
	if (word[1] != '-')
		return cli_letters(command, argc, argv, i);
	if (equals)
		name.n = (size_t)(equals - name.p);
	o = cli_find(command, name);
	if (!o)
		cli_wrong(command, "unknown option: %s", word);
	if (o->flag && equals)
		cli_wrong(command, "--%s takes no value", o->name);
	if (!o->flag && !equals && i + 1 == argc)
		cli_wrong(command, "--%s needs a value: %s", o->name, o->value);
	if (o->flag || equals) {
		cli_take(command, o, equals ? equals + 1 : "");
		return i;
	}
	cli_take(command, o, argv[i + 1]);
	return i + 1;
}

static bool
cli_is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

size_t
cli_parse(const struct cli_command *command, int argc, char **argv, const char **ret_operands)
{
	bool options = true;
	size_t n = 0;

	for (int i = 1; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && cli_is_option(argv[i])) {
			i = cli_one(command, argc, argv, i);
		} else {
			if (n == command->most)
				cli_wrong(command, "too many operands: %s", argv[i]);
			ret_operands[n++] = argv[i];
		}
	}
	if (n < command->least)
		cli_wrong(command, "operand missing: %s", command->operands);
	return n;
}

int
cli_parse_leading(const struct cli_command *command, int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0 && cli_is_option(argv[i]))
		i = cli_one(command, argc, argv, i) + 1;
	return i < argc && strcmp(argv[i], "--") == 0 ? i + 1 : i;
}
