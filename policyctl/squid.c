/* SPDX-License-Identifier: Apache-2.0 */

/*
 * policyctl squid: external ACL helper for the Squid proxy (docs/SQUID.md). One connection to
 * policyd carries the lines of many requests at once; each is answered as its reply comes back.
 *
 * Fails closed: whatever is not an allow that is on record becomes ERR. BH is never said: Squid asks
 * again after it (up to twice), so that a service that is silent would be waited for three times,
 * and what "unknown" means depends on where the ACL stands; ERR is one definite answer, with a
 * message for the page.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "policyctl/buf.h"
#include "policyctl/ctl.h"
#include "policyctl/squid_line.h"

#define SQUID_PENDING 512          /* requests under way; Squid's own concurrency= is less */
#define SQUID_TIMEOUT 7            /* seconds; above policyd's deadline of 5 */
#define SQUID_BACKOFF_FIRST 20000  /* us */
#define SQUID_BACKOFF_MOST 1000000 /* us */
#define SQUID_CHUNK 4096           /* a pipe or socket that polls writable takes it at once */

struct squid_pending {
	uint64_t number;
	int64_t deadline; /* us, monotonic */
	char id[SQUID_ID];
	size_t id_n;
};

struct squid {
	const char *path;
	struct str client;
	int64_t timeout; /* us */

	int fd;           /* of policyd, -1: not connected */
	int64_t retry_at; /* not before this moment */
	int64_t backoff;
	bool complained; /* about policyd being away */

	uint64_t asked; /* number of the last request */
	struct squid_pending pending[SQUID_PENDING];
	size_t head, n;

	struct buf in;   /* from Squid */
	struct buf up;   /* to policyd */
	struct buf down; /* from policyd */
	struct buf
	    out;       /* to Squid: always room for a reply to each that is pending, and one more */
	bool eof;      /* of Squid */
	bool skipping; /* the rest of an over-long line */
	struct reply reply;
};

static struct squid_pending *
squid_head(struct squid *s)
{
	return &s->pending[s->head];
}

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

static void
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

static void
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

/* Whether one more line can be taken whatever its answer will be. */
static bool
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

/* One line off the input. False when there is none yet. */
static bool
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

/* --- the loop --------------------------------------------------------------------------------- */

enum {
	SQUID_STDIN,
	SQUID_STDOUT,
	SQUID_POLICYD,
	SQUID_FDS
};

static int
squid_read_stdin(struct squid *s)
{
	ssize_t n = read(STDIN_FILENO, s->in.p + s->in.end, s->in.cap - s->in.end);

	if (n < 0 && errno != EINTR && errno != EAGAIN) {
		log_error("squid: standard input: %s", strerrordesc_np(errno));
		return CLI_ERROR;
	}
	s->eof = n == 0;
	s->in.end += n > 0 ? (size_t)n : 0;
	return CLI_YES;
}

static int
squid_write_stdout(struct squid *s)
{
	size_t left = s->out.end - s->out.start;
	ssize_t n = write(
	    STDOUT_FILENO, s->out.p + s->out.start, left > SQUID_CHUNK ? SQUID_CHUNK : left);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return CLI_YES;
	/* Nothing to write: polled only to learn that Squid is gone. */
	if (n < 0 || left == 0) {
		log_error("squid: standard output: %s",
		    left == 0 ? "the reader is gone" : strerrordesc_np(errno));
		return CLI_ERROR;
	}
	s->out.start += (size_t)n;
	return CLI_YES;
}

static void
squid_expire(struct squid *s)
{
	/* Replies come in order: once one is given up, none that follows can be matched. */
	if (s->n > 0 && clock_monotonic() >= squid_head(s)->deadline)
		squid_lose(s, STR("no answer from policyd in time"));
}

