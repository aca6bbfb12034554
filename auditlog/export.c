/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog export: all records that match, in a format that other programs read. */

#include "auditlog/commands.h"
#include "auditlog/query.h"

int
cmd_export(int argc, char **argv)
{
	static struct query q;
	static const char *paths[SOURCES_FILES];
	struct cli_option options[QUERY_OPTIONS];
	const struct cli_command command = {
	    .name = "export",
	    .operands = "[DIR | FILE ...]",
	    .about =
		"Print all records that match in the format that --format names, oldest first, "
		"for\n"
		"another program to read.",
	    .options = options,
	    .n_options = query_print_options(&q, options),
	    .most = SOURCES_FILES,
	    .more = format_usage,
	    .exits = "0 done, also when nothing matches, 2 error, or part of the log could not be "
		     "read",
	};
	size_t n = cli_parse(&command, argc, argv, paths);

	if (!q.format.name && !q.json)
		cli_wrong(&command, "--format is missing");
	query_choose(&q, &command);
	query_enter(&q, &command, paths, n, -1);
	(void)query_print(&q);
	query_leave(&q);
	return query_code(&q, true);
}
