/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ocsf: an event of the Open Cybersecurity Schema Framework for each record, and nothing that its definitions do
 * not have. What no attribute is for is in `unmapped` under the record's own names; `raw_data` is the line itself, so
 * that the chain of the log can still be followed.
 */

#include "auditlog/format_ocsf.h"

/* All that is used here is the same in these. */
static const char *const versions[] = {"1.7.0", "1.8.0"};

bool
format_ocsf_knows(const char *version)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		if (strcmp(version, versions[i]) == 0)
			return true;
	return false;
}

/* --- classification -------------------------------------------------------------------------- */

static void
put_id(struct json *j, const char *key, unsigned id, const char *name_key, const char *name)
{
	json_number(j, key, id);
	json_z(j, name_key, name);
}

static void
put_class(struct ocsf_event *e)
{
	unsigned uid = ocsf_class_uid(e->class);

	json_number(&e->top, "category_uid", uid / 1000);
	put_id(&e->top, "class_uid", uid, "class_name", ocsf_class_name(e->class));
	json_number(&e->top, "type_uid", (uint64_t)uid * 100 + e->activity);
	json_number(&e->top, "activity_id", e->activity);
	if (e->activity_name)
		json_z(&e->top, "activity_name", e->activity_name);
	else
		ocsf_put(&e->top, "activity_name", &e->activity_value);
}

static void
put_severity(struct ocsf_event *e)
{
	static const struct {
		unsigned id;
		const char *name;
	} severities[SEVERITIES] = {[SEVERITY_DEBUG] = {1, "Informational"},
	    [SEVERITY_INFO] = {1, "Informational"},
	    [SEVERITY_LOW] = {2, "Low"},
	    [SEVERITY_MEDIUM] = {3, "Medium"},
	    [SEVERITY_HIGH] = {4, "High"}};

	put_id(&e->top, "severity_id", severities[e->outline.severity].id, "severity",
	    severities[e->outline.severity].name);
}

/* --- how it went ----------------------------------------------------------------------------- */

/* A denial of a policy that only watches: the answer was another one. */
static bool
is_enforced(const struct ocsf_event *e)
{
	const struct recordline_value *mode = ocsf_member(e, MEMBER_enforcement_mode);

	return !mode || recordline_is(mode, STR("enforce"));
}

static void
put_detail(struct ocsf_event *e)
{
	struct recordline_value why;

	if (format_strings(
		e->top.t, STR(",\"status_detail\":\""), ocsf_member(e, MEMBER_deny_reason)))
		e->placed |= UINT64_C(1) << MEMBER_deny_reason;
	else if (e->detail && ocsf_payload(e, e->detail, &why))
		ocsf_put(&e->top, "status_detail", &why);
}

/* The states of findings are others. */
static void
put_status(struct ocsf_event *e)
{
	bool failed = e->outline.outcome == OUTCOME_FAILED ||
		      (e->outline.outcome == OUTCOME_DENIED && is_enforced(e));

	if (e->class == OCSF_FINDING)
		put_id(&e->top, "status_id", 1, "status", "New");
	else if (e->outline.outcome != OUTCOME_NONE)
		put_id(
		    &e->top, "status_id", failed ? 2 : 1, "status", failed ? "Failure" : "Success");
	put_detail(e);
}

static void
put_duration(struct ocsf_event *e)
{
	struct recordline_value v;
	int64_t ms;

	if (e->outline.kind != OUTLINE_EXECUTION || !ocsf_payload(e, "duration_ms", &v) ||
	    !recordline_int(&v, &ms))
		return;
	json_key(&e->top, "duration");
	text_i64(e->top.t, ms);
}

/* --- the security control -------------------------------------------------------------------- */

static void
put_action(struct ocsf_event *e, unsigned action, const char *name, unsigned disposition,
    const char *disposition_name)
{
	put_id(&e->top, "action_id", action, "action", name);
	put_id(&e->top, "disposition_id", disposition, "disposition", disposition_name);
}

