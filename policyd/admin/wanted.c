/* SPDX-License-Identifier: Apache-2.0 */
/* What operators want of the supervisor: on record first, then passed on, at most once a second. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "policyd/admin/state.h"
#include "policyd/client/reply.h"
#include "proto/value.h"

#define TOO_OFTEN "at most once a second"
#define ONCE_US US_PER_S

struct kind {
	const char *name;
	enum msg_type type;
	int64_t patience; /* longer than the supervisor's own */
};

static const struct kind kinds[WANTED_KINDS] = {
    [WANTED_STATUS] = {"status", MSG_STATUS_ASK, 5 * US_PER_S},
    [WANTED_ROTATE] = {"rotate", MSG_ASK_ROTATE, 40 * US_PER_S},
    [WANTED_RELOAD] = {"reload", MSG_ASK_RELOAD, 150 * US_PER_S},
};

/* In the pending queue, of the note that comes before. */
struct asked {
	enum wanted_kind kind;
	uint32_t request;
};

#define COMPLAINT_MAX 4096 /* bytes of the first complaint */

/* --- replies ---------------------------------------------------------------------------------- */

typedef void reply_fn(struct conn *c, const void *arg);

static void
each_waiting(struct admin *a, enum wanted_kind kind, reply_fn *reply, const void *arg)
{
	struct conn *c, *next;

	a->wanted[kind].step = WANTED_IDLE;
	for (c = TAILQ_FIRST(&a->server.conns); c; c = next) {
		const struct operator* o = c->role;

		next = TAILQ_NEXT(c, all);
		if (o && o->state == OPERATOR_WAITS && o->waits_for == kind)
			reply(c, arg);
	}
}

static void
reply_failure(struct conn *c, const void *why)
{
	operator_fail(c, why);
}

static void
wanted_fail(struct admin *a, enum wanted_kind kind, const char *why)
{
	each_waiting(a, kind, reply_failure, why);
}

static void
reply_status(struct conn *c, const void *arg)
{
	static char buf[STATUS_MAX + 1024];
	struct text t = text_over(buf, sizeof(buf));

	(void)arg;
	reply_open(&t, operator_id(c));
	reply_key(&t, "status");
	text_put(&t, text_str(&admin_of(c)->status.reply));
	reply_close(&t);
	operator_reply(c, text_str(&t));
}

static void
reply_rotated(struct conn *c, const void *arg)
{
	const struct str *segment = arg;
	char buf[4096];
	struct text t = text_over(buf, sizeof(buf));

	reply_open(&t, operator_id(c));
	reply_key(&t, "rotated");
	text_put(&t, segment->n > 0 ? STR("true") : STR("false"));
	if (segment->n > 0)
		reply_member(&t, "segment", *segment);
	reply_close(&t);
	operator_reply(c, text_str(&t));
}

static void
put_member(struct text *t, struct str account, const char *key)
{
	struct str v = value_member(account, str_from(key));

	if (!str_given(v))
		return;
	reply_key(t, key);
	value_to_json(t, v);
}

/* arg: the compiler's account of the load, a checked object. */
static void
reply_reloaded(struct conn *c, const void *arg)
{
	const struct str *account = arg;
	char buf[4096];
	struct text t = text_over(buf, sizeof(buf));

	reply_open(&t, operator_id(c));
	text_put(&t, STR(",\"reloaded\":true"));
	put_member(&t, *account, "revision");
	put_member(&t, *account, "policies");
	put_member(&t, *account, "rules");
	put_member(&t, *account, "tests");
	reply_close(&t);
	operator_reply(c, text_str(&t));
}

/* The first complaint as text, then all that were kept. */
static void
reply_not_reloaded(struct conn *c, const void *arg)
{
	static char buf[STATUS_MAX];
	const struct str *account = arg;
	char error[COMPLAINT_MAX];
	struct text t = text_over(buf, sizeof(buf)), e = text_over(error, sizeof(error));

	text_put(&e, STR("policy refused: "));
	text_put(&e, value_text(value_member(*account, STR("first"))));
	reply_open(&t, operator_id(c));
	reply_member(&t, "error", text_str(&e));
	put_member(&t, *account, "errors");
	put_member(&t, *account, "complaints");
	reply_close(&t);
	if (text_ok(&t) && text_ok(&e))
		operator_reply(c, text_str(&t));
	else
		operator_fail(c, "policy refused: see policyd's log");
}

/* --- from the operator to the record ---------------------------------------------------------- */

static bool
note_request(struct conn *c, enum wanted_kind kind)
{
	struct admin *a = admin_of(c);
	const struct asked asked = {kind, a->wanted[kind].request};
	uint8_t payload[128];
	struct wire_out out = wire_out_over(payload, sizeof(payload));
	struct record r = {.category = RECORD_MANAGEMENT, .action_type = ACTION_ADMIN};
	struct pending *p;

	value_open_object(&out);
	value_member_str(&out, STR("request"), str_from(kinds[kind].name));
	value_close_object(&out);
	r.payload = (struct str){(const char *)payload, (size_t)(out.p - payload)};
	account_name(c->account, a->image);
	r.username = c->account->user;
	r.has_peer = true;
	r.peer = c->peer;
	p = recorder_room(&a->recorder) ? pending_reserve(&a->server.pending, sizeof(asked)) : NULL;
	if (!p || recorder_put(&a->recorder, MSG_NOTE, &r) < 0)
		return false;
	p->since = clock_monotonic();
	p->recorded = true;
	memcpy(p->text, &asked, sizeof(asked));
	server_promise(&a->server, p);
	return true;
}

