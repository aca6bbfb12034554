/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a tool says and how it ends: each case runs in a child whose stdout is a pipe, a terminal or a
 * full device. Included by test programs only.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cli.h"

struct result {
	int code;
	char out[8192]; /* stdout */
	char err[4096]; /* stderr */
};

enum stdout_kind {
	TO_PIPE,
	TO_TERMINAL,
	TO_FULL,
	TO_CLOSED,
	TO_NOBODY
};

/* Master side of a new terminal without output processing; its slave in *ret_slave. */
static inline int
terminal(int *ret_slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	struct termios t;

	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	*ret_slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(*ret_slave >= 0 && tcgetattr(*ret_slave, &t) == 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(*ret_slave, TCSANOW, &t), 0);
	return master;
}

static inline void
slurp(int fd, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n;

	/* A terminal whose other side has closed says EIO. */
	while (used < size - 1 && (n = read(fd, buf + used, size - 1 - used)) > 0)
		used += (size_t)n;
	buf[used] = '\0';
	(void)close(fd);
}

static inline void
redirect(enum stdout_kind kind, int out)
{
	int fd = kind == TO_FULL ? open("/dev/full", O_WRONLY) : out;

	if (kind == TO_CLOSED)
		(void)close(STDOUT_FILENO);
	else
		(void)dup2(fd, STDOUT_FILENO);
}

static inline void
stdout_ends(enum stdout_kind kind, int ends[2])
{
	if (kind == TO_TERMINAL)
		ends[0] = terminal(&ends[1]);
	else
		assert_int_equal(pipe(ends), 0);
	if (kind == TO_NOBODY) {
		(void)close(ends[0]);
		ends[0] = open("/dev/null", O_RDONLY);
	}
}

/* What fn returns is its exit code, by cli_finish(). */
static inline struct result
run(int (*fn)(void), enum stdout_kind kind)
{
	struct result r = {0};
	int out[2], err[2], status;
	pid_t pid;

	stdout_ends(kind, out);
	assert_int_equal(pipe(err), 0);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		redirect(kind, out[1]);
		(void)dup2(err[1], STDERR_FILENO);
		for (int fd = STDERR_FILENO + 1; fd < 32; fd++)
			(void)close(fd);
		cli_init("tool");
		exit(cli_finish(fn()));
	}
	(void)close(err[1]);
	(void)close(out[1]);
	slurp(out[0], r.out, sizeof(r.out));
	slurp(err[0], r.err, sizeof(r.err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	r.code = WEXITSTATUS(status);
	return r;
}
