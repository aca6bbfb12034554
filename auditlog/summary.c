/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/summary.h"

#include "auditlog/facet.h"

#define SMALL_KEYS 1024
#define SMALL_BYTES (64u << 10)
#define LARGE_KEYS 32768
#define LARGE_BYTES (2u << 20)

#define HOUR_TEXT 13 /* 2026-11-21T03 */
#define DAY_TEXT 10

const char *
summary_name(enum summary_of of)
{
	static const char *const names[] = {"decision", "category", "action", "rule", "user",
	    "client", "resource", "reason", "level", "time", "denied"};

	return names[of];
}

void
summary_init(struct summary *s, const struct siphash_key *key, bool small, bool by_day)
{
	*s = (struct summary){.by_day = by_day};
	for (unsigned i = 0; i < SUMMARY_KINDS; i++)
		tally_init(&s->tally[i], key, small ? SMALL_KEYS : LARGE_KEYS,
		    small ? SMALL_BYTES : LARGE_BYTES);
}

void
summary_free(struct summary *s)
{
	for (unsigned i = 0; i < SUMMARY_KINDS; i++)
		tally_free(&s->tally[i]);
}

bool
summary_fits(const struct summary *s)
{
	return facet_fits(s->tally, SUMMARY_KINDS);
}

void
summary_merge(struct summary *s, struct summary *from)
{
	for (unsigned i = 0; i < SUMMARY_KINDS; i++)
		tally_merge(&s->tally[i], &from->tally[i]);
	s->records += from->records;
	from->records = 0;
}

/* --- one record ------------------------------------------------------------------------------ */

static bool
is_denied(const struct recordline *r)
{
	const struct recordline_value *v = recordline_value(r, MEMBER_decision);

	return v && recordline_is(v, STR("AUDIT_DECISION_DENY"));
}

static void
add_time(struct summary *s, const struct recordline *r)
{
	const struct recordline_value *v = recordline_value(r, MEMBER_timestamp);
	size_t n = s->by_day ? DAY_TEXT : HOUR_TEXT;

	if (!v || v->type != RECORDLINE_STRING || v->n < n)
		return;
	facet_text(&s->tally[SUMMARY_TIME], (struct str){v->p, n});
	if (is_denied(r))
		facet_text(&s->tally[SUMMARY_DENIED], (struct str){v->p, n});
}

void
summary_add(struct summary *s, const struct recordline *r)
{
	enum recordline_member action = recordline_has(r, MEMBER_action)  ? MEMBER_action
					: recordline_has(r, MEMBER_event) ? MEMBER_event
									  : MEMBER_action_type;
	struct tally *t = s->tally;

	s->records++;
	facet_name(&t[SUMMARY_DECISION], r, MEMBER_decision, STR("AUDIT_DECISION_"));
	facet_name(&t[SUMMARY_CATEGORY], r, MEMBER_category, STR("AUDIT_CATEGORY_"));
	facet_member(&t[SUMMARY_ACTION], r, action);
	facet_rule(&t[SUMMARY_RULE], r);
	facet_user(&t[SUMMARY_USER], r);
	facet_member(&t[SUMMARY_CLIENT], r, MEMBER_client_name);
	facet_member(&t[SUMMARY_RESOURCE], r, MEMBER_resource_id);
	facet_reasons(&t[SUMMARY_REASON], r);
	facet_member(&t[SUMMARY_LEVEL], r, MEMBER_level);
	add_time(s, r);
}
