/* SPDX-License-Identifier: Apache-2.0 */

/*
 * cef: ArcSight's Common Event Format, version 0. Keys of its dictionary where they mean the same, numbered strings
 * with labels, and extensions of our own name for the rest. Texts are cut to the dictionary's lengths: the record
 * itself has them whole.
 */

#include "auditlog/format.h"
#include "auditlog/outline.h"

#define CEF_NAME 1023 /* the usual length */

/* In the order of output. */
static const struct cef_key {
	enum recordline_member member;
	const char *key, *label; /* label: of a key that has one */
	size_t most;             /* bytes; 0: no limit is known */
} keys[] = {
    {MEMBER_audit_event_id, "externalId", NULL, 40},
    {MEMBER_hostname, "dvchost", NULL, 100},
    {MEMBER_category, "cat", NULL, CEF_NAME},
    {MEMBER_action, "act", NULL, 63},
    {MEMBER_username, "suser", NULL, CEF_NAME},
    {MEMBER_client_name, "sproc", NULL, CEF_NAME},
    {MEMBER_deny_reason, "reason", NULL, CEF_NAME},
    {MEMBER_policy_id, "cs1", "policy_id", 4000},
    {MEMBER_rule_id, "cs2", "rule_id", 4000},
    {MEMBER_resource_id, "cs3", "resource_id", 4000},
    {MEMBER_audit_session_id, "cs4", "audit_session_id", 4000},
    {MEMBER_sandbox_id, "cs5", "sandbox_id", 4000},
    {MEMBER_prev_hash, "cs6", "prev_hash", 4000},
    {MEMBER_schema_version, "SealwrightAuditSchemaVersion", NULL, 0},
    {MEMBER_enforcement_mode, "SealwrightAuditEnforcementMode", NULL, 0},
    {MEMBER_policy_revision, "SealwrightAuditPolicyRevision", NULL, 0},
    {MEMBER_user_email, "SealwrightAuditUserEmail", NULL, 0},
    {MEMBER_org_id, "SealwrightAuditOrgId", NULL, 0},
    {MEMBER_org_name, "SealwrightAuditOrgName", NULL, 0},
    {MEMBER_agent, "SealwrightAuditAgent", NULL, 0},
    {MEMBER_request_id, "SealwrightAuditRequestId", NULL, 0},
    {MEMBER_os, "SealwrightAuditOs", NULL, 0},
    {MEMBER_event, "SealwrightAuditEvent", NULL, 0},
    {MEMBER_level, "SealwrightAuditLevel", NULL, 0},
    {MEMBER_actor, "SealwrightAuditActor", NULL, 0},
    {MEMBER_details, "SealwrightAuditDetails", NULL, 0},
    {MEMBER_evaluation_id, "SealwrightAuditEvaluationId", NULL, 0},
    {MEMBER_evaluator, "SealwrightAuditEvaluator", NULL, 0},
    {MEMBER_payload, "SealwrightAuditPayload", NULL, 0},
};

static void
put_key(struct text *t, const char *key)
{
	text_char(t, ' ');
	text_put(t, str_from(key));
	text_char(t, '=');
}

static void
put_value(struct text *t, const char *key, const struct recordline_value *v, size_t most)
{
	size_t from;

	if (!v)
		return;
	put_key(t, key);
	from = t->n;
	format_value(t, v, format_safe);
	if (most > 0)
		format_cut(t, from, most);
	format_guard(t, from, "\\=");
}

static void
put_number(struct text *t, const char *key, const struct recordline_value *v)
{
	int64_t n;

	if (!recordline_int(v, &n))
		return;
	put_key(t, key);
	text_i64(t, n);
}

/* --- the header ------------------------------------------------------------------------------ */

static void
put_header(struct text *t, const struct recordline_value *v)
{
	size_t from = t->n;

	if (v && v->n > 0)
		format_value(t, v, format_safe);
	else
		text_char(t, '-');
	format_guard(t, from, "\\|");
	text_char(t, '|');
}

/* What happened, in words of our own. */
static void
put_name(struct text *t, const struct outline *o)
{
	static const char *const kinds[OUTLINE_KINDS] = {"Network connection", "SSH session",
	    "File access", "File system mount", "Program start", "HTTP request", "Tool invocation",
	    "Request that was not understood", "Outcome", "Application event", "Policy load",
	    "Service session", "Management event", "Record"};
	static const char *const outcomes[] = {"", " allowed", " denied", " succeeded", " failed"};

	text_put(t, str_from(kinds[o->kind]));
	text_put(t, str_from(outcomes[o->outcome]));
	text_char(t, '|');
}

