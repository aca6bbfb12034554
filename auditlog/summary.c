/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/summary.h"

#include "common/clock.h"

#define SMALL_KEYS 1024
#define SMALL_BYTES (64u << 10)
#define LARGE_KEYS 32768
#define LARGE_BYTES (2u << 20)
/* Of one record: nothing that it adds is longer, nor has it more texts of a kind. */
#define RECORD_KEYS 8
#define RECORD_BYTES (RECORD_KEYS * TALLY_KEY)

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
summary_init(struct summary *s, bool small, bool by_day)
{
	*s = (struct summary){.by_day = by_day};
	for (unsigned i = 0; i < SUMMARY_KINDS; i++)
		tally_init(&s->tally[i], small ? SMALL_KEYS : LARGE_KEYS,
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
	for (unsigned i = 0; i < SUMMARY_KINDS; i++) {
		const struct tally *t = &s->tally[i];

		if (t->most - t->n < RECORD_KEYS || t->most_bytes - t->n_bytes < RECORD_BYTES)
			return false;
	}
	return true;
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

static void
add_text(struct summary *s, enum summary_of of, struct str key)
{
	if (!tally_add(&s->tally[of], key, 1))
		s->tally[of].others++;
}

/* Apart, as the buffer is cleared whenever it is entered. */
static __attribute__((noinline)) void
add_escaped(struct summary *s, enum summary_of of, const struct recordline_value *v)
{
	char buf[LIMIT_LINE];

	add_text(s, of, recordline_string(v, buf, sizeof(buf)));
}

static void
add_value(struct summary *s, enum summary_of of, const struct recordline_value *v)
{
	if (v && v->escaped)
		add_escaped(s, of, v);
	else if (v)
		add_text(s, of, (struct str){v->p, v->n});
}

static void
add_member(
    struct summary *s, enum summary_of of, const struct recordline *r, enum recordline_member m)
{
	add_value(s, of, recordline_value(r, m));
}

static void
add_rule(struct summary *s, const struct recordline *r)
{
	const struct recordline_value *policy = recordline_value(r, MEMBER_policy_id);
	const struct recordline_value *rule = recordline_value(r, MEMBER_rule_id);
	char policy_buf[TALLY_KEY], rule_buf[TALLY_KEY], both[2 * TALLY_KEY + 1];
	struct text t = text_over(both, sizeof(both));

	if (!policy || !rule)
		return;
	text_put(&t, recordline_string(policy, policy_buf, sizeof(policy_buf)));
	text_char(&t, '/');
	text_put(&t, recordline_string(rule, rule_buf, sizeof(rule_buf)));
	add_text(s, SUMMARY_RULE, text_str(&t));
}

static void
add_user(struct summary *s, const struct recordline *r)
{
	struct recordline_walk w = recordline_walk(recordline_value(r, MEMBER_peer));
	struct recordline_value key, v;
	char buf[64];
	struct text t = text_over(buf, sizeof(buf));

	if (recordline_has(r, MEMBER_username)) {
		add_member(s, SUMMARY_USER, r, MEMBER_username);
	} else if (recordline_next(&w, &key, &v)) {
		text_put(&t, STR("uid "));
		text_put(&t, (struct str){v.p, v.n});
		add_text(s, SUMMARY_USER, text_str(&t));
	}
}

/* The usual ones name operation and resource, which are counted by themselves. */
static void
add_reasons(struct summary *s, const struct recordline *r)
{
	static const struct str usual[] = {{"no applicable policies", 22}, {"denied by rule", 14}};
	struct recordline_walk w = recordline_walk(recordline_value(r, MEMBER_deny_reason));
	struct recordline_value key, v;

	for (unsigned n = 0; n < RECORD_KEYS && recordline_next(&w, &key, &v); n++) {
		struct str s_ = {v.p, v.n};
		size_t i = 0;

		while (i < ARRAY_SIZE(usual) && !str_starts(s_, usual[i]))
			i++;
		if (i < ARRAY_SIZE(usual))
			add_text(s, SUMMARY_REASON, usual[i]);
		else
			add_value(s, SUMMARY_REASON, &v);
	}
}

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
	add_text(s, SUMMARY_TIME, (struct str){v->p, n});
	if (is_denied(r))
		add_text(s, SUMMARY_DENIED, (struct str){v->p, n});
}

/* Without what all of a kind begin with. */
static void
add_name(struct summary *s, enum summary_of of, const struct recordline_value *v, struct str prefix)
{
	struct str name = v ? (struct str){v->p, v->n} : STR_NONE;

	if (!v)
		return;
	add_text(s, of, str_starts(name, prefix) ? str_skip(name, prefix.n) : name);
}

void
summary_add(struct summary *s, const struct recordline *r)
{
	enum recordline_member action = recordline_has(r, MEMBER_action)  ? MEMBER_action
					: recordline_has(r, MEMBER_event) ? MEMBER_event
									  : MEMBER_action_type;

	s->records++;
	add_name(s, SUMMARY_DECISION, recordline_value(r, MEMBER_decision), STR("AUDIT_DECISION_"));
	add_name(s, SUMMARY_CATEGORY, recordline_value(r, MEMBER_category), STR("AUDIT_CATEGORY_"));
	add_member(s, SUMMARY_ACTION, r, action);
	add_rule(s, r);
	add_user(s, r);
	add_member(s, SUMMARY_CLIENT, r, MEMBER_client_name);
	add_member(s, SUMMARY_RESOURCE, r, MEMBER_resource_id);
	add_reasons(s, r);
	add_member(s, SUMMARY_LEVEL, r, MEMBER_level);
	add_time(s, r);
}
