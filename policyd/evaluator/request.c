/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/evaluator/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/log.h"
#include "policyd/evaluator/jvalue.h"
#include "proto/line.h"

/* Deeper than what is recorded, so that fault texts can name what is nested too deeply. */
static const struct jscan_rules rules = {
    .max_depth = LIMIT_JSON_DEPTH,
    .max_members = LIMIT_JSON_MEMBERS,
    .max_tokens = REQUEST_TOKENS,
};

struct parse {
	struct request_reader *reader;
	struct request *r;
	struct request_fault *fault;
	bool faulty;
};

/* Only the first fault counts. */
static void PRINTF_LIKE(3, 4) complain(struct parse *p, uint32_t token, const char *fmt, ...)
{
	const struct jscan_token *t = &p->reader->tape.tokens[token];
	va_list args;

	if (p->faulty)
		return;
	p->faulty = true;
	p->fault->json = false;
	p->fault->at = t->type == JSCAN_STRING ? t->at - 1 : t->at;
	va_start(args, fmt);
	(void)vsnprintf(p->fault->what, sizeof(p->fault->what), fmt, args);
	va_end(args);
}

/* --- values ---------------------------------------------------------------------------------- */

static bool
read_string(struct request_reader *reader, uint32_t token, struct str *ret)
{
	size_t left = sizeof(reader->strings) - reader->used;
	char *room = reader->strings + reader->used;

	if (jscan_string(&reader->tape, token, room, left, ret) < 0)
		return false;
	if (ret->p == room)
		reader->used += ret->n;
	return true;
}

static void
take_string(struct parse *p, uint32_t token, const char *name, size_t max, struct str *ret)
{
	struct str s;

	if (!read_string(p->reader, token, &s))
		complain(p, token, "%s must be a string", name);
	else if (s.n > max)
		complain(p, token, "%s is longer than %zu bytes", name, max);
	else
		*ret = s;
}

static bool
is_type(struct parse *p, uint32_t token, enum jscan_type type, const char *name)
{
	if (p->reader->tape.tokens[token].type == type)
		return true;
	complain(p, token, "%s must be %s %s", name,
	    type == JSCAN_OBJECT || type == JSCAN_ARRAY ? "an" : "a", jscan_type_name(type));
	return false;
}

static void
take_value(struct parse *p, uint32_t token, const char *name, uint32_t depth, uint32_t *ret)
{
	const char *why;
	uint32_t at;

	if (!is_type(p, token, JSCAN_OBJECT, name))
		return;
	if (jvalue_check(&p->reader->tape, token, depth, &why, &at) < 0)
		complain(p, at, "%s: %s", name, why);
	else
		*ret = token;
}

/* --- members --------------------------------------------------------------------------------- */

static void
take_op(struct parse *p, uint32_t token)
{
	static const struct str names[] = {
	    [REQUEST_EVALUATE] = {"evaluate", 8},
	    [REQUEST_EMIT] = {"emit", 4},
	    [REQUEST_OUTCOME] = {"outcome", 7},
	    [REQUEST_PING] = {"ping", 4},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (!jscan_string_is(&p->reader->tape, token, names[i]))
			continue;
		p->r->op = (enum request_op)i;
		return;
	}
	p->r->op = REQUEST_NO_OP;
	complain(p, token, "op must be \"evaluate\", \"emit\", \"outcome\" or \"ping\"");
}

/* A string or an integer; the reply echoes it as it was written. */
static void
take_id(struct parse *p, uint32_t token)
{
	const struct jscan_token *t = &p->reader->tape.tokens[token];
	struct str raw = jscan_raw(&p->reader->tape, token), id = raw;
	bool integer = t->type == JSCAN_NUMBER && t->integer;

	if (!integer && !read_string(p->reader, token, &id)) {
		complain(p, token, "id must be a string or an integer");
		return;
	}
	if (id.n > LIMIT_REQUEST_ID) {
		complain(p, token, "id is longer than %d bytes", LIMIT_REQUEST_ID);
		return;
	}
	p->r->id = id;
	p->r->id_json = raw;
}

/*
 * Kept even when it is too long: a request that names action and resource goes on record. The
 * resource's length is judged with the whole record's.
 */