static void
put_decision(struct ocsf_event *e)
{
	const struct recordline_value *decision = ocsf_member(e, MEMBER_decision);

	e->placed |= UINT64_C(1) << MEMBER_decision;
	if (recordline_is(decision, STR("AUDIT_DECISION_ALLOW"))) {
		put_action(e, 1, "Allowed", 1, "Allowed");
	} else if (!recordline_is(decision, STR("AUDIT_DECISION_DENY"))) {
		json_number(&e->top, "action_id", OCSF_OTHER);
		ocsf_put(&e->top, "action", decision);
		json_number(&e->top, "disposition_id", OCSF_OTHER);
		ocsf_put(&e->top, "disposition", decision);
	} else if (is_enforced(e)) {
		put_action(e, 2, "Denied", 2, "Blocked");
	} else {
		put_action(e, 3, "Observed", 17, "Logged");
	}
}

static void
put_policy(struct ocsf_event *e)
{
	struct json policy;

	if (!ocsf_member(e, MEMBER_policy_id))
		return;
	policy = ocsf_object(&e->top, "policy");
	ocsf_put_member(e, &policy, "uid", MEMBER_policy_id);
	ocsf_put_member(e, &policy, "version", MEMBER_policy_revision);
	json_key(&policy, "is_applied");
	text_put(policy.t, is_enforced(e) ? STR("true") : STR("false"));
	json_object_end(&policy);
}

static void
put_control(struct ocsf_event *e)
{
	if (!ocsf_member(e, MEMBER_decision))
		return;
	put_decision(e);
	ocsf_put_object(e, &e->top, "firewall_rule", "uid", MEMBER_rule_id);
	put_policy(e);
}

/* --- metadata -------------------------------------------------------------------------------- */

static void
put_product(struct ocsf_event *e, struct json *metadata)
{
	struct json product;

	product = ocsf_object(metadata, "product");
	json_z(&product, "name", "Sealwright");
	json_z(&product, "vendor_name", "Sealwright");
	ocsf_put_member(e, &product, "version", MEMBER_app_version);
	json_object_end(&product);
}

/* Those that attributes of this event are of. */
static void
put_profiles(struct ocsf_event *e, struct json *metadata)
{
	bool host = ocsf_member(e, MEMBER_hostname) || ocsf_has_actor(e);

	json_key(metadata, "profiles");
	text_char(metadata->t, '[');
	if (ocsf_member(e, MEMBER_decision))
		text_put(
		    metadata->t, host ? STR("\"security_control\",") : STR("\"security_control\""));
	if (host)
		text_put(metadata->t, STR("\"host\""));
	if (ocsf_member(e, MEMBER_hostname) && ocsf_member(e, MEMBER_sandbox_id))
		text_put(metadata->t, STR(",\"container\""));
	text_char(metadata->t, ']');
}

static void
put_metadata(struct ocsf_event *e, const char *version)
{
	bool event = ocsf_member(e, MEMBER_event) != NULL;
	struct json metadata;
	int64_t seq;

	metadata = ocsf_object(&e->top, "metadata");
	json_z(&metadata, "version", version);
	put_product(e, &metadata);
	ocsf_put_member(e, &metadata, "uid", MEMBER_audit_event_id);
	if (recordline_int(ocsf_member(e, MEMBER_seq), &seq)) {
		json_key(&metadata, "sequence");
		text_i64(metadata.t, seq);
		e->placed |= UINT64_C(1) << MEMBER_seq;
	}
	ocsf_put_member(e, &metadata, "original_time", MEMBER_timestamp);
	ocsf_put_member(e, &metadata, "original_event_uid", MEMBER_audit_event_id);
	ocsf_put_member(e, &metadata, "correlation_uid", MEMBER_evaluation_id);
	ocsf_put_member(e, &metadata, "type", MEMBER_category);
	ocsf_put_member(e, &metadata, "event_code", event ? MEMBER_event : MEMBER_action_type);
	json_z(&metadata, "log_name", "sealwright.audit");
	json_z(&metadata, "log_provider", "Sealwright");
	ocsf_put_member(e, &metadata, "log_version", MEMBER_schema_version);
	ocsf_put_member(e, &metadata, "log_level", MEMBER_level);
	ocsf_put_member(e, &metadata, "tenant_uid", MEMBER_org_id);
	put_profiles(e, &metadata);
	json_object_end(&metadata);
}

