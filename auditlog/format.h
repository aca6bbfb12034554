/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The forms that records are put out in: what --format names. Each is in a file of its own and an entry of
 * one table. Data of a record is escaped as its format needs it, so that no record can look like two, like a
 * part of another, or like another field. No allocation for a record.
 */

#include <stdbool.h>

#include "auditlog/format_text.h"
#include "auditlog/path.h"
#include "common/cli.h"
#include "common/text.h"

#define FORMAT_OPTIONS 3
#define FORMAT_MEMBERS 48 /* of --fields, or of a template */
#define FORMAT_GIVEN 2048 /* bytes of either */
#define FORMAT_LINE (FORMAT_MEMBERS * 4 * LIMIT_LINE + FORMAT_GIVEN) /* room for any record */

struct format;

/* One that is in use. */
struct format_use {
	const char *name, *fields;   /* as given; NULL: not */
	const char *ocsf_version;    /* likewise */
	const struct format *format; /* NULL: the command's own */
	bool colours, terminal;      /* of stdout */
	bool behind;                 /* a record was put out: what stands between two comes first */
	struct path member[FORMAT_MEMBERS];
	struct str before[FORMAT_MEMBERS +
			  1]; /* of a template: the text before each member, and the last */
	size_t n;
};

enum format_kind {
	FORMAT_SAFE, /* harmless on a terminal as it is */
	FORMAT_JSON, /* JSON texts */
	FORMAT_RAW,  /* holds data as it was recorded */
};

struct format {
	const char *name, *about;
	enum format_kind kind;
	/* What stands before the first record; may be NULL. */
	void (*begin)(const struct format_use *use, struct text *t);
	/* Append a record with its newline. line: as stored. Any thread. */
	void (*record)(const struct format_use *use, struct text *t, const struct recordline *r,
	    struct str line);
	const char
	    *between;    /* what all records but the last one end with in addition; NULL: nothing */
	const char *end; /* what stands behind the last record; NULL: nothing */
	/* Bytes of the first of several records; NULL: it is a line. */
	size_t (*size)(struct str records);
};

extern const struct format format_human, format_jsonl, format_json, format_csv, format_template;
extern const struct format format_shorthand, format_syslog, format_cef, format_leef, format_ecs,
    format_ocsf;

/* --format, --fields and --ocsf-version; room for FORMAT_OPTIONS. Returns how many. */
size_t format_options(struct format_use *use, struct cli_option *options);

/*
 * Behind cli_parse(): find what is named. jsonl: it was asked for by --json. Ends the program when there is no such
 * format or member. What was given must outlive use.
 */
void format_choose(struct format_use *use, const struct cli_command *command, bool jsonl);

/* To stdout: the beginning, whole records in their order, the end. */
void format_begin(struct format_use *use);
void format_put(struct format_use *use, struct str records);
void format_end(const struct format_use *use);

/* Bytes of the first of several records. */
size_t format_size(const struct format_use *use, struct str records);

/* The table of --help. */
void format_usage(void);

/*
 * csv: the fields; template: its pieces. NULL, or what is wrong (static text) and *ret_wrong, the part that is.
 */
const char *format_csv_parse(struct format_use *use, struct str fields, struct str *ret_wrong);
const char *format_template_parse(struct format_use *use, struct str text, struct str *ret_wrong);

/* ocsf: whether it can be said in this version of the schema. */
bool format_ocsf_knows(const char *version);

/* Of csv and template: a member more. */
const char *format_member(struct format_use *use, struct str name);
