/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/text.h"

static const char *cli_program = "sealwright";
static int cli_error; /* negative errno of the first failed output */
/* As cli_init() found them: a jail empties the environment. */
static bool cli_terminal, cli_coloured;
static char cli_buffer[64 << 10]; /* of stdout */

/* With a buffer of its own, stdout needs no look at what it is when it is used first, maybe in a jail. */
static void
cli_look_at_stdout(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	cli_terminal = isatty(STDOUT_FILENO);
	cli_coloured = cli_terminal && !(no && *no) && term && strcmp(term, "dumb") != 0;
	(void)setvbuf(stdout, cli_buffer, cli_terminal ? _IOLBF : _IOFBF, sizeof(cli_buffer));
}

void
cli_init(const char *program)
{
	cli_program = program;
	log_init(program);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	(void)signal(SIGPIPE, SIG_IGN);
	cli_look_at_stdout();
}

void
cli_fatal(int error, const char *fmt, ...)
{
	char what[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (error)
		log_error("%s: %s", what, strerrordesc_np(error < 0 ? -error : error));
	else
		log_error("%s", what);
	exit(cli_finish(CLI_ERROR));
}

/* --- output ---------------------------------------------------------------------------------- */

static void
cli_failed(void)
{
	if (cli_error == 0)
		cli_error = errno ? -errno : -EIO;
}

void
cli_put(struct str s)
{
	errno = 0;
	if (s.n > 0 && fwrite(s.p, 1, s.n, stdout) != s.n)
		cli_failed();
}

void
cli_puts(const char *z)
{
	cli_put(str_from(z));
}

/* The start of s that is at most n bytes and does not cut a UTF-8 sequence. */
static struct str
cli_part(struct str s, size_t n)
{
	if (s.n <= n)
		return s;
	for (size_t back = 0; back < 3; back++)
		if (((unsigned char)s.p[n - back] & 0xc0) != 0x80)
			return (struct str){s.p, n - back};
	return (struct str){s.p, n};
}

void
cli_put_safe(struct str s)
{
	char buf[4 * 256]; /* text_safe makes at most four bytes of one */

	while (s.n > 0) {
		struct str part = cli_part(s, 256);
		struct text t = text_over(buf, sizeof(buf));

		text_safe(&t, part);
		cli_put(text_str(&t));
		s = str_skip(s, part.n);
	}
}

/* The UTF-8 sequence of n bytes as JSON that no terminal acts on. */
static void
cli_put_json_char(const char *p, size_t n)
{
	char buf[16], escape[8];
	struct text t = text_over(buf, sizeof(buf));
	/* The lead byte's own bits; then six of each that follows. */
	uint32_t code = (unsigned char)p[0] & (n == 1 ? 0x7fU : 0xffU >> (n + 1));

	text_safe(&t, (struct str){p, n});
	if (str_eq(text_str(&t), (struct str){p, n})) {
		cli_put((struct str){p, n});
		return;
	}
	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)p[i] & 0x3fU);
	(void)snprintf(escape, sizeof(escape), "\\u%04x", code & 0xffff);
	cli_put(str_from(escape));
}

static void
cli_put_json_harmless(struct str s)
{
	while (s.n > 0) {
		size_t n = utf8_length(s.p, s.n);

		if (n == 0)
			cli_put(STR("\\ufffd"));
		else
			cli_put_json_char(s.p, n);
		s = str_skip(s, n == 0 ? 1 : n);
	}
}

void
cli_put_json_part(struct str json)
{
	if (cli_terminal)
		cli_put_json_harmless(json);
	else
		cli_put(json);
}

void
cli_put_json(struct str json)
{
	cli_put_json_part(json);
	cli_puts("\n");
}

bool
cli_output_failed(void)
{
	return cli_error != 0;
}

int
cli_flush(void)
{
	errno = 0;
	if (fflush(stdout) != 0)
		cli_failed();
	return cli_error;
}

int
cli_finish(int code)
{
	(void)cli_flush();
	errno = 0;
	/* Some file systems report a failed write only here. */
	if (close(STDOUT_FILENO) != 0)
		cli_failed();
	if (cli_error == 0)
		return code;
	log_error("standard output: %s", strerrordesc_np(-cli_error));
	return CLI_ERROR;
}

