/* SPDX-License-Identifier: Apache-2.0 */
/* op "evaluate": the decision, its record and its reply. */
#include <stdio.h>

#include "common/clock.h"
#include "common/sha256.h"
#include "policyd/client/reply.h"
#include "policyd/evaluator/jvalue.h"
#include "policyd/evaluator/state.h"
#include "proto/line.h"
#include "proto/value.h"

#define TOO_LARGE "request too large to record"

/* What the client is told. */
struct answer {
	bool allow;
	struct str policy_id, rule_id;
	struct str reason; /* of a denial */
	struct str error;  /* STR_NONE: the request was understood */
	size_t at;
};

struct decision {
	struct record r;
	struct answer a;
	struct str resource; /* all of what resource_id is (the beginning of) */
};

/* --- the payload ----------------------------------------------------------------------------- */

/* An action that is understood only in part has no object of its own kind. */
static enum record_action_type
action_type_of(const struct policy_op *op)
{
	switch (op->action) {
	case POLICY_CONNECT_TCP:
	case POLICY_CONNECT_UDP:
		return ACTION_NETWORK_EGRESS;
	case POLICY_SSH_CONNECT:
		return ACTION_SSH_SESSION;
	case POLICY_READ:
	case POLICY_WRITE:
		return ACTION_FILESYSTEM_ACCESS;
	case POLICY_MOUNT_READ:
	case POLICY_MOUNT_WRITE:
		return ACTION_FILESYSTEM_MOUNT;
	case POLICY_EXEC:
		return ACTION_PROCESS_EXEC;
	case POLICY_HTTP_REQUEST:
		return str_given(op->scheme) ? ACTION_HTTP_REQUEST : ACTION_UNKNOWN_ACTION;
	case POLICY_TOOL_INVOKE:
		return ACTION_TOOL_INVOCATION;
	}
	return ACTION_UNKNOWN_ACTION;
}

static void
payload_action(struct wire_out *out, const struct policy_op *op, enum record_action_type type)
{
	if (type == ACTION_NETWORK_EGRESS || type == ACTION_SSH_SESSION)
		value_member_str(out, STR("protocol"),
		    op->action == POLICY_CONNECT_UDP ? STR("udp") : STR("tcp"));
	if (type == ACTION_FILESYSTEM_ACCESS || type == ACTION_FILESYSTEM_MOUNT) {
		bool read = op->action == POLICY_READ || op->action == POLICY_MOUNT_READ;

		value_member_str(out, STR("operation"), read ? STR("read") : STR("write"));
	}
	if (type == ACTION_HTTP_REQUEST) {
		value_member_str(out, STR("method"), op->method);
		value_member_str(out, STR("scheme"), op->scheme);
	}
}

/* A claim that is not believed. */
static void
payload_claimed(struct wire_out *out, const struct request *rq)
{
	if (!str_given(rq->user) && !str_given(rq->email) && rq->n_groups == 0)
		return;
	value_put_key(out, STR("claimed"));
	value_open_object(out);
	if (str_given(rq->user))
		value_member_str(out, STR("user"), rq->user);
	if (rq->n_groups > 0) {
		value_put_key(out, STR("groups"));
		value_open_array(out);
		for (uint16_t i = 0; i < rq->n_groups; i++)
			value_put_str(out, rq->groups[i]);
		value_close_array(out);
	}
	if (str_given(rq->email))
		value_member_str(out, STR("email"), rq->email);
	value_close_object(out);
}

static void
payload_fingerprint(struct wire_out *out, struct str resource)
{
	uint8_t sum[SHA256_SIZE];
	char hex[2 * SHA256_SIZE];
	struct text t = text_over(hex, sizeof(hex));

	sha256_sum(resource, sum);
	text_hex(&t, sum, sizeof(sum));
	value_member_str(out, STR("resource_sha256"), text_str(&t));
	value_member_int(out, STR("resource_bytes"), (int64_t)resource.n);
}

/* False: it does not fit. shrunk: without what the client gave, but a fingerprint instead. */
static bool
decision_payload(struct conn *c, struct decision *d, bool shrunk)
{
	struct evaluator *e = evaluator_of(c);
	struct wire_out out = wire_out_over(e->payload, sizeof(e->payload));

	value_open_object(&out);
	payload_action(&out, &e->op, d->r.action_type);
	if (shrunk)
		payload_fingerprint(&out, d->resource);
	if (!shrunk && e->request.context) {
		value_put_key(&out, STR("context"));
		jvalue_put(&out, &e->reader.tape, e->request.context);
	}
	if (!shrunk && !c->account->trusted)
		payload_claimed(&out, &e->request);
	value_close_object(&out);
	d->r.payload = (struct str){
	    (const char *)e->payload, (size_t)(out.p - (uint8_t *)e->payload)};
	return wire_out_ok(&out);
}

