/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define CLIENT_FIRST 4096 /* bytes of the buffer to begin with */

int
client_connect(const char *path, int *ret_fd)
{
	CLEANUP_FD int fd = -1;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if (n >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	if (n == 0)
		return -ENOENT;
	memcpy(addr.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* On a Unix socket this is done at once, or fails (EAGAIN: the backlog is full). */
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Connect, trying again while the backlog is full. */
static int
client_connect_until(const char *path, int64_t deadline, int *ret_fd)
{
	int error;

	while ((error = client_connect(path, ret_fd)) == -EAGAIN) {
		if (clock_monotonic() >= deadline)
			return -ETIMEDOUT;
		(void)poll(NULL, 0, 10);
	}
	return error;
}

int
client_open(struct client *c, const char *path, uint32_t timeout_s, size_t max)
{
	int64_t timeout = (int64_t)timeout_s * US_PER_S;
	int fd, error = client_connect_until(path, clock_monotonic() + timeout, &fd);

	if (error)
		return error;
	*c = (struct client){.fd = fd, .timeout = timeout, .max = max};
	return 0;
}

void
client_close(struct client *c)
{
	cleanup_fd(&c->fd);
	free(c->buf);
	*c = (struct client){.fd = -1};
}

static int
client_wait(const struct client *c, short events, int64_t deadline)
{
	struct pollfd p = {.fd = c->fd, .events = events};
	int64_t left = deadline - clock_monotonic();
	int n;

	if (left <= 0)
		return -ETIMEDOUT;
	n = poll(&p, 1, (int)(left / 1000) + 1);
	return n < 0 && errno != EINTR ? -errno : 0;
}

int
client_send(struct client *c, struct str s)
{
	int64_t deadline = clock_monotonic() + c->timeout;

	while (s.n > 0) {
		ssize_t n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n < 0 && errno == EAGAIN) {
			int error = client_wait(c, POLLOUT, deadline);

			if (error)
				return error;
		}
		s = str_skip(s, n > 0 ? (size_t)n : 0);
	}
	return 0;
}

/* Make room for at least one more byte: move to the front, else grow up to max and a newline. */
static int
client_room(struct client *c)
{
	size_t cap = c->cap ? 2 * c->cap : CLIENT_FIRST;
	char *buf;

	if (c->start > 0) {
		memmove(c->buf, c->buf + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
	}
	if (c->end < c->cap)
		return 0;
	if (c->cap > c->max)
		return -EMSGSIZE;
	cap = cap > c->max + 1 ? c->max + 1 : cap;
	buf = realloc(c->buf, cap);
	if (!buf)
		return -ENOMEM;
	c->buf = buf;
	c->cap = cap;
	return 0;
}

static int
client_fill(struct client *c, int64_t deadline)
{
	int error = client_room(c);
	ssize_t n;

	if (error)
		return error;
	error = client_wait(c, POLLIN, deadline);
	if (error)
		return error;
	n = recv(c->fd, c->buf + c->end, c->cap - c->end, 0);
	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	c->end += (size_t)n;
	return 0;
}

int
client_line(struct client *c, struct str *ret)
{
	int64_t deadline = clock_monotonic() + c->timeout;
	size_t seen = 0;

	for (;;) {
		size_t from = c->start + seen;
		const char *nl = c->end > from ? memchr(c->buf + from, '\n', c->end - from) : NULL;
		int error;

		if (nl) {
			*ret = (struct str){c->buf + c->start, (size_t)(nl - c->buf) - c->start};
			c->start += ret->n + 1;
			return 0;
		}
		seen = c->end - c->start;
		error = client_fill(c, deadline);
		if (error)
			return error;
	}
}

const char *
client_why(int error)
{
	switch (error) {
	case -ECONNRESET:
	case -EPIPE:
		return "policyd closed the connection without an answer";
	case -ETIMEDOUT:
		return "no answer in time";
	case -EMSGSIZE:
		return "the answer is too long";
	case -ENOENT:
		return "no such socket: is policyd running?";
	case -ECONNREFUSED:
		return "nobody listens there: is policyd running?";
	case -ENAMETOOLONG:
		return "the path is too long for a socket";
	default:
		return strerrordesc_np(-error);
	}
}
