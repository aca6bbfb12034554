/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include "auditlog/bar.h"
#include "auditlog/commands.h"
#include "common/cli.h"
#include "common/reading_jail.h"
#include "common/text.h"

struct auditlog_command {
	const char *name, *about;
	int (*run)(int argc, char **argv);
};

static const struct auditlog_command auditlog_commands[] = {
    {"ls", "list the segments and their seals", cmd_ls},
    {"tail", "print the newest records, and those that come", cmd_tail},
    {"show", "print one record, member by member", cmd_show},
    {"search", "print the records that match", cmd_search},
    {"export", "print all records that match for another program", cmd_export},
    {"count", "say how many there are", cmd_count},
    {"summary", "say how many there are of what, and when", cmd_summary},
    {"report", "one page on a period: figures, incidents, how far it can be believed", cmd_report},
    {"verify", "check seals and lines, and say how much they prove", cmd_verify},
    {"prove", "write a proof that one record is in the log", cmd_prove},
    {"verify-proof", "check such a proof", cmd_verify_proof},
    {"anchor", "make a checkpoint for others to vouch for, and take in what they say", cmd_anchor},
    {NULL, NULL, NULL},
};

static void
auditlog_usage(void)
{
	struct cli_table t;

	cli_puts("\ncommands (each has a --help of its own):\n");
	cli_table_init(&t, 2, false);
	for (const struct auditlog_command *c = auditlog_commands; c->name; c++) {
		char name[32];
		struct text left = text_over(name, sizeof(name));

		text_put(&left, STR("  "));
		text_put(&left, str_from(c->name));
		cli_table_cell(&t, text_str(&left));
		cli_table_cell(&t, str_from(c->about));
	}
	cli_table_print(&t);
}

static int
auditlog_jail(void)
{
	char buf[256];
	struct text t = text_over(buf, sizeof(buf));

	reading_jail_describe(&t);
	cli_put(text_str(&t));
	cli_puts("\n");
	return cli_finish(CLI_YES);
}

int
main(int argc, char **argv)
{
	bool version = false, jail = false;
	const struct cli_option options[] = {
	    {.name = "version", .help = "print the version and exit", .flag = &version},
	    {.name = "jail",
		.help = "say what confines it on this kernel, and exit",
		.flag = &jail},
	};
	const struct cli_command program = {
	    .operands = "COMMAND ...",
	    .about = "Read and judge the audit log. Nothing is written to it, ever.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .more = auditlog_usage,
	    .exits = "each command's help says",
	};
	int at;

	cli_init("auditlog");
	bar_look();
	at = cli_parse_leading(&program, argc, argv);
	if (version) {
		cli_puts("auditlog " SEALWRIGHT_VERSION "\n");
		return cli_finish(CLI_YES);
	}
	if (jail)
		return auditlog_jail();
	if (at == argc)
		cli_wrong(&program, "command missing");
	for (const struct auditlog_command *c = auditlog_commands; c->name; c++)
		if (strcmp(argv[at], c->name) == 0)
			return cli_finish(c->run(argc - at, argv + at));
	cli_wrong(&program, "unknown command: %s", argv[at]);
}
