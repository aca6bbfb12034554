/* SPDX-License-Identifier: Apache-2.0 */

/* Rule by rule: by the ids of policy and rule, whatever file and order they are in. */

#include <errno.h>

#include "common/clock.h"
#include "policy/document.h"
#include "policy/zone.h"
#include "policyctl/diff.h"
#include "policyctl/request.h"
#include "policyctl/ruleset.h"

static bool
same_resources(const struct doc_rule *a, const struct doc_rule *b)
{
	for (uint32_t i = 0; a->n_patterns == b->n_patterns && i < a->n_patterns; i++)
		if (!str_eq(a->patterns[i].text, b->patterns[i].text))
			return false;
	return a->n_patterns == b->n_patterns;
}

static bool
same_context(const struct doc_when *a, const struct doc_when *b)
{
	for (uint32_t i = 0; a->n_context == b->n_context && i < a->n_context; i++)
		if (!str_eq(a->context[i].key, b->context[i].key) ||
		    !ruleset_same_list(&a->context[i].values, &b->context[i].values))
			return false;
	return a->n_context == b->n_context;
}

static const struct zone_shift *
zone_shift(const struct doc *d, uint32_t i)
{
	return (const struct zone_shift *)d->shifts.p + i;
}

/* A zone is a number in its own document: two are the same when their clocks always agree. */
static bool
same_zone(const struct doc *da, uint32_t a, const struct doc *db, uint32_t b)
{
	const struct doc_zone *x, *y;

	if (a == DOC_NO_ZONE || b == DOC_NO_ZONE)
		return a == b;
	x = doc_zone(da, a);
	y = doc_zone(db, b);
	for (uint32_t i = 0; x->n_shifts == y->n_shifts && i < x->n_shifts; i++) {
		const struct zone_shift *s = zone_shift(da, x->first_shift + i);
		const struct zone_shift *t = zone_shift(db, y->first_shift + i);

		if (s->from != t->from || s->offset != t->offset)
			return false;
	}
	return x->n_shifts == y->n_shifts;
}

static bool
same_time(
    const struct doc *da, const struct doc_when *a, const struct doc *db, const struct doc_when *b)
{
	if (!a->has_time || !b->has_time)
		return a->has_time == b->has_time;
	return a->from == b->from && a->to == b->to && a->days == b->days &&
	       a->offset == b->offset && same_zone(da, a->zone, db, b->zone);
}

static bool
same_when(
    const struct doc *da, const struct doc_when *a, const struct doc *db, const struct doc_when *b)
{
	if (!a || !b)
		return a == b;
	return same_time(da, a, db, b) && ruleset_same_list(&a->client, &b->client) &&
	       same_context(a, b);
}

/* What differs, for a person: NULL, nothing. */
static const char *
rule_change(
    const struct doc *da, const struct doc_rule *a, const struct doc *db, const struct doc_rule *b)
{
	if (a->deny != b->deny)
		return a->deny ? "deny -> allow" : "allow -> deny";
	if (!ruleset_same_list(&a->actions_text, &b->actions_text))
		return "actions";
	if (!same_resources(a, b))
		return "resources";
	if (a->expires != b->expires)
		return "expiry";
	if (!same_when(da, a->when, db, b->when))
		return "when";
	return NULL;
}

static const char *
policy_change(const struct doc_policy *a, const struct doc_policy *b)
{
	static const char *const scopes[] = {
	    "scope (users)", "scope (groups)", "scope (sandboxes)", "scope (agents)"};

	if (a->mode != b->mode)
		return "mode of its policy";
	if (a->source != b->source)
		return "source of its policy";
	for (size_t i = 0; i < SCOPE_KINDS; i++)
		if (!ruleset_same_list(&a->scope[i], &b->scope[i]))
			return scopes[i];
	return NULL;
}

static const char *
change_of(const struct doc *da, uint32_t a, const struct doc *db, uint32_t b)
{
	const struct doc_rule *x = doc_rule(da, a), *y = doc_rule(db, b);
	const char *change = rule_change(da, x, db, y);

	if (!change)
		change = policy_change(doc_policy(da, x->policy), doc_policy(db, y->policy));
	if (!change && doc_rule_inactive(da, x) != doc_rule_inactive(db, y))
		change = doc_rule_inactive(db, y) ? "inactive now" : "active now";
	return change;
}

/* --- looking one up in the other document ------------------------------------------------------- */

static struct str
rule_key(const struct doc *d, uint32_t i, char buf[2 * DOC_ID_MAX + 1])
{
	struct text t = text_over(buf, 2 * DOC_ID_MAX + 1);

	text_put(&t, doc_policy(d, doc_rule(d, i)->policy)->id);
	text_char(&t, '/');
	text_put(&t, doc_rule(d, i)->id);
	return text_str(&t);
}

