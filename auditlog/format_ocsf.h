/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an OCSF event is made of, for format_ocsf.c. Attributes of type string take strings as they are in the line
 * and anything else as its JSON in a string; those of a narrower type are left out when a value does not fit, and
 * the record's member stays among the unmapped ones.
 */

#include "auditlog/format.h"
#include "auditlog/json.h"
#include "auditlog/outline.h"

enum ocsf_class {
	OCSF_BASE,
	OCSF_FILE,
	OCSF_PROCESS,
	OCSF_FINDING,
	OCSF_NETWORK,
	OCSF_HTTP,
	OCSF_SSH,
	OCSF_CONFIG,
	OCSF_LIFECYCLE,
	OCSF_API,
	OCSF_ERROR,
};

/* An activity of its class; a name that the class does not list goes with OCSF_OTHER. */
#define OCSF_UNKNOWN 0
#define OCSF_OTHER 99

struct ocsf_event {
	const struct recordline *r;
	struct outline outline;
	enum ocsf_class class;
	unsigned activity;
	const char *activity_name;              /* NULL: activity_value */
	struct recordline_value activity_value; /* when there is no name */
	const char *title;                      /* of a finding */
	const char *detail; /* the payload's member that says why; NULL: none does */
	struct json top;
	uint64_t placed; /* members with an attribute of their own, a bit each */
};

/* Class and activity by action type and payload. */
void ocsf_classify(struct ocsf_event *e);
unsigned ocsf_class_uid(enum ocsf_class class);
const char *ocsf_class_name(enum ocsf_class class);

/* The record's member, and the payload's; NULL and false when it is not there. */
const struct recordline_value *ocsf_member(const struct ocsf_event *e, enum recordline_member m);
bool ocsf_payload(const struct ocsf_event *e, const char *name, struct recordline_value *ret);

/* Whether there is enough for an actor; enough for what the class wants to be about. */
bool ocsf_has_actor(const struct ocsf_event *e);
bool ocsf_has_target(const struct ocsf_event *e);

/* An attribute of type string. v: NULL adds nothing. */
void ocsf_put(struct json *j, const char *key, const struct recordline_value *v);
/* The same of a member, which then has its place. */
void
ocsf_put_member(struct ocsf_event *e, struct json *j, const char *key, enum recordline_member m);

/* An object, to be ended by json_object_end(); one with a member alone, and none without that. */
struct json ocsf_object(struct json *j, const char *key);
void ocsf_put_object(struct ocsf_event *e, struct json *j, const char *key, const char *inner_key,
    enum recordline_member m);

/* Attributes of the event: who, where, and what the class is about. */
void ocsf_put_actor(struct ocsf_event *e);
void ocsf_put_device(struct ocsf_event *e);
void ocsf_put_target(struct ocsf_event *e);
