/* SPDX-License-Identifier: Apache-2.0 */
/* Lines in, replies out; what the writer acknowledged or refused in between. */
#include "common/clock.h"
#include "policyd/client/reply.h"
#include "policyd/evaluator/state.h"
#include "proto/line.h"

#define STALLED "the writer does not answer"
#define FAILED "the log cannot be written"
#define UNAVAILABLE "audit log unavailable: "

/* --- when there is no record ----------------------------------------------------------------- */

/*
 * Acknowledgements are cumulative: while storage fails, what was sent before and waits for it keeps
 * the writer from telling us what became of anything later. So later questions are not sent then.
 * With nothing under way the writer's refusal comes at once, and names the cause.
 */
static bool
refusal_would_wait(const struct recorder *r)
{
	return r->storage == STORAGE_FAILED && recorder_unacked(r) > 0;
}

const char *
answer_unavailable(const struct conn *c)
{
	const struct evaluator *e = evaluator_of(c);
	int64_t patience = (int64_t)e->settings->answer_ms * (US_PER_S / 1000);

	/* What the writer has said comes before what its silence may mean. */
	if (refusal_would_wait(&e->recorder))
		return FAILED;
	if (recorder_unacked(&e->recorder) > 0 || !e->recorder.open)
		if (recorder_stalled(&e->recorder, clock_monotonic(), patience))
			return STALLED;
	return e->recorder.storage == STORAGE_LOW && !c->account->trusted ? "storage low" : NULL;
}

/* An op that names none asks for a decision too, as far as anybody can tell. */
static bool
asks_decision(const struct request *rq)
{
	return rq->op == REQUEST_EVALUATE || rq->op == REQUEST_NO_OP;
}

/* What follows `{"id":ID`. */
static void
put_refusal(struct text *t, bool decision, const char *cause)
{
	text_put(t, decision ? STR(",\"decision\":\"deny\",\"reason\":[\"" UNAVAILABLE)
			     : STR(",\"error\":\"" UNAVAILABLE));
	text_put(t, str_from(cause));
	text_put(t, decision ? STR("\"]") : STR("\""));
	reply_close(t);
}

static void
count_refusal(struct evaluator *e, bool decision)
{
	if (!decision)
		return;
	e->counters.denied++;
	e->counters.unrecorded_denials++;
	notes_unrecorded(&e->notes);
}

void
answer_without_record(struct conn *c, const char *cause)
{
	struct evaluator *e = evaluator_of(c);
	bool decision = asks_decision(&e->request);
	char buf[1024];
	struct text t = text_over(buf, sizeof(buf));

	e->counters.unrecorded++;
	reply_open(&t, e->request.id_json);
	put_refusal(&t, decision, cause);
	count_refusal(e, decision);
	conn_reply(c, text_str(&t));
}

/* --- lines ----------------------------------------------------------------------------------- */

static void
answer_pong(struct conn *c)
{
	struct evaluator *e = evaluator_of(c);
	char buf[1024];
	struct text t = text_over(buf, sizeof(buf));

	reply_open(&t, e->request.id_json);
	text_put(&t, STR(",\"pong\":true"));
	reply_close(&t);
	e->counters.without_record++;
	conn_reply(c, text_str(&t));
}

static void
answer_error(struct conn *c, const struct request_fault *fault)
{
	struct evaluator *e = evaluator_of(c);

	conn_fault(c, fault->json ? INPUT_NOT_JSON : INPUT_NOT_UNDERSTOOD);
	e->counters.without_record++;
	reply_send_error(c, e->request.id_json, str_from(fault->what), fault->at);
}

/* Malformed, but it names what was asked for: a denial, on record. */
static bool
is_denial(const struct request *rq, const struct request_fault *fault)
{
	return !fault->json && asks_decision(rq) && str_given(rq->action) &&
	       str_given(rq->resource);
}

void
answer_line(struct conn *c, struct str line)
{
	struct evaluator *e = evaluator_of(c);
	struct request_fault fault = {0};
	bool bad = request_parse(&e->reader, line, &e->request, &fault) < 0;
	const char *cause;

	e->counters.asked++;
	if (bad && !is_denial(&e->request, &fault)) {
		answer_error(c, &fault);
		return;
	}
	if (e->request.op == REQUEST_PING) {
		answer_pong(c);
		return;
	}
	cause = answer_unavailable(c);
	if (cause)
		answer_without_record(c, cause);
	else if (bad)
		decide_not_understood(c, &fault);
	else if (e->request.op == REQUEST_EMIT)
		record_event(c);
	else if (e->request.op == REQUEST_OUTCOME)
		record_outcome(c);
	else
		decide(c);
}

bool
answer_room(struct conn *c)
{
	struct evaluator *e = evaluator_of(c);

	bool reply = pending_room(&e->server.pending, REPLY_MAX);

	if (reply && recorder_room(&e->recorder) && c->account->in_flight < e->account_share)
		return true;
	/* What needs no record needs room for its reply alone. */
	return (reply || c->in_flight == 0) && answer_unavailable(c);
}

/* --- acknowledgements ------------------------------------------------------------------------ */

static void
fulfil_recorded(struct evaluator *e, struct pending *p, uint64_t seq)
{
	char id[UUID_TEXT + 1];

	line_event_id(e->recorder.log_id, seq, id);
	memcpy(p->text + p->event_at, id, UUID_TEXT);
	e->counters.recorded++;
	if (!p->conn->closed) {
		e->counters.allowed += p->kind == PROMISE_ALLOW;
		e->counters.denied += p->kind == PROMISE_DENY;
	}
	server_fulfil(&e->server, (struct str){p->text, p->n});
}

static void
fulfil_refused(struct evaluator *e, struct pending *p, enum refusal refusal)
{
	bool decision = p->kind == PROMISE_ALLOW || p->kind == PROMISE_DENY;
	char buf[1024];
	struct text t = text_over(buf, sizeof(buf));

	e->counters.unrecorded++;
	text_put(&t, (struct str){p->text, p->prefix});
	put_refusal(&t, decision, refusal_text(refusal));
	if (!p->conn->closed)
		count_refusal(e, decision);
	server_fulfil(&e->server, text_str(&t));
}

void
answer_acknowledged(void *ctx, uint64_t seq, enum refusal refusal)
{
	struct evaluator *e = ctx;
	struct pending *p = pending_head(&e->server.pending);

	if (!p->conn) {
		e->counters.notes += seq != 0;
		notes_acknowledged(e, p, seq != 0);
		server_fulfil(&e->server, STR(""));
	} else if (seq != 0)
		fulfil_recorded(e, p, seq);
	else
		fulfil_refused(e, p, refusal);
	server_release(&e->server);
}
