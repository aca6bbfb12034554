/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl allow, policyctl deny: add rules to the file of policyctl in the policy directory. */

#include <errno.h>

#include "common/clock.h"
#include "policy/action.h"
#include "policy/canon.h"
#include "policyctl/edit.h"

#define ALLOW_OPERANDS 1024

struct allow {
	const struct cli_command *command;
	const struct allow_kind *kind;
	struct edit_options edit;
	const char *name, *expires_text, *actions_text, *mode_text;
	bool deny;
	enum policy_mode mode;
	struct str actions[CLI_LIST];
	struct ruleset_rule rule; /* what all of them have in common */
};

/* What can be allowed and denied, as people call it. */
struct allow_kind {
	const char *name;
	const char *id; /* in ids of rules */
	enum policy_family family;
	const char *allow, *deny; /* actions, unless --actions names some */
};

/* Who denies a host wants no way to it; who allows one wants what was asked for. */
static const struct allow_kind kinds[] = {
    {"network", "", FAMILY_NET, "connect:tcp", "connect:tcp,connect:udp,ssh:connect"},
    {"fs", "fs:", FAMILY_FS, "read", "read,write"},
    {"exec", "exec:", FAMILY_PROC, "exec", "exec"},
    {"http", "http:", FAMILY_HTTP, "request:*", "request:*"},
    {"tool", "tool:", FAMILY_TOOL, "invoke", "invoke"},
};

/* --- what the command line says ----------------------------------------------------------------- */

static const struct allow_kind *
allow_find_kind(const struct allow *a, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	cli_wrong(a->command, "not one of network, fs, exec, http, tool: %s", name);
}

static void
allow_action(struct allow *a, struct str name)
{
	enum policy_family family;
	struct str method;
	uint32_t bits;

	if (action_of_rule(name, &bits, &family, &method) < 0 || family != a->kind->family)
		cli_wrong(
		    a->command, "--actions: no action of %s: %.*s", a->kind->name, STR_ARG(name));
	if (a->rule.actions.n == CLI_LIST)
		cli_wrong(a->command, "--actions: more than %d", CLI_LIST);
	a->actions[a->rule.actions.n++] = name;
}

static void
allow_actions(struct allow *a)
{
	const char *given = a->actions_text ? a->actions_text
					    : (a->deny ? a->kind->deny : a->kind->allow);
	struct str rest = str_from(given);

	a->rule.actions = (struct doc_list){a->actions, 0};
	while (str_given(rest)) {
		const char *comma = rest.n ? memchr(rest.p, ',', rest.n) : NULL;
		struct str one = {rest.p, comma ? (size_t)(comma - rest.p) : rest.n};

		allow_action(a, one);
		rest = comma ? str_skip(rest, one.n + 1) : STR_NONE;
	}
}

static void
allow_expires(struct allow *a)
{
	const char *text = a->expires_text;

	a->rule.expires = INT64_MAX;
	if (!text)
		return;
	if (!ctl_moment(text, 1, &a->rule.expires))
		cli_wrong(a->command,
		    "--expires: neither RFC 3339 nor a time from now like 30m, 8h, 7d: %s", text);
	if (a->rule.expires <= clock_real())
		cli_wrong(a->command, "--expires: not in the future: %s", text);
}

static void
allow_mode(struct allow *a)
{
	static const char *const names[] = {
	    [POLICY_ENFORCE] = "enforce", [POLICY_WARN] = "warn", [POLICY_AUDIT] = "audit"};

	a->mode = POLICY_ENFORCE;
	if (!a->mode_text)
		return;
	while (a->mode < ARRAY_SIZE(names) && strcmp(names[a->mode], a->mode_text) != 0)
		a->mode++;
	if (a->mode == ARRAY_SIZE(names))
		cli_wrong(a->command, "--mode: not enforce, warn or audit: %s", a->mode_text);
}

/* --- one rule after the other ------------------------------------------------------------------- */

/* Patterns of network and URLs are the same in lower case, up to a path. */
static struct str
allow_spelling(const struct allow *a, struct str s, char *buf)
{
	if (a->kind->family != FAMILY_NET || s.n > LIMIT_RESOURCE)
		return s;
	for (size_t i = 0; i < s.n; i++)
		buf[i] = canon_lower(s.p[i]);
	return (struct str){buf, s.n};
}

static void
allow_check_pattern(const struct allow *a, struct str s)
{
	struct arena arena = {NULL};
	struct pattern pattern;
	char buf[256];
	struct text why = text_over(buf, sizeof(buf));
	bool url = a->kind->family == FAMILY_NET && s.n > 0 && memmem(s.p, s.n, "://", 3);

	if (url)
		cli_fatal(0, "%s: %.*s: a URL: give its host, or say http instead of network",
		    a->command->name, STR_ARG(s));
	if (pattern_parse(s, a->kind->family, &arena, &pattern, &why) < 0)
		cli_fatal(
		    0, "%s: %.*s: %.*s", a->command->name, STR_ARG(s), STR_ARG(text_str(&why)));
	arena_free(&arena);
}

static const struct ruleset_rule *
allow_find(const struct ruleset_policy *p, const struct ruleset_rule *rule)
{
	for (uint32_t i = 0; i < p->rules.n; i++)
		if (ruleset_same(ruleset_rule(p, i), rule))
			return ruleset_rule(p, i);
	return NULL;
}