static unsigned
cef_severity(enum outline_severity severity)
{
	static const unsigned char levels[SEVERITIES] = {0, 2, 4, 6, 8};

	return levels[severity];
}

/* --- the extension --------------------------------------------------------------------------- */

static void
put_outcome(struct text *t, enum outline_outcome outcome)
{
	static const char *const names[] = {"", "allowed", "denied", "success", "failure"};

	if (outcome == OUTCOME_NONE)
		return;
	put_key(t, "outcome");
	text_put(t, str_from(names[outcome]));
}

static void
put_host(struct text *t, const struct recordline *r)
{
	struct outline_host host;

	if (!outline_host(r, &host))
		return;
	put_key(t, "dhost");
	text_put(t, host.name);
	put_key(t, "dpt");
	text_u64(t, host.port);
}

static void
put_target(struct text *t, const struct recordline *r, enum outline_kind kind)
{
	const struct recordline_value *resource = recordline_value(r, MEMBER_resource_id);
	const struct recordline_value *payload = recordline_value(r, MEMBER_payload);
	struct recordline_value method;

	if (kind == OUTLINE_NETWORK || kind == OUTLINE_SSH)
		put_host(t, r);
	else if (kind == OUTLINE_FILE || kind == OUTLINE_MOUNT)
		put_value(t, "filePath", resource, CEF_NAME);
	else if (kind == OUTLINE_PROCESS)
		put_value(t, "dproc", resource, CEF_NAME);
	else if (kind == OUTLINE_TOOL)
		put_value(t, "destinationServiceName", resource, CEF_NAME);
	if (kind != OUTLINE_HTTP)
		return;
	put_value(t, "request", resource, CEF_NAME);
	if (path_step(payload, STR("method"), &method))
		put_value(t, "requestMethod", &method, CEF_NAME);
}

/* Not suid, which is the subject's: the peer may be an enforcement point that asks for somebody else. */
static void
put_peer(struct text *t, const struct recordline_value *peer)
{
	struct recordline_value v;

	if (path_step(peer, STR("uid"), &v))
		put_number(t, "SealwrightAuditPeerUid", &v);
	if (path_step(peer, STR("pid"), &v))
		put_number(t, "spid", &v);
	if (path_step(peer, STR("gid"), &v))
		put_number(t, "SealwrightAuditPeerGid", &v);
}

static void
put_keys(struct text *t, const struct recordline *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct recordline_value *v = recordline_value(r, keys[i].member);

		put_value(t, keys[i].key, v, keys[i].most);
		if (!v || !keys[i].label)
			continue;
		text_char(t, ' ');
		text_put(t, str_from(keys[i].key));
		text_put(t, STR("Label="));
		text_put(t, str_from(keys[i].label));
	}
}

static void
put_seq(struct text *t, const struct recordline *r)
{
	const struct recordline_value *seq = recordline_value(r, MEMBER_seq);
	int64_t n;

	if (!recordline_int(seq, &n))
		return;
	put_number(t, "cn1", seq);
	text_put(t, STR(" cn1Label=seq"));
}

static void
cef_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	struct outline o = outline_of(r);
	int64_t ms;

	(void)use;
	(void)line;
	text_put(t, STR("CEF:0|Sealwright|Sealwright|"));
	put_header(t, recordline_value(r, MEMBER_app_version));
	put_header(t, recordline_value(r, MEMBER_action_type));
	put_name(t, &o);
	text_u64(t, cef_severity(o.severity));
	text_put(t, STR("|deviceFacility=audit"));
	if (outline_ms(r, &ms)) {
		put_key(t, "rt");
		text_i64(t, ms);
	}
	put_outcome(t, o.outcome);
	put_target(t, r, o.kind);
	put_peer(t, recordline_value(r, MEMBER_peer));
	put_seq(t, r);
	put_keys(t, r);
	text_char(t, '\n');
}

const struct format format_cef = {
    .name = "cef",
    .about = "ArcSight Common Event Format 0; texts cut to its lengths",
    .record = cef_record,
};
