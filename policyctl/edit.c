/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/edit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "policy/report.h"
#include "policyctl/document.h"
#include "policyctl/edit_show.h"

#define PATIENCE (10 * US_PER_S) /* for another policyctl; its own work takes no second */

static _Noreturn void
edit_no_memory(const struct edit *e)
{
	cli_fatal(ENOMEM, "%s", e->name);
}

/* --- opening ----------------------------------------------------------------------------------- */

static void
edit_open_directory(struct edit *e)
{
	const char *why = NULL;
	struct stat st;
	int64_t patience = e->ctl->timeout ? e->ctl->timeout * US_PER_S : PATIENCE;
	int error = stat(e->dir, &st) < 0 ? -errno : 0;

	if (error == 0 && !S_ISDIR(st.st_mode))
		cli_fatal(0,
		    "%s: %s is a single file, which a person keeps: edit it by hand, or make a "
		    "directory, move the file into it and give policyd (--policy) the directory",
		    e->name, e->dir);
	if (error == 0)
		error = replace_open(&e->replace, e->dir, RULESET_FILE, patience, &why);
	else
		cli_fatal(error, "%s: %s", e->name, e->dir);
	if (error == -ENOMEM || (error < 0 && !why))
		cli_fatal(error, "%s: %s", e->name, e->dir);
	if (error == -EWOULDBLOCK)
		cli_fatal(0, "%s: %s: %s", e->name, e->dir, why);
	if (error < 0)
		cli_fatal(0, "%s: %s: %s", e->name, e->file, why);
}

static size_t
edit_find_own(const struct edit *e)
{
	for (size_t i = 0; i < e->texts.n; i++)
		if (strcmp(e->texts.v[i].file, e->file) == 0)
			return i;
	return e->texts.n;
}

/* Texts that are the caller's in a list of their own; own: NULL or what takes the place of ours. */
static struct policy_texts
edit_texts(const struct edit *e, const struct policy_text *own)
{
	struct policy_texts t = {
	    .v = calloc(e->texts.n + 1, sizeof(*t.v)), .zones = e->texts.zones};
	bool put = own == NULL;

	if (!t.v)
		edit_no_memory(e);
	for (size_t i = 0; i < e->texts.n; i++) {
		if (i == e->own)
			continue;
		if (!put && strcmp(own->file, e->texts.v[i].file) < 0) {
			t.v[t.n++] = *own;
			put = true;
		}
		t.v[t.n++] = e->texts.v[i];
	}
	if (!put)
		t.v[t.n++] = *own;
	return t;
}

static void
edit_refuse_text(const struct edit *e)
{
	document_print(&e->report, true);
	cli_fatal(0, "%s: %s: not a policy file: nothing was changed", e->name, e->file);
}

/* What a person added to our file would be gone when it is written again. */
static void
edit_check_own(const struct edit *e, struct str text)
{
	CLEANUP_FREE char *again = NULL;
	size_t n;

	if (ruleset_write(&e->rules, &again, &n) < 0)
		edit_no_memory(e);
	if (str_eq(text, (struct str){again, n}))
		return;
	cli_fatal(0,
	    "%s: %s was changed by hand, and is left alone: give it another name that ends in "
	    ".json, so that it stays in force, and try again",
	    e->name, e->file);
}

static void
edit_load_own(struct edit *e)
{
	struct policy_texts one = {.v = &e->texts.v[e->own], .n = 1, .zones = e->texts.zones};
	struct doc doc;
	int error;

	e->rules = (struct ruleset){.with_revision = false};
	if (e->own == e->texts.n)
		return;
	error = doc_load(&doc, &one, &e->report);
	if (error == 0 && e->report.n > 0)
		edit_refuse_text(e);
	if (error == 0)
		error = ruleset_take(&e->rules, &doc);
	if (error < 0)
		edit_no_memory(e);
	doc_free(&doc);
	edit_check_own(e, one.v->text);
}

/* What is wrong with the others is said when all are compiled together. */
static void
edit_load_others(struct edit *e)
{
	static struct policy_texts texts;

	texts = edit_texts(e, NULL);
	if (doc_load(&e->others, &texts, &e->report) < 0)
		edit_no_memory(e);
	e->report = (struct policy_report){.n = 0};
}