bool
cli_colours(void)
{
	return cli_coloured;
}

static void
cli_paint_start(enum cli_colour colour)
{
	static const char *const start[] = {[CLI_PLAIN] = "",
	    [CLI_GOOD] = "\033[32m",
	    [CLI_BAD] = "\033[31m",
	    [CLI_DIM] = "\033[2m"};

	if (cli_colours())
		cli_puts(start[colour]);
}

static void
cli_paint_end(enum cli_colour colour)
{
	if (colour != CLI_PLAIN && cli_colours())
		cli_puts("\033[0m");
}

void
cli_paint(enum cli_colour colour, struct str s)
{
	cli_paint_start(colour);
	cli_put_safe(s);
	cli_paint_end(colour);
}

/* --- tables ---------------------------------------------------------------------------------- */

void
cli_table_init(struct cli_table *t, size_t columns, bool heading)
{
	*t = (struct cli_table){.columns = columns, .heading = heading};
}

void
cli_table_cell(struct cli_table *t, struct str s)
{
	struct text text;
	char *cell;

	if (t->cells == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 16 * t->columns;
		t->cell = reallocarray(t->cell, t->cap, sizeof(*t->cell));
		if (!t->cell)
			cli_fatal(ENOMEM, "table");
	}
	cell = malloc(4 * s.n + 2);
	if (!cell)
		cli_fatal(ENOMEM, "table");
	cell[0] = CLI_PLAIN;
	text = text_over(cell + 1, 4 * s.n);
	text_safe(&text, s);
	cell[text.n + 1] = '\0';
	t->cell[t->cells++] = cell;
}

void
cli_table_colour(struct cli_table *t, enum cli_colour colour)
{
	t->cell[t->cells - 1][0] = (char)colour;
}

/* Characters of text that text_safe() has made. */
static size_t
cli_width(const char *z)
{
	size_t n = 0;

	for (; *z; z++)
		if (((unsigned char)*z & 0xc0) != 0x80)
			n++;
	return n;
}

/* Without the empty cells at its end. */
static size_t
cli_row_cells(const struct cli_table *t, size_t first)
{
	size_t n = t->cells - first < t->columns ? t->cells - first : t->columns;

	while (n > 0 && t->cell[first + n - 1][1] == '\0')
		n--;
	return n;
}

static void
cli_table_row(const struct cli_table *t, size_t first, const size_t *width)
{
	enum cli_colour colour = first == 0 && t->heading ? CLI_DIM : CLI_PLAIN;
	size_t n = cli_row_cells(t, first);

	cli_paint_start(colour);
	for (size_t c = 0; c < n; c++) {
		const char *cell = t->cell[first + c] + 1;
		enum cli_colour own = (enum cli_colour)cell[-1];

		cli_paint_start(own);
		cli_puts(cell);
		cli_paint_end(own);
		for (size_t w = cli_width(cell); c + 1 < n && w < width[c] + 2; w++)
			cli_puts(" ");
	}
	cli_paint_end(colour);
	cli_puts("\n");
}

void
cli_table_print(struct cli_table *t)
{
	size_t width[CLI_COLUMNS] = {0};

	for (size_t i = 0; i < t->cells; i++) {
		size_t w = cli_width(t->cell[i] + 1), c = i % t->columns;

		width[c] = w > width[c] ? w : width[c];
	}
	for (size_t i = 0; i < t->cells; i += t->columns)
		cli_table_row(t, i, width);
	for (size_t i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	*t = (struct cli_table){0};
}

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
	cli_puts(cli_program);
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
	(void)fprintf(stderr, "Try '%s%s%s --help'.\n", cli_program, command->name ? " " : "",
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

/* The option that a word like -f is; NULL: none. */
static const struct cli_option *
cli_find_letter(const struct cli_command *command, const char *word)
{
	for (size_t i = 0; i < command->n_options; i++)
		if (word[1] && word[1] == command->options[i].letter && !word[2])
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
	if (equals)
		name.n = (size_t)(equals - name.p);
	o = word[1] == '-' ? cli_find(command, name) : cli_find_letter(command, word);
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
