/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which records are asked for: by their members, by time. Every command takes the same options for
 * it. What is asked for must hold all at once; of an option that is given again, one; but of --where all, and
 * of --level, --from and --to the last.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/cli.h"
#include "common/clock.h"
#include "proto/record.h"
#include "proto/recordline.h"

#define FILTER_OPTIONS 16
#define FILTER_LISTS 13 /* options that may be given again */
#define FILTER_TERMS (FILTER_LISTS * CLI_LIST)
#define FILTER_NEEDLE 512

/* What the command line said; NULL where it said nothing. */
struct filter_given {
	struct cli_list decision, action, resource, user, rule, policy, client, sandbox;
	struct cli_list category, event, actor, session, where;
	const char *level, *from, *to;
};

struct filter_term {
	enum recordline_member member; /* MEMBER_COUNT: path */
	struct str path;               /* names with dots between */
	struct str pattern;
	bool or_next; /* or the next one holds */
	bool negated; /* nothing there is of this pattern; or there is nothing */
	bool by_uid;  /* of the user: a uid, or "uid N" as it is shown where there is no name */
};

struct filter {
	struct filter_term term[FILTER_TERMS];
	size_t n;
	enum record_level level; /* at least; LEVEL_NONE: any, and records without one */
	bool has_from, has_to;
	int64_t from, to; /* both inclusive, us since 1970 */
	char from_text[RFC3339_SIZE], to_text[RFC3339_SIZE];
	/* Every line that matches holds these bytes. Empty: nothing is known. */
	char needle[FILTER_NEEDLE];
	size_t n_needle;
};

/* The options of all these; room for FILTER_OPTIONS. Returns how many. */
size_t filter_options(struct filter_given *g, struct cli_option *options);

/* Ends the program when something given cannot be. g must outlive the filter. */
void filter_make(
    struct filter *f, const struct cli_command *command, const struct filter_given *g, int64_t now);

/* Whether all records match. */
bool filter_empty(const struct filter *f);

/* Whether a segment may hold records that match by their time; of its first and last one, in any order. */
bool filter_has_time(const struct filter *f, int64_t first, int64_t last);

bool filter_matches(const struct filter *f, const struct recordline *r);
