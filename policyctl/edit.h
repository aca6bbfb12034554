/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Changing the rules of policyctl in a policy directory: open, change edit->rules, finish. What a
 * person wrote is only read. Main-level: says what is wrong and ends the program.
 */

#include "policy/lint.h"
#include "policyctl/admin.h"
#include "policyctl/replace.h"
#include "policyctl/ruleset.h"

struct edit_options {
	const char *policy; /* NULL: where policyd of the caller looks */
	const char *user, *sandbox;
	bool dry_run, reload;
};

/* clang-format off */
#define EDIT_OPTIONS(o) \
	{.name = "policy", .value = "DIR", .help = "policy directory", .text = &(o)->policy}, \
	{.name = "sandbox", .value = "ID", .help = "only for this sandbox ('*': any characters)", .text = &(o)->sandbox}, \
	{.name = "user", .value = "USER", .help = "only for this user ('*': any characters)", .text = &(o)->user}, \
	{.name = "dry-run", .help = "show what would change, change nothing", .flag = &(o)->dry_run}, \
	{.name = "reload", .help = "then have policyd load its policy again", .flag = &(o)->reload}
/* clang-format on */

enum edit_what {
	EDIT_ADDED,
	EDIT_REMOVED,
	EDIT_THERE,    /* the same rule was there */
	EDIT_NEEDLESS, /* another rule says it already */
};

/* One line of the outcome. */
struct edit_line {
	enum edit_what what;
	struct str policy_id, rule_id, resource;
	bool deny;
};

struct edit {
	struct ctl *ctl;
	const struct edit_options *options;
	const char *name; /* of the command */
	const char *dir;
	char *file; /* of policyctl's rules */
	struct replace replace;
	struct policy_texts texts;   /* of the directory */
	size_t own;                  /* which of them is ours; texts.n: none yet */
	struct doc others;           /* all but ours */
	struct policy_report report; /* what is wrong */
	struct policy_report doubts; /* what is doubtful about the rules that were added */
	struct ruleset rules;
	struct vec lines; /* struct edit_line, made by the command */
	char *revision;   /* of all of it as it was compiled last; NULL: not yet */
};

void edit_open(struct edit *e, struct ctl *ctl, const char *name, const struct edit_options *o);

/* Remember what was done. */
void edit_note(struct edit *e, struct edit_line line);

/*
 * Whether there may be requests with only warn and audit policies in scope, for which everything is
 * allowed (docs/POLICY.md, M3): then a policy of ours that enforces ends that when it comes, and brings
 * it back when it goes.
 */
bool edit_only_watched(const struct edit *e);

/*
 * Write edit->rules, if the whole directory then compiles and passes its tests; print what was done.
 * Returns the exit status.
 */
int edit_finish(struct edit *e);

void edit_close(struct edit *e);
