/* SPDX-License-Identifier: Apache-2.0 */
#include "common/chan.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/limits.h"

union chan_control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int))];
};

static void
chan_attach(struct msghdr *msg, union chan_control *control, int fd)
{
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control->room;
	msg->msg_controllen = sizeof(control->room);
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

static ssize_t
chan_send_attached(int fd, const void *frame, size_t n, int attached)
{
	union chan_control control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)frame, .iov_len = n}; /* only read */
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	chan_attach(&msg, &control, attached);
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Without sendmsg() where nothing is attached: who may not hand on descriptors needs no such call. */
int
chan_send(int fd, const void *frame, size_t n, int attached)
{
	ssize_t sent;

	if (n > LIMIT_FRAME)
		return -EMSGSIZE;
	do
		sent = attached >= 0 ? chan_send_attached(fd, frame, n, attached)
				     : send(fd, frame, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	/* No buffer in the kernel just now is a full channel to us. */
	return errno == EWOULDBLOCK || errno == ENOBUFS ? -EAGAIN : -errno;
}

/*
 * The descriptor that came with a message, -1: none. Room for one was given, but CMSG_SPACE rounds
 * up, so that the kernel may put a second one there; for more it sets MSG_CTRUNC. Whatever arrived
 * is ours to close: of several, the last is returned and the others are closed.
 */
static int
chan_take_attached(struct msghdr *msg, bool *ret_several)
{
	int fd = -1;

	*ret_several = false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(fd) <= c->cmsg_len; at += sizeof(fd)) {
			if (fd >= 0) {
				*ret_several = true;
				(void)close(fd);
			}
			memcpy(&fd, CMSG_DATA(c) + (at - CMSG_LEN(0)), sizeof(fd));
		}
	}
	return fd;
}

/*
 * A peer that closed with our data unread makes the first receive fail with ECONNRESET, ahead of
 * what it had sent before: the error is cleared by reporting it, so ask again.
 */
static ssize_t
chan_receive(int fd, struct msghdr *msg)
{
	bool was_reset = false;

	for (;;) {
		struct msghdr attempt = *msg;
		ssize_t n = recvmsg(fd, &attempt, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n >= 0) {
			*msg = attempt;
			return n;
		}
		if (errno == ECONNRESET && was_reset) {
			msg->msg_controllen = 0;
			return 0;
		}
		was_reset = was_reset || errno == ECONNRESET;
		if (errno != EINTR && errno != ECONNRESET)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
}

/* An empty datagram reads like the end: only the end comes with a hang-up, of one direction at least. */
static ssize_t
chan_end_or_empty(int fd, int attached)
{
	static const struct timespec at_once = {0, 0};
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};

	if (attached >= 0)
		(void)close(attached);
	if (ppoll(&p, 1, &at_once, NULL) > 0 && (p.revents & (POLLHUP | POLLRDHUP | POLLERR)))
		return 0;
	return -EBADMSG;
}

ssize_t
chan_recv(int fd, void *buf, size_t cap, int *ret_attached)
{
	union chan_control control;
	struct iovec iov = {.iov_base = buf, .iov_len = cap};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room),
	};
	ssize_t n;
	bool several;
	int attached;

	n = chan_receive(fd, &msg);
	if (n < 0)
		return n;
	attached = chan_take_attached(&msg, &several);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || several ||
	    (attached >= 0 && !ret_attached)) {
		if (attached >= 0)
			(void)close(attached);
		return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : -EBADMSG;
	}
	if (n == 0)
		return chan_end_or_empty(fd, attached);
	if (ret_attached)
		*ret_attached = attached;
	return n;
}
