/* SPDX-License-Identifier: Apache-2.0 */

/* auditlog search: the records that match, one line each, in the order of the log. */

#include "auditlog/commands.h"
#include "auditlog/query.h"

int
cmd_search(int argc, char **argv)
{
	static struct query q;
	static const char *paths[SOURCES_FILES];
	struct cli_option options[QUERY_OPTIONS];
	const struct cli_command command = {
	    .name = "search",
	    .operands = "[DIR | FILE ...]",
	    .about = "Print the records that match all that is asked for, oldest first, from the "
		     "log in DIR\n"
		     "(" LOGDIR_DEFAULT
		     ") or from segments named one by one (- is standard input).",
	    .options = options,
	    .n_options = query_print_options(&q, options),
	    .most = SOURCES_FILES,
	    .more = format_usage,
	    .exits = "0 found, 1 nothing found, 2 error, or part of the log could not be read",
	};
	size_t n_paths;
	uint64_t found;

	n_paths = cli_parse(&command, argc, argv, paths);
	query_choose(&q, &command);
	query_enter(&q, &command, paths, n_paths, -1);
	found = query_print(&q);
	query_leave(&q);
	return query_code(&q, found > 0);
}