static int
squid_wait(struct squid *s, struct pollfd *p)
{
	int64_t left = s->n > 0 ? squid_head(s)->deadline - clock_monotonic() : 0;
	bool waiting = s->out.end > s->out.start;
	int timeout = s->n > 0 ? (int)((left < 0 ? 0 : left) / 1000) + 1 : -1;

	p[SQUID_STDIN] = (struct pollfd){
	    .fd = s->eof || !buf_room(&s->in) ? -1 : STDIN_FILENO, .events = POLLIN};
	p[SQUID_STDOUT] = (struct pollfd){.fd = STDOUT_FILENO, .events = waiting ? POLLOUT : 0};
	p[SQUID_POLICYD] = (struct pollfd){.fd = s->fd, .events = POLLIN};
	if (s->up.end > s->up.start)
		p[SQUID_POLICYD].events |= POLLOUT;
	if (poll(p, SQUID_FDS, timeout) >= 0)
		return CLI_YES;
	for (int i = 0; i < SQUID_FDS; i++)
		p[i].revents = 0;
	if (errno == EINTR)
		return CLI_YES;
	log_error("squid: poll: %s", strerrordesc_np(errno));
	return CLI_ERROR;
}

static int
squid_turn(struct squid *s)
{
	struct pollfd p[SQUID_FDS];
	int code;

	while (squid_may_take(s) && squid_take(s))
		continue;
	code = squid_wait(s, p);
	/* First: when Squid is gone, the end of input tells, not the loss of the reader. */
	if (code == CLI_YES && p[SQUID_STDIN].revents)
		code = squid_read_stdin(s);
	if (code == CLI_YES && p[SQUID_STDOUT].revents)
		code = squid_write_stdout(s);
	if (p[SQUID_POLICYD].revents & POLLOUT)
		squid_send(s);
	if (p[SQUID_POLICYD].revents & (POLLIN | POLLHUP | POLLERR))
		squid_receive(s);
	squid_expire(s);
	return code;
}

/* Squid has closed, and all that can be answered is. A line without its end is none. */
static bool
squid_done(const struct squid *s)
{
	const struct buf *in = &s->in;
	bool line = in->end > in->start && memchr(in->p + in->start, '\n', in->end - in->start);

	return s->eof && !line && s->n == 0 && s->out.start == s->out.end;
}

static int
squid_run(struct squid *s)
{
	int code = CLI_YES;

	while (code == CLI_YES && !squid_done(s))
		code = squid_turn(s);
	reply_free(&s->reply);
	if (s->fd >= 0)
		(void)close(s->fd);
	/* After its end of input Squid may not care to read the last answers. */
	return s->eof ? CLI_YES : code;
}

int
cmd_squid(struct ctl *ctl, int argc, char **argv)
{
	static char in[4 * SQUID_LINE], up[4 * LIMIT_REQUEST_LINE], down[CLIENT_REPLY];
	static char out[2 * (SQUID_PENDING + 1) * SQUID_REPLY];
	static struct squid squid;
	const char *client = "squid";
	const struct cli_option options[] = {
	    {.name = "client",
		.value = "NAME",
		.help = "name to ask under (squid)",
		.text = &client},
	    CTL_OPTION_SOCKET(ctl),
	    {.name = "timeout",
		.value = "SECONDS",
		.number = &ctl->timeout,
		.min = 1,
		.max = 3600,
		.help = "refuse what has no answer after this long (7)"},
	};
	const struct cli_command command = {
	    .name = "squid",
	    .about =
		"External ACL helper for Squid: reads requests from stdin, asks policyd, writes\n"
		"OK or ERR. In squid.conf:\n\n"
		"  external_acl_type sealwright ttl=0 negative_ttl=0 cache=0 concurrency=256 \\\n"
		"      %#DST %PORT %#METHOD %SRC %#un /usr/local/bin/policyctl squid\n"
		"  acl sealwright external sealwright\n"
		"  acl denied_by_sealwright src all\n"
		"  http_access deny !sealwright denied_by_sealwright",
	    .options = options,
	    .n_options = ARRAY_SIZE(options),
	    .exits = "0 at the end of input, 2 error",
	};

	(void)cli_parse(&command, argc, argv, NULL);
	squid = (struct squid){.path = ctl_socket(ctl),
	    .client = str_from(client),
	    .timeout = (ctl->timeout ? ctl->timeout : SQUID_TIMEOUT) * US_PER_S,
	    .fd = -1,
	    .backoff = SQUID_BACKOFF_FIRST,
	    .in = {.p = in, .cap = sizeof(in)},
	    .up = {.p = up, .cap = sizeof(up)},
	    .down = {.p = down, .cap = sizeof(down)},
	    .out = {.p = out, .cap = sizeof(out)}};
	return squid_run(&squid);
}
