/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/jsonl.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "policyctl/buf.h"
#include "policyctl/ctl.h"

#define JSONL_CHUNK 4096 /* what a pipe that polls writable takes without blocking: PIPE_BUF */

struct jsonl {
	const char *path;
	int fd;
	int64_t timeout, progress; /* us; when policyd last moved, or was first owed an answer */
	uint64_t asked, answered, in_flight;
	struct buf up, down;
	bool eof;        /* of stdin */
	bool deaf;       /* policyd takes no more */
	bool closed;     /* policyd says no more */
	bool skipping;   /* the rest of an over-long line */
	bool any_length; /* stdout takes any write without blocking for long: a regular file */
};

static size_t
jsonl_count(const char *p, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += p[i] == '\n';
	return count;
}

/* --- from stdin to policyd -------------------------------------------------------------------- */

/* Drop an over-long line's bytes as they come. True when its end was there. */
static bool
jsonl_skip(struct buf *up)
{
	char *from = up->p + up->ready;
	const char *nl = memchr(from, '\n', up->end - up->ready);
	size_t keep = nl ? (size_t)(up->p + up->end - nl) - 1 : 0;

	if (keep > 0)
		memmove(from, nl + 1, keep);
	up->end = up->ready + keep;
	return nl != NULL;
}

/* The line that would be next is too long to send: answer it here, when it is its turn. */
static bool
jsonl_refuse(struct jsonl *j)
{
	static const char reply[] =
	    "{\"id\":null,\"error\":\"request line longer than 65536 bytes\","
	    "\"at\":65536}\n";
	struct buf *down = &j->down;

	_Static_assert(LIMIT_REQUEST_LINE == 65536, "the text above");
	if (j->asked != j->answered || down->cap - down->end < sizeof(reply))
		return false;
	memcpy(down->p + down->end, reply, sizeof(reply) - 1);
	down->end += sizeof(reply) - 1;
	down->ready = down->end;
	j->asked++;
	j->answered++;
	j->skipping = true;
	return true;
}

/* Let one more line go. False: none is whole, or it must wait. */
static bool
jsonl_release(struct jsonl *j)
{
	struct buf *up = &j->up;
	size_t left = up->end - up->ready;
	const char *nl = left > 0 ? memchr(up->p + up->ready, '\n', left) : NULL;
	size_t n = nl ? (size_t)(nl - up->p) + 1 - up->ready : left;

	if (j->skipping) {
		j->skipping = !jsonl_skip(up) && !j->eof;
		return !j->skipping;
	}
	if (n > LIMIT_REQUEST_LINE || (!nl && n == LIMIT_REQUEST_LINE))
		return jsonl_refuse(j);
	if (!nl && !(j->eof && left > 0))
		return false;
	if (!nl) { /* the last line may lack its newline; there is a byte for it behind cap */
		up->p[up->end++] = '\n';
		n++;
	}
	if (j->asked == j->answered)
		j->progress = clock_monotonic();
	up->ready += n;
	j->asked++;
	return true;
}

static int
jsonl_read_stdin(struct jsonl *j)
{
	ssize_t n = read(STDIN_FILENO, j->up.p + j->up.end, j->up.cap - j->up.end);

	if (n < 0 && errno != EINTR && errno != EAGAIN) {
		log_error("standard input: %s", strerrordesc_np(errno));
		return CLI_ERROR;
	}
	j->eof = n == 0;
	j->up.end += n > 0 ? (size_t)n : 0;
	return CLI_YES;
}

static void
jsonl_send(struct jsonl *j)
{
	struct buf *up = &j->up;
	ssize_t n = send(j->fd, up->p + up->start, up->ready - up->start, MSG_NOSIGNAL);

	if (n > 0) {
		up->start += (size_t)n;
		j->progress = clock_monotonic();
	}
	/* What it still has to say is read first; then reading tells that it is gone. */
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		j->deaf = true;
}

/* --- from policyd to stdout ------------------------------------------------------------------- */

static int
jsonl_receive(struct jsonl *j)
{
	struct buf *down = &j->down;
	ssize_t n = recv(j->fd, down->p + down->end, down->cap - down->end, 0);
	char *from = down->p + down->end, *nl;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return CLI_YES;
	if (n <= 0) {
		j->closed = true;
		return CLI_YES;
	}
	j->progress = clock_monotonic();
	j->answered += jsonl_count(from, (size_t)n);
	down->end += (size_t)n;
	nl = memrchr(from, '\n', (size_t)n);
	if (nl)
		down->ready = (size_t)(nl - down->p) + 1;
	if (j->answered <= j->asked)
		return CLI_YES;
	log_error("evaluate: %s: more replies than requests", j->path);
	return CLI_ERROR;
}

static int
jsonl_show(struct buf *down)
{
	while (down->start < down->ready) {
		const char *from = down->p + down->start;
		const char *nl = memchr(from, '\n', down->ready - down->start);
		size_t n = (size_t)(nl - from);

		cli_put_json((struct str){from, n});
		down->start += n + 1;
	}
	return cli_flush();
}

static int
jsonl_write_stdout(struct jsonl *j)
{
	struct buf *down = &j->down;
	size_t left = down->ready - down->start;
	ssize_t n;

	if (left == 0) { /* polled only for this */
		log_error("standard output: the reader is gone");
		return CLI_ERROR;
	}
	if (isatty(STDOUT_FILENO))
		return jsonl_show(down) ? CLI_ERROR : CLI_YES; /* cli_finish() says why */
	if (left > JSONL_CHUNK && !j->any_length)
		left = JSONL_CHUNK;
	n = write(STDOUT_FILENO, down->p + down->start, left);
	if (n < 0 && errno != EINTR && errno != EAGAIN) {
		log_error("standard output: %s", strerrordesc_np(errno));
		return CLI_ERROR;
	}
	if (n > 0)
		j->progress = clock_monotonic();
	down->start += n > 0 ? (size_t)n : 0;
	return CLI_YES;
}