static void
allow_resource(struct allow *a, struct edit *e, struct ruleset_policy *p, struct str resource)
{
	char buf[LIMIT_RESOURCE];
	struct ruleset_rule rule = a->rule;
	const struct ruleset_rule *found;
	enum edit_what what = EDIT_THERE;

	rule.resource = allow_spelling(a, resource, buf);
	allow_check_pattern(a, rule.resource);
	found = allow_find(p, &rule);
	if (!found) {
		what = EDIT_ADDED;
		found = ruleset_add(&e->rules, p, &rule, a->kind->id);
	}
	if (found)
		edit_note(
		    e, (struct edit_line){what, p->id, found->id, found->resource, found->deny});
	else
		cli_fatal(ENOMEM, "%s", a->command->name);
}

/* "80", "8000-8100": what follows a comma within a list of ports. */
static bool
allow_is_ports(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!canon_is_digit(s.p[i]) && s.p[i] != '-')
			return false;
	return s.n > 0;
}

/* The first of a list of hosts, which may have lists of ports. */
static struct str
allow_first(struct str list)
{
	size_t n = 0;

	while (n < list.n) {
		struct str rest = str_skip(list, n + 1), next;
		const char *comma;

		if (list.p[n++] != ',')
			continue;
		comma = rest.n ? memchr(rest.p, ',', rest.n) : NULL;
		next = (struct str){rest.p, comma ? (size_t)(comma - rest.p) : rest.n};
		if (!allow_is_ports(next))
			return (struct str){list.p, n - 1};
	}
	return list;
}

static void
allow_operand(struct allow *a, struct edit *e, struct ruleset_policy *p, const char *operand)
{
	struct str rest = str_from(operand);

	if (a->kind->family != FAMILY_NET) {
		allow_resource(a, e, p, rest);
		return;
	}
	while (str_given(rest)) {
		struct str one = allow_first(rest);

		allow_resource(a, e, p, one);
		rest = one.n < rest.n ? str_skip(rest, one.n + 1) : STR_NONE;
	}
}

/*
 * Where only warn and audit policies are in scope everything is allowed: a first policy that enforces
 * would end that for all that no rule allows.
 */
static void
allow_check_mode(const struct allow *a, const struct edit *e, const struct ruleset_scope *scope)
{
	if (a->mode_text || !edit_only_watched(e) || ruleset_find(&e->rules, scope, POLICY_ENFORCE))
		return;
	cli_fatal(0,
	    "%s: %s: where policies only warn and audit, everything is allowed: a rule that is "
	    "enforced would deny all that no rule allows. Say --mode warn or --mode audit, or "
	    "--mode enforce if that is meant",
	    a->command->name, e->dir);
}

static int
allow_run(struct ctl *ctl, struct allow *a, const char **operands, size_t n)
{
	static struct edit e;
	struct ruleset_scope scope = {str_from(a->edit.user), str_from(a->edit.sandbox)};
	struct ruleset_policy *p;
	int code;

	edit_open(&e, ctl, a->command->name, &a->edit);
	allow_check_mode(a, &e, &scope);
	p = ruleset_scope(&e.rules, &scope, a->mode);
	if (!p)
		cli_fatal(ENOMEM, "%s", a->command->name);
	for (size_t i = 0; i < n; i++)
		allow_operand(a, &e, p, operands[i]);
	code = edit_finish(&e);
	edit_close(&e);
	return code;
}

static int
allow_command(struct ctl *ctl, int argc, char **argv, bool deny)
{
	static const char *operands[ALLOW_OPERANDS];
	struct allow a = {.deny = deny};
	const struct cli_option options[] = {
	    EDIT_OPTIONS(&a.edit),
	    {.name = "actions",
		.value = "LIST",
		.text = &a.actions_text,
		.help = "actions, separated by commas, instead of the usual ones"},
	    {.name = "mode",
		.value = "MODE",
		.text = &a.mode_text,
		.help = "enforce|warn|audit (enforce)"},
	    {.name = "expires",
		.value = "TIME",
		.text = &a.expires_text,
		.help = "until then: 2026-12-31T00:00:00Z, or 30m, 8h, 7d from now"},
	    {.name = "name", .value = "NAME", .text = &a.name, .help = "what it is for"},
	    CTL_OPTION_JSON(ctl),
	    CTL_OPTION_ADMIN(ctl),
	    CTL_OPTION_TIMEOUT(ctl),
	};
	const struct cli_command command = {
	    .name = deny ? "deny" : "allow",
	    .operands = "network|fs|exec|http|tool RESOURCE...",
	    .about = deny ? "Deny what the resources name: hosts (HOST[:PORT], *.NAME, **.NAME, "
			    "networks),\n"
			    "files, programs, URLs or tools. Rules are kept in policyctl.json in "
			    "the policy\n"
			    "directory; a deny beats every allow."
			  : "Allow what the resources name: hosts (HOST[:PORT], *.NAME, **.NAME, "
			    "networks),\n"
			    "files, programs, URLs or tools. Rules are kept in policyctl.json in "
			    "the policy\n"
			    "directory, and written only if policyd would take the whole of it.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .least = 2,
	    .most = ALLOW_OPERANDS,
	    .exits = "0 done, or there already; 1 policyd would refuse it, 2 error: nothing was "
		     "changed; with\n"
		     "--reload also that of reload, when what was written is not in force",
	};
	size_t n = cli_parse(&command, argc, argv, operands);

	a.command = &command;
	a.kind = allow_find_kind(&a, operands[0]);
	a.rule = (struct ruleset_rule){.name = str_from(a.name), .deny = deny};
	allow_actions(&a);
	allow_expires(&a);
	allow_mode(&a);
	return allow_run(ctl, &a, operands + 1, n - 1);
}

int
cmd_allow(struct ctl *ctl, int argc, char **argv)
{
	return allow_command(ctl, argc, argv, false);
}

int
cmd_deny(struct ctl *ctl, int argc, char **argv)
{
	return allow_command(ctl, argc, argv, true);
}
