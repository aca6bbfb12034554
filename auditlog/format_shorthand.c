/* SPDX-License-Identifier: Apache-2.0 */

/*
 * shorthand: the one-line form of OpenShell's logs.
 *
 *     NET:OPEN [MED] DENIED curl(64) -> example.com:443 [policy:egress/mirrors engine:sealwright] [reason:...]
 *
 * Data can neither make a token two nor a bracket: in tokens white space, brackets and backslashes are \xhh, in the
 * texts within brackets brackets and backslashes are.
 */

#include "auditlog/format.h"
#include "auditlog/outline.h"

static void
put_token_text(struct text *t, struct str s)
{
	format_hexed(t, s, "()[]", HEXED_TOKEN);
}

/* Of two with a slash between. */
static void
put_id_text(struct text *t, struct str s)
{
	format_hexed(t, s, "()[]/", HEXED_TOKEN);
}

static void
put_bracketed_text(struct text *t, struct str s)
{
	format_hexed(t, s, "[]", HEXED_TEXT);
}

/* A token is never empty, and "-" is none. */
static void
put_token(struct text *t, const struct recordline_value *v, format_escape *escape)
{
	if (recordline_is(v, STR("-")))
		text_put(t, STR("\\x2d"));
	else if (v && v->n > 0)
		format_value(t, v, escape);
	else
		text_char(t, '-');
}

static struct str
severity_name(enum outline_severity severity)
{
	static const struct str names[SEVERITIES] = {
	    {"INFO", 4}, {"INFO", 4}, {"LOW", 3}, {"MED", 3}, {"HIGH", 4}};

	return names[severity];
}

/* Upper case of a value that should be a word; anything else is a token. */
static void
put_upper(struct text *t, const struct recordline_value *v)
{
	size_t from = t->n;

	put_token(t, v, put_id_text);
	for (size_t i = from; i < t->n && !memchr(t->p + from, '\\', t->n - from); i++)
		if (t->p[i] >= 'a' && t->p[i] <= 'z')
			t->p[i] -= 'a' - 'A';
}

static void
put_upper_of(struct text *t, const struct recordline *r, struct str name)
{
	struct recordline_value v;

	put_upper(t, path_step(recordline_value(r, MEMBER_payload), name, &v) ? &v : NULL);
}

/* CLASS:ACTIVITY */
static void
put_class(struct text *t, const struct recordline *r, enum outline_kind kind)
{
	static const char *const names[OUTLINE_KINDS] = {"NET:OPEN", "SSH:OPEN",
	    "FILE:", "MOUNT:", "PROC:LAUNCH", "HTTP:", "TOOL:INVOKE", "UNKNOWN:REQUEST",
	    "EXEC:OUTCOME", "EVENT:EMIT", "CONFIG:", "LIFECYCLE:", "AUDIT:", "OTHER:"};

	text_put(t, str_from(names[kind]));
	if (kind == OUTLINE_FILE || kind == OUTLINE_MOUNT)
		put_upper_of(t, r, STR("operation"));
	else if (kind == OUTLINE_HTTP)
		put_upper_of(t, r, STR("method"));
	else if (kind == OUTLINE_POLICY)
		put_upper_of(t, r, STR("result"));
	else if (kind == OUTLINE_SESSION)
		put_upper_of(t, r, STR("event"));
	else if (kind == OUTLINE_MANAGEMENT || kind == OUTLINE_OTHER)
		put_upper(t, recordline_value(r, MEMBER_action_type));
}

static void
put_outcome(struct text *t, enum outline_outcome outcome)
{
	static const char *const names[] = {"", " ALLOWED", " DENIED", " SUCCEEDED", " FAILED"};

	text_put(t, str_from(names[outcome]));
}

/* The client's name, else the user's; the pid as the kernel gave it. */
static void
put_who(struct text *t, const struct recordline *r)
{
	static const enum recordline_member order[] = {
	    MEMBER_actor, MEMBER_client_name, MEMBER_username};
	const struct recordline_value *who = NULL, *peer = recordline_value(r, MEMBER_peer);
	struct recordline_value pid;

	for (size_t i = 0; i < ARRAY_SIZE(order) && !who; i++)
		who = recordline_value(r, order[i]);
	if (!who && !peer)
		return;
	text_char(t, ' ');
	put_token(t, who, put_token_text);
	if (!path_step(peer, STR("pid"), &pid))
		return;
	text_char(t, '(');
	put_token(t, &pid, put_token_text);
	text_char(t, ')');
}

static void
put_bracket(struct text *t, const char *name, const struct recordline_value *v)
{
	if (!v)
		return;
	text_put(t, STR(" ["));
	text_put(t, str_from(name));
	text_char(t, ':');
	format_value(t, v, put_bracketed_text);
	text_char(t, ']');
}

static void
put_decided(struct text *t, const struct recordline *r)
{
	const struct recordline_value *mode = recordline_value(r, MEMBER_enforcement_mode);

	text_put(t, STR(" -> "));
	put_token(t, recordline_value(r, MEMBER_resource_id), put_token_text);
	text_put(t, STR(" [policy:"));
	put_token(t, recordline_value(r, MEMBER_policy_id), put_id_text);
	if (recordline_has(r, MEMBER_rule_id)) {
		text_char(t, '/');
		put_token(t, recordline_value(r, MEMBER_rule_id), put_id_text);
	}
	text_put(t, STR(" engine:sealwright"));
	if (mode && !recordline_is(mode, STR("enforce"))) {
		text_put(t, STR(" mode:"));
		put_token(t, mode, put_token_text);
	}
	text_char(t, ']');
	put_bracket(t, "reason", recordline_value(r, MEMBER_deny_reason));
}

static void
put_others(struct text *t, const struct recordline *r)
{
	put_bracket(t, "event", recordline_value(r, MEMBER_event));
	put_bracket(t, "evaluation", recordline_value(r, MEMBER_evaluation_id));
	put_bracket(t, "details", recordline_value(r, MEMBER_details));
	put_bracket(t, "payload", recordline_value(r, MEMBER_payload));
}

static void
shorthand_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	struct outline o = outline_of(r);

	(void)use;
	(void)line;
	put_class(t, r, o.kind);
	text_put(t, STR(" ["));
	text_put(t, severity_name(o.severity));
	text_char(t, ']');
	put_outcome(t, o.outcome);
	put_who(t, r);
	if (recordline_has(r, MEMBER_decision))
		put_decided(t, r);
	else
		put_others(t, r);
	text_char(t, '\n');
}

const struct format format_shorthand = {
    .name = "shorthand",
    .about = "OpenShell's one-line form: NET:OPEN [MED] DENIED curl(64) -> host:443 [...]",
    .record = shorthand_record,
};
