/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/server.h"

#include <errno.h>

#include "common/clock.h"
#include "common/fds.h"
#include "common/log.h"
#include "policyd/client/conn.h"

const char *
input_fault_name(enum input_fault fault)
{
	static const char *const names[INPUT_FAULTS] = {
	    [INPUT_NOT_JSON] = "not_json",
	    [INPUT_NOT_UNDERSTOOD] = "not_understood",
	    [INPUT_EVENT_TOO_LARGE] = "event_too_large",
	    [INPUT_LINE_TOO_LONG] = "line_too_long",
	    [INPUT_LINE_TOO_SLOW] = "line_too_slow",
	    [INPUT_LINE_UNFINISHED] = "line_unfinished",
	};

	return (unsigned)fault < INPUT_FAULTS ? names[fault] : "unknown";
}

void
server_start(struct server *s)
{
	if (s->accepting)
		return;
	s->accepting = true;
	(void)event_add(s->acceptable, NULL);
}

void
server_finish(struct server *s)
{
	struct conn *c;

	s->accepting = false;
	(void)event_del(s->acceptable);
	for (c = TAILQ_FIRST(&s->conns); c; c = TAILQ_NEXT(c, all))
		conn_finish(c);
}

/* --- a turn ------------------------------------------------------------------------------------ */

static void
on_rate(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct conn *c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&s->rated)) != NULL) {
		TAILQ_REMOVE(&s->rated, c, queue);
		conn_ready(c);
	}
}

/*
 * Those that stand in the queue now, each once: who was served and is not done goes to its end, who
 * cannot be served keeps its place before them.
 */
static void
serve_ready(struct server *s)
{
	struct conn *last = TAILQ_LAST(&s->ready, conn_list), *c = NULL, *next;

	for (next = TAILQ_FIRST(&s->ready); last && c != last;) {
		c = next;
		next = TAILQ_NEXT(c, queue);
		if (s->role->room(c))
			conn_run(c);
	}
}

static void
flush_touched(struct server *s)
{
	struct conn_list list = TAILQ_HEAD_INITIALIZER(list);
	struct conn *c;

	TAILQ_CONCAT(&list, &s->touched, touch);
	while ((c = TAILQ_FIRST(&list)) != NULL) {
		TAILQ_REMOVE(&list, c, touch);
		c->touched = false;
		conn_flush(c);
	}
	if (!TAILQ_EMPTY(&s->touched))
		s->again = true;
}

static void
reap(struct server *s)
{
	struct conn *c, *next;

	if (!s->reap)
		return;
	s->reap = false;
	for (c = TAILQ_FIRST(&s->gone); c; c = next) {
		next = TAILQ_NEXT(c, all);
		if (c->in_flight > 0)
			continue;
		TAILQ_REMOVE(&s->gone, c, all);
		conn_free(c);
	}
}

static int64_t
tick_us(const struct server *s)
{
	int64_t us = (int64_t)s->settings->answer_ms * (US_PER_S / 1000) / 4;

	return us < US_PER_S ? us : US_PER_S;
}

static void
watch(struct server *s)
{
	int64_t us = tick_us(s);
	const struct timeval tv = {us / US_PER_S, us % US_PER_S};

	if (evtimer_pending(s->ticker, NULL))
		return;
	if (s->connections > 0 || s->pending.entries > 0 || s->accounts.idle > 0 ||
	    s->role->watches(s))
		(void)evtimer_add(s->ticker, &tv);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	int64_t now = clock_monotonic();
	struct conn *c, *next;

	(void)fd;
	(void)what;
	for (c = TAILQ_FIRST(&s->conns); c; c = next) {
		next = TAILQ_NEXT(c, all);
		conn_check(c, now);
	}
	accounts_sweep(&s->accounts, now);
	s->role->tick(s, now);
}

void
server_turn(struct server *s)
{
	int flags = s->again ? EVLOOP_NONBLOCK : EVLOOP_ONCE;

	s->again = false;
	watch(s);
	if (event_base_loop(s->base, flags) < 0)
		fatalx("the event loop failed");
	serve_ready(s);
	s->role->turn(s);
	flush_touched(s);
	reap(s);
}

int
server_init(struct server *s, struct event_base *base, int listen_fd,
    const struct settings *settings, const struct server_limits *limits,
    const struct server_role *role, void *ctx)
{
	int error = pending_init(&s->pending, PENDING_BYTES);

	if (error < 0)
		return error;
	error = fd_set_nonblock(listen_fd, true);
	if (error < 0)
		return error;
	s->base = base;
	s->settings = settings;
	s->limits = *limits;
	s->role = role;
	s->ctx = ctx;
	s->fd = listen_fd;
	TAILQ_INIT(&s->conns);
	TAILQ_INIT(&s->gone);
	TAILQ_INIT(&s->ready);
	TAILQ_INIT(&s->rated);
	TAILQ_INIT(&s->touched);
	s->ticker = evtimer_new(base, on_tick, s);
	s->rate_timer = evtimer_new(base, on_rate, s);
	if (!s->ticker || !s->rate_timer)
		return -ENOMEM;
	return accept_init(s);
}