static void
wait_for(struct conn *c, enum wanted_kind kind)
{
	struct operator* o = c->role;

	o->state = OPERATOR_WAITS;
	o->waits_for = kind;
	conn_hold(c);
}

/* True: the reply was given, or c waits with others who asked before. */
static bool
too_soon(struct conn *c, enum wanted_kind kind, int64_t now)
{
	struct admin *a = admin_of(c);
	const struct wanted *w = &a->wanted[kind];
	bool recent = w->was_asked && now - w->asked_at < ONCE_US;

	if (w->step == WANTED_IDLE && !recent)
		return false;
	wait_for(c, kind);
	if (kind != WANTED_STATUS || (w->step == WANTED_IDLE && a->status.at == 0))
		operator_fail(c, TOO_OFTEN);
	else if (w->step == WANTED_IDLE)
		reply_status(c, NULL);
	return true;
}

void
wanted_begin(struct conn *c, enum wanted_kind kind)
{
	struct admin *a = admin_of(c);
	struct wanted *w = &a->wanted[kind];
	int64_t now = clock_monotonic();

	if (too_soon(c, kind, now))
		return;
	*w = (struct wanted){
	    .step = WANTED_RECORDED,
	    .was_asked = true,
	    .asked_at = now,
	    .request = ++a->next_request,
	};
	wait_for(c, kind);
	if (!note_request(c, kind))
		wanted_fail(a, kind, "audit log unavailable: the writer does not answer");
}

/* --- from the record to the supervisor -------------------------------------------------------- */

void
wanted_recorded(struct admin *a, const struct pending *p, bool recorded, const char *cause)
{
	char why[128];
	struct asked asked;
	struct wanted *w;

	memcpy(&asked, p->text, sizeof(asked));
	w = &a->wanted[asked.kind];
	/* Given up in the meantime. */
	if (w->step != WANTED_RECORDED || w->request != asked.request)
		return;
	if (!recorded) {
		(void)snprintf(why, sizeof(why), "audit log unavailable: %s", cause);
		wanted_fail(a, asked.kind, why);
		return;
	}
	w->step = WANTED_ASKED;
	if (asked.kind == WANTED_STATUS)
		status_begin(&a->status);
	if (control_ask(&a->control, kinds[asked.kind].type, w->request) < 0)
		wanted_fail(a, asked.kind, "the supervisor is busy");
}

/* --- and back --------------------------------------------------------------------------------- */

static void
done_status(struct admin *a, struct str missing)
{
	if (status_end(a, missing, clock_monotonic()))
		each_waiting(a, WANTED_STATUS, reply_status, NULL);
	else
		wanted_fail(a, WANTED_STATUS, "the status is too long");
}

static void
done_badly(struct admin *a, enum wanted_kind kind, int error, struct str text)
{
	char why[512];
	struct text t = text_over(why, sizeof(why) - 1);

	text_put(&t, text.n > 0 ? text : str_from(strerrordesc_np(-error)));
	why[t.n] = '\0';
	wanted_fail(a, kind, text_ok(&t) ? why : "failed");
}

void
wanted_done(struct admin *a, uint32_t request, int error, struct str text)
{
	enum wanted_kind kind = WANTED_STATUS;

	while (kind < WANTED_KINDS &&
	       (a->wanted[kind].step != WANTED_ASKED || a->wanted[kind].request != request))
		kind++;
	if (kind == WANTED_KINDS)
		return;
	/* Counters of those who did answer are worth having. */
	if (kind == WANTED_STATUS && (error == 0 || error == -ETIMEDOUT))
		done_status(a, error ? text : STR(""));
	else if (kind == WANTED_RELOAD && value_check_object(text) == 0)
		each_waiting(a, kind, error ? reply_not_reloaded : reply_reloaded, &text);
	else if (error != 0)
		done_badly(a, kind, error, text);
	else if (kind == WANTED_ROTATE)
		each_waiting(a, kind, reply_rotated, &text);
	else
		wanted_fail(a, kind, "the supervisor did not say what it loaded");
}

void
wanted_timeouts(struct admin *a, int64_t now)
{
	int64_t record_patience = (int64_t)a->settings->answer_ms * (US_PER_S / 1000);

	for (enum wanted_kind kind = WANTED_STATUS; kind < WANTED_KINDS; kind++) {
		const struct wanted *w = &a->wanted[kind];

		if (w->step == WANTED_RECORDED && now - w->asked_at > record_patience)
			wanted_fail(a, kind, "audit log unavailable: the writer does not answer");
		if (w->step == WANTED_ASKED && now - w->asked_at > kinds[kind].patience)
			wanted_fail(a, kind, "the supervisor does not answer");
	}
}

void
wanted_abandon(struct admin *a, const char *why)
{
	for (enum wanted_kind kind = WANTED_STATUS; kind < WANTED_KINDS; kind++)
		wanted_fail(a, kind, why);
}
