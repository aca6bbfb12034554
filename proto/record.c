/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/record.h"

#include <errno.h>

#include "proto/value.h"

/* --- names ----------------------------------------------------------------------------------- */

const char *
record_category_name(enum record_category c)
{
	switch (c) {
	case RECORD_EVALUATION:
		return "AUDIT_CATEGORY_EVALUATION";
	case RECORD_MANAGEMENT:
		return "AUDIT_CATEGORY_MANAGEMENT";
	case RECORD_EXECUTION:
		return "AUDIT_CATEGORY_EXECUTION";
	case RECORD_EVENT:
		return "AUDIT_CATEGORY_EVENT";
	}
	return NULL;
}

static const char *const decision_names[] = {NULL, "AUDIT_DECISION_ALLOW", "AUDIT_DECISION_DENY"};
static const char *const mode_names[] = {NULL, "enforce", "warn", "audit"};
static const char *const level_names[] = {NULL, "debug", "info", "warning", "error"};

const char *
record_decision_name(enum record_decision d)
{
	return (unsigned)d < ARRAY_SIZE(decision_names) ? decision_names[d] : NULL;
}

const char *
record_mode_name(enum record_mode m)
{
	return (unsigned)m < ARRAY_SIZE(mode_names) ? mode_names[m] : NULL;
}

const char *
record_level_name(enum record_level l)
{
	return (unsigned)l < ARRAY_SIZE(level_names) ? level_names[l] : NULL;
}

enum record_level
record_level_parse(struct str s)
{
	for (unsigned i = LEVEL_DEBUG; i < ARRAY_SIZE(level_names); i++)
		if (str_eq(s, str_from(level_names[i])))
			return (enum record_level)i;
	return LEVEL_NONE;
}

struct action_row {
	const char *json;
	uint8_t category;
	uint8_t noters;
};

static const struct action_row actions[] = {
#define ACTION_TYPE(name, number, json, category, noters) [number] = {json, category, noters},
#include "proto/action.def"
};

static const struct action_row *
action_row(unsigned a)
{
	return a < ARRAY_SIZE(actions) && actions[a].json ? &actions[a] : NULL;
}

const char *
record_action_type_name(enum record_action_type a)
{
	const struct action_row *row = action_row((unsigned)a);

	return row ? row->json : NULL;
}

/* --- encoding -------------------------------------------------------------------------------- */

/* Categories of record.def, as bits of enum record_category. */
enum {
	E = RECORD_EVALUATION,
	M = RECORD_MANAGEMENT,
	X = RECORD_EXECUTION,
	V = RECORD_EVENT,
	EX = E | X,
	XV = X | V,
	EXV = E | X | V,
	EMXV = E | M | X | V,
};

static void
put_tag(struct wire_out *out, uint8_t tag, struct str s, size_t max)
{
	if (s.n > max) {
		out->failed = true;
		return;
	}
	wire_put_u8(out, tag);
	wire_put_str(out, s);
}

static void
put_string(struct wire_out *out, uint8_t tag, struct str s, size_t max)
{
	if (str_given(s))
		put_tag(out, tag, s, max);
}

static void
put_enum(struct wire_out *out, uint8_t tag, unsigned v)
{
	uint8_t byte = (uint8_t)v;

	if (v > UINT8_MAX)
		out->failed = true;
	else if (v != 0)
		put_tag(out, tag, (struct str){(const char *)&byte, 1}, 1);
}

static void
put_peer(struct wire_out *out, uint8_t tag, const struct record *r)
{
	if (!r->has_peer)
		return;
	wire_put_u8(out, tag);
	wire_put_u16(out, 12);
	wire_put_u32(out, r->peer.uid);
	wire_put_u32(out, r->peer.gid);
	wire_put_u32(out, r->peer.pid);
}

static void
put_reasons(struct wire_out *out, uint8_t tag, const struct record *r)
{
	size_t n = 0;

	if (r->reasons == 0)
		return;
	if (r->reasons > RECORD_REASONS) {
		out->failed = true;
		return;
	}
	for (uint16_t i = 0; i < r->reasons; i++)
		n += 2 + r->deny_reason[i].n;
	if (n > UINT16_MAX) {
		out->failed = true;
		return;
	}
	wire_put_u8(out, tag);
	wire_put_u16(out, (uint16_t)n);
	for (uint16_t i = 0; i < r->reasons; i++)
		wire_put_str(out, r->deny_reason[i]);
}

