/* SPDX-License-Identifier: Apache-2.0 */

/* Which class of OCSF a record is an event of, and which activity of that class. */

#include "auditlog/format_ocsf.h"
#include "auditlog/path.h"

/* What an event of a class cannot do without, beyond what every event has. */
enum ocsf_need {
	NEEDS_ACTOR = 1,
	NEEDS_HOST = 2,
	NEEDS_TARGET = 4,
	NEEDS_ID = 8,
};

static const struct ocsf_class_of {
	const char *name;
	unsigned uid;
	unsigned needs;
} classes[] = {
    [OCSF_BASE] = {"Base Event", 0, 0},
    [OCSF_FILE] = {"File System Activity", 1001, NEEDS_ACTOR | NEEDS_HOST | NEEDS_TARGET},
    [OCSF_PROCESS] = {"Process Activity", 1007, NEEDS_ACTOR | NEEDS_HOST | NEEDS_TARGET | NEEDS_ID},
    [OCSF_FINDING] = {"Detection Finding", 2004, NEEDS_ID},
    [OCSF_NETWORK] = {"Network Activity", 4001, NEEDS_HOST},
    [OCSF_HTTP] = {"HTTP Activity", 4002, NEEDS_TARGET},
    [OCSF_SSH] = {"SSH Activity", 4007, NEEDS_HOST},
    [OCSF_CONFIG] = {"Device Config State Change", 5019, NEEDS_HOST},
    [OCSF_LIFECYCLE] = {"Application Lifecycle", 6002, 0},
    [OCSF_API] = {"API Activity", 6003, NEEDS_ACTOR | NEEDS_HOST | NEEDS_TARGET},
    [OCSF_ERROR] = {"Application Error", 6008, 0},
};

struct ocsf_activity {
	const char *word; /* of the record; NULL: whatever it says */
	const char *name; /* NULL: what the record says */
	unsigned id;
};

#define WORDS 10

static const struct ocsf_activity
    opened[WORDS] = {{NULL, "Open", 1}},
    launched[WORDS] = {{NULL, "Launch", 1}}, mounted[WORDS] = {{NULL, "Mount", 12}},
    touched[WORDS] = {{"read", "Read", 2}, {"write", "Update", 3}},
    invoked[WORDS] = {{NULL, "Invoke", OCSF_OTHER}}, found[WORDS] = {{NULL, "Create", 1}},
    logged[WORDS] = {{NULL, "Log", 1}}, stopped[WORDS] = {{NULL, "Stop", 4}},
    failed[WORDS] = {{NULL, "General Error", 1}},
    lived[WORDS] = {{"start", "Start", 3}, {"stop", "Stop", 4}},
    administered[WORDS] = {{"status", "Read", 2}, {"rotate", "Update", 3}, {"reload", "Update", 3}},
    requested[WORDS] = {{"CONNECT", "Connect", 1}, {"DELETE", "Delete", 2}, {"GET", "Get", 3},
	{"HEAD", "Head", 4}, {"OPTIONS", "Options", 5}, {"POST", "Post", 6}, {"PUT", "Put", 7},
	{"TRACE", "Trace", 8}, {"PATCH", "Patch", 9}},
    stored[WORDS] = {{"failed", "General Error", 1}, {"poisoned", "General Error", 1},
	{"full", "General Error", 1}, {"low", "General Error", 1}},
    named[WORDS] = {{NULL, NULL, OCSF_OTHER}};

