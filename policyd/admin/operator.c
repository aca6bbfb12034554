/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of operators (proto/admin.schema.json), one at a time from each connection. */
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "policyd/admin/state.h"
#include "policyd/client/reply.h"

static const struct jscan_rules rules = {
    .max_depth = LIMIT_JSON_DEPTH,
    .max_members = LIMIT_JSON_MEMBERS,
    .max_tokens = 256,
};

/* Pieces of a listing are made while less than this waits to be read. */
#define LISTING_AHEAD (32u << 10)

/* --- replies ---------------------------------------------------------------------------------- */

struct str
operator_id(const struct conn *c)
{
	const struct operator* o = c->role;

	return o->id_n > 0 ? (struct str){o->id, o->id_n} : STR_NONE;
}

static void
operator_send(struct conn *c, struct str text)
{
	admin_of(c)->answered++;
	conn_deliver(c, text);
}

static void
operator_error(struct conn *c, const char *what, size_t at)
{
	char buf[4096];
	struct text t = text_over(buf, sizeof(buf));

	reply_error(&t, operator_id(c), str_from(what), at);
	operator_send(c, text_str(&t));
}

/* The connection is held until the reply has left: so it never has two long ones to keep. */
void
operator_reply(struct conn *c, struct str text)
{
	struct operator* o = c->role;

	o->state = OPERATOR_DRAINS;
	operator_send(c, text);
}

void
operator_fail(struct conn *c, const char *why)
{
	struct operator* o = c->role;

	o->state = OPERATOR_DRAINS;
	operator_error(c, why, REPLY_NO_PLACE);
}

/* --- listing ---------------------------------------------------------------------------------- */

static void
list_begin(struct conn *c)
{
	struct operator* o = c->role;

	o->listing = (struct listing){.image = image_ref(admin_of(c)->image)};
	o->state = OPERATOR_LISTS;
	conn_hold(c);
	conn_touch(c);
}

static void
list_drop_image(struct conn *c)
{
	struct operator* o = c->role;

	if (!o->listing.image)
		return;
	image_queue_retire(&admin_of(c)->images, o->listing.image);
	o->listing.image = NULL;
	c->server->again = true;
}

static void
list_end(struct conn *c)
{
	struct operator* o = c->role;

	list_drop_image(c);
	o->state = OPERATOR_DRAINS;
}

static void
list_more(struct conn *c)
{
	static char buf[LISTING_PIECE];
	struct operator* o = c->role;
	bool more = true;

	while (more && !c->closed && c->owed < LISTING_AHEAD) {
		struct text t = text_over(buf, sizeof(buf));

		more = listing_piece(&o->listing, operator_id(c), &t);
		conn_deliver(c, text_str(&t));
	}
	if (!more && !c->closed)
		list_end(c);
}

void
operator_drained(struct conn *c)
{
	struct operator* o = c->role;

	if (!o)
		return;
	if (o->state == OPERATOR_LISTS) {
		list_more(c);
	} else if (o->state == OPERATOR_DRAINS) {
		o->state = OPERATOR_IDLE;
		conn_release(c);
	}
}

void
operator_closed(struct conn *c)
{
	struct operator* o = c->role;

	if (!o)
		return;
	list_drop_image(c);
	if (o->state != OPERATOR_IDLE)
		conn_release(c);
	free(o);
	c->role = NULL;
}

/* --- requests --------------------------------------------------------------------------------- */

static void
reply_pong(struct conn *c)
{
	char buf[1024];
	struct text t = text_over(buf, sizeof(buf));

	reply_open(&t, operator_id(c));
	text_put(&t, STR(",\"pong\":true"));
	reply_close(&t);
	operator_send(c, text_str(&t));
}

static void
put_number(struct text *t, const char *key, uint64_t v)
{
	reply_key(t, key);
	text_u64(t, v);
}

