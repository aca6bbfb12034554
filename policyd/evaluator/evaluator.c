/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/evaluator/evaluator.h"

#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "policyd/client/role.h"
#include "policyd/evaluator/state.h"

#define ACCOUNT_SHARE_MIN 64

static struct evaluator evaluator;

/* --- the supervisor -------------------------------------------------------------------------- */

static _Noreturn void
supervisor_lost(void *ctx, const char *why)
{
	const struct evaluator *e = ctx;

	log_error("evaluator %u: %s", e->channel, why);
	_exit(ROLE_EXIT_NO_SUPERVISOR);
}

static void
finish(struct evaluator *e)
{
	if (e->finishing)
		return;
	e->finishing = true;
	e->finish_by = clock_monotonic() + (int64_t)e->settings->answer_ms * (US_PER_S / 1000);
	image_queue_clear(&e->images);
	server_finish(&e->server);
}

static void
refuse_image(const struct evaluator *e, const char *why)
{
	log_error("evaluator %u: policy image refused, the last one stays: %s", e->channel, why);
}

/* Between two requests: nothing points into the old image but what is forgotten here. */
static void
next_image(struct evaluator *e)
{
	uint64_t requests = e->counters.asked - e->asked_before_piece;
	const char *why;

	if (!image_queue_busy(&e->images))
		return;
	e->asked_before_piece = e->counters.asked;
	if (accounts_next_image(&e->server.accounts, &e->images, requests, &e->image, &why) < 0)
		refuse_image(e, why);
	if (image_queue_busy(&e->images))
		e->server.again = true;
}

/* A small one is in force before anything else is read. */
static void
take_image(struct evaluator *e, struct wire_in *body, int fd)
{
	const char *why;

	if (image_queue_put(&e->images, fd, wire_get_u64(body), &why) < 0)
		refuse_image(e, why);
	e->asked_before_piece = e->counters.asked;
	next_image(e);
}

static void
tell_status(struct evaluator *e, struct wire_in *body)
{
	uint8_t buf[4096];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	wire_put_u32(&out, wire_get_u32(body));
	wire_put_u32(&out, e->channel);
	status_put(e, &out);
	/* A supervisor that takes nothing will not wait for it either. */
	if (wire_out_ok(&out))
		(void)control_send(&e->control, MSG_STATUS,
		    (struct str){(const char *)buf, (size_t)(out.p - buf)});
}

static void
on_control(void *ctx, enum msg_type type, struct wire_in *body, int attached)
{
	struct evaluator *e = ctx;

	if (type == MSG_FINISH)
		finish(e);
	else if (type == MSG_IMAGE)
		take_image(e, body, attached);
	else if (type == MSG_STATUS_ASK)
		tell_status(e, body);
}

static const struct control_calls control_calls = {on_control, supervisor_lost};

/* --- the writer ------------------------------------------------------------------------------ */

/* Clients see their connections end unanswered: nobody can tell any more what is on record. */
static _Noreturn void
writer_lost(void *ctx, const char *why)
{
	const struct evaluator *e = ctx;

	log_error("evaluator %u: %s", e->channel, why);
	_exit(ROLE_EXIT_NO_WRITER);
}

/*
 * How much of what may be under way to the writer is one uid's. Others wait behind that much at
 * most; one uid alone still fills the writer's batches.
 */
static uint32_t
account_share(const struct recorder *r)
{
	uint64_t share = r->max_unacked / 8;

	return share > ACCOUNT_SHARE_MIN ? (uint32_t)share : ACCOUNT_SHARE_MIN;
}

static void
start_serving(void *ctx)
{
	struct evaluator *e = ctx;

	e->account_share = account_share(&e->recorder);
	if (!e->finishing)
		server_start(&e->server);
}

static const struct recorder_calls recorder_calls = {
    answer_acknowledged, start_serving, writer_lost};

/* --- clients --------------------------------------------------------------------------------- */

static void
on_drained(struct conn *c)
{
	(void)c;
}

static void
on_closed(struct conn *c)
{
	notes_closed(evaluator_of(c), c);
}

/*
 * Past its deadline a request is not answered at all: what the record says is not known yet, and a
 * client is never told something else than what is on record.
 */
static void
close_overdue(struct evaluator *e, int64_t now)
{
	int64_t patience = (int64_t)e->settings->answer_ms * (US_PER_S / 1000);
	struct pending_queue *q = &e->server.pending;

	for (struct pending *p = pending_head(q); p && now - p->since > patience;
	     p = pending_next(q, p)) {
		if (p->overdue)
			continue;
		p->overdue = true;
		if (!p->conn || p->conn->closed)
			continue;
		e->server.timeouts++;
		conn_close(p->conn);
	}
}

static void
on_tick(struct server *s, int64_t now)
{
	struct evaluator *e = s->ctx;
	int64_t patience = (int64_t)e->settings->answer_ms * (US_PER_S / 1000);

	close_overdue(e, now);
	notes_tick(e, now, false);
	/* Denials can be given even while the writer says nothing. */
	if (recorder_stalled(&e->recorder, now, patience))
		start_serving(e);
}

static void
leave_when_finished(struct evaluator *e)
{
	int64_t now = clock_monotonic();

	if (e->server.connections == 0 && !e->last_notes) {
		e->last_notes = true;
		notes_tick(e, now, true);
	}
	recorder_flush(&e->recorder);
	if (now > e->finish_by ||
	    (e->server.connections == 0 && recorder_unacked(&e->recorder) == 0))
		_exit(ROLE_EXIT_DONE);
}

static void
on_turn(struct server *s)
{
	struct evaluator *e = s->ctx;

	recorder_flush(&e->recorder);
	next_image(e);
	if (e->finishing)
		leave_when_finished(e);
}

static bool
on_watches(const struct server *s)
{
	const struct evaluator *e = s->ctx;

	return e->finishing || !e->recorder.open || notes_waiting(&e->notes);
}

static const struct server_role role = {
    .line = answer_line,
    .room = answer_room,
    .drained = on_drained,
    .closed = on_closed,
    .tick = on_tick,
    .turn = on_turn,
    .watches = on_watches,
};

/* --- start ----------------------------------------------------------------------------------- */

static void
start(struct evaluator *e, struct event_base *base, uint32_t connections)
{
	const struct server_limits limits = {
	    .connections = connections,
	    .per_uid = e->settings->connections_per_uid,
	    .in_flight = e->settings->in_flight,
	    .shared = e->settings->evaluators > 1,
	};
	int error = server_init(&e->server, base, ROLE_FD_LISTEN, e->settings, &limits, &role, e);

	if (error == 0)
		error = control_init(
		    &e->control, base, ROLE_FD_CONTROL, PEER_EVALUATOR, &control_calls, e);
	if (error == 0)
		error = recorder_init(&e->recorder, base, ROLE_FD_RECORD, PEER_EVALUATOR,
		    e->generation, &recorder_calls, e);
	if (error < 0)
		fatal(error, "evaluator %u", e->channel);
}

int
evaluator_main(uint32_t channel, uint32_t generation, const struct settings *s)
{
	struct evaluator *e = &evaluator;
	struct event_base *base = role_event_base();
	uint32_t connections;

	e->settings = s;
	e->channel = channel;
	e->generation = generation;
	e->image = role_first_image();
	notes_init(&e->notes, clock_monotonic());
	connections = role_enter(s->connections);
	if (connections < s->connections)
		log_warn("evaluator %u: RLIMIT_NOFILE allows %u connections, not %u", channel,
		    connections, s->connections);
	start(e, base, connections);
	evaluator_jail(s);
	for (;;)
		server_turn(&e->server);
}
