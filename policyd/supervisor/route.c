/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from and to the other processes. What a message carries is passed on, not looked into. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "policyd/supervisor/supervisor.h"

void
route_send(struct supervisor *s, struct child *c, enum msg_type type, struct str body, int attached)
{
	int error = link_put(&c->link, type, body, attached);

	(void)s;
	if (error == -ENOBUFS && c->role != ROLE_WRITER)
		child_kill(c, "does not read its control channel");
	else if (error == -ENOBUFS || error == -ENOMEM || error == -EMSGSIZE || error == -EMFILE)
		log_error("a %s message to the %s could not be sent: %s",
		    msg_info((uint16_t)type)->name, child_role_name(c->role),
		    strerrordesc_np(-error));
}

/* --- from the writer -------------------------------------------------------------------------- */

static int
on_ready(struct supervisor *s, struct wire_in *in)
{
	struct msg_ready ready;

	if (msg_ready_get(in, &ready) < 0 || s->phase != PHASE_WRITER)
		return s->phase > PHASE_SERVING ? 0 : -EPROTO;
	if (ready.records_recovered > 0)
		log_info("auditd-writer recovered %" PRIu64 " records of an earlier run",
		    ready.records_recovered);
	phase_writer_ready(s);
	return 0;
}

static int
on_ack(struct supervisor *s, struct wire_in *in)
{
	static struct msg_ack ack;

	if (msg_ack_get(in, &ack) < 0)
		return -EPROTO;
	return note_acknowledged(s, &ack);
}

static int
on_rotated(struct supervisor *s, struct wire_in *in)
{
	struct msg_result result;

	if (msg_result_get(in, &result) < 0)
		return -EPROTO;
	ask_rotated(s, &result);
	return 0;
}

static int
on_cleared(struct supervisor *s, struct wire_in *in)
{
	struct msg_cleared m;

	if (msg_cleared_get(in, &m) < 0)
		return -EPROTO;
	return child_cleared(s, &m);
}

static int
on_faulted(struct supervisor *s, struct wire_in *in)
{
	uint32_t channel = wire_get_u32(in);

	if (!wire_in_done(in) || channel == 0 || channel > s->n_clients)
		return -EPROTO;
	child_kill(&s->client[channel - 1], "broke the protocol of its record channel");
	return 0;
}

/* The source is who really sent it, whatever it says. */
static int
on_status(struct supervisor *s, uint32_t source, struct wire_in *in)
{
	uint32_t number = wire_get_u32(in);

	(void)wire_get_u32(in);
	if (in->failed)
		return -EPROTO;
	ask_counted(s, number, source, wire_get_bytes(in, in->left));
	return 0;
}

static int
from_writer(struct supervisor *s, uint16_t type, struct wire_in *in)
{
	switch (type) {
	case MSG_READY:
		return on_ready(s, in);
	case MSG_ACK:
		return on_ack(s, in);
	case MSG_ROTATED:
		return on_rotated(s, in);
	case MSG_STATUS:
		return on_status(s, SOURCE_WRITER, in);
	case MSG_FAULTED:
		return on_faulted(s, in);
	case MSG_CLEARED:
		return on_cleared(s, in);
	default:
		return -EPROTO;
	}
}

/* --- from evaluators and admin ---------------------------------------------------------------- */

static int
from_admin(struct supervisor *s, uint16_t type, struct wire_in *in)
{
	uint32_t request = wire_get_u32(in);

	if (!wire_in_done(in))
		return -EPROTO;
	switch (type) {
	case MSG_ASK_ROTATE:
		ask_rotation(s, request);
		return 0;
	case MSG_ASK_RELOAD:
		ask_load(s, request);
		return 0;
	case MSG_STATUS_ASK:
		ask_counters(s, request);
		return 0;
	default:
		return -EPROTO;
	}
}

static int
dispatch(struct supervisor *s, struct child *c, uint16_t type, struct wire_in *in)
{
	switch (c->role) {
	case ROLE_WRITER:
		return from_writer(s, type, in);
	case ROLE_ADMIN:
		return from_admin(s, type, in);
	case ROLE_EVALUATOR:
		return type == MSG_STATUS ? on_status(s, c->channel, in) : -EPROTO;
	}
	return -EPROTO;
}

/* --- receiving -------------------------------------------------------------------------------- */

/*
 * A writer that has closed its end is about to be reaped; what its end means waits for that. One
 * that breaks the protocol is not to be trusted with anything any more.
 */
static void
lost_writer(struct supervisor *s, const char *why)
{
	link_close(&s->writer.link);
	if (why) {
		log_error("auditd-writer broke the protocol: %s", why);
		phase_fail(s);
	} else if (s->phase < PHASE_LOG) {
		log_error("auditd-writer closed its control channel");
		phase_fail(s);
	}
}

static void
lost_child(struct supervisor *s, struct child *c, const char *why)
{
	if (c->role == ROLE_WRITER)
		lost_writer(s, why);
	else
		child_kill(c, why);
}

/* 1: a frame was there. */
static int
take_frame(struct supervisor *s, struct child *c)
{
	const char *why = NULL;
	struct frame_in f;
	struct wire_in body;
	int result = link_take(&c->link, &f, &why);

	if (result < 0)
		lost_child(s, c, why);
	if (result <= 0)
		return 0;
	while (c->link.fd >= 0 && frame_next(&f, &body)) {
		if (dispatch(s, c, f.type, &body) < 0) {
			lost_child(s, c, "a message makes no sense");
			return 0;
		}
	}
	return c->link.fd >= 0;
}

#define FRAMES_PER_TURN 64 /* of one process, so that none keeps us from the others */

void
route_readable(struct supervisor *s, struct child *c)
{
	for (int i = 0; i < FRAMES_PER_TURN && c->link.fd >= 0; i++)
		if (take_frame(s, c) == 0)
			return;
}
