/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ecs: a JSON object of the Elastic Common Schema for each record; what it has no field for is in the object
 * `sealwright`, by the record's own names. Payload and details are JSON in a string, so that the fields of an
 * index stay the same whatever an application puts in there.
 */

#include "auditlog/format.h"
#include "auditlog/outline.h"
#include "common/clock.h"

#define ECS_VERSION "8.17.0"
#define NO_TIME "1970-01-01T00:00:00.000Z"

/* --- pieces ---------------------------------------------------------------------------------- */

/* key: with its quotes, colon, and what stands before it. */
static void
put_field(struct text *t, const char *key, const struct recordline_value *v)
{
	if (!v)
		return;
	text_put(t, str_from(key));
	format_string(t, v);
}

/* The field takes whole numbers only. */
static void
put_number(struct text *t, const char *key, const struct recordline_value *v)
{
	int64_t n;

	if (!recordline_int(v, &n))
		return;
	text_put(t, str_from(key));
	text_i64(t, n);
}

/* An object's first member has no comma before it. */
static void
put_object(struct text *t, const char *open, size_t *ret_from)
{
	text_put(t, str_from(open));
	*ret_from = t->n;
}

static void
end_object(struct text *t, const char *open, size_t from)
{
	size_t n = strlen(open);

	if (t->full)
		return;
	if (t->n == from) {
		t->n -= n;
		return;
	}
	/* What each member begins with. */
	memmove(t->p + from, t->p + from + 1, t->n - from - 1);
	t->n--;
	text_char(t, '}');
}

struct ecs_member {
	enum recordline_member member;
	const char *key;
};

static void
put_members(struct text *t, const char *open, const struct recordline *r,
    const struct ecs_member *all, size_t n)
{
	size_t from;

	put_object(t, open, &from);
	for (size_t i = 0; i < n; i++)
		put_field(t, all[i].key, recordline_value(r, all[i].member));
	end_object(t, open, from);
}

/* --- event ----------------------------------------------------------------------------------- */

/* event.category and event.type as they go together. */
struct ecs_class {
	const char *category;
	const char *allowed, *denied; /* types */
};

static struct ecs_class
class_of(enum outline_kind kind)
{
	static const struct ecs_class classes[OUTLINE_KINDS] = {
	    [OUTLINE_NETWORK] = {"network", "\"connection\",\"allowed\"",
		"\"connection\",\"denied\""},
	    [OUTLINE_SSH] = {"network", "\"connection\",\"allowed\"", "\"connection\",\"denied\""},
	    [OUTLINE_FILE] = {"file", "\"access\"", "\"access\""},
	    [OUTLINE_MOUNT] = {"file", "\"access\"", "\"access\""},
	    [OUTLINE_PROCESS] = {"process", "\"start\"", "\"access\""},
	    [OUTLINE_HTTP] = {"web", "\"access\"", "\"access\""},
	    [OUTLINE_TOOL] = {"api", "\"access\",\"allowed\"", "\"access\",\"denied\""},
	    [OUTLINE_UNKNOWN] = {"api", "\"access\",\"allowed\"", "\"access\",\"denied\""},
	    [OUTLINE_EXECUTION] = {"process", "\"info\"", "\"info\""},
	    [OUTLINE_EVENT] = {"host", "\"info\"", "\"info\""},
	    [OUTLINE_POLICY] = {"configuration", "\"change\"", "\"change\""},
	    [OUTLINE_SESSION] = {"host", "\"info\"", "\"info\""},
	    [OUTLINE_MANAGEMENT] = {"host", "\"info\"", "\"info\""},
	    [OUTLINE_OTHER] = {"host", "\"info\"", "\"info\""},
	};

	return classes[kind];
}

static const struct recordline_value *
action_of(const struct recordline *r)
{
	if (recordline_has(r, MEMBER_action))
		return recordline_value(r, MEMBER_action);
	if (recordline_has(r, MEMBER_event))
		return recordline_value(r, MEMBER_event);
	return recordline_value(r, MEMBER_action_type);
}

