/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include "policyctl/ctl.h"

struct ctl_command {
	const char *name, *about;
	int (*run)(struct ctl *ctl, int argc, char **argv);
};

static const struct ctl_command ctl_commands[] = {
    {"evaluate", "ask for a decision, or for many from stdin", cmd_evaluate},
    {"check", "evaluate with a policy file, without policyd", cmd_check},
    {"test", "run the tests inside a policy", cmd_test},
    {"lint", "find what is doubtful in a policy", cmd_lint},
    {"allow", "add rules that allow something", cmd_allow},
    {"deny", "add rules that deny something", cmd_deny},
    {"rm", "take such rules away", cmd_rm},
    {"ls", "list the rules in force", cmd_ls},
    {"diff", "what another policy would decide otherwise", cmd_diff},
    {"suggest", "rules that would allow what was denied", cmd_suggest},
    {"status", "show state and counters", cmd_status},
    {"reload", "load the policy again", cmd_reload},
    {"rotate", "close the open log segment", cmd_rotate},
    {"ping", "see whether policyd answers", cmd_ping},
    {"emit", "put an application's event on record", cmd_emit},
    {"outcome", "put on record how an allowed operation ended", cmd_outcome},
    {"enroll", "show the key that the log is checked with", cmd_enroll},
    {"squid", "external ACL helper for the Squid proxy", cmd_squid},
};

static void
ctl_usage(void)
{
	struct cli_table t;

	cli_usage_begin(&t, "commands (each has a --help of its own)");
	for (size_t i = 0; i < ARRAY_SIZE(ctl_commands); i++)
		cli_usage_row(&t, ctl_commands[i].name, ctl_commands[i].about);
	cli_usage_end(&t);
}

int
main(int argc, char **argv)
{
	struct ctl ctl = {0};
	bool version = false;
	const struct cli_option options[] = {
	    CTL_OPTION_SOCKET(&ctl),
	    CTL_OPTION_ADMIN(&ctl),
	    CTL_OPTION_TIMEOUT(&ctl),
	    CTL_OPTION_JSON(&ctl),
	    {.name = "version", .help = "print the version and exit", .flag = &version},
	};
	const struct cli_command program = {
	    .operands = "COMMAND ...",
	    .about = "Ask policyd for decisions, look after it, and try out policies.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .more = ctl_usage,
	    .exits = "0 allowed or done, 1 denied or failed, 2 error",
	};
	int at;

	cli_init("policyctl");
	at = cli_parse_leading(&program, argc, argv);
	if (version) {
		cli_puts("policyctl " SEALWRIGHT_VERSION "\n");
		return cli_finish(CLI_YES);
	}
	if (at == argc)
		cli_wrong(&program, "command missing");
	for (size_t i = 0; i < ARRAY_SIZE(ctl_commands); i++)
		if (strcmp(argv[at], ctl_commands[i].name) == 0)
			return cli_finish(ctl_commands[i].run(&ctl, argc - at, argv + at));
	cli_wrong(&program, "unknown command: %s", argv[at]);
}