/* What this process knows by itself: nobody is asked. */
static void
reply_counters(struct conn *c)
{
	const struct admin *a = admin_of(c);
	const struct server *s = &a->server;
	char buf[4096];
	struct text t = text_over(buf, sizeof(buf));

	reply_open(&t, operator_id(c));
	text_put(&t, STR(",\"counters\":{\"admin\":{\"generation\":"));
	text_u64(&t, a->generation);
	put_number(&t, "connections", s->connections);
	put_number(&t, "accepted", s->accepted);
	put_number(&t, "refused", s->refused);
	put_number(&t, "asked", a->asked);
	put_number(&t, "answered", a->answered);
	put_number(&t, "malformed", s->malformed);
	put_number(&t, "timeouts", s->timeouts);
	text_char(&t, '}');
	if (a->status.at != 0) {
		put_number(&t, "age_ms", (uint64_t)(clock_monotonic() - a->status.at) / 1000);
		reply_key(&t, "totals");
		status_put_totals(&t, &a->status.totals);
	}
	text_char(&t, '}');
	reply_close(&t);
	operator_send(c, text_str(&t));
}

static void
begin_status(struct conn *c)
{
	wanted_begin(c, WANTED_STATUS);
}

static void
begin_rotate(struct conn *c)
{
	wanted_begin(c, WANTED_ROTATE);
}

static void
begin_reload(struct conn *c)
{
	wanted_begin(c, WANTED_RELOAD);
}

struct op {
	struct str name;
	void (*serve)(struct conn *c);
};
#define OP(name, serve)                             \
	{                                           \
		{(name), sizeof(name) - 1}, (serve) \
	}

static const struct op ops[] = {
    OP("ping", reply_pong),
    OP("ls", list_begin),
    OP("counters", reply_counters),
    OP("status", begin_status),
    OP("rotate", begin_rotate),
    OP("reload", begin_reload),
};

static void
complain(struct conn *c, enum input_fault fault, const char *what, size_t at)
{
	conn_fault(c, fault);
	operator_error(c, what, at);
}

/* The id as it was written. False: not a string or integer, or too long. */
static bool
take_id(struct operator* o, const struct jscan_tape *tape)
{
	uint32_t i = jscan_member(tape, 0, STR("id"));
	char buf[LIMIT_REQUEST_ID];
	struct str raw, id;

	o->id_n = 0;
	if (i == 0)
		return true;
	raw = jscan_raw(tape, i);
	if (tape->tokens[i].type == JSCAN_STRING) {
		if (jscan_string(tape, i, buf, sizeof(buf), &id) < 0 || id.n > LIMIT_REQUEST_ID)
			return false;
	} else if (tape->tokens[i].type != JSCAN_NUMBER || !tape->tokens[i].integer)
		return false;
	if (raw.n > sizeof(o->id))
		return false;
	memcpy(o->id, raw.p, raw.n);
	o->id_n = raw.n;
	return true;
}

static void
serve(struct conn *c, const struct jscan_tape *tape)
{
	uint32_t op = jscan_member(tape, 0, STR("op"));

	for (size_t i = 0; op && i < ARRAY_SIZE(ops); i++) {
		if (!jscan_string_is(tape, op, ops[i].name))
			continue;
		ops[i].serve(c);
		return;
	}
	complain(c, INPUT_NOT_UNDERSTOOD,
	    op ? "op must be \"status\", \"rotate\", \"reload\", \"ls\", \"counters\" or \"ping\""
	       : "op is missing",
	    tape->tokens[op].at - (tape->tokens[op].type == JSCAN_STRING));
}

void
operator_line(struct conn *c, struct str line)
{
	struct admin *a = admin_of(c);
	struct jscan_tape *tape = &a->tape;
	struct jscan_fault fault;

	a->asked++;
	if (!c->role)
		c->role = calloc(1, sizeof(struct operator));
	if (!c->role) {
		conn_close(c);
		return;
	}
	((struct operator*)c->role)->id_n = 0;
	*tape = (struct jscan_tape){.tokens = a->tokens, .cap = ARRAY_SIZE(a->tokens)};
	if (jscan(line, &rules, tape, &fault) < 0)
		complain(c, INPUT_NOT_JSON, fault.what, fault.at);
	else if (tape->tokens[0].type != JSCAN_OBJECT)
		complain(
		    c, INPUT_NOT_UNDERSTOOD, "a request must be an object", tape->tokens[0].at);
	else if (!take_id(c->role, tape))
		complain(c, INPUT_NOT_UNDERSTOOD,
		    "id must be a string or an integer, at most 128 bytes", 0);
	else
		serve(c, tape);
}