static void
put_event(struct text *t, const struct recordline *r, const struct outline *o)
{
	static const char *const outcomes[] = {
	    "unknown", "success", "failure", "success", "failure"};
	static const unsigned char severities[SEVERITIES] = {7, 6, 5, 4, 3};
	struct ecs_class class = class_of(o->kind);

	text_put(t, STR(",\"event\":{\"kind\":\"event\",\"provider\":\"sealwright\",\"module\":"
			"\"sealwright\",\"dataset\":\"sealwright.audit\",\"category\":[\""));
	text_put(t, str_from(class.category));
	text_put(t, STR("\"],\"type\":["));
	text_put(t, str_from(o->outcome == OUTCOME_DENIED ? class.denied : class.allowed));
	text_put(t, STR("],\"outcome\":\""));
	text_put(t, str_from(outcomes[o->outcome]));
	text_put(t, STR("\",\"severity\":"));
	text_u64(t, severities[o->severity]);
	put_field(t, ",\"id\":", recordline_value(r, MEMBER_audit_event_id));
	put_field(t, ",\"action\":", action_of(r));
	put_number(t, ",\"sequence\":", recordline_value(r, MEMBER_seq));
	(void)format_strings(t, STR(",\"reason\":\""), recordline_value(r, MEMBER_deny_reason));
	text_char(t, '}');
}

/* --- who and what ---------------------------------------------------------------------------- */

/* Whom the process runs as. */
static void
put_id(struct text *t, struct str open, const struct recordline_value *id)
{
	text_put(t, open);
	format_string(t, id);
	text_char(t, '}');
}

static void
put_peer(struct text *t, const struct recordline_value *peer)
{
	struct recordline_value v;

	if (path_step(peer, STR("pid"), &v))
		put_number(t, ",\"pid\":", &v);
	if (path_step(peer, STR("uid"), &v))
		put_id(t, STR(",\"user\":{\"id\":"), &v);
	if (path_step(peer, STR("gid"), &v))
		put_id(t, STR(",\"group\":{\"id\":"), &v);
}

/*
 * The user is the subject of the request. The peer is the process that sent it: a trusted enforcement point's uid is
 * not the subject's.
 */
static void
put_who(struct text *t, const struct recordline *r)
{
	static const struct ecs_member user[] = {
	    {MEMBER_username, ",\"name\":"}, {MEMBER_user_email, ",\"email\":"}};
	const char *process = ",\"process\":{";
	size_t from;

	put_members(t, ",\"user\":{", r, user, ARRAY_SIZE(user));
	put_object(t, process, &from);
	put_peer(t, recordline_value(r, MEMBER_peer));
	put_field(t, ",\"name\":", recordline_value(r, MEMBER_client_name));
	end_object(t, process, from);
}

static void
put_host(struct text *t, const struct recordline *r)
{
	struct outline_host host;

	if (!outline_host(r, &host))
		return;
	text_put(t, STR(",\"destination\":{\"address\":"));
	text_json(t, host.name);
	text_put(t, host.address ? STR(",\"ip\":") : STR(",\"domain\":"));
	text_json(t, host.name);
	text_put(t, STR(",\"port\":"));
	text_u64(t, host.port);
	text_char(t, '}');
}

static void
put_method(struct text *t, const struct recordline_value *payload)
{
	struct recordline_value method;

	if (!path_step(payload, STR("method"), &method))
		return;
	text_put(t, STR(",\"http\":{\"request\":{\"method\":"));
	format_string(t, &method);
	text_put(t, STR("}}"));
}

static void
put_target(struct text *t, const struct recordline *r, enum outline_kind kind)
{
	static const struct ecs_member url[] = {{MEMBER_resource_id, ",\"original\":"}};
	static const struct ecs_member file[] = {{MEMBER_resource_id, ",\"path\":"}};

	if (kind == OUTLINE_NETWORK || kind == OUTLINE_SSH)
		put_host(t, r);
	if (kind == OUTLINE_HTTP) {
		put_members(t, ",\"url\":{", r, url, ARRAY_SIZE(url));
		put_method(t, recordline_value(r, MEMBER_payload));
	}
	if (kind == OUTLINE_FILE || kind == OUTLINE_MOUNT)
		put_members(t, ",\"file\":{", r, file, ARRAY_SIZE(file));
}

