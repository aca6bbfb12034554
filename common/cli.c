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
	cli_coloured = cli_terminal && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
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

const char *
cli_name(void)
{
	return cli_program;
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
