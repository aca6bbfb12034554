/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/ruleset.h"

#include <errno.h>
#include <stdio.h>

#include "policy/canon.h"

#define ID_ROOM 16 /* bytes left of an id for the number that makes it the only one */

static struct str
keep(struct ruleset *s, struct str text)
{
	return str_given(text) ? arena_str(&s->arena, text) : STR_NONE;
}

static bool
keep_list(struct ruleset *s, const struct doc_list *from, struct doc_list *ret)
{
	*ret = (struct doc_list){arena_take(&s->arena, from->n * sizeof(*from->v) + 1), 0};
	for (uint32_t i = 0; ret->v && i < from->n; i++) {
		ret->v[i] = keep(s, from->v[i]);
		if (!str_given(ret->v[i]))
			return false;
		ret->n++;
	}
	return ret->v != NULL;
}

static struct ruleset_rule *
add_copy(
    struct ruleset *s, struct ruleset_policy *p, const struct ruleset_rule *rule, struct str id)
{
	struct ruleset_rule copy = *rule, *added;

	copy.id = keep(s, id);
	copy.name = keep(s, rule->name);
	copy.resource = keep(s, rule->resource);
	if (!str_given(copy.id) || !str_given(copy.resource) ||
	    !keep_list(s, &rule->actions, &copy.actions))
		return NULL;
	added = vec_add(&p->rules, sizeof(*added));
	if (added)
		*added = copy;
	return added;
}

/* --- from a document --------------------------------------------------------------------------- */

static int
take_rule(struct ruleset *s, struct ruleset_policy *p, const struct doc_rule *r)
{
	struct ruleset_rule rule = {
	    .name = r->name,
	    .actions = r->actions_text,
	    .deny = r->deny,
	    .expires = r->expires,
	};

	if (r->n_patterns > 0)
		rule.resource = r->patterns[0].text;
	return r->n_patterns == 0 || add_copy(s, p, &rule, r->id) ? 0 : -ENOMEM;
}

static int
take_policy(struct ruleset *s, const struct doc *doc, const struct doc_policy *from)
{
	const struct doc_list *users = &from->scope[SCOPE_USERS];
	const struct doc_list *sandboxes = &from->scope[SCOPE_SANDBOXES];
	struct ruleset_policy *p = vec_add(&s->policies, sizeof(*p));
	int error = 0;

	if (!p)
		return -ENOMEM;
	p->id = keep(s, from->id);
	p->mode = from->mode;
	p->scope.user = users->n > 0 ? keep(s, users->v[0]) : STR_NONE;
	p->scope.sandbox = sandboxes->n > 0 ? keep(s, sandboxes->v[0]) : STR_NONE;
	for (uint32_t i = 0; error == 0 && i < from->n_rules; i++)
		error = take_rule(s, p, doc_rule(doc, from->first_rule + i));
	return str_given(p->id) ? error : -ENOMEM;
}

int
ruleset_take(struct ruleset *s, const struct doc *doc)
{
	int error = 0;

	*s = (struct ruleset){.with_revision = str_given(doc->revision)};
	for (uint32_t i = 0; error == 0 && i < doc->policies.n; i++)
		error = take_policy(s, doc, doc_policy(doc, i));
	return error;
}

void
ruleset_free(struct ruleset *s)
{
	for (uint32_t i = 0; i < s->policies.n; i++)
		vec_free(&ruleset_policy(s, i)->rules);
	vec_free(&s->policies);
	arena_free(&s->arena);
	*s = (struct ruleset){.with_revision = false};
}

/* --- changing it ------------------------------------------------------------------------------- */

void
ruleset_put_id(struct text *t, struct str s, size_t room)
{
	for (size_t i = 0; i < s.n && t->n < room; i++) {
		char c = s.p[i];

		if (canon_is_alpha(c) || canon_is_digit(c) || (c && strchr("._:@+-", c)))
			text_char(t, c);
		else if (c == '*')
			text_char(t, '+');
		else if (c != '[' && c != ']')
			text_char(t, '_');
	}
}

static bool
has_policy_id(const struct ruleset *s, struct str id)
{
	for (uint32_t i = 0; i < s->policies.n; i++)
		if (str_eq(ruleset_policy(s, i)->id, id))
			return true;
	for (uint32_t i = 0; s->others && i < s->others->policies.n; i++)
		if (str_eq(doc_policy(s->others, i)->id, id))
			return true;
	return false;
}