#define PUT_STAMP(tag, member, max)
#define PUT_STRING(tag, member, max) put_string(out, (tag), r->member, (max));
#define PUT_PAYLOAD(tag, member, max) put_string(out, (tag), r->member, (max));
#define PUT_VALUE(tag, member, max) put_string(out, (tag), r->member, (max));
#define PUT_ENUM(tag, member, max) put_enum(out, (tag), (unsigned)r->member);
#define PUT_PEER(tag, member, max) put_peer(out, (tag), r);
#define PUT_REASONS(tag, member, max) put_reasons(out, (tag), r);

void
record_put(struct wire_out *out, const struct record *r)
{
#define FIELD(tag, member, json, form, categories, max) PUT_##form(tag, member, max)
#include "proto/record.def"
}

/* --- decoding -------------------------------------------------------------------------------- */

typedef bool get_fn(struct record *r, void *member, struct str s);

static bool
get_string(struct record *r, void *member, struct str s)
{
	(void)r;
	*(struct str *)member = s;
	return true;
}

static bool
get_value(struct record *r, void *member, struct str s)
{
	return value_check_object(s) == 0 && get_string(r, member, s);
}

static bool
get_peer(struct record *r, void *member, struct str s)
{
	struct wire_in in = wire_in_over(s.p, s.n);

	(void)member;
	r->peer.uid = wire_get_u32(&in);
	r->peer.gid = wire_get_u32(&in);
	r->peer.pid = wire_get_u32(&in);
	r->has_peer = true;
	return wire_in_done(&in);
}

static bool
get_reasons(struct record *r, void *member, struct str s)
{
	struct wire_in in = wire_in_over(s.p, s.n);

	(void)member;
	while (in.left > 0) {
		struct str reason = wire_get_str(&in);

		if (in.failed || r->reasons == RECORD_REASONS || reason.n == 0 ||
		    reason.n > RECORD_REASON_MAX)
			return false;
		r->deny_reason[r->reasons++] = reason;
	}
	return r->reasons > 0;
}

static bool
get_byte(struct str s, uint8_t *ret)
{
	if (s.n != 1)
		return false;
	*ret = (uint8_t)s.p[0];
	return true;
}

static bool
get_decision(struct record *r, void *member, struct str s)
{
	uint8_t v;

	(void)member;
	if (!get_byte(s, &v) || v >= ARRAY_SIZE(decision_names) || !decision_names[v])
		return false;
	r->decision = (enum record_decision)v;
	return true;
}

static bool
get_enforcement_mode(struct record *r, void *member, struct str s)
{
	uint8_t v;

	(void)member;
	if (!get_byte(s, &v) || v >= ARRAY_SIZE(mode_names) || !mode_names[v])
		return false;
	r->enforcement_mode = (enum record_mode)v;
	return true;
}

static bool
get_level(struct record *r, void *member, struct str s)
{
	uint8_t v;

	(void)member;
	if (!get_byte(s, &v) || v >= ARRAY_SIZE(level_names) || !level_names[v])
		return false;
	r->level = (enum record_level)v;
	return true;
}

static bool
get_action_type(struct record *r, void *member, struct str s)
{
	const struct action_row *row;
	uint8_t v;

	(void)member;
	if (!get_byte(s, &v))
		return false;
	row = action_row(v);
	if (!row || row->category != r->category)
		return false;
	r->action_type = (enum record_action_type)v;
	return true;
}

struct field_row {
	get_fn *get;
	size_t offset; /* of the member that get fills, where it needs one */
	size_t max;
	uint8_t categories;
};

#define ROW_STAMP(tag, member, cats, limit)
#define ROW_STRING(tag, member, cats, limit) \
	[tag] = {get_string, offsetof(struct record, member), (limit), (cats)},
#define ROW_PAYLOAD(tag, member, cats, limit) \
	[tag] = {get_value, offsetof(struct record, member), (limit), (cats)},