void
edit_open(struct edit *e, struct ctl *ctl, const char *name, const struct edit_options *o)
{
	const char *failed;
	int error;

	*e = (struct edit){.ctl = ctl, .options = o, .name = name};
	e->dir = o->policy ? o->policy : ctl_policy();
	if (asprintf(&e->file, "%s/%s", e->dir, RULESET_FILE) < 0)
		edit_no_memory(e);
	edit_open_directory(e);
	error = policy_texts_read(&e->texts, e->dir, &failed);
	if (error < 0)
		cli_fatal(error, "%s: %s", name, failed);
	e->own = edit_find_own(e);
	edit_load_own(e);
	edit_load_others(e);
	e->rules.others = &e->others;
}

void
edit_close(struct edit *e)
{
	doc_free(&e->others);
	ruleset_free(&e->rules);
	policy_texts_free(&e->texts);
	replace_close(&e->replace);
	vec_free(&e->lines);
	free(e->revision);
	free(e->file);
}

void
edit_note(struct edit *e, struct edit_line line)
{
	struct edit_line *added = vec_add(&e->lines, sizeof(*added));

	if (added)
		*added = line;
	else
		edit_no_memory(e);
}

static bool
edit_is_unscoped(const struct doc_policy *p)
{
	for (size_t i = 0; i < SCOPE_KINDS; i++)
		if (p->scope[i].n > 0)
			return false;
	return true;
}

/* For everybody, and with a rule, so that it stays. */
static bool
edit_enforces(const struct edit *e)
{
	for (uint32_t i = 0; i < e->others.policies.n; i++)
		if (doc_policy(&e->others, i)->mode == POLICY_ENFORCE &&
		    edit_is_unscoped(doc_policy(&e->others, i)))
			return true;
	for (uint32_t i = 0; i < e->rules.policies.n; i++)
		if (ruleset_policy(&e->rules, i)->mode == POLICY_ENFORCE &&
		    ruleset_is_unscoped(ruleset_policy(&e->rules, i)) &&
		    ruleset_policy(&e->rules, i)->rules.n > 0)
			return true;
	return false;
}

bool
edit_only_watched(const struct edit *e)
{
	bool watched = false;

	for (uint32_t i = 0; i < e->others.policies.n; i++)
		watched = watched || doc_policy(&e->others, i)->mode != POLICY_ENFORCE;
	for (uint32_t i = 0; i < e->rules.policies.n; i++)
		watched = watched || ruleset_policy(&e->rules, i)->mode != POLICY_ENFORCE;
	return watched && !edit_enforces(e);
}

/* --- finishing --------------------------------------------------------------------------------- */

static void
edit_take_revision(struct edit *e, const uint8_t *bytes, size_t size)
{
	struct policy_image image;
	struct str revision;
	const char *why;

	if (policy_image_open(&image, bytes, size, &why) < 0)
		cli_fatal(0, "%s: %s: %s", e->name, e->dir, why);
	revision = policy_image_revision(&image);
	free(e->revision);
	e->revision = strndup(revision.p, revision.n);
	if (!e->revision)
		edit_no_memory(e);
}

/* Whether policyd would take it. */
static bool
edit_compile(struct edit *e, const struct policy_texts *texts)
{
	struct policy_compile_options how = {
	    .accounts = true, .run_tests = true, .now = clock_real()};
	CLEANUP_FREE uint8_t *image = NULL;
	size_t size;
	int error = policy_compile(texts, &how, &image, &size, &e->report);

	if (error < 0 && error != -EINVAL)
		cli_fatal(error, "%s: %s", e->name, e->dir);
	if (error == 0)
		edit_take_revision(e, image, size);
	return error == 0;
}

/* What is doubtful about the rules that were added, together with all others. */
static struct lint_only
edit_lint(struct edit *e, const struct policy_texts *texts)
{
	struct lint_only only = {calloc(e->lines.n + 1, sizeof(*only.v)), 0};
	const struct edit_line *lines = e->lines.p;

	if (!only.v)
		edit_no_memory(e);
	for (uint32_t i = 0; i < e->lines.n; i++)
		if (lines[i].what == EDIT_ADDED)
			only.v[only.n++] = (struct lint_name){
			    lines[i].policy_id, lines[i].rule_id, false};
	if (only.n > 0 && policy_lint_only(texts, clock_real(), &only, &e->doubts) < 0)
		edit_no_memory(e);
	return only;
}

