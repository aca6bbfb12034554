/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/facet.h"

#include "common/text.h"

bool
facet_fits(const struct tally *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].most - t[i].n < FACET_TEXTS ||
		    t[i].most_bytes - t[i].n_bytes < FACET_TEXTS * TALLY_KEY)
			return false;
	return true;
}

void
facet_text(struct tally *t, struct str text)
{
	if (!tally_add(t, text, 1))
		t->others++;
}

/* Apart, as the buffer is cleared whenever it is entered. */
static __attribute__((noinline)) void
add_escaped(struct tally *t, const struct recordline_value *v)
{
	char buf[LIMIT_LINE];

	facet_text(t, recordline_string(v, buf, sizeof(buf)));
}

void
facet_value(struct tally *t, const struct recordline_value *v)
{
	if (v && v->escaped)
		add_escaped(t, v);
	else if (v)
		facet_text(t, (struct str){v->p, v->n});
}

void
facet_member(struct tally *t, const struct recordline *r, enum recordline_member m)
{
	facet_value(t, recordline_value(r, m));
}

void
facet_name(struct tally *t, const struct recordline *r, enum recordline_member m, struct str prefix)
{
	const struct recordline_value *v = recordline_value(r, m);
	struct str name = v ? (struct str){v->p, v->n} : STR_NONE;

	if (!v)
		return;
	facet_text(t, str_starts(name, prefix) ? str_skip(name, prefix.n) : name);
}

void
facet_rule(struct tally *t, const struct recordline *r)
{
	const struct recordline_value *policy = recordline_value(r, MEMBER_policy_id);
	const struct recordline_value *rule = recordline_value(r, MEMBER_rule_id);
	char policy_buf[TALLY_KEY], rule_buf[TALLY_KEY], both[2 * TALLY_KEY + 1];
	struct text name = text_over(both, sizeof(both));

	if (!policy || !rule)
		return;
	text_put(&name, recordline_string(policy, policy_buf, sizeof(policy_buf)));
	text_char(&name, '/');
	text_put(&name, recordline_string(rule, rule_buf, sizeof(rule_buf)));
	facet_text(t, text_str(&name));
}

void
facet_user(struct tally *t, const struct recordline *r)
{
	struct recordline_walk w = recordline_walk(recordline_value(r, MEMBER_peer));
	struct recordline_value key, v;
	char buf[64];
	struct text name = text_over(buf, sizeof(buf));

	if (recordline_has(r, MEMBER_username)) {
		facet_member(t, r, MEMBER_username);
	} else if (recordline_next(&w, &key, &v)) {
		text_put(&name, STR(FACET_UID));
		text_put(&name, (struct str){v.p, v.n});
		facet_text(t, text_str(&name));
	}
}

void
facet_reasons(struct tally *t, const struct recordline *r)
{
	static const struct str usual[] = {{"no applicable policies", 22}, {"denied by rule", 14}};
	struct recordline_walk w = recordline_walk(recordline_value(r, MEMBER_deny_reason));
	struct recordline_value key, v;

	for (unsigned n = 0; n < FACET_TEXTS && recordline_next(&w, &key, &v); n++) {
		struct str s = {v.p, v.n};
		size_t i = 0;

		while (i < ARRAY_SIZE(usual) && !str_starts(s, usual[i]))
			i++;
		if (i < ARRAY_SIZE(usual))
			facet_text(t, usual[i]);
		else
			facet_value(t, &v);
	}
}
