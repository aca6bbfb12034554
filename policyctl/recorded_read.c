/* SPDX-License-Identifier: Apache-2.0 */

/* The files of an audit directory, line by line, in a jail. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/cli.h"
#include "common/limits.h"
#include "common/reading_jail.h"
#include "policyctl/recorded.h"
#include "proto/logdir.h"

#define READ_BLOCK ((size_t)1 << 20)
/* Flags that make, cut or write a file. */
#define READER_WRITES ((uint64_t)(O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY)))

static void
enter_jail(int directory)
{
	const struct syscall_rule calls[] = {
#include "policyctl/syscalls.def"
	};
	const struct reading_jail jail = {
	    .calls = calls, .n_calls = ARRAY_SIZE(calls), .directory = directory};

	reading_jail_enter(&jail);
}

/* What of a file is at hand: bytes, the first of which begin a line, or end one that is too long. */
struct block {
	char *p;
	size_t n;
	bool in_long; /* a line too long to be a record is being passed over */
};

/* Take all lines that are whole; what is left is the beginning of one. */
static int
take_lines(struct recordings *r, struct block *b)
{
	struct str rest = {b->p, b->n};
	const char *end;
	int error = 0;

	while (error == 0 && rest.n > 0 && (end = memchr(rest.p, '\n', rest.n))) {
		struct str line = {rest.p, (size_t)(end - rest.p)};

		if (!b->in_long)
			error = recordings_line(r, line);
		b->in_long = false;
		rest = str_skip(rest, line.n + 1);
	}
	b->n = rest.n;
	memmove(b->p, rest.p, rest.n);
	return error;
}

/* NULs stand behind the lines of a segment that is being written. */
static bool
is_at_end(const struct block *b)
{
	return b->n > 0 && b->p[0] == '\0' && !b->in_long;
}

static void
pass_long_line(struct recordings *r, struct block *b)
{
	if (b->n <= LIMIT_LINE)
		return;
	r->not_read += !b->in_long;
	b->in_long = true;
	b->n = 0;
}

/* What is left at the end of a file is a line that was not finished. */
static int
take_file(struct recordings *r, int fd, char *buf)
{
	struct block b = {buf, 0, false};
	ssize_t n;
	int error = 0;

	while (error == 0 && !is_at_end(&b)) {
		n = read(fd, b.p + b.n, READ_BLOCK - b.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		b.n += (size_t)n;
		error = take_lines(r, &b);
		if (!is_at_end(&b))
			pass_long_line(r, &b);
	}
	return error;
}

static void
read_segment(struct recordings *r, const char *command, const struct logdir *d,
    const struct logdir_segment *segment, char *buf)
{
	char name[SEGNAME_SIZE] = "";
	CLEANUP_FD int fd = logdir_lines(d, segment->base, name, NULL);
	int error = fd < 0 ? fd : take_file(r, fd, buf);

	/* Taken away, or none of ours, between listing and looking. */
	if (error == -ENOENT || error == -ENXIO)
		return;
	if (error < 0)
		cli_fatal(error, "%s: %s", command, name[0] ? name : segment->base);
	r->segments++;
}

void
recordings_read(struct recordings *r, const char *command, const char *dir, int64_t since)
{
	CLEANUP_FREE char *buf = malloc(READ_BLOCK);
	struct logdir d;
	int error = logdir_open(&d, dir);

	*r = (struct recordings){.since = since};
	if (error < 0 || !buf)
		cli_fatal(error < 0 ? error : ENOMEM, "%s: %s", command, dir);
	if (getrandom(r->seed, sizeof(r->seed), 0) != sizeof(r->seed))
		cli_fatal(errno, "%s: random numbers", command);
	enter_jail(d.fd);
	error = logdir_list(&d);
	if (error < 0)
		cli_fatal(error, "%s: %s", command, dir);
	for (size_t i = 0; i < d.n; i++)
		if (d.segments[i].kinds & (LOGDIR_CLOSED | LOGDIR_TMP))
			read_segment(r, command, &d, &d.segments[i], buf);
	logdir_close(&d);
	if (r->segments == 0)
		cli_fatal(0, "%s: %s: no audit log", command, dir);
}
