/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What every command-line tool here does alike: options and usage from one table, output whose
 * failure is never silent, colour, tables, and data shown so that it cannot drive the terminal.
 * For main-level code of tools only (it writes to stdout and may end the process); daemons do not
 * link it.
 *
 * Habits: usage asked for goes to stdout and exits 0; a wrong command line says what is wrong and
 * where help is on stderr and exits 2; errors read "program: what: why".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/log.h"
#include "common/str.h"

/* Exit codes of the tools that answer a question; others use YES and ERROR. */
enum cli_exit {
	CLI_YES = 0,   /* allowed, passed, done */
	CLI_NO = 1,    /* denied, failed, refused */
	CLI_ERROR = 2, /* wrong usage, input or output error, no answer */
};

/*
 * First of all: the name for messages; SIGPIPE becomes EPIPE; descriptors 0 to 2 that the caller
 * left closed are filled such that using them fails (else the next file opened would be stdout).
 */
void cli_init(const char *program);

/* That name. */
const char *cli_name(void);

/* Say what and why (error: positive or negative errno, 0: none), flush stdout, exit 2. */
_Noreturn void cli_fatal(int error, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* --- output ---------------------------------------------------------------------------------- */

/* To stdout, buffered. The first failure is kept for cli_finish(). */
void cli_put(struct str s);
void cli_puts(const char *z);
/* Data that others chose: escaped as text_safe() does. */
void cli_put_safe(struct str s);
/*
 * One JSON text and a newline. On a terminal, characters inside its strings that could drive it are
 * written as \uXXXX, which means the same; elsewhere the bytes are as given.
 */
void cli_put_json(struct str json);
/* A part of one, without the newline. */
void cli_put_json_part(struct str json);

/* Whether any output so far has failed: then the rest need not be made. */
bool cli_output_failed(void);

/* Push out what is buffered. 0 or the negative errno of the first failure of any output so far. */
int cli_flush(void);

/*
 * Last of all: flush and close stdout. Returns code, or CLI_ERROR after a message when anything
 * that was written did not arrive.
 */
int cli_finish(int code);

enum cli_colour {
	CLI_PLAIN,
	CLI_GOOD, /* green */
	CLI_BAD,  /* red */
	CLI_DIM,
};
/*
 * Whether stdout is a terminal that takes colours and NO_COLOR is not set (or empty), as of
 * cli_init().
 */
bool cli_colours(void);
/* Escaped data in a colour. */
void cli_paint(enum cli_colour colour, struct str s);

/* --- tables ---------------------------------------------------------------------------------- */

/*
 * Left-aligned columns, two spaces apart, nothing behind the last text of a row. Widths count
 * characters (code points), not terminal cells. Cells are escaped when they are put in. The first
 * row may be a heading (dim on a terminal).
 */
#define CLI_COLUMNS 12
struct cli_table {
	size_t columns; /* 1 to CLI_COLUMNS */
	size_t cells;
	size_t cap;
	char **cell; /* row after row; the first byte of each is its colour */
	bool heading;
};
void cli_table_init(struct cli_table *t, size_t columns, bool heading);
/* Ends the program when memory runs out. */
void cli_table_cell(struct cli_table *t, struct str s);
/* Colour the cell that was put in last (in a heading its colour ends with it). */
void cli_table_colour(struct cli_table *t, enum cli_colour colour);
/* Print and free. */
void cli_table_print(struct cli_table *t);

/* --- the command line (cli_options.c) --------------------------------------------------------- */

#define CLI_LIST 64
struct cli_list {
	const char *v[CLI_LIST];
	size_t n;
};

/* Exactly one of flag, text, list, number is set: it says what the option takes. */
struct cli_option {
	const char *name;  /* without the dashes: --name VALUE or --name=VALUE */
	const char *value; /* what VALUE is called in the usage; NULL for a flag */
	const char *help;
	bool *flag;
	const char **text;
	struct cli_list *list;
	uint32_t *number;
	uint32_t min, max; /* of number */
	char letter;       /* -f for --follow, -n 5 or -n5 for --lines 5, -fn5 for both; 0: none */
};

struct cli_command {
	const char *name;     /* "evaluate"; NULL: the program itself */
	const char *operands; /* for the usage: "ACTION RESOURCE"; NULL: none */
	const char *about;    /* one or more lines without indent */
	const struct cli_option *options;
	size_t n_options;
	size_t least, most; /* operands */
	const char *exits;  /* what the exit codes mean, for the usage; may be NULL */
	void (*more)(void); /* prints more of the usage; may be NULL */
};

/*
 * Read options and operands (which may come in any order; "--" ends options). argv[0] is the
 * command's own name. Operands go to ret_operands, which has room for command->most. Returns their
 * number. --help prints the usage and ends the program; so does a wrong command line.
 */
size_t
cli_parse(const struct cli_command *command, int argc, char **argv, const char **ret_operands);

/* The same, but stop at the first operand. Returns its index in argv (argc when there is none). */
int cli_parse_leading(const struct cli_command *command, int argc, char **argv);

/* Usage of a command to stdout. */
void cli_usage(const struct cli_command *command);

/*
 * More of it, from cli_command.more: a heading ("formats"), then rows of a name and what it is. The
 * table is the caller's; cli_usage_end() prints it.
 */
void cli_usage_begin(struct cli_table *t, const char *heading);
void cli_usage_row(struct cli_table *t, const char *name, const char *about);
void cli_usage_end(struct cli_table *t);

/* The command line is wrong: say it and where help is, exit 2. */
_Noreturn void cli_wrong(const struct cli_command *command, const char *fmt, ...) PRINTF_LIKE(2, 3);