static void
index_rules(struct doc *d, struct strmap *map)
{
	char buf[2 * DOC_ID_MAX + 1];
	uint32_t there;

	for (uint32_t i = 0; i < d->rules.n; i++) {
		struct str key = arena_str(&d->arena, rule_key(d, i, buf));

		if (!str_given(key) || strmap_add(map, key, i, &there) < 0)
			cli_fatal(ENOMEM, "diff");
	}
}

static void
show_rule(
    const struct diff *d, const char *mark, const struct doc *doc, uint32_t i, const char *change)
{
	char buf[2 * DOC_ID_MAX + 1], line[16 * DOC_ID_MAX];
	struct str key = rule_key(doc, i, buf);
	const struct doc_rule *r = doc_rule(doc, i);
	struct text t = text_over(line, sizeof(line));
	struct object o;

	if (d->ctl->json) {
		o = object_open(&t);
		object_str(&o, "what", str_from(mark));
		object_str(&o, "policy_id", doc_policy(doc, r->policy)->id);
		object_str(&o, "rule_id", r->id);
		object_str(&o, "decision", r->deny ? STR("deny") : STR("allow"));
		object_str(&o, "change", str_from(change));
		object_close(&o);
		cli_put_json(text_str(&t));
		return;
	}
	text_put(&t, str_from(mark));
	while (t.n < STR("removed  ").n)
		text_char(&t, ' ');
	text_put(&t, r->deny ? STR("deny   ") : STR("allow  "));
	text_put(&t, key);
	if (change) {
		text_put(&t, STR(": "));
		text_put(&t, str_from(change));
	}
	cli_paint(mark[0] == 'a' ? CLI_GOOD : (mark[0] == 'r' ? CLI_BAD : CLI_PLAIN), text_str(&t));
	cli_puts("\n");
}

static const struct doc_policy *
find_policy(const struct doc *d, struct str id)
{
	const uint32_t *i = strmap_get(&d->policy_ids, id);

	return i ? doc_policy(d, *i) : NULL;
}

static void
show_policy(const struct diff *d, const char *mark, struct str id)
{
	char buf[8 * DOC_ID_MAX];
	struct text t = text_over(buf, sizeof(buf));
	struct object o;

	if (d->ctl->json) {
		o = object_open(&t);
		object_str(&o, "what", str_from(mark));
		object_str(&o, "policy_id", id);
		object_close(&o);
		cli_put_json(text_str(&t));
		return;
	}
	cli_puts(mark);
	cli_puts(" policy without rules: ");
	cli_put_safe(id);
	cli_puts("\n");
}

/* A policy without rules has its say, too: by its scope and mode. Others are told of by their rules. */
static uint64_t
compare_empty(const struct diff *d, const struct doc *a, const struct doc *b, const char *only_in_a)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < a->policies.n; i++) {
		const struct doc_policy *p = doc_policy(a, i), *q = find_policy(b, p->id);

		if (p->n_rules > 0 || (q && (q->n_rules > 0 || !policy_change(p, q))))
			continue;
		/* A change is told once. */
		if (q && only_in_a[0] == 'a')
			continue;
		show_policy(d, q ? "changed" : only_in_a, p->id);
		n++;
	}
	return n;
}

static uint64_t
compare(const struct diff *d, const struct doc *old, const struct strmap *old_ids,
    const struct doc *new, const struct strmap *new_ids)
{
	char buf[2 * DOC_ID_MAX + 1];
	uint64_t n = 0;

	for (uint32_t i = 0; i < old->rules.n; i++) {
		const uint32_t *there = strmap_get(new_ids, rule_key(old, i, buf));
		const char *change = there ? change_of(old, i, new, *there) : NULL;

		if (there && !change)
			continue;
		show_rule(d, there ? "changed" : "removed", old, i, change);
		n++;
	}
	for (uint32_t i = 0; i < new->rules.n; i++) {
		if (strmap_get(old_ids, rule_key(new, i, buf)))
			continue;
		show_rule(d, "added", new, i, NULL);
		n++;
	}
	return n + compare_empty(d, old, new, "removed") + compare_empty(d, new, old, "added");
}

uint64_t
diff_rules(const struct diff *d)
{
	static struct policy_report report;
	struct doc doc[2];
	struct strmap ids[2] = {{.n = 0}, {.n = 0}};
	uint64_t n;

	for (size_t k = 0; k < 2; k++) {
		if (doc_load(&doc[k], &d->texts[k], &report) < 0)
			cli_fatal(ENOMEM, "diff");
		index_rules(&doc[k], &ids[k]);
	}
	n = compare(d, &doc[0], &ids[0], &doc[1], &ids[1]);
	for (size_t k = 0; k < 2; k++) {
		strmap_free(&ids[k]);
		doc_free(&doc[k]);
	}
	return n;
}