/* --- what is left ---------------------------------------------------------------------------- */

static void
put_left(struct json *unmapped, struct str key, const struct recordline_value *v)
{
	if (unmapped->more)
		text_char(unmapped->t, ',');
	unmapped->more = true;
	text_char(unmapped->t, '"');
	text_put(unmapped->t, key);
	text_put(unmapped->t, STR("\":"));
	format_raw(unmapped->t, v);
}

/* The payload is one of the others. */
static void
put_unmapped(struct ocsf_event *e)
{
	uint64_t left = e->r->have & ~e->placed & ~(UINT64_C(1) << MEMBER_payload);
	struct json unmapped;

	unmapped = ocsf_object(&e->top, "unmapped");
	for (unsigned m = 0; m < MEMBER_COUNT; m++)
		if (left >> m & 1)
			put_left(&unmapped, str_from(recordline_name(m)), ocsf_member(e, m));
	for (uint32_t i = 0; i < e->r->n_others; i++)
		put_left(&unmapped, e->r->other[i].key, &e->r->other[i].value);
	json_object_end(&unmapped);
}

/* A word behind the others, of a string that is being put out. */
static void
put_word(struct text *t, const struct recordline_value *v)
{
	if (!v || v->type != RECORDLINE_STRING)
		return;
	text_char(t, ' ');
	text_put(t, (struct str){v->p, v->n});
}

static void
put_message(struct ocsf_event *e)
{
	static const char *const outcomes[] = {
	    "\"recorded", "\"allowed", "\"denied", "\"succeeded", "\"failed"};

	json_key(&e->top, "message");
	text_put(e->top.t, str_from(outcomes[e->outline.outcome]));
	put_word(e->top.t, ocsf_member(e, MEMBER_action_type));
	put_word(e->top.t, ocsf_member(e, MEMBER_event));
	put_word(e->top.t, ocsf_member(e, MEMBER_action));
	put_word(e->top.t, ocsf_member(e, MEMBER_resource_id));
	text_char(e->top.t, '"');
}

/* --- the event ------------------------------------------------------------------------------- */

/* A timestamp that is none says nothing, and the attribute must be there. */
static void
put_time(struct ocsf_event *e)
{
	int64_t ms;

	json_key(&e->top, "time");
	text_i64(e->top.t, outline_ms(e->r, &ms) ? ms : 0);
}

static void
ocsf_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	struct ocsf_event e = {.r = r, .outline = outline_of(r)};

	ocsf_classify(&e);
	e.top = json_object(t);
	put_metadata(&e, use->ocsf_version ? use->ocsf_version : versions[0]);
	put_time(&e);
	put_class(&e);
	put_severity(&e);
	put_message(&e);
	put_status(&e);
	put_duration(&e);
	put_control(&e);
	ocsf_put_actor(&e);
	ocsf_put_device(&e);
	ocsf_put_target(&e);
	put_unmapped(&e);
	line.n -= line.n > 0 && line.p[line.n - 1] == '\n';
	json_str(&e.top, "raw_data", line);
	json_object_end(&e.top);
	text_char(t, '\n');
}

const struct format format_ocsf = {
    .name = "ocsf",
    .about = "Open Cybersecurity Schema Framework, a JSON object a line (--ocsf-version)",
    .kind = FORMAT_JSON,
    .record = ocsf_record,
};
