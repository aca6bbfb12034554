/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "policyd/client/reply.h"

static void conn_on_readable(evutil_socket_t fd, short what, void *arg);
static void conn_on_writable(evutil_socket_t fd, short what, void *arg);

/* --- begin and end ----------------------------------------------------------------------------- */

void
conn_free(struct conn *c)
{
	if (c->readable)
		event_free(c->readable);
	if (c->writable)
		event_free(c->writable);
	if (c->account)
		accounts_leave(&c->server->accounts, c->account);
	free(c);
}

int
conn_open(struct server *s, int fd, const struct record_peer *peer, struct account *account)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct conn){.server = s, .account = account, .fd = fd, .peer = *peer};
	c->active_at = clock_monotonic();
	lines_init(&c->in, s->settings->line_bytes);
	c->readable = event_new(s->base, fd, EV_READ | EV_PERSIST, conn_on_readable, c);
	c->writable = event_new(s->base, fd, EV_WRITE, conn_on_writable, c);
	if (!c->readable || !c->writable || event_add(c->readable, NULL) < 0) {
		c->account = NULL;
		conn_free(c);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&s->conns, c, all);
	s->connections++;
	return 0;
}

static void
conn_leave_queue(struct conn *c)
{
	if (c->wait == WAIT_READY)
		TAILQ_REMOVE(&c->server->ready, c, queue);
	else if (c->wait == WAIT_RATE)
		TAILQ_REMOVE(&c->server->rated, c, queue);
	c->wait = WAIT_NONE;
}

void
conn_close(struct conn *c)
{
	struct server *s = c->server;

	if (c->closed)
		return;
	conn_leave_queue(c);
	if (c->touched)
		TAILQ_REMOVE(&s->touched, c, touch);
	c->touched = false;
	(void)event_del(c->readable);
	(void)event_del(c->writable);
	(void)close(c->fd);
	c->fd = -1;
	conn_paid(c, c->owed);
	c->closed = true;
	s->role->closed(c);
	lines_deinit(&c->in);
	outbuf_deinit(&c->out);
	/* Freed at the end of the turn, and after its entries in the pending queue. */
	TAILQ_REMOVE(&s->conns, c, all);
	TAILQ_INSERT_TAIL(&s->gone, c, all);
	s->connections--;
	s->reap = true;
}

void
conn_finish(struct conn *c)
{
	if (c->closed || c->closing)
		return;
	c->closing = true;
	conn_leave_queue(c);
	(void)event_del(c->readable);
	conn_touch(c);
}

void
conn_fault(struct conn *c, enum input_fault fault)
{
	c->server->malformed++;
	if (c->faults[fault]++ == 0 && c->noted_at == 0)
		c->noted_at = clock_monotonic();
}

/* --- replies ----------------------------------------------------------------------------------- */

void
conn_owe(struct conn *c, size_t n)
{
	if (c->closed)
		return;
	c->owed += n;
	c->account->owed += n;
}

void
conn_paid(struct conn *c, size_t n)
{
	if (c->closed)
		return;
	c->owed -= n;
	c->account->owed -= n;
}

void
conn_touch(struct conn *c)
{
	if (c->touched || c->closed)
		return;
	c->touched = true;
	TAILQ_INSERT_TAIL(&c->server->touched, c, touch);
}

void
conn_deliver(struct conn *c, struct str text)
{
	if (c->closed)
		return;
	if (outbuf_put(&c->out, text, OUTBUF_MAX) < 0) {
		conn_close(c);
		return;
	}
	conn_owe(c, text.n);
	conn_touch(c);
}

/* False: nothing more will leave now. */
static bool
conn_write(struct conn *c)
{
	struct str unsent = outbuf_unsent(&c->out);
	ssize_t n;

	if (unsent.n == 0)
		return true;
	n = send(c->fd, unsent.p, unsent.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		conn_close(c);
		return false;
	}
	if (n > 0) {
		outbuf_sent(&c->out, (size_t)n);
		conn_paid(c, (size_t)n);
		c->active_at = clock_monotonic();
		c->unread_since = 0;
	}
	if (n > 0 && (size_t)n == unsent.n)
		return true;
	if (c->unread_since == 0)
		c->unread_since = clock_monotonic();
	(void)event_add(c->writable, NULL);
	return false;
}

void
conn_flush(struct conn *c)
{
	if (!event_pending(c->writable, EV_WRITE, NULL) && conn_write(c))
		c->server->role->drained(c);
	if (c->closed)
		return;
	if (c->closing && c->in_flight == 0 && outbuf_unsent(&c->out).n == 0)
		conn_close(c);
	else
		conn_wake(c);
}

static void
conn_on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_touch(arg);
}

/* --- lines ------------------------------------------------------------------------------------- */

static bool
conn_has_own_room(const struct conn *c)
{
	if (c->in_flight >= c->server->limits.in_flight || c->owed > REPLIES_MAX - REPLY_MAX)
		return false;
	return c->account->owed <= ACCOUNT_REPLIES_MAX || c->owed == 0;
}

void
conn_ready(struct conn *c)
{
	c->wait = WAIT_READY;
	TAILQ_INSERT_TAIL(&c->server->ready, c, queue);
	(void)event_del(c->readable);
}