static void
take_named(struct parse *p, uint32_t token, const char *name, struct str *ret, size_t *ret_at)
{
	*ret_at = p->reader->tape.tokens[token].at - 1;
	if (!read_string(p->reader, token, ret))
		complain(p, token, "%s must be a string", name);
}

static void
take_action(struct parse *p, uint32_t token)
{
	take_named(p, token, "action", &p->r->action, &p->r->action_at);
	if (p->r->action.n > LIMIT_NAME)
		complain(p, token, "action is longer than %d bytes", LIMIT_NAME);
}

static void
take_resource(struct parse *p, uint32_t token)
{
	take_named(p, token, "resource", &p->r->resource, &p->r->resource_at);
}

static void
take_groups(struct parse *p, uint32_t token)
{
	const struct jscan_token *tokens = p->reader->tape.tokens;
	uint32_t i = token + 1;

	if (!is_type(p, token, JSCAN_ARRAY, "subject.groups"))
		return;
	if (tokens[token].count > LIMIT_GROUPS) {
		complain(p, token, "subject.groups has more than %d names", LIMIT_GROUPS);
		return;
	}
	for (uint32_t k = 0; k < tokens[token].count; k++, i = tokens[i].next)
		take_string(p, i, "a name in subject.groups", LIMIT_NAME, &p->r->groups[k]);
	if (!p->faulty)
		p->r->n_groups = (uint16_t)tokens[token].count;
}

static void
take_subject(struct parse *p, uint32_t token)
{
	const struct jscan_tape *tape = &p->reader->tape;
	uint32_t i = token + 1;

	if (!is_type(p, token, JSCAN_OBJECT, "subject"))
		return;
	p->r->has_subject = true;
	for (uint32_t k = 0; k < tape->tokens[token].count; k++) {
		uint32_t value = i + 1;

		if (jscan_string_is(tape, i, STR("user")))
			take_string(p, value, "subject.user", LIMIT_NAME, &p->r->user);
		else if (jscan_string_is(tape, i, STR("groups")))
			take_groups(p, value);
		else if (jscan_string_is(tape, i, STR("email")))
			take_string(p, value, "subject.email", LIMIT_NAME, &p->r->email);
		i = tape->tokens[value].next;
	}
}

static void
take_context(struct parse *p, uint32_t token)
{
	take_value(p, token, "context", REQUEST_CONTEXT_DEPTH, &p->r->context);
}

static void
take_details(struct parse *p, uint32_t token)
{
	take_value(p, token, "details", REQUEST_DETAILS_DEPTH, &p->r->details);
}

static void
take_level(struct parse *p, uint32_t token)
{
	struct str level;

	if (!read_string(p->reader, token, &level)) {
		complain(p, token, "level must be a string");
		return;
	}
	p->r->level = record_level_parse(level);
	if (p->r->level == LEVEL_NONE)
		complain(p, token, "level must be debug, info, warning or error");
}

static void
take_evaluation_id(struct parse *p, uint32_t token)
{
	uint64_t log_id, seq;

	if (!read_string(p->reader, token, &p->r->evaluation_id) ||
	    line_event_id_parse(p->r->evaluation_id, &log_id, &seq) < 0)
		complain(p, token, "evaluation_id must be the audit_event_id of an evaluation");
}

static void
take_success(struct parse *p, uint32_t token)
{
	uint8_t type = p->reader->tape.tokens[token].type;

	p->r->has_success = type == JSCAN_TRUE || type == JSCAN_FALSE;
	p->r->success = type == JSCAN_TRUE;
	if (!p->r->has_success)
		complain(p, token, "success must be true or false");
}

static void
take_duration(struct parse *p, uint32_t token)
{
	p->r->has_duration = jscan_int(&p->reader->tape, token, &p->r->duration_ms) == 0 &&
			     p->r->duration_ms >= 0;
	if (!p->r->has_duration)
		complain(p, token, "duration_ms must be an integer, 0 or more");
}