#define ROW_VALUE(tag, member, cats, limit) ROW_PAYLOAD(tag, member, cats, limit)
#define ROW_ENUM(tag, member, cats, limit) [tag] = {get_##member, 0, 1, (cats)},
#define ROW_PEER(tag, member, cats, limit) [tag] = {get_peer, 0, 12, (cats)},
#define ROW_REASONS(tag, member, cats, limit) [tag] = {get_reasons, 0, UINT16_MAX, (cats)},

static const struct field_row fields[] = {
#define FIELD(tag, member, json, form, categories, max) ROW_##form(tag, member, categories, max)
#include "proto/record.def"
};

static const char *
get_field(struct record *r, struct wire_in *in, uint8_t *last_tag)
{
	uint8_t tag = wire_get_u8(in);
	struct str s = wire_get_str(in);
	const struct field_row *row;

	if (in->failed)
		return "field runs past the message";
	if (tag <= *last_tag)
		return "field repeated or out of order";
	if (tag >= ARRAY_SIZE(fields) || !fields[tag].get)
		return "unknown field";
	row = &fields[tag];
	if (!(row->categories & r->category))
		return "field foreign to the category";
	if (s.n > row->max)
		return "field longer than its limit";
	if (!row->get(r, (char *)r + row->offset, s))
		return "field with an invalid value";
	*last_tag = tag;
	return NULL;
}

/* In lower case: the one spelling that a line has. */
static bool
uuid_shaped(struct str s)
{
	if (s.n != 36)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		bool hex = (s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f');

		if (dash ? s.p[i] != '-' : !hex)
			return false;
	}
	return true;
}

/* Both or none, and then not empty. */
static bool
decider_named(const struct record *r)
{
	if (!str_given(r->policy_id) && !str_given(r->rule_id))
		return true;
	return r->policy_id.n > 0 && r->rule_id.n > 0;
}

/* Only what is always denied may lack its payload. */
static bool
action_fits(const struct record *r)
{
	return r->action_type == ACTION_UNKNOWN_ACTION ? r->decision == DECISION_DENY
						       : str_given(r->payload);
}

static bool
complete_evaluation(const struct record *r)
{
	if (!decider_named(r) || !action_fits(r))
		return false;
	return r->decision != DECISION_NONE && r->enforcement_mode != MODE_NONE &&
	       str_given(r->resource_id) && str_given(r->action) && r->has_peer &&
	       (r->decision == DECISION_DENY) == (r->reasons > 0);
}

/* Nothing mandatory is missing, for the record's category. */
static bool
complete(const struct record *r)
{
	if (r->action_type == ACTION_NONE)
		return false;
	switch (r->category) {
	case RECORD_EVALUATION:
		return complete_evaluation(r);
	case RECORD_EVENT:
		return r->event.n > 0 && r->level != LEVEL_NONE && r->has_peer;
	case RECORD_EXECUTION:
		return uuid_shaped(r->evaluation_id) && str_given(r->payload) && r->has_peer &&
		       !str_given(value_member(r->payload, STR("evaluation_peer")));
	case RECORD_MANAGEMENT:
		return true;
	}
	return false;
}

static enum record_category
category_of(enum msg_type type)
{
	if (type == MSG_DECISION)
		return RECORD_EVALUATION;
	if (type == MSG_EVENT)
		return RECORD_EVENT;
	return type == MSG_OUTCOME ? RECORD_EXECUTION : RECORD_MANAGEMENT;
}

int
record_get(struct wire_in *in, enum msg_type type, enum peer from, struct record *ret,
    const char **ret_why)
{
	const char *why = NULL;
	uint8_t last_tag = 0;

	*ret = (struct record){.category = category_of(type)};
	while (!why && in->left > 0)
		why = get_field(ret, in, &last_tag);
	if (!why && !complete(ret))
		why = "mandatory field missing";
	if (!why && ret->category == RECORD_MANAGEMENT &&
	    !(actions[ret->action_type].noters & from))
		why = "record kind not for this sender";
	if (!why)
		return 0;
	*ret_why = why;
	return -EPROTO;
}
