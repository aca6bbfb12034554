/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/human.h"

#include "auditlog/facet.h"
#include "common/clock.h"

#define SECOND_TEXT 19 /* 2026-11-21T03:46:57 */
#define FRACTION_TEXT 4
#define SEQ_WIDTH 7
#define WORD_WIDTH 5
#define USER_WIDTH 10
#define ACTION_WIDTH 16
#define RESOURCE_WIDTH 32

#define DIM "\033[2m"
#define GOOD "\033[32m"
#define BAD "\033[31m"
#define PLAIN "\033[0m"

/* --- pieces ---------------------------------------------------------------------------------- */

/* Apart, as the buffer is cleared whenever it is entered. */
static __attribute__((noinline)) void
put_escaped(struct text *t, const struct recordline_value *v)
{
	char buf[LIMIT_LINE];

	text_safe(t, recordline_string(v, buf, sizeof(buf)));
}

/* What a value says, harmless. */
static void
put_value(struct text *t, const struct recordline_value *v)
{
	if (v && v->escaped)
		put_escaped(t, v);
	else if (v)
		text_safe(t, (struct str){v->p, v->n});
}

static void
put_member(struct text *t, const struct recordline *r, enum recordline_member m)
{
	put_value(t, recordline_value(r, m));
}

/* Spaces up to a column of this width that began at `from`, and two more. */
static void
end_column(struct text *t, size_t from, size_t width)
{
	size_t n = 0;

	for (size_t i = from; i < t->n; i++)
		n += ((unsigned char)t->p[i] & 0xc0) != 0x80;
	for (; n < width; n++)
		text_char(t, ' ');
	text_put(t, STR("  "));
}

static void
put_colour(struct text *t, bool colours, struct str colour)
{
	if (colours)
		text_put(t, colour);
}

/* --- columns --------------------------------------------------------------------------------- */

/* Of our form to the millisecond, anything else as it is. */
static void
put_time(struct text *t, const struct recordline_value *v)
{
	if (!v || v->type != RECORDLINE_STRING || v->escaped || v->n != RFC3339_SIZE - 1 ||
	    v->p[10] != 'T') {
		put_value(t, v);
		return;
	}
	text_safe(t, (struct str){v->p, 10});
	text_char(t, ' ');
	text_safe(t, (struct str){v->p + 11, SECOND_TEXT + FRACTION_TEXT - 11});
}

/* The name without what all of its kind begin with. */
static struct str
short_name(const struct recordline_value *v)
{
	struct str s = {v->p, v->n}, prefix = STR("AUDIT_DECISION_");

	return str_starts(s, prefix) ? str_skip(s, prefix.n) : s;
}

/* Of an outcome: did it succeed. */
static bool
has_succeeded(const struct recordline *r)
{
	struct recordline_walk w = recordline_walk(recordline_value(r, MEMBER_payload));
	struct recordline_value key, v;

	while (recordline_next(&w, &key, &v))
		if (recordline_is(&key, STR("success")))
			return str_eq((struct str){v.p, v.n}, STR("true"));
	return false;
}

struct word {
	struct str text, colour;
};

static struct word
level_word(const struct recordline_value *v)
{
	struct str s = {v->p, v->n};

	if (str_eq(s, STR("error")))
		return (struct word){STR("ERROR"), STR(BAD)};
	if (str_eq(s, STR("warning")))
		return (struct word){STR("WARN"), STR(BAD)};
	return str_eq(s, STR("debug")) ? (struct word){STR("DEBUG"), STR(DIM)}
				       : (struct word){STR("INFO"), STR("")};
}

/* What came of it, in one word. */
static struct word
outcome_word(const struct recordline *r)
{
	const struct recordline_value *decision = recordline_value(r, MEMBER_decision);
	const struct recordline_value *level = recordline_value(r, MEMBER_level);

	if (decision)
		return (struct word){short_name(decision),
		    str_eq(short_name(decision), STR("ALLOW")) ? STR(GOOD) : STR(BAD)};
	if (recordline_has(r, MEMBER_evaluation_id))
		return has_succeeded(r) ? (struct word){STR("DONE"), STR(GOOD)}
					: (struct word){STR("FAIL"), STR(BAD)};
	return level ? level_word(level) : (struct word){STR("NOTE"), STR(DIM)};
}

static void
put_word(struct text *t, const struct recordline *r, bool colours)
{
	struct word word = outcome_word(r);
	size_t from;

	put_colour(t, colours, word.colour);
	from = t->n;
	text_safe(t, word.text);
	for (size_t n = t->n - from; n < WORD_WIDTH; n++)
		text_char(t, ' ');
	put_colour(t, colours && word.colour.n > 0, STR(PLAIN));
	text_put(t, STR("  "));
}