#define TAKE_NAME(member)                                                  \
	static void take_##member(struct parse *p, uint32_t token)         \
	{                                                                  \
		take_string(p, token, #member, LIMIT_NAME, &p->r->member); \
	}
TAKE_NAME(client_name)
TAKE_NAME(sandbox_id)
TAKE_NAME(agent)
TAKE_NAME(event)
TAKE_NAME(actor)
TAKE_NAME(error_class)

struct member {
	struct str key;
	void (*take)(struct parse *p, uint32_t token);
};
#define MEMBER(key, take)                        \
	{                                        \
		{(key), sizeof(key) - 1}, (take) \
	}

static const struct member members[] = {
    MEMBER("op", take_op),
    MEMBER("id", take_id),
    MEMBER("action", take_action),
    MEMBER("resource", take_resource),
    MEMBER("subject", take_subject),
    MEMBER("context", take_context),
    MEMBER("client_name", take_client_name),
    MEMBER("sandbox_id", take_sandbox_id),
    MEMBER("agent", take_agent),
    MEMBER("event", take_event),
    MEMBER("level", take_level),
    MEMBER("actor", take_actor),
    MEMBER("details", take_details),
    MEMBER("evaluation_id", take_evaluation_id),
    MEMBER("success", take_success),
    MEMBER("duration_ms", take_duration),
    MEMBER("error_class", take_error_class),
};

static void
take_member(struct parse *p, uint32_t key)
{
	const struct jscan_token *t = &p->reader->tape.tokens[key];

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if ((!t->escaped && t->n != members[i].key.n) ||
		    !jscan_string_is(&p->reader->tape, key, members[i].key))
			continue;
		members[i].take(p, key + 1);
		return;
	}
}

/* --- the whole ------------------------------------------------------------------------------- */

static void
check_required(struct parse *p)
{
	const struct request *r = p->r;

	if (r->op == REQUEST_EVALUATE && !str_given(r->action))
		complain(p, 0, "action is missing");
	else if (r->op == REQUEST_EVALUATE && !str_given(r->resource))
		complain(p, 0, "resource is missing");
	else if (r->op == REQUEST_EMIT && r->event.n == 0)
		complain(p, 0, "event is missing or empty");
	else if (r->op == REQUEST_OUTCOME && !str_given(r->evaluation_id))
		complain(p, 0, "evaluation_id is missing");
	else if (r->op == REQUEST_OUTCOME && !r->has_success)
		complain(p, 0, "success is missing");
}

static int
scan(struct request_reader *reader, struct str line, struct request_fault *ret_fault)
{
	struct jscan_fault fault;

	reader->used = 0;
	reader->tape = (struct jscan_tape){.tokens = reader->tokens, .cap = REQUEST_TOKENS};
	if (jscan(line, &rules, &reader->tape, &fault) == 0)
		return 0;
	ret_fault->json = true;
	ret_fault->at = fault.at;
	(void)snprintf(ret_fault->what, sizeof(ret_fault->what), "%s", fault.what);
	return -EINVAL;
}

int
request_parse(struct request_reader *reader, struct str line, struct request *ret,
    struct request_fault *ret_fault)
{
	struct parse p = {.reader = reader, .r = ret, .fault = ret_fault};
	const struct jscan_token *tokens = reader->tokens;

	*ret = (struct request){.level = LEVEL_INFO};
	if (scan(reader, line, ret_fault) < 0)
		return -EINVAL;
	if (tokens[0].type != JSCAN_OBJECT) {
		complain(&p, 0, "a request must be an object");
		return -EINVAL;
	}
	for (uint32_t i = 1, k = 0; k < tokens[0].count; k++, i = tokens[i + 1].next)
		take_member(&p, i);
	check_required(&p);
	return p.faulty ? -EINVAL : 0;
}

bool
request_context_next(struct request_reader *reader, const struct request *r, uint32_t *iterator,
    struct request_attribute *ret)
{
	const struct jscan_token *tokens = reader->tokens;
	uint32_t key = *iterator ? *iterator : r->context + 1, value = key + 1;

	if (r->context == 0 || key >= tokens[r->context].next)
		return false;
	*iterator = tokens[value].next;
	ret->value = STR_NONE;
	if (!read_string(reader, key, &ret->key))
		return false;
	if (tokens[value].type == JSCAN_STRING)
		(void)read_string(reader, value, &ret->value);
	else if (tokens[value].type == JSCAN_NUMBER || tokens[value].type == JSCAN_TRUE ||
		 tokens[value].type == JSCAN_FALSE)
		ret->value = jscan_raw(&reader->tape, value);
	return true;
}
