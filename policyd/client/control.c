/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/control.h"

#include <errno.h>
#include <unistd.h>

#include "common/chan.h"
#include "common/cleanup.h"

int
control_send(struct control *c, enum msg_type type, struct str body)
{
	struct frame_out f;
	struct wire_out out;
	int error;

	frame_begin(&f, c->out, sizeof(c->out), (uint16_t)type, c->next);
	out = frame_message(&f);
	wire_put_bytes(&out, body);
	error = frame_commit(&f, &out);
	if (error < 0)
		return error;
	frame_end(&f);
	error = chan_send(c->fd, f.buf, f.n, -1);
	if (error == 0)
		c->next++;
	else if (error != -EAGAIN)
		c->calls->lost(c->ctx, "the control channel does not take frames");
	return error;
}

int
control_ask(struct control *c, enum msg_type type, uint32_t request)
{
	uint8_t body[4];
	struct wire_out out = wire_out_over(body, sizeof(body));

	wire_put_u32(&out, request);
	return control_send(c, type, (struct str){(const char *)body, sizeof(body)});
}

static void
control_take_frame(struct control *c, size_t n, int attached)
{
	struct wire_in body;
	struct frame_in f;
	const char *why;

	if (frame_open(&f, c->in, n, PEER_SUPERVISOR, c->self, CHAN_OPEN, attached >= 0, &why) <
	    0) {
		c->calls->lost(c->ctx, why);
		return;
	}
	while (frame_next(&f, &body))
		c->calls->message(c->ctx, (enum msg_type)f.type, &body, attached);
}

static void
control_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	CLEANUP_FD int attached = -1;
	ssize_t n = chan_recv(c->fd, c->in, sizeof(c->in), &attached);

	(void)fd;
	(void)what;
	if (n > 0)
		control_take_frame(c, (size_t)n, attached);
	else if (n != -EAGAIN)
		c->calls->lost(
		    c->ctx, n == 0 ? "the supervisor is gone" : "broken control channel");
}

int
control_init(struct control *c, struct event_base *base, int fd, enum peer self,
    const struct control_calls *calls, void *ctx)
{
	c->fd = fd;
	c->self = self;
	c->next = 1;
	c->calls = calls;
	c->ctx = ctx;
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, control_on_readable, c);
	return c->readable && event_add(c->readable, NULL) == 0 ? 0 : -ENOMEM;
}