/* --- the reply ------------------------------------------------------------------------------- */

static bool
decision_reply(struct evaluator *e, struct pending *p, const struct answer *a)
{
	struct text t = text_over(p->text, REPLY_MAX);

	reply_open(&t, e->request.id_json);
	p->prefix = (uint16_t)t.n;
	reply_member(&t, "decision", a->allow ? STR("allow") : STR("deny"));
	reply_key(&t, "audit_event_id");
	text_char(&t, '"');
	p->event_at = (uint16_t)t.n;
	for (int i = 0; i < UUID_TEXT; i++)
		text_char(&t, '0');
	text_char(&t, '"');
	reply_member(&t, "policy_id", a->policy_id);
	reply_member(&t, "rule_id", a->rule_id);
	reply_member(&t, "policy_revision", e->image->revision);
	if (!a->allow) {
		reply_key(&t, "reason");
		text_char(&t, '[');
		text_json(&t, a->reason);
		text_char(&t, ']');
	}
	if (str_given(a->error)) {
		reply_member(&t, "error", a->error);
		reply_key(&t, "at");
		text_u64(&t, a->at);
	}
	reply_close(&t);
	p->kind = a->allow ? PROMISE_ALLOW : PROMISE_DENY;
	p->n = (uint32_t)t.n;
	return text_ok(&t);
}

/* Record and reply, or neither: false when one of them is too long. */
static bool
decision_promise(struct conn *c, const struct decision *d)
{
	struct evaluator *e = evaluator_of(c);
	struct pending *p;

	if (!fill_fits(&d->r))
		return false;
	p = conn_reserve(c, REPLY_MAX);
	if (!p || !decision_reply(e, p, &d->a))
		return false;
	if (recorder_put(&e->recorder, MSG_DECISION, &d->r) < 0)
		return false;
	server_promise(&e->server, p);
	return true;
}

/* --- what is too large ----------------------------------------------------------------------- */

/*
 * Whatever it was: denied, with the beginning of the resource and the fingerprint of all of it. A
 * second try leaves out every name that the client chose, the third cuts the resource further (in
 * the worst case every byte of it is escaped to six).
 */
static bool
decision_shrink(struct conn *c, struct decision *d, int attempt)
{
	struct record *r = &d->r;

	r->decision = DECISION_DENY;
	r->enforcement_mode = MODE_ENFORCE;
	r->reasons = 1;
	r->deny_reason[0] = STR(TOO_LARGE);
	r->policy_id = r->rule_id = STR_NONE;
	r->resource_id = fill_cut(
	    d->resource, attempt < 3 ? LIMIT_RESOURCE_CUT : LIMIT_RESOURCE_CUT / 4);
	if (attempt >= 2)
		r->sandbox_id = r->agent = r->client_name = r->user_email = r->request_id =
		    STR_NONE;
	d->a.allow = false;
	d->a.reason = STR(TOO_LARGE);
	d->a.policy_id = d->a.rule_id = STR_NONE;
	return decision_payload(c, d, true) && decision_promise(c, d);
}

static void
decision_settle(struct conn *c, struct decision *d, bool fits)
{
	if (fits && decision_payload(c, d, false) && decision_promise(c, d))
		return;
	for (int attempt = 1; attempt <= 3; attempt++)
		if (decision_shrink(c, d, attempt))
			return;
	answer_without_record(c, refusal_text(REFUSAL_TOO_LARGE));
}

/* --- the decision ---------------------------------------------------------------------------- */

static void
decision_begin(struct conn *c, struct decision *d)
{
	struct evaluator *e = evaluator_of(c);

	*d = (struct decision){.r = {.category = RECORD_EVALUATION}};
	fill_common(e, c, &d->r);
	if (c->account->trusted)
		d->r.user_email = e->request.email;
	d->r.policy_revision = e->image->revision;
}

static enum record_mode
mode_of(enum policy_mode mode)
{
	switch (mode) {
	case POLICY_ENFORCE:
		return MODE_ENFORCE;
	case POLICY_WARN:
		return MODE_WARN;
	case POLICY_AUDIT:
		return MODE_AUDIT;
	}
	return MODE_ENFORCE;
}

/* False: it does not fit, so neither will the record. */
static bool
reason_of(const struct policy_op *op, const struct policy_finding *f, char *buf, struct str *ret)
{
	struct text t = text_over(buf, RECORD_REASON_MAX);

	policy_reason(&t, op, f);
	*ret = text_str(&t);
	return text_ok(&t);
}