static bool
has_rule_id(const struct ruleset_policy *p, struct str id)
{
	for (uint32_t i = 0; i < p->rules.n; i++)
		if (str_eq(ruleset_rule(p, i)->id, id))
			return true;
	return false;
}

/* t holds an id: make it one that neither set has (either may be NULL). */
static void
make_unique(struct text *t, const struct ruleset *s, const struct ruleset_policy *p)
{
	size_t n = t->n;

	for (uint64_t k = 2;
	     (s && has_policy_id(s, text_str(t))) || (p && has_rule_id(p, text_str(t))); k++) {
		t->n = n;
		text_char(t, '-');
		text_u64(t, k);
	}
}

static bool
same_scope(const struct ruleset_scope *a, const struct ruleset_scope *b)
{
	return str_eq(a->user, b->user) && str_eq(a->sandbox, b->sandbox);
}

static struct str
name_policy(struct ruleset *s, const struct ruleset_scope *scope, enum policy_mode mode)
{
	char buf[DOC_ID_MAX];
	struct text t = text_over(buf, sizeof(buf));

	text_put(&t, STR("policyctl"));
	if (mode != POLICY_ENFORCE)
		text_put(&t, mode == POLICY_WARN ? STR(":warn") : STR(":audit"));
	if (str_given(scope->user)) {
		text_put(&t, STR(":user:"));
		ruleset_put_id(
		    &t, scope->user, str_given(scope->sandbox) ? 50 : sizeof(buf) - ID_ROOM);
	}
	if (str_given(scope->sandbox)) {
		text_put(&t, STR(":sandbox:"));
		ruleset_put_id(&t, scope->sandbox, sizeof(buf) - ID_ROOM);
	}
	make_unique(&t, s, NULL);
	return keep(s, text_str(&t));
}

struct ruleset_policy *
ruleset_find(const struct ruleset *s, const struct ruleset_scope *scope, enum policy_mode mode)
{
	for (uint32_t i = 0; i < s->policies.n; i++) {
		struct ruleset_policy *p = ruleset_policy(s, i);

		if (p->mode == mode && same_scope(&p->scope, scope))
			return p;
	}
	return NULL;
}

struct ruleset_policy *
ruleset_scope(struct ruleset *s, const struct ruleset_scope *scope, enum policy_mode mode)
{
	struct ruleset_policy made = {.mode = mode}, *p = ruleset_find(s, scope, mode);

	if (p)
		return p;
	made.id = name_policy(s, scope, mode);
	made.scope.user = keep(s, scope->user);
	made.scope.sandbox = keep(s, scope->sandbox);
	if (!str_given(made.id) || str_given(scope->user) != str_given(made.scope.user) ||
	    str_given(scope->sandbox) != str_given(made.scope.sandbox))
		return NULL;
	p = vec_add(&s->policies, sizeof(*p));
	if (p)
		*p = made;
	return p;
}

struct ruleset_rule *
ruleset_add(
    struct ruleset *s, struct ruleset_policy *p, const struct ruleset_rule *rule, const char *kind)
{
	char buf[DOC_ID_MAX];
	struct text t = text_over(buf, sizeof(buf));

	text_put(&t, rule->deny ? STR("deny-") : STR("allow-"));
	text_put(&t, str_from(kind));
	ruleset_put_id(&t, rule->resource, sizeof(buf) - ID_ROOM);
	make_unique(&t, NULL, p);
	return add_copy(s, p, rule, text_str(&t));
}

void
ruleset_remove(struct ruleset_policy *p, uint32_t i)
{
	struct ruleset_rule *r = ruleset_rule(p, i);

	memmove(r, r + 1, (p->rules.n - i - 1) * sizeof(*r));
	p->rules.n--;
}

void
ruleset_prune(struct ruleset *s)
{
	for (uint32_t i = s->policies.n; i-- > 0;) {
		struct ruleset_policy *p = ruleset_policy(s, i);

		if (p->rules.n > 0)
			continue;
		vec_free(&p->rules);
		memmove(p, p + 1, (s->policies.n - i - 1) * sizeof(*p));
		s->policies.n--;
	}
}

bool
ruleset_same_list(const struct doc_list *a, const struct doc_list *b)
{
	for (uint32_t i = 0; a->n == b->n && i < a->n; i++)
		if (!str_eq(a->v[i], b->v[i]))
			return false;
	return a->n == b->n;
}

bool
ruleset_same(const struct ruleset_rule *a, const struct ruleset_rule *b)
{
	return a->deny == b->deny && a->expires == b->expires && str_eq(a->resource, b->resource) &&
	       ruleset_same_list(&a->actions, &b->actions);
}