static void
edit_take_back(struct edit *e, const struct lint_name *name)
{
	struct edit_line *lines = e->lines.p;

	for (uint32_t i = 0; i < e->rules.policies.n; i++) {
		struct ruleset_policy *p = ruleset_policy(&e->rules, i);

		for (uint32_t k = p->rules.n; str_eq(p->id, name->policy) && k-- > 0;)
			if (str_eq(ruleset_rule(p, k)->id, name->rule))
				ruleset_remove(p, k);
	}
	for (uint32_t i = 0; i < e->lines.n; i++)
		if (lines[i].what == EDIT_ADDED && str_eq(lines[i].policy_id, name->policy) &&
		    str_eq(lines[i].rule_id, name->rule))
			lines[i].what = EDIT_NEEDLESS;
}

/* Rules that another one makes needless are not added. True when there were any. */
static bool
edit_drop_needless(struct edit *e, const struct policy_texts *texts)
{
	struct lint_only only = edit_lint(e, texts);
	bool any = false;

	for (size_t i = 0; i < only.n; i++)
		if (only.v[i].needless) {
			edit_take_back(e, &only.v[i]);
			any = true;
		}
	free(only.v);
	return any;
}

static void
edit_write(const struct edit *e, struct str text)
{
	const char *step;
	bool done;
	int error = replace_write(&e->replace, text, &step, &done);

	if (error == -ESTALE)
		cli_fatal(0, "%s: %s was changed meanwhile: nothing was changed, try again",
		    e->name, e->file);
	if (error < 0)
		cli_fatal(error, "%s: %s: %s (%s)", e->name, e->file, step,
		    done ? "the new rules are there" : "nothing was changed");
}

static bool
edit_denies_more(const struct edit *e)
{
	const struct edit_line *lines = e->lines.p;

	for (uint32_t i = 0; e->options->sandbox && i < e->lines.n; i++)
		if (lines[i].what == EDIT_ADDED && lines[i].deny)
			return true;
	return false;
}

/* A deny holds when it is not known that its scope does not (docs/POLICY.md, "Missing"). */
static void
edit_doubt_missing(struct edit *e)
{
	if (edit_denies_more(e))
		report_add(&e->doubts, &e->texts, PLACE_NOWHERE,
		    "also denies whoever says no sandbox, or is not believed to be in one");
}

static bool
edit_has_change(const struct edit *e)
{
	const struct edit_line *lines = e->lines.p;

	for (uint32_t i = 0; i < e->lines.n; i++)
		if (lines[i].what == EDIT_ADDED || lines[i].what == EDIT_REMOVED)
			return true;
	return false;
}

/* The new text is good. */
static int
edit_carry_out(struct edit *e, struct str text)
{
	struct str before = e->own < e->texts.n ? e->texts.v[e->own].text : STR("");
	bool changed = edit_has_change(e);

	if (changed && !e->options->dry_run)
		edit_write(e, text);
	edit_doubt_missing(e);
	edit_show(e, changed, before, text);
	if (!e->options->reload || e->options->dry_run)
		return CLI_YES;
	return reload_now(e->ctl, e->dir, str_from(e->revision));
}

/* One try; *ret_again: some rules were taken back, and what is left is another text. */
static int
edit_try(struct edit *e, bool *ret_again)
{
	CLEANUP_FREE char *text = NULL;
	struct policy_text own = {.file = e->file};
	struct policy_texts texts;
	int code = CLI_NO;

	if (ruleset_write(&e->rules, &text, &own.text.n) < 0)
		edit_no_memory(e);
	own.text.p = text;
	texts = edit_texts(e, &own);
	if (!edit_compile(e, &texts)) {
		document_print(&e->report, true);
		log_error("%s: policyd would refuse that: nothing was changed", e->name);
	} else {
		*ret_again = !*ret_again && edit_drop_needless(e, &texts);
		code = *ret_again ? CLI_YES : edit_carry_out(e, own.text);
	}
	free(texts.v);
	return code;
}

int
edit_finish(struct edit *e)
{
	bool again = false;
	int code;

	e->rules.with_revision = str_given(e->others.revision);
	code = edit_try(e, &again);
	return again ? edit_try(e, &again) : code;
}