void
conn_wake(struct conn *c)
{
	if (c->wait != WAIT_OWN || !conn_has_own_room(c))
		return;
	conn_ready(c);
	c->server->again = true;
}

static void
conn_wait_for_rate(struct conn *c)
{
	struct server *s = c->server;
	struct bucket *b = &c->account->bucket;
	int64_t us = bucket_wait(b, b->rate / 100, clock_monotonic());
	struct timeval tv = {us / US_PER_S, us % US_PER_S};

	c->wait = WAIT_RATE;
	TAILQ_INSERT_TAIL(&s->rated, c, queue);
	if (!evtimer_pending(s->rate_timer, NULL))
		(void)evtimer_add(s->rate_timer, &tv);
}

/* Wait for what stands in the way of the next line; false when nothing does. */
static bool
conn_must_wait(struct conn *c, int lines_left, int64_t now)
{
	if (!conn_has_own_room(c))
		c->wait = WAIT_OWN;
	else if (!bucket_has(&c->account->bucket, now))
		conn_wait_for_rate(c);
	else if (lines_left == 0 || !c->server->role->room(c))
		conn_ready(c);
	else
		return false;
	if (lines_left == 0)
		c->server->again = true;
	(void)event_del(c->readable);
	return true;
}

/* All whole lines are taken. What stays is the beginning of one, or nothing. */
static void
conn_settle(struct conn *c, bool took)
{
	size_t partial = lines_partial(&c->in);

	if (lines_overlong(&c->in)) {
		conn_fault(c, INPUT_LINE_TOO_LONG);
		reply_to_fault(c, "line longer than %u bytes", c->server->settings->line_bytes);
		conn_finish(c);
	} else if (c->eof && partial > 0) {
		conn_fault(c, INPUT_LINE_UNFINISHED);
		reply_to_fault(c, "the last line does not end with a newline");
		conn_finish(c);
	} else if (c->eof) {
		conn_finish(c);
	} else {
		if (partial == 0)
			c->line_since = 0;
		else if (took || c->line_since == 0)
			c->line_since = clock_monotonic();
		(void)event_add(c->readable, NULL);
	}
}

static int
lines_per_turn(const struct conn *c)
{
	uint32_t share = ACCOUNT_LINES_PER_TURN / c->account->connections;

	if (share > LINES_PER_TURN)
		return LINES_PER_TURN;
	return share > 0 ? (int)share : 1;
}

void
conn_run(struct conn *c)
{
	int64_t now = clock_monotonic();
	int lines_most = lines_per_turn(c), lines_left = lines_most;
	struct str line;

	conn_leave_queue(c);
	while (!c->closing && !c->closed && lines_peek(&c->in, &line)) {
		if (conn_must_wait(c, lines_left, now))
			return;
		lines_left--;
		(void)bucket_take(&c->account->bucket, now);
		lines_take(&c->in, line);
		c->server->role->line(c, line);
	}
	if (!c->closing && !c->closed)
		conn_settle(c, lines_left < lines_most);
}

/* 1 when bytes came, 0 when none did now; the end is noted in c->eof. Negative: the client is gone. */
static int
conn_read(struct conn *c)
{
	char *p;
	size_t cap;
	ssize_t n;

	if (lines_space(&c->in, &p, &cap) < 0)
		return -ENOMEM;
	n = recv(c->fd, p, cap, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;
	if (n == 0)
		c->eof = true;
	lines_added(&c->in, (size_t)n);
	c->active_at = clock_monotonic();
	return 1;
}

static void
conn_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	int got = conn_read(c);

	(void)fd;
	(void)what;
	if (got < 0) {
		conn_close(c);
		return;
	}
	if (got == 0)
		return;
	/* Others wait already: stand behind them. */
	if (TAILQ_EMPTY(&c->server->ready))
		conn_run(c);
	else
		conn_ready(c);
}

/* --- deadlines --------------------------------------------------------------------------------- */

static bool
past(int64_t now, int64_t since, uint32_t seconds)
{
	return since != 0 && now - since > (int64_t)seconds * US_PER_S;
}

/* Only while we read it: time that we let it wait is not the client's. */
static void
conn_check_input(struct conn *c, int64_t now)
{
	const struct settings *settings = c->server->settings;

	if (past(now, c->line_since, settings->line_seconds)) {
		conn_fault(c, INPUT_LINE_TOO_SLOW);
		reply_to_fault(c, "line not ended within %u seconds", settings->line_seconds);
		conn_finish(c);
	} else if (settings->idle_seconds && c->in_flight == 0 && c->owed == 0 &&
		   past(now, c->active_at, settings->idle_seconds)) {
		reply_to_fault(c, "idle for %u seconds", settings->idle_seconds);
		conn_finish(c);
	}
}

void
conn_check(struct conn *c, int64_t now)
{
	struct server *s = c->server;

	if (c->unread_since != 0 &&
	    now - c->unread_since > (int64_t)s->settings->answer_ms * (US_PER_S / 1000)) {
		s->timeouts++;
		conn_close(c);
		return;
	}
	outbuf_trim(&c->out);
	if (c->wait == WAIT_NONE && !c->closing)
		conn_check_input(c, now);
}
