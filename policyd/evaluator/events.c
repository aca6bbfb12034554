/* SPDX-License-Identifier: Apache-2.0 */
/* ops "emit" and "outcome". */
#include "policyd/client/reply.h"
#include "policyd/evaluator/details.h"
#include "policyd/evaluator/jvalue.h"
#include "policyd/evaluator/state.h"
#include "proto/line.h"
#include "proto/value.h"

/* --- both ------------------------------------------------------------------------------------ */

/* `{"id":ID,"audit_event_id":"..."}`, once it is recorded. False: the record does not fit. */
static bool
promise(struct conn *c, enum msg_type type, const struct record *r)
{
	struct evaluator *e = evaluator_of(c);
	struct pending *p;
	struct text t;

	if (!fill_fits(r))
		return false;
	p = conn_reserve(c, REPLY_MAX);
	if (!p || recorder_put(&e->recorder, type, r) < 0)
		return false;
	t = text_over(p->text, REPLY_MAX);
	reply_open(&t, e->request.id_json);
	p->prefix = (uint16_t)t.n;
	text_put(&t, STR(",\"audit_event_id\":\""));
	p->event_at = (uint16_t)t.n;
	for (int i = 0; i < UUID_TEXT; i++)
		text_char(&t, '0');
	text_char(&t, '"');
	reply_close(&t);
	p->n = (uint32_t)t.n;
	p->kind = PROMISE_RECORD;
	server_promise(&e->server, p);
	return true;
}

static void
refuse(struct conn *c, enum input_fault kind, struct str what)
{
	struct evaluator *e = evaluator_of(c);

	conn_fault(c, kind);
	e->counters.without_record++;
	reply_send_error(c, e->request.id_json, what, REPLY_NO_PLACE);
}

/* --- emit ------------------------------------------------------------------------------------ */

/* False: too large, or with members that cannot stand beside the metadata. */
static bool
fill_details(struct evaluator *e, struct record *r)
{
	const struct request *rq = &e->request;
	struct wire_out out = wire_out_over(e->payload, sizeof(e->payload));

	if (rq->details == 0 && e->settings->n_metadata == 0)
		return true;
	event_put_details(&out, e->settings, &e->reader.tape, rq->details);
	r->details = (struct str){(const char *)e->payload, (size_t)(out.p - e->payload)};
	/* Sum of members, and a client.KEY that the client itself has used: checked as the writer will. */
	return wire_out_ok(&out) && value_check_object(r->details) == 0;
}

static void
reply_not_recorded(struct conn *c)
{
	struct evaluator *e = evaluator_of(c);
	char buf[1024];
	struct text t = text_over(buf, sizeof(buf));

	reply_open(&t, e->request.id_json);
	text_put(&t, STR(",\"recorded\":false"));
	reply_close(&t);
	e->counters.without_record++;
	conn_reply(c, text_str(&t));
}

void
record_event(struct conn *c)
{
	struct evaluator *e = evaluator_of(c);
	const struct request *rq = &e->request;
	struct record r = {
	    .category = RECORD_EVENT,
	    .action_type = ACTION_APPLICATION_EVENT,
	    .event = rq->event,
	    .level = rq->level,
	    .actor = rq->actor,
	};

	if (!event_wanted(e->settings, rq)) {
		reply_not_recorded(c);
		return;
	}
	fill_common(e, c, &r);
	if (!fill_details(e, &r) || !promise(c, MSG_EVENT, &r))
		refuse(c, INPUT_EVENT_TOO_LARGE, STR("event too large to record"));
}

/* --- outcome --------------------------------------------------------------------------------- */

static void
fill_outcome(struct evaluator *e, struct record *r)
{
	const struct request *rq = &e->request;
	struct wire_out out = wire_out_over(e->payload, sizeof(e->payload));

	value_open_object(&out);
	value_member_bool(&out, STR("success"), rq->success);
	if (rq->has_duration)
		value_member_int(&out, STR("duration_ms"), rq->duration_ms);
	if (str_given(rq->error_class))
		value_member_str(&out, STR("error_class"), rq->error_class);
	value_close_object(&out);
	r->payload = (struct str){(const char *)e->payload, (size_t)(out.p - e->payload)};
}

/* Ids are compared as text by whoever reads the log: one spelling. */
static struct str
same_spelling(struct str id, char buf[UUID_TEXT + 1])
{
	uint64_t log_id, seq;

	if (line_event_id_parse(id, &log_id, &seq) < 0)
		return id;
	line_event_id(log_id, seq, buf);
	return str_from(buf);
}

void
record_outcome(struct conn *c)
{
	struct evaluator *e = evaluator_of(c);
	char id[UUID_TEXT + 1];
	struct record r = {
	    .category = RECORD_EXECUTION,
	    .action_type = ACTION_EXECUTION,
	    .evaluation_id = same_spelling(e->request.evaluation_id, id),
	};

	fill_common(e, c, &r);
	fill_outcome(e, &r);
	if (!promise(c, MSG_OUTCOME, &r))
		refuse(c, INPUT_EVENT_TOO_LARGE, STR("outcome too large to record"));
}
