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

/* What most come for. */
static const char *const auditlog_examples[][2] = {
    {"what is going on?", "auditlog tail -f"},
    {"who was denied what yesterday?",
	"auditlog search --decision deny --from yesterday --to yesterday"},
    {"the same, as a table",
	"auditlog export --format csv --decision deny --from yesterday --to yesterday"},
    {"is the log whole?", "auditlog verify --key KEPT.vkey"},
};

static void
auditlog_usage(void)
{
	struct cli_table t;

	cli_usage_begin(&t, "commands (each has a --help of its own)");
	for (const struct auditlog_command *c = auditlog_commands; c->name; c++)
		cli_usage_row(&t, c->name, c->about);
	cli_usage_end(&t);
	cli_usage_begin(&t, "examples");
	for (size_t i = 0; i < ARRAY_SIZE(auditlog_examples); i++)
		cli_usage_row(&t, auditlog_examples[i][0], auditlog_examples[i][1]);
	cli_usage_end(&t);
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
	    .about =
		"Read and judge the audit log. Nothing is written to it, ever. A command reads the "
		"log of\nthis host, or the one in the directory that is its last word.",
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
