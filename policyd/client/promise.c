/* SPDX-License-Identifier: Apache-2.0 */
/* Replies that wait for their record, and those that wait behind them. */
#include "policyd/client/conn.h"

#include "common/clock.h"

struct pending *
conn_reserve(struct conn *c, size_t n)
{
	struct pending *p = pending_reserve(&c->server->pending, n);

	if (!p)
		return NULL;
	p->conn = c;
	p->recorded = true;
	p->to_line = true;
	p->since = clock_monotonic();
	return p;
}

void
server_promise(struct server *s, struct pending *p)
{
	if (p->conn) {
		conn_hold(p->conn);
		conn_owe(p->conn, p->n);
	}
	s->waiting += p->to_line;
	pending_commit(&s->pending, p);
}

/* A reply to a line left the queue, or never stood in it. */
static void
count_reply(struct server *s, const struct conn *c)
{
	if (c->closed)
		s->unanswered++;
	else
		s->answered++;
}

static void
deliver(struct conn *c, struct str text, bool to_line)
{
	conn_deliver(c, text);
	if (to_line)
		count_reply(c->server, c);
}

static void
reply_in_turn(struct conn *c, struct str text, bool to_line)
{
	struct pending *p;

	if (c->in_flight == 0) {
		deliver(c, text, to_line);
		return;
	}
	p = conn_reserve(c, text.n);
	if (!p) {
		conn_close(c);
		c->server->unanswered += to_line;
		return;
	}
	p->recorded = false;
	p->to_line = to_line;
	memcpy(p->text, text.p, text.n);
	server_promise(c->server, p);
}

void
conn_reply(struct conn *c, struct str text)
{
	reply_in_turn(c, text, true);
}

void
conn_notice(struct conn *c, struct str text)
{
	reply_in_turn(c, text, false);
}

void
server_fulfil(struct server *s, struct str text)
{
	struct pending *p = pending_head(&s->pending);
	struct conn *c = p->conn;

	if (c) {
		conn_paid(c, p->n);
		s->waiting -= p->to_line;
		deliver(c, text, p->to_line);
	}
	/* Only now: text may lie in the entry. */
	pending_pop(&s->pending);
	if (c)
		conn_release(c);
}

void
server_release(struct server *s)
{
	struct pending *p;

	while ((p = pending_head(&s->pending)) != NULL && !p->recorded)
		server_fulfil(s, (struct str){p->text, p->n});
}

void
conn_hold(struct conn *c)
{
	c->in_flight++;
	c->account->in_flight++;
}

void
conn_release(struct conn *c)
{
	c->in_flight--;
	c->account->in_flight--;
	if (c->closed)
		c->server->reap = true;
	else
		conn_touch(c);
}
