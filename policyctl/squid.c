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
#include <unistd.h>

#include "common/clock.h"
#include "policyctl/squid_relay.h"

#define SQUID_TIMEOUT 7  /* seconds; above policyd's deadline of 5 */
#define SQUID_CHUNK 4096 /* a pipe or socket that polls writable takes it at once */

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
