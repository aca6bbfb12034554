/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: which are let in, which are told why not. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "policyd/client/conn.h"
#include "policyd/client/reply.h"

/* How long accepting rests when descriptors or memory ran out. */
#define ACCEPT_REST_US 100000
#define ACCEPT_COMPLAIN_US (60 * US_PER_S)
#define PACE_NS 20000
#define PACE_MAX 20

/* Best effort: a new socket has room for a line. */
static void
refuse(struct server *s, int fd, const char *what, uint32_t limit)
{
	char why[128], buf[256];
	struct text t = text_over(buf, sizeof(buf));

	s->refused++;
	(void)snprintf(why, sizeof(why), "%s (limit %u)", what, limit);
	reply_error(&t, STR_NONE, str_from(why), REPLY_NO_PLACE);
	(void)send(fd, buf, t.n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
admit(struct server *s, int *fd, const struct record_peer *peer)
{
	struct account *account = accounts_enter(
	    &s->accounts, s->settings, peer->uid, clock_monotonic());

	if (!account) {
		refuse(s, *fd, "out of memory", s->limits.connections);
		return;
	}
	if (account->connections > s->limits.per_uid)
		refuse(s, *fd, "too many connections of this user", s->limits.per_uid);
	else if (s->connections >= s->limits.connections)
		refuse(s, *fd, "too many connections", s->limits.connections);
	else if (conn_open(s, *fd, peer, account) == 0) {
		(void)take_fd(fd);
		s->accepted++;
		return;
	}
	accounts_leave(&s->accounts, account);
}

/*
 * Out of descriptors or the like: the client stays in the backlog, so level-triggered readiness
 * would spin. Rest a little.
 */
static void
rest(struct server *s, int error)
{
	const struct timeval tv = {0, ACCEPT_REST_US};
	int64_t now = clock_monotonic();

	(void)event_del(s->acceptable);
	(void)evtimer_add(s->accept_later, &tv);
	if (s->accept_complained && now - s->accept_complained < ACCEPT_COMPLAIN_US)
		return;
	s->accept_complained = now;
	log_warn("cannot accept connections for now: %s", strerror(error));
}

/*
 * Several processes accept from one socket. Who is awake already would take every connection of a
 * burst, so each rests after one, the longer the more it has: 20 us for each, at most 400 us.
 */
static void
pace(struct server *s)
{
	uint32_t load = s->connections < PACE_MAX ? s->connections : PACE_MAX;
	const struct itimerspec after = {.it_value.tv_nsec = load * PACE_NS};

	if (!s->limits.shared || s->connections <= 1 ||
	    timerfd_settime(s->pace_fd, 0, &after, NULL) < 0)
		return;
	(void)event_del(s->acceptable);
}

static void
on_paced(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	uint64_t times;

	(void)what;
	if (read(fd, &times, sizeof(times)) == sizeof(times) && s->accepting)
		(void)event_add(s->acceptable, NULL);
}

static void
on_acceptable(evutil_socket_t listen_fd, short what, void *arg)
{
	struct server *s = arg;
	CLEANUP_FD int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct ucred cred;
	socklen_t n = sizeof(cred);

	(void)what;
	if (fd < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR &&
		    errno != ECONNABORTED)
			rest(s, errno);
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0 || n != sizeof(cred))
		return;
	admit(s, &fd,
	    &(struct record_peer){.uid = cred.uid, .gid = cred.gid, .pid = (uint32_t)cred.pid});
	pace(s);
}

static void
on_accept_later(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	if (s->accepting)
		(void)event_add(s->acceptable, NULL);
}

int
accept_init(struct server *s)
{
	s->acceptable = event_new(s->base, s->fd, EV_READ | EV_PERSIST, on_acceptable, s);
	s->accept_later = evtimer_new(s->base, on_accept_later, s);
	if (!s->acceptable || !s->accept_later)
		return -ENOMEM;
	if (!s->limits.shared)
		return 0;
	s->pace_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (s->pace_fd < 0)
		return -errno;
	s->paced = event_new(s->base, s->pace_fd, EV_READ | EV_PERSIST, on_paced, s);
	return s->paced && event_add(s->paced, NULL) == 0 ? 0 : -ENOMEM;
}