/* --- the loop --------------------------------------------------------------------------------- */

enum {
	JSONL_STDIN,
	JSONL_SOCKET,
	JSONL_STDOUT,
	JSONL_FDS
};

static bool
jsonl_done(const struct jsonl *j)
{
	bool written = j->down.start == j->down.ready;

	return written && (j->closed || (j->eof && j->up.start == j->up.end &&
					    j->asked == j->answered && !j->skipping));
}

/* Requests that were read and have no reply. */
static uint64_t
jsonl_unanswered(const struct jsonl *j)
{
	const struct buf *up = &j->up;

	return j->asked - j->answered + jsonl_count(up->p + up->ready, up->end - up->ready);
}

static int
jsonl_end(const struct jsonl *j)
{
	uint64_t n = jsonl_unanswered(j);

	if (j->eof && n == 0 && j->up.start == j->up.end)
		return CLI_YES;
	log_error("evaluate: %s: policyd closed the connection: %ju request%s unanswered%s",
	    j->path, (uintmax_t)n, n == 1 ? "" : "s", j->eof ? "" : ", input not read to its end");
	return CLI_ERROR;
}

static void
jsonl_want(struct jsonl *j, struct pollfd *p)
{
	bool send_more = !j->deaf && j->up.ready > j->up.start;
	bool room = buf_room(&j->up);

	p[JSONL_STDIN] = (struct pollfd){
	    .fd = j->eof || j->closed || !room ? -1 : STDIN_FILENO, .events = POLLIN};
	p[JSONL_SOCKET] = (struct pollfd){.fd = j->closed ? -1 : j->fd};
	if (send_more)
		p[JSONL_SOCKET].events |= POLLOUT;
	if (buf_room(&j->down))
		p[JSONL_SOCKET].events |= POLLIN;
	else if (!send_more)
		p[JSONL_SOCKET].fd = -1; /* else its POLLHUP would keep us spinning */
	/* Even with nothing to write: POLLERR tells that the reader is gone. */
	p[JSONL_STDOUT] = (struct pollfd){.fd = STDOUT_FILENO};
	if (j->down.ready > j->down.start)
		p[JSONL_STDOUT].events |= POLLOUT;
}

static int
jsonl_late(const struct jsonl *j)
{
	uint64_t n = jsonl_unanswered(j);

	log_error("evaluate: %s: no answer in time: %ju request%s unanswered", j->path,
	    (uintmax_t)n, n == 1 ? "" : "s");
	return CLI_ERROR;
}

static int
jsonl_wait(struct jsonl *j, struct pollfd *p)
{
	bool owed = j->asked > j->answered && (p[JSONL_SOCKET].events & POLLIN);
	int64_t left = j->progress + j->timeout - clock_monotonic();
	int n;

	if (owed && left <= 0)
		return jsonl_late(j);
	n = poll(p, JSONL_FDS, owed ? (int)(left / 1000) + 1 : -1);
	if (n < 0 && errno != EINTR)
		cli_fatal(errno, "evaluate: poll");
	for (int i = 0; n < 0 && i < JSONL_FDS; i++)
		p[i].revents = 0;
	return CLI_YES;
}

static int
jsonl_turn(struct jsonl *j)
{
	struct pollfd p[JSONL_FDS];
	int code;

	if (!buf_room(&j->down) && j->down.ready == j->down.start) {
		log_error("evaluate: %s: %s", j->path, client_why(-EMSGSIZE));
		return CLI_ERROR;
	}
	while (j->asked - j->answered < j->in_flight && jsonl_release(j))
		continue;
	if (jsonl_done(j))
		return CLI_YES;
	jsonl_want(j, p);
	code = jsonl_wait(j, p);
	if (code == CLI_YES && p[JSONL_STDOUT].revents)
		code = jsonl_write_stdout(j);
	if (code == CLI_YES && (p[JSONL_SOCKET].revents & POLLOUT))
		jsonl_send(j);
	if (code == CLI_YES && (p[JSONL_SOCKET].revents & (POLLIN | POLLHUP | POLLERR)))
		code = jsonl_receive(j);
	if (code == CLI_YES && p[JSONL_STDIN].revents)
		code = jsonl_read_stdin(j);
	return code;
}

int
jsonl_run(const char *path, uint32_t timeout_s, uint32_t in_flight)
{
	static char up[2 * LIMIT_REQUEST_LINE + 1], down[CLIENT_REPLY];
	struct client c;
	int code = CLI_YES, error = client_open(&c, path, timeout_s, CLIENT_REPLY);
	struct stat st;
	struct jsonl j;

	if (error)
		cli_fatal(0, "%s: %s", path, client_why(error));
	j = (struct jsonl){.path = path,
	    .fd = c.fd,
	    .timeout = c.timeout,
	    .progress = clock_monotonic(),
	    .in_flight = in_flight,
	    .up = {.p = up, .cap = sizeof(up) - 1},
	    .down = {.p = down, .cap = sizeof(down)},
	    .any_length = fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode)};
	while (code == CLI_YES && !jsonl_done(&j))
		code = jsonl_turn(&j);
	if (code == CLI_YES)
		code = jsonl_end(&j);
	client_close(&c);
	return code;
}
