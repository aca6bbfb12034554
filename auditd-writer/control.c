/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/control.h"

#include <errno.h>
#include <unistd.h>

#include "auditd-writer/rotation.h"
#include "auditd-writer/status.h"
#include "auditd-writer/writer.h"
#include "common/chan.h"
#include "common/log.h"

#define BODY_MAX 4096 /* of what we send */

/* --- sending ---------------------------------------------------------------------------------- */

static int
outbox_put(struct outbox *o, const uint8_t *frame, size_t n)
{
	uint32_t length = (uint32_t)n;

	if (sizeof(length) + n > sizeof(o->bytes) - o->n)
		return -ENOBUFS;
	memcpy(o->bytes + o->n, &length, sizeof(length));
	memcpy(o->bytes + o->n + sizeof(length), frame, n);
	o->n += sizeof(length) + n;
	return 0;
}

static void
outbox_flush(struct outbox *o, struct channel *c)
{
	size_t done = 0;
	uint32_t length;

	while (o->n - done > sizeof(length)) {
		memcpy(&length, o->bytes + done, sizeof(length));
		if (chan_send(c->fd, o->bytes + done + sizeof(length), length, -1) == -EAGAIN) {
			c->blocked = true;
			break;
		}
		done += sizeof(length) + length;
	}
	if (done == 0)
		return;
	o->n -= done;
	memmove(o->bytes, o->bytes + done, o->n);
}

static int
control_send(struct writer *w, enum msg_type type, struct str body)
{
	struct channel *c = &w->channels[0];
	uint8_t buf[FRAME_HEADER + 2 + BODY_MAX];
	struct frame_out f;
	struct wire_out out;
	int error;

	frame_begin(&f, buf, sizeof(buf), (uint16_t)type, c->sent + 1);
	out = frame_message(&f);
	wire_put_bytes(&out, body);
	error = frame_commit(&f, &out);
	if (error < 0)
		return error;
	frame_end(&f);
	error = outbox_put(&w->outbox, buf, f.n);
	if (error < 0)
		return error;
	c->sent++;
	return 0;
}

void
control_flush(struct writer *w)
{
	struct channel *c = &w->channels[0];

	if (c->fd < 0) {
		w->outbox.n = 0;
		return;
	}
	if (c->blocked)
		return;
	outbox_flush(&w->outbox, c);
	if (w->outbox.n == 0)
		channel_flush(w, c);
}

static struct str
written(const uint8_t *buf, const struct wire_out *out)
{
	return (struct str){(const char *)buf, (size_t)(out->p - buf)};
}

void
control_tell_ready(struct writer *w, uint64_t records_recovered)
{
	struct msg_ready m = {
	    .log_id = w->encoder.stamp.log_id,
	    .next_seq = encode_seq(&w->encoder) + 1,
	    .pid = (uint32_t)getpid(),
	    .records_recovered = records_recovered,
	};
	uint8_t buf[64];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	memcpy(m.session, w->identity.session_bytes, sizeof(m.session));
	msg_ready_put(&out, &m);
	(void)control_send(w, MSG_READY, written(buf, &out));
}

int
control_tell_faulted(struct writer *w, uint32_t channel)
{
	uint8_t buf[4];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	wire_put_u32(&out, channel);
	return control_send(w, MSG_FAULTED, written(buf, &out));
}

int
control_tell_cleared(struct writer *w, const struct msg_cleared *m)
{
	uint8_t buf[12];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	msg_cleared_put(&out, m);
	return control_send(w, MSG_CLEARED, written(buf, &out));
}

void
control_tell_rotated(struct writer *w, uint32_t request, int error, struct str name)
{
	const struct msg_result m = {.request = request, .error = error, .text = name};
	uint8_t buf[8 + SEGNAME_SIZE];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	msg_result_put(&out, &m);
	if (control_send(w, MSG_ROTATED, written(buf, &out)) < 0)
		log_error("the supervisor does not read: the answer to a rotation is lost");
}

static void
tell_status(struct writer *w, uint32_t request)
{
	uint8_t buf[BODY_MAX];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	wire_put_u32(&out, request);
	wire_put_u32(&out, 0); /* the writer */
	status_put(w, &out);
	if (!wire_out_ok(&out) || control_send(w, MSG_STATUS, written(buf, &out)) < 0)
		log_error("the supervisor does not read: an answer to a status request is lost");
}

/* --- receiving -------------------------------------------------------------------------------- */

static int
take_expect(struct writer *w, struct wire_in *body)
{
	struct msg_expect m;
	struct channel *c;

	if (msg_expect_get(body, &m) < 0 || m.channel > w->n_channels)
		return -EPROTO;
	c = &w->channels[m.channel];
	channel_expect(c, m.generation);
	if (c->fd < 0)
		channel_cleared(c);
	return 0;
}

int
control_take(struct writer *w, enum msg_type type, struct wire_in *body)
{
	uint32_t request;

	if (type == MSG_FINISH) {
		w->ending = "finish";
		return 0;
	}
	if (type == MSG_EXPECT)
		return take_expect(w, body);
	request = wire_get_u32(body);
	if (!wire_in_done(body))
		return -EPROTO;
	if (type == MSG_ROTATE)
		rotation_ask(w, request);
	else if (type == MSG_STATUS_ASK)
		tell_status(w, request);
	else
		return -EPROTO;
	return 0;
}