/* --- the record ------------------------------------------------------------------------------ */

static const struct ecs_member rule_members[] = {
    {MEMBER_rule_id, ",\"id\":"},
    {MEMBER_policy_id, ",\"ruleset\":"},
    {MEMBER_policy_revision, ",\"version\":"},
};
static const struct ecs_member organization_members[] = {
    {MEMBER_org_id, ",\"id\":"},
    {MEMBER_org_name, ",\"name\":"},
};
static const struct ecs_member own_members[] = {
    {MEMBER_schema_version, ",\"schema_version\":"}, {MEMBER_category, ",\"category\":"},
    {MEMBER_action_type, ",\"action_type\":"}, {MEMBER_decision, ",\"decision\":"},
    {MEMBER_enforcement_mode, ",\"enforcement_mode\":"}, {MEMBER_resource_id, ",\"resource_id\":"},
    {MEMBER_audit_session_id, ",\"audit_session_id\":"}, {MEMBER_sandbox_id, ",\"sandbox_id\":"},
    {MEMBER_agent, ",\"agent\":"}, {MEMBER_actor, ",\"actor\":"}, {MEMBER_details, ",\"details\":"},
    {MEMBER_payload, ",\"payload\":"}, {MEMBER_evaluation_id, ",\"evaluation_id\":"},
    {MEMBER_evaluator, ",\"evaluator\":"}, {MEMBER_request_id, ",\"request_id\":"},
    {MEMBER_prev_hash, ",\"prev_hash\":"}, {MEMBER_os, ",\"os\":"},
    {MEMBER_timestamp, ",\"timestamp\":"}, /* the last: only when @timestamp is another text */
};

/*
 * A date field takes no other text, and every document must have this one. False: the record's own text is another, or
 * none.
 */
static bool
put_time(struct text *t, const struct recordline *r)
{
	const struct recordline_value *v = recordline_value(r, MEMBER_timestamp);
	char time[RFC3339_SIZE] = NO_TIME;
	int64_t us;
	bool timed = outline_us(r, &us);

	if (timed)
		clock_format(us, time);
	text_put(t, STR("{\"@timestamp\":\""));
	text_put(t, str_from(time));
	text_put(t, STR("\",\"ecs\":{\"version\":\"" ECS_VERSION "\"}"));
	return timed && str_eq((struct str){v->p, v->n}, str_from(time));
}

static void
put_places(struct text *t, const struct recordline *r)
{
	static const struct ecs_member host[] = {{MEMBER_hostname, ",\"hostname\":"}};
	static const struct ecs_member log[] = {{MEMBER_level, ",\"level\":"}};

	put_members(t, ",\"host\":{", r, host, ARRAY_SIZE(host));
	put_members(t, ",\"log\":{", r, log, ARRAY_SIZE(log));
	text_put(t, STR(",\"observer\":{\"vendor\":\"Sealwright\",\"product\":\"Sealwright\""));
	put_field(t, ",\"version\":", recordline_value(r, MEMBER_app_version));
	text_char(t, '}');
}

static void
ecs_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	struct outline o = outline_of(r);
	bool timed;

	(void)use;
	(void)line;
	timed = put_time(t, r);
	put_event(t, r, &o);
	put_who(t, r);
	put_target(t, r, o.kind);
	put_places(t, r);
	put_members(t, ",\"rule\":{", r, rule_members, ARRAY_SIZE(rule_members));
	put_members(
	    t, ",\"organization\":{", r, organization_members, ARRAY_SIZE(organization_members));
	put_members(t, ",\"sealwright\":{", r, own_members, ARRAY_SIZE(own_members) - timed);
	text_put(t, STR("}\n"));
}

const struct format format_ecs = {
    .name = "ecs",
    .about = "Elastic Common Schema " ECS_VERSION ", a JSON object a line",
    .kind = FORMAT_JSON,
    .record = ecs_record,
};
