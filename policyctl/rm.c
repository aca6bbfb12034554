/* SPDX-License-Identifier: Apache-2.0 */

/* policyctl rm: take rules out of the file of policyctl in the policy directory. */

#include "common/jscan.h"
#include "policy/action.h"
#include "policy/canon.h"
#include "policyctl/edit.h"

#define RM_OPERANDS 1024

static bool
rm_is_network(const struct ruleset_rule *r)
{
	enum policy_family family;
	struct str method;
	uint32_t bits;

	return r->actions.n > 0 && action_of_rule(r->actions.v[0], &bits, &family, &method) == 0 &&
	       family == FAMILY_NET;
}

/* As it was given to allow, which keeps hosts in lower case. */
static bool
rm_is_resource(const struct ruleset_rule *r, struct str word)
{
	if (!rm_is_network(r) || word.n != r->resource.n)
		return str_eq(word, r->resource);
	for (size_t i = 0; i < word.n; i++)
		if (canon_lower(word.p[i]) != r->resource.p[i])
			return false;
	return true;
}

/* ID, POLICY/ID, or the resource. */
static bool
rm_is_meant(const struct ruleset_policy *p, const struct ruleset_rule *r, struct str word)
{
	if (str_eq(word, r->id) || rm_is_resource(r, word))
		return true;
	return word.p && word.n == p->id.n + 1 + r->id.n && str_starts(word, p->id) &&
	       word.p[p->id.n] == '/' && str_ends(word, r->id);
}

/* Without --user and --sandbox any scope will do, if it is one. */
static bool
rm_in_scope(const struct edit *e, const struct ruleset_policy *p)
{
	const struct edit_options *o = e->options;

	return (!o->user || str_eq(p->scope.user, str_from(o->user))) &&
	       (!o->sandbox || str_eq(p->scope.sandbox, str_from(o->sandbox)));
}

/* A person's own rule: say where it is. */
static void
rm_where_else(const struct edit *e, struct str word)
{
	const struct doc *d = &e->others;

	for (uint32_t i = 0; i < d->rules.n; i++) {
		const struct doc_rule *r = doc_rule(d, i);
		const struct policy_text *text = &d->texts->v[r->place.file];
		uint32_t line, column;

		if (!str_eq(r->id, word))
			continue;
		jscan_place(text->text, r->place.at, &line, &column);
		cli_fatal(0, "rm: rule %.*s is in %s, line %u: edit it there (nothing was changed)",
		    STR_ARG(word), text->file, line);
	}
	cli_fatal(0, "rm: %.*s: no such rule in %s (nothing was changed)", STR_ARG(word), e->file);
}

/* The policies in which a rule is meant; which one is ambiguous when there is more than one. */
static struct ruleset_policy *
rm_policy(const struct edit *e, struct str word)
{
	struct ruleset_policy *found = NULL;

	for (uint32_t i = 0; i < e->rules.policies.n; i++) {
		struct ruleset_policy *p = ruleset_policy(&e->rules, i);
		bool here = false;

		for (uint32_t k = 0; !here && k < p->rules.n && rm_in_scope(e, p); k++)
			here = rm_is_meant(p, ruleset_rule(p, k), word);
		if (here && found)
			cli_fatal(0,
			    "rm: %.*s: in policy %.*s and in policy %.*s: say POLICY/RULE, "
			    "--sandbox or --user (nothing was changed)",
			    STR_ARG(word), STR_ARG(found->id), STR_ARG(p->id));
		found = here ? p : found;
	}
	if (!found)
		rm_where_else(e, word);
	return found;
}

static void
rm_word(struct edit *e, struct str word)
{
	struct ruleset_policy *p = rm_policy(e, word);

	for (uint32_t k = p->rules.n; k-- > 0;) {
		const struct ruleset_rule *r = ruleset_rule(p, k);

		if (!rm_is_meant(p, r, word))
			continue;
		edit_note(e, (struct edit_line){EDIT_REMOVED, p->id, r->id, r->resource, r->deny});
		ruleset_remove(p, k);
	}
}

static int
rm_run(struct ctl *ctl, const struct edit_options *o, const char **words, size_t n)
{
	static struct edit e;
	int code;

	edit_open(&e, ctl, "rm", o);
	for (size_t i = 0; i < n; i++)
		rm_word(&e, str_from(words[i]));
	/* A policy that enforces stays, though empty, where without it everything would be allowed. */
	if (!edit_only_watched(&e))
		ruleset_prune(&e.rules);
	code = edit_finish(&e);
	edit_close(&e);
	return code;
}

int
cmd_rm(struct ctl *ctl, int argc, char **argv)
{
	static const char *words[RM_OPERANDS];
	struct edit_options o = {.policy = NULL};
	const struct cli_option options[] = {
	    EDIT_OPTIONS(&o),
	    CTL_OPTION_JSON(ctl),
	    CTL_OPTION_ADMIN(ctl),
	    CTL_OPTION_TIMEOUT(ctl),
	};
	const struct cli_command command = {
	    .name = "rm",
	    .operands = "RULE|RESOURCE...",
	    .about = "Take rules out again that policyctl allow and policyctl deny have made: by "
		     "id, by\n"
		     "POLICY/ID, or by the resource (then both its allow and its deny). Rules in "
		     "other files\n"
		     "are left to those who wrote them.",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .least = 1,
	    .most = RM_OPERANDS,
	    .exits = "0 done; 1 policyd would refuse it, 2 error: nothing was changed; with\n"
		     "--reload also that of reload, when what was written is not in force",
	};
	size_t n = cli_parse(&command, argc, argv, words);

	return rm_run(ctl, &o, words, n);
}
