/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/admin/admin.h"

#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "policyd/admin/state.h"
#include "policyd/client/role.h"

static struct admin admin;

/* --- the supervisor --------------------------------------------------------------------------- */

static _Noreturn void
supervisor_lost(void *ctx, const char *why)
{
	(void)ctx;
	log_error("admin: %s", why);
	_exit(ROLE_EXIT_NO_SUPERVISOR);
}

static void
finish(struct admin *a)
{
	if (a->finishing)
		return;
	a->finishing = true;
	a->finish_by = clock_monotonic() + (int64_t)a->settings->answer_ms * (US_PER_S / 1000);
	wanted_abandon(a, "shutting down");
	image_queue_clear(&a->images);
	server_finish(&a->server);
}

static void
refuse_image(const char *why)
{
	log_error("admin: policy image refused, the last one stays: %s", why);
}

/* A listing that is under way keeps its own. */
static void
next_image(struct admin *a)
{
	const char *why;

	if (!image_queue_busy(&a->images))
		return;
	if (accounts_next_image(&a->server.accounts, &a->images, 0, &a->image, &why) < 0)
		refuse_image(why);
	if (image_queue_busy(&a->images))
		a->server.again = true;
}

static void
take_image(struct admin *a, struct wire_in *body, int fd)
{
	const char *why;

	if (image_queue_put(&a->images, fd, wire_get_u64(body), &why) < 0)
		refuse_image(why);
	next_image(a);
}

static void
take_status(struct admin *a, struct wire_in *body)
{
	uint32_t request = wire_get_u32(body), source = wire_get_u32(body);
	const struct wanted *w = &a->wanted[WANTED_STATUS];

	if (w->step == WANTED_ASKED && w->request == request)
		status_take(&a->status, source, wire_get_bytes(body, body->left));
}

static void
take_result(struct admin *a, struct wire_in *body)
{
	struct msg_result result;

	if (msg_result_get(body, &result) < 0)
		supervisor_lost(a, "a result that makes no sense");
	wanted_done(a, result.request, result.error, result.text);
}

static void
on_control(void *ctx, enum msg_type type, struct wire_in *body, int attached)
{
	struct admin *a = ctx;

	if (type == MSG_FINISH)
		finish(a);
	else if (type == MSG_IMAGE)
		take_image(a, body, attached);
	else if (type == MSG_STATUS)
		take_status(a, body);
	else if (type == MSG_ASKED)
		take_result(a, body);
}

static const struct control_calls control_calls = {on_control, supervisor_lost};

/* --- the writer ------------------------------------------------------------------------------- */

static _Noreturn void
writer_lost(void *ctx, const char *why)
{
	(void)ctx;
	log_error("admin: %s", why);
	_exit(ROLE_EXIT_NO_WRITER);
}

static void
on_acknowledged(void *ctx, uint64_t seq, enum refusal refusal)
{
	struct admin *a = ctx;

	wanted_recorded(a, pending_head(&a->server.pending), seq != 0, refusal_text(refusal));
	server_fulfil(&a->server, STR(""));
}

static void
start_serving(void *ctx)
{
	struct admin *a = ctx;

	if (!a->finishing)
		server_start(&a->server);
}

static const struct recorder_calls recorder_calls = {on_acknowledged, start_serving, writer_lost};

/* --- operators -------------------------------------------------------------------------------- */

/* What cannot be recorded is answered with an error, not left waiting. */
static bool
on_room(struct conn *c)
{
	(void)c;
	return true;
}

static void
on_tick(struct server *s, int64_t now)
{
	struct admin *a = s->ctx;

	wanted_timeouts(a, now);
	if (recorder_stalled(
		&a->recorder, now, (int64_t)a->settings->answer_ms * (US_PER_S / 1000)))
		start_serving(a);
}

static void
on_turn(struct server *s)
{
	struct admin *a = s->ctx;

	recorder_flush(&a->recorder);
	next_image(a);
	if (a->finishing && (s->connections == 0 || clock_monotonic() > a->finish_by) &&
	    (recorder_unacked(&a->recorder) == 0 || clock_monotonic() > a->finish_by))
		_exit(ROLE_EXIT_DONE);
}

static bool
on_watches(const struct server *s)
{
	const struct admin *a = s->ctx;

	return a->finishing || !a->recorder.open;
}

static const struct server_role role = {
    .line = operator_line,
    .room = on_room,
    .drained = operator_drained,
    .closed = operator_closed,
    .tick = on_tick,
    .turn = on_turn,
    .watches = on_watches,
};

/* --- start ------------------------------------------------------------------------------------ */

static void
start(struct admin *a, struct event_base *base)
{
	const struct server_limits limits = {
	    .connections = ADMIN_CONNECTIONS, .per_uid = ADMIN_PER_UID, .in_flight = 1};
	int error = server_init(&a->server, base, ROLE_FD_LISTEN, a->settings, &limits, &role, a);

	if (error == 0)
		error = control_init(
		    &a->control, base, ROLE_FD_CONTROL, PEER_ADMIN, &control_calls, a);
	if (error == 0)
		error = recorder_init(&a->recorder, base, ROLE_FD_RECORD, PEER_ADMIN, a->generation,
		    &recorder_calls, a);
	if (error < 0)
		fatal(error, "admin");
}

int
admin_main(uint32_t channel, uint32_t generation, const struct settings *s)
{
	struct admin *a = &admin;
	struct event_base *base = role_event_base();

	a->settings = s;
	a->channel = channel;
	a->generation = generation;
	a->image = role_first_image();
	if (role_enter(ADMIN_CONNECTIONS) < ADMIN_CONNECTIONS)
		fatalx("admin: too few descriptors allowed (RLIMIT_NOFILE)");
	start(a, base);
	admin_jail(s);
	for (;;)
		server_turn(&a->server);
}
