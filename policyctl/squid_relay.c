/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/squid_relay.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"

#define SQUID_BACKOFF_MOST 1000000 /* us */

static void
squid_say(struct squid *s, struct str id, bool allow, struct str message, struct str event_id)
{
	struct text t = text_over(s->out.p + s->out.end, s->out.cap - s->out.end);

	squid_reply(&t, id, allow, message, event_id);
	s->out.end += t.n;
	s->out.ready = s->out.end;
}

/* Answer the oldest request. */
static void
squid_answer(struct squid *s, bool allow, struct str message, struct str event_id)
{
	struct squid_pending *p = squid_head(s);

	squid_say(s, (struct str){p->id, p->id_n}, allow, message, event_id);
	s->head = (s->head + 1) % SQUID_PENDING;
	s->n--;
}

/* --- the connection to policyd ---------------------------------------------------------------- */

static void
squid_back_off(struct squid *s)
{
	s->retry_at = clock_monotonic() + s->backoff;
	s->backoff *= 2;
	if (s->backoff > SQUID_BACKOFF_MOST)
		s->backoff = SQUID_BACKOFF_MOST;
}

/* Said once, until policyd answers again. */
static void
squid_complain(struct squid *s, struct str why)
{
	if (!s->complained)
		log_error("squid: %s: %.*s: refusing every request", s->path, STR_ARG(why));
	s->complained = true;
}

/* The connection is of no more use: refuse what is under way. */
static void
squid_lose(struct squid *s, struct str why)
{
	bool owed = s->n > 0;

	(void)close(s->fd);
	s->fd = -1;
	buf_clear(&s->up);
	buf_clear(&s->down);
	while (s->n > 0)
		squid_answer(s, false, why, STR_NONE);
	if (!owed) /* policyd may end an idle connection */
		return;
	squid_complain(s, why);
	squid_back_off(s);
}

static bool
squid_connected(struct squid *s)
{
	int error;

	if (s->fd >= 0)
		return true;
	if (clock_monotonic() < s->retry_at)
		return false;
	error = client_connect(s->path, &s->fd);
	if (!error)
		return true;
	s->fd = -1;
	squid_complain(s, str_from(client_why(error)));
	squid_back_off(s);
	return false;
}

void
squid_send(struct squid *s)
{
	struct buf *up = &s->up;
	ssize_t n = send(s->fd, up->p + up->start, up->end - up->start, MSG_NOSIGNAL);

	if (n > 0)
		up->start += (size_t)n;
	/* Not lost yet: replies that it sent before can still be read; then reading tells. */
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		buf_clear(up);
}

static bool
squid_is_head(struct squid *s)
{
	uint32_t id = reply_member(&s->reply, REPLY_ROOT, "id");
	int64_t number;

	return s->n > 0 && id != 0 && jscan_int(&s->reply.tape, id, &number) == 0 &&
	       (uint64_t)number == squid_head(s)->number;
}

/* A line that answers nothing that was asked: policyd says why it ends the connection, or is mad. */
static void
squid_stray_line(struct squid *s, bool understood)
{
	struct str why = understood ? reply_text(&s->reply, REPLY_ROOT, "error") : STR_NONE;

	squid_lose(s, str_given(why) ? why : STR("policyd's answer was not understood"));
}

static void
squid_reply_line(struct squid *s, struct str line)
{
	bool understood = reply_read(&s->reply, line) == 0;
	struct answer a;
	bool allow;

	if (!understood || !squid_is_head(s)) {
		squid_stray_line(s, understood);
		return;
	}
	reply_answer(&s->reply, &a);
	allow = a.allow && str_given(a.event_id) && !str_given(a.error);
	if (!str_given(a.reason))
		a.reason = str_given(a.error) ? a.error : STR("policyd gave no reason");
	squid_answer(s, allow, a.reason, a.event_id);
	if (s->complained)
		log_info("squid: %s: policyd answers again", s->path);
	s->complained = false;
	s->backoff = SQUID_BACKOFF_FIRST;
}

