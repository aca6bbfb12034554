/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the commands that look for records have in common: options, the files that are asked for, the
 * jail, and all matching records in the order of the log, found on all cores.
 */

#include "auditlog/damage.h"
#include "auditlog/filter.h"
#include "auditlog/format.h"
#include "auditlog/pool.h"
#include "auditlog/scan.h"
#include "auditlog/sources.h"

#define QUERY_OPTIONS (FILTER_OPTIONS + FORMAT_OPTIONS + 8) /* and a command's own */

struct query {
	struct filter_given given;
	struct filter filter;
	struct sources sources;
	struct damage damage;
	int64_t now; /* us since 1970, when the command began */
	bool json;
	bool terminal; /* stdout is one */
	struct format_use
	    format; /* how records are shown; its format is NULL: the command has no such option */
	bool reverse;
	bool waits;                    /* for what will be there */
	uint32_t limit;                /* records; 0: all */
	struct pool_progress progress; /* bytes of the sources */
};

/* The options of filter.h, and --json; room for QUERY_OPTIONS. Returns how many. */
size_t query_options(struct query *q, struct cli_option *options);

/* Those, --format and --fields. */
size_t query_record_options(struct query *q, struct cli_option *options);

/* Those, --limit and --reverse, for query_print(). */
size_t query_print_options(struct query *q, struct cli_option *options);

/* Behind cli_parse(), before query_enter(): the format that was asked for. */
void query_choose(struct query *q, const struct cli_command *command);

/*
 * Behind cli_parse(): make the filter, open what is named, enter the jail, list what there is. Ends the
 * program when one of them fails. keep: another descriptor that stays open, or -1.
 */
void query_enter(struct query *q, const struct cli_command *command, const char *const *paths,
    size_t n_paths, int keep);
void query_leave(struct query *q);

/* The exit code: damage is an error, nothing found CLI_NO. */
int query_code(const struct query *q, bool found);

/* A scan of one source; false: told, or gone meanwhile. The caller gives it back by source_done(). */
bool
query_scan(struct query *q, const struct source *source, char name[SEGNAME_SIZE], struct scan *ret);

/* pool_run() of n jobs that scan the sources; what: for the bar, NULL: none. */
void query_run(struct query *q, const char *what, size_t n,
    void (*job)(void *context, unsigned worker, size_t i), void *context);

/* Put out every record that matches, as --format, --reverse and --limit say. Returns how many. */
uint64_t query_print(struct query *q);

/* Append a record as it is shown. FORMAT_LINE is room for any. */
void query_show(const struct query *q, struct text *t, const struct recordline *r, struct str line);
