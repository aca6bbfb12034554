/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/supervisor/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/chan.h"
#include "common/cleanup.h"

#define LINK_SNDBUF (256 << 10)

struct link_frame {
	struct link_frame *next;
	int attached; /* ours */
	size_t n;
	uint8_t bytes[];
};

int
link_open(struct link *l, enum peer peer, int *ret_other)
{
	int fds[2];
	int error = chan_pair(LINK_SNDBUF, fds);

	if (error < 0)
		return error;
	*l = (struct link){.fd = fds[0], .peer = peer};
	*ret_other = fds[1];
	return 0;
}

static void
frame_free(struct link_frame *f)
{
	if (f->attached >= 0)
		(void)close(f->attached);
	free(f);
}

static void
drop_first(struct link *l)
{
	struct link_frame *f = l->first;

	l->first = f->next;
	if (!l->first)
		l->last = NULL;
	l->queued--;
	frame_free(f);
}

void
link_close(struct link *l)
{
	while (l->first)
		drop_first(l);
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
}

static int
enqueue(struct link *l, const struct frame_out *frame, int attached)
{
	struct link_frame *f;

	if (l->queued >= LINK_QUEUE)
		return -ENOBUFS;
	f = malloc(sizeof(*f) + frame->n);
	if (!f)
		return -ENOMEM;
	*f = (struct link_frame){.attached = -1, .n = frame->n};
	memcpy(f->bytes, frame->buf, frame->n);
	if (attached >= 0) {
		f->attached = fcntl(attached, F_DUPFD_CLOEXEC, 0);
		if (f->attached < 0) {
			int error = -errno;

			frame_free(f);
			return error;
		}
	}
	if (l->last)
		l->last->next = f;
	else
		l->first = f;
	l->last = f;
	l->queued++;
	return 0;
}

/* What waits goes first: order is part of the protocol. */
static int
send_or_wait(struct link *l, const struct frame_out *frame, int attached)
{
	int error = link_flush(l);

	if (error == 0 && l->queued == 0)
		error = chan_send(l->fd, frame->buf, frame->n, attached);
	else if (error == 0)
		error = -EAGAIN;
	return error == -EAGAIN ? enqueue(l, frame, attached) : error;
}

int
link_put(struct link *l, enum msg_type type, struct str body, int attached)
{
	static uint8_t buf[LIMIT_FRAME];
	struct frame_out frame;
	struct wire_out out;
	int error;

	if (l->fd < 0)
		return -ENOTCONN;
	frame_begin(&frame, buf, sizeof(buf), (uint16_t)type, l->sent + 1);
	out = frame_message(&frame);
	wire_put_bytes(&out, body);
	error = frame_commit(&frame, &out);
	if (error < 0)
		return error;
	frame_end(&frame);
	error = send_or_wait(l, &frame, attached);
	if (error == 0)
		l->sent++;
	return error;
}

int
link_flush(struct link *l)
{
	while (l->first) {
		int error = chan_send(l->fd, l->first->bytes, l->first->n, l->first->attached);

		if (error == -EAGAIN)
			return 0;
		if (error < 0)
			return error;
		drop_first(l);
	}
	return 0;
}

static uint64_t
count_messages(struct frame_in f)
{
	struct wire_in body;
	uint64_t n = 0;

	while (frame_next(&f, &body))
		n++;
	return n;
}

int
link_take(struct link *l, struct frame_in *ret, const char **ret_why)
{
	static uint8_t buf[LIMIT_FRAME];
	struct frame_in f;
	ssize_t n = chan_recv(l->fd, buf, sizeof(buf), NULL);
	int error;

	if (n == -EAGAIN)
		return 0;
	if (n == 0)
		return -EPIPE;
	if (n < 0) {
		*ret_why = "not a frame";
		return (int)n;
	}
	error = frame_open(&f, buf, (size_t)n, l->peer, PEER_SUPERVISOR, CHAN_OPEN, false, ret_why);
	if (error < 0)
		return error;
	if (f.sequence != l->received + 1) {
		*ret_why = "message numbers do not follow each other";
		return -EPROTO;
	}
	l->received += count_messages(f);
	*ret = f;
	return 1;
}