static const struct ocsf_kind {
	const char *action_type;
	enum ocsf_class class;
	const struct ocsf_activity *activities;
	const char *member; /* of the payload, whose word it is; NULL: see activity_value() */
	const char *detail; /* of the payload, that says why */
	const char *title;
} kinds[] = {
    {"network_egress", OCSF_NETWORK, opened, NULL, NULL, NULL},
    {"filesystem_access", OCSF_FILE, touched, "operation", NULL, NULL},
    {"http_request", OCSF_HTTP, requested, "method", NULL, NULL},
    {"process_exec", OCSF_PROCESS, launched, NULL, NULL, NULL},
    {"tool_invocation", OCSF_API, invoked, NULL, NULL, NULL},
    {"ssh_session", OCSF_SSH, opened, NULL, NULL, NULL},
    {"filesystem_mount", OCSF_FILE, mounted, NULL, NULL, NULL},
    {"unknown_action", OCSF_API, named, NULL, NULL, NULL},
    {"execution", OCSF_BASE, named, NULL, "error_class", NULL},
    {"application_event", OCSF_BASE, named, NULL, NULL, NULL},
    {"policy", OCSF_CONFIG, logged, NULL, "first", NULL},
    {"configuration", OCSF_CONFIG, logged, NULL, NULL, NULL},
    {"clock_step", OCSF_CONFIG, logged, NULL, NULL, NULL},
    {"session", OCSF_LIFECYCLE, lived, "event", NULL, NULL},
    {"process", OCSF_LIFECYCLE, stopped, NULL, "cause", NULL},
    {"storage", OCSF_ERROR, stored, "state", "cause", NULL},
    {"recovery", OCSF_ERROR, failed, NULL, NULL, NULL},
    {"admin", OCSF_API, administered, "request", NULL, NULL},
    {"channel", OCSF_FINDING, found, NULL, "fault",
	"A process of the service broke the protocol between its processes"},
    {"input", OCSF_FINDING, found, NULL, "kind", "Malformed input of a client"},
    {"segments", OCSF_FINDING, found, NULL, NULL, "Earlier segments of the audit log are absent"},
    {"unrecorded", OCSF_FINDING, found, NULL, NULL, "Denials were answered without a record"},
};

/* Everything else: by its own name. */
static const struct ocsf_kind other = {"", OCSF_BASE, named, NULL, NULL, NULL};

unsigned ocsf_class_uid(enum ocsf_class class)
{
	return classes[class].uid;
}

const char *ocsf_class_name(enum ocsf_class class)
{
	return classes[class].name;
}

const struct recordline_value *
ocsf_member(const struct ocsf_event *e, enum recordline_member m)
{
	return recordline_value(e->r, m);
}

bool
ocsf_payload(const struct ocsf_event *e, const char *name, struct recordline_value *ret)
{
	return path_step(ocsf_member(e, MEMBER_payload), str_from(name), ret);
}

static const struct ocsf_kind *
kind_of(const struct recordline *r)
{
	const struct recordline_value *type = recordline_value(r, MEMBER_action_type);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (recordline_is(type, str_from(kinds[i].action_type)))
			return &kinds[i];
	return &other;
}

/* Without a place in the payload it is the event's name, else the action type. */
static bool
activity_value(
    const struct ocsf_event *e, const struct ocsf_kind *kind, struct recordline_value *ret)
{
	const struct recordline_value *v = ocsf_member(e, MEMBER_event);

	if (kind->member)
		return ocsf_payload(e, kind->member, ret);
	if (!v)
		v = ocsf_member(e, MEMBER_action_type);
	if (v)
		*ret = *v;
	return v != NULL;
}

static const struct ocsf_activity *
activity_of(const struct ocsf_activity *all, const struct recordline_value *v)
{
	for (size_t i = 0; i < WORDS && all[i].id > 0; i++)
		if (!all[i].word || recordline_is(v, str_from(all[i].word)))
			return &all[i];
	return NULL;
}

static void
set_activity(struct ocsf_event *e, const struct ocsf_kind *kind)
{
	bool said = activity_value(e, kind, &e->activity_value);
	const struct ocsf_activity *a = activity_of(
	    kind->activities, said ? &e->activity_value : NULL);

	e->activity = a ? a->id : OCSF_OTHER;
	e->activity_name = a ? a->name : NULL;
	if (!said && !e->activity_name) {
		e->activity = OCSF_UNKNOWN;
		e->activity_name = "Unknown";
	}
}

static bool
is_whole(const struct ocsf_event *e, unsigned needs)
{
	return (!(needs & NEEDS_ACTOR) || ocsf_has_actor(e)) &&
	       (!(needs & NEEDS_HOST) || ocsf_member(e, MEMBER_hostname)) &&
	       (!(needs & NEEDS_ID) || ocsf_member(e, MEMBER_audit_event_id)) &&
	       (!(needs & NEEDS_TARGET) || ocsf_has_target(e));
}

void
ocsf_classify(struct ocsf_event *e)
{
	const struct ocsf_kind *kind = kind_of(e->r);

	e->class = kind->class;
	if (!is_whole(e, classes[kind->class].needs)) {
		e->class = OCSF_BASE;
		kind = &other;
	}
	e->title = kind->title;
	e->detail = kind->detail;
	set_activity(e, kind);
}
