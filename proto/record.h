/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a process asks the writer to put on record. On the wire: ascending tags of record.def, each
 * `u8 tag | u16 length | bytes`; a field that is not given is not there. ENUM is one byte, PEER
 * 12 bytes (uid, gid, pid as u32), REASONS u16-counted strings, PAYLOAD and VALUE are value.h
 * objects. The category follows from the message type.
 *
 * Strings may hold any byte: the writer escapes them. Slices point into the message decoded.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/str.h"
#include "proto/msg.h"
#include "proto/wire.h"

enum record_category {
	RECORD_EVALUATION = 1 << 0,
	RECORD_MANAGEMENT = 1 << 1,
	RECORD_EXECUTION = 1 << 2,
	RECORD_EVENT = 1 << 3,
};

enum record_decision {
	DECISION_NONE,
	DECISION_ALLOW,
	DECISION_DENY,
};

enum record_mode {
	MODE_NONE,
	MODE_ENFORCE,
	MODE_WARN,
	MODE_AUDIT,
};

enum record_level {
	LEVEL_NONE,
	LEVEL_DEBUG,
	LEVEL_INFO,
	LEVEL_WARNING,
	LEVEL_ERROR,
};

enum record_action_type {
	ACTION_NONE = 0,
#define ACTION_TYPE(name, number, json, category, noters) ACTION_##name = (number),
#include "proto/action.def"
};

#define RECORD_REASONS 4
#define RECORD_REASON_MAX 8000 /* bytes of one reason */

struct record_peer {
	uint32_t uid, gid, pid;
};

struct record {
	enum record_category category;
	enum record_decision decision;
	enum record_mode enforcement_mode;
	enum record_level level;
	enum record_action_type action_type;
	struct str username, user_email, org_id, org_name;
	struct str sandbox_id, agent, resource_id, client_name;
	uint16_t reasons;
	struct str deny_reason[RECORD_REASONS];
	struct str payload; /* value.h object */
	struct str action, policy_id, rule_id, policy_revision;
	struct str event, actor;
	struct str details; /* value.h object */
	struct str evaluation_id;
	bool has_peer;
	struct record_peer peer;
	struct str request_id;
};

/* Append the record's fields; the cursor fails when they do not fit or a field is over its max. */
void record_put(struct wire_out *out, const struct record *r);

/*
 * Decode and check a record that `from` sent as a message of this type (DECISION, EVENT, OUTCOME,
 * NOTE). -EPROTO for anything that could not come from an honest sender: unknown, repeated or
 * descending tags, a field foreign to the category, a length over the field's max, an enum out of
 * range, a bad value, an action_type that this sender may not use, a mandatory field missing
 * (EVALUATION: decision, enforcement_mode, resource_id, action_type, action, peer, a reason when
 * denied, a payload unless it is a denied unknown_action, policy_id and rule_id or neither; EVENT:
 * event, level, action_type, peer; EXECUTION: evaluation_id as a lower-case UUID, action_type,
 * payload, peer; MANAGEMENT: action_type). *ret_why is a static text.
 */
int record_get(struct wire_in *in, enum msg_type type, enum peer from, struct record *ret,
    const char **ret_why);

/* Names as in the line; NULL for NONE and unknown numbers. */
const char *record_category_name(enum record_category c); /* "AUDIT_CATEGORY_..." */
const char *record_decision_name(enum record_decision d); /* "AUDIT_DECISION_..." */
const char *record_mode_name(enum record_mode m);         /* "enforce" ... */
const char *record_level_name(enum record_level l);       /* "debug" ... */
const char *record_action_type_name(enum record_action_type a);
/* LEVEL_NONE when s is no level. */
enum record_level record_level_parse(struct str s);