/* Answer with all replies that are whole. */
static void
squid_replies(struct squid *s)
{
	struct buf *down = &s->down;

	while (s->fd >= 0 && down->end > down->start) {
		const char *from = down->p + down->start;
		const char *nl = memchr(from, '\n', down->end - down->start);

		if (!nl)
			break;
		down->start += (size_t)(nl - from) + 1;
		squid_reply_line(s, (struct str){from, (size_t)(nl - from)});
	}
	if (s->fd >= 0 && !buf_room(down))
		squid_lose(s, str_from(client_why(-EMSGSIZE)));
}

void
squid_receive(struct squid *s)
{
	struct buf *down = &s->down;
	ssize_t n = recv(s->fd, down->p + down->end, down->cap - down->end, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		squid_lose(s, str_from(client_why(-ECONNRESET)));
		return;
	}
	down->end += (size_t)n;
	squid_replies(s);
}

void
squid_expire(struct squid *s)
{
	/* Replies come in order: once one is given up, none that follows can be matched. */
	if (s->n > 0 && clock_monotonic() >= squid_head(s)->deadline)
		squid_lose(s, STR("no answer from policyd in time"));
}

/* --- Squid's requests ------------------------------------------------------------------------- */

static void
squid_ask(struct squid *s, const struct squid_query *q)
{
	struct squid_pending *p = &s->pending[(s->head + s->n) % SQUID_PENDING];
	struct text t = text_over(s->up.p + s->up.end, s->up.cap - s->up.end);

	squid_request(&t, s->asked + 1, q, s->client);
	if (!text_ok(&t)) {
		squid_say(s, q->id, false, STR("request too long"), STR_NONE);
		return;
	}
	s->up.end += t.n;
	*p = (struct squid_pending){
	    .number = ++s->asked, .deadline = clock_monotonic() + s->timeout, .id_n = q->id.n};
	memcpy(p->id, q->id.p, q->id.n);
	s->n++;
}

static void
squid_line(struct squid *s, char *line, size_t n)
{
	struct squid_query q;
	const char *why;

	if (squid_parse(line, n, &q, &why) != 0) {
		char buf[128];
		struct text message = text_over(buf, sizeof(buf));

		text_put(&message, STR("helper line not understood: "));
		text_put(&message, str_from(why));
		squid_say(s, q.id, false, text_str(&message), STR_NONE);
		return;
	}
	if (!squid_connected(s)) {
		squid_say(s, q.id, false, STR("policy service unavailable"), STR_NONE);
		return;
	}
	squid_ask(s, &q);
}

bool
squid_may_take(struct squid *s)
{
	(void)buf_room(&s->out);
	/* Moved to the front early: replies are small beside what a full turn may owe. */
	if (s->out.start > s->out.cap / 2) {
		memmove(s->out.p, s->out.p + s->out.start, s->out.end - s->out.start);
		s->out.end -= s->out.start;
		s->out.ready = s->out.end;
		s->out.start = 0;
	}
	(void)buf_room(&s->up);
	return s->n < SQUID_PENDING && s->out.cap - s->out.end >= (s->n + 1) * SQUID_REPLY &&
	       s->up.cap - s->up.end >= LIMIT_REQUEST_LINE;
}

/* The line at the front is longer than any that we take: refuse it now, skip it as it comes. */
static void
squid_too_long(struct squid *s, struct str begin)
{
	squid_say(s, squid_id(begin), false, STR("helper line too long"), STR_NONE);
	s->skipping = true;
}

bool
squid_take(struct squid *s)
{
	struct buf *in = &s->in;
	char *line = in->p + in->start;
	size_t left = in->end - in->start;
	char *nl = left > 0 ? memchr(line, '\n', left) : NULL;
	size_t n = nl ? (size_t)(nl - line) : left;

	if (n > SQUID_LINE && !s->skipping)
		squid_too_long(s, (struct str){line, n});
	else if (nl && !s->skipping)
		squid_line(s, line, n);
	if (!nl && !s->skipping)
		return false;
	s->skipping = s->skipping && !nl;
	in->start += nl ? n + 1 : n;
	return nl != NULL;
}