static void
put_user(struct text *t, const struct recordline *r)
{
	struct recordline_walk w = recordline_walk(recordline_value(r, MEMBER_peer));
	struct recordline_value key, v;
	size_t from = t->n;

	if (recordline_has(r, MEMBER_actor))
		put_member(t, r, MEMBER_actor);
	else if (recordline_has(r, MEMBER_username))
		put_member(t, r, MEMBER_username);
	else if (recordline_next(&w, &key, &v)) {
		text_put(t, STR(FACET_UID));
		put_value(t, &v);
	} else {
		text_char(t, '-');
	}
	end_column(t, from, USER_WIDTH);
}

/* --- the rest -------------------------------------------------------------------------------- */

/* key=value of each member that is no container; of those their text. */
static void
put_pairs(struct text *t, const struct recordline_value *object)
{
	struct recordline_walk w = recordline_walk(object);
	struct recordline_value key, v;

	while (recordline_next(&w, &key, &v)) {
		put_value(t, &key);
		text_char(t, '=');
		put_value(t, &v);
		text_char(t, ' ');
	}
}

static void
put_named(struct text *t, const char *name, const struct recordline_value *v)
{
	if (!v)
		return;
	text_put(t, str_from(name));
	text_char(t, '=');
	put_value(t, v);
	text_char(t, ' ');
}

static void
put_rule(struct text *t, const struct recordline *r)
{
	if (!recordline_has(r, MEMBER_policy_id))
		return;
	text_char(t, '[');
	put_member(t, r, MEMBER_policy_id);
	text_char(t, '/');
	put_member(t, r, MEMBER_rule_id);
	text_put(t, STR("] "));
}

/* The mode, where it is not the usual one. */
static void
put_mode(struct text *t, const struct recordline *r)
{
	const struct recordline_value *mode = recordline_value(r, MEMBER_enforcement_mode);

	if (mode && !recordline_is(mode, STR("enforce")))
		put_named(t, "mode", mode);
}

/* The usual reasons repeat what stands before them. */
static void
put_reasons(struct text *t, const struct recordline *r)
{
	struct recordline_walk w = recordline_walk(recordline_value(r, MEMBER_deny_reason));
	struct recordline_value key, v;

	while (recordline_next(&w, &key, &v)) {
		struct str s = {v.p, v.n};

		if (str_starts(s, STR("denied by rule ")))
			continue;
		if (str_starts(s, STR("no applicable policies for op(")))
			text_put(t, STR("no applicable policies"));
		else
			put_value(t, &v);
		text_char(t, ' ');
	}
}

static void
put_decision(struct text *t, const struct recordline *r)
{
	size_t from = t->n;

	put_member(t, r, MEMBER_action);
	end_column(t, from, ACTION_WIDTH);
	from = t->n;
	put_member(t, r, MEMBER_resource_id);
	end_column(t, from, RESOURCE_WIDTH);
	put_rule(t, r);
	put_mode(t, r);
	put_reasons(t, r);
}

/* What is no decision: its name, then what it says. */
static void
put_other(struct text *t, const struct recordline *r)
{
	const struct recordline_value *event = recordline_value(r, MEMBER_event);
	size_t from = t->n;

	put_value(t, event ? event : recordline_value(r, MEMBER_action_type));
	end_column(t, from, ACTION_WIDTH);
	put_pairs(t, recordline_value(r, event ? MEMBER_details : MEMBER_payload));
	put_named(t, "evaluation_id", recordline_value(r, MEMBER_evaluation_id));
}

void
human_line(struct text *t, const struct recordline *r, bool colours)
{
	size_t from;

	put_colour(t, colours, STR(DIM));
	put_time(t, recordline_value(r, MEMBER_timestamp));
	text_put(t, STR("  "));
	from = t->n;
	put_member(t, r, MEMBER_seq);
	end_column(t, from, SEQ_WIDTH);
	put_colour(t, colours, STR(PLAIN));
	put_word(t, r, colours);
	put_user(t, r);
	if (recordline_has(r, MEMBER_decision))
		put_decision(t, r);
	else
		put_other(t, r);
	put_named(t, "client", recordline_value(r, MEMBER_client_name));
	put_named(t, "sandbox", recordline_value(r, MEMBER_sandbox_id));
	put_named(t, "agent", recordline_value(r, MEMBER_agent));
	while (t->n > 0 && t->p[t->n - 1] == ' ')
		t->n--;
	text_char(t, '\n');
}