static bool
same_finding(const struct policy_verdict *v)
{
	return v->answer.allow == v->record.allow &&
	       str_eq(v->answer.policy_id, v->record.policy_id) &&
	       str_eq(v->answer.rule_id, v->record.rule_id);
}

static bool
decision_fill(struct evaluator *e, struct decision *d, const struct policy_verdict *v)
{
	struct record *r = &d->r;
	bool fits = true;

	r->decision = v->record.allow ? DECISION_ALLOW : DECISION_DENY;
	r->enforcement_mode = mode_of(v->record.mode);
	r->policy_id = v->record.policy_id;
	r->rule_id = v->record.rule_id;
	d->a = (struct answer){
	    v->answer.allow, v->answer.policy_id, v->answer.rule_id, .at = REPLY_NO_PLACE};
	if (!v->record.allow) {
		r->reasons = 1;
		fits = reason_of(&e->op, &v->record, e->reason, &r->deny_reason[0]);
	}
	if (same_finding(v))
		d->a.reason = r->deny_reason[0];
	else if (!v->answer.allow && fits)
		fits = reason_of(&e->op, &v->answer, e->answer_reason, &d->a.reason);
	return fits;
}

/* Without its kind: what follows the second colon. */
static struct str
target_of(struct str resource)
{
	struct str rest = resource;

	for (int i = 0; i < 2; i++) {
		const char *colon = rest.n ? memchr(rest.p, ':', rest.n) : NULL;

		if (!colon)
			return resource;
		rest = str_skip(rest, (size_t)(colon - rest.p) + 1);
	}
	return rest;
}

/* Longer than any resource that the engine takes. */
static void
decide_too_large(struct conn *c)
{
	struct evaluator *e = evaluator_of(c);
	struct decision d;

	decision_begin(c, &d);
	d.r.action_type = action_type_of(&e->op);
	d.r.action = str_given(e->op.action_name) ? e->op.action_name : e->request.action;
	d.resource = d.r.action_type == ACTION_UNKNOWN_ACTION ? e->request.resource
							      : target_of(e->request.resource);
	d.a.at = REPLY_NO_PLACE;
	decision_settle(c, &d, false);
}

void
decide_not_understood(struct conn *c, const struct request_fault *fault)
{
	static const struct str prefix = {"request not understood: ", 24};
	struct evaluator *e = evaluator_of(c);
	struct text t = text_over(e->reason, sizeof(e->reason));
	struct decision d;

	text_put(&t, prefix);
	text_put(&t, str_from(fault->what));
	decision_begin(c, &d);
	d.r.decision = DECISION_DENY;
	d.r.enforcement_mode = MODE_ENFORCE;
	d.r.action_type = ACTION_UNKNOWN_ACTION;
	d.r.action = fill_cut(e->request.action, LIMIT_NAME);
	d.r.resource_id = d.resource = e->request.resource;
	d.r.reasons = 1;
	d.r.deny_reason[0] = text_str(&t);
	d.a.reason = text_str(&t);
	d.a.error = str_skip(text_str(&t), prefix.n);
	d.a.at = fault->at;
	decision_settle(c, &d, true);
}

/* The action did not parse: it is what is at fault, not the resource. */
static bool
action_at_fault(const struct policy_op *op)
{
	return op->family == 0 || (op->family == FAMILY_HTTP && !str_given(op->method));
}

static void
decide_bad_op(struct conn *c, const char *why)
{
	struct evaluator *e = evaluator_of(c);
	struct request_fault fault = {.at = e->request.resource_at};
	bool action = action_at_fault(&e->op);

	if (!action && e->request.resource.n > LIMIT_RESOURCE) {
		decide_too_large(c);
		return;
	}
	if (action)
		fault.at = e->request.action_at;
	(void)snprintf(
	    fault.what, sizeof(fault.what), "%s: %s", action ? "action" : "resource", why);
	decide_not_understood(c, &fault);
}

void
decide(struct conn *c)
{
	struct evaluator *e = evaluator_of(c);
	struct policy_verdict verdict;
	struct decision d;
	const char *why;
	bool fits;

	if (policy_op_parse(&e->op, e->request.action, e->request.resource, &why) < 0) {
		decide_bad_op(c, why);
		return;
	}
	fill_subject(e, c);
	policy_evaluate(&e->image->view, &e->op, &e->subject, clock_real(), &verdict);
	decision_begin(c, &d);
	d.r.action_type = action_type_of(&e->op);
	d.r.action = e->op.action_name;
	d.r.resource_id = d.resource = e->op.target;
	fits = decision_fill(e, &d, &verdict);
	decision_settle(c, &d, fits);
}
