/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "common/jail.h"
#include "common/log.h"

#define EXEC_MS 2000

static void
child_signals(void)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		fatal(errno, "cannot unblock signals");
}

static void
child_identity(const struct spawn *s)
{
	const char *step = "";
	int error;

	if (!s->identity.change)
		return;
	error = jail_become(s->identity.uid, s->identity.gid, &step);
	if (error < 0)
		fatal(error, "cannot become uid %u: %s", (unsigned)s->identity.uid, step);
}

/* A parent that died before the request is in force does not count: hence the second look. */
static void
child_die_with_us(const struct spawn *s, pid_t parent)
{
	if (!s->die_with_us)
		return;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		fatal(errno, "cannot ask for the parent's death signal");
	if (getppid() != parent)
		_exit(1);
}

/*
 * After the given descriptors come the program's and one end of a pipe; both close on exec, and the
 * pipe's end tells the parent of it.
 */
static _Noreturn void
child_exec(const struct spawn *s, int started)
{
	int fds[FDS_PLACE_MAX];
	int program = SPAWN_FIRST_FD + (int)s->n_fds;
	char *const no_environment[] = {NULL};
	int error;

	memcpy(fds, s->fds, s->n_fds * sizeof(fds[0]));
	fds[s->n_fds] = s->program;
	fds[s->n_fds + 1] = started;
	error = fds_place(fds, s->n_fds + 2, SPAWN_FIRST_FD);
	if (error == 0)
		error = fd_set_cloexec(program, true);
	if (error == 0)
		error = fd_set_cloexec(program + 1, true);
	if (error < 0)
		fatal(error, "cannot place descriptors");
	(void)execveat(program, "", s->argv, no_environment, AT_EMPTY_PATH);
	fatal(errno, "cannot start %s", s->argv[0]);
}

static _Noreturn void
child(const struct spawn *s, pid_t parent, int started)
{
	child_signals();
	child_identity(s);
	child_die_with_us(s, parent);
	child_exec(s, started);
}

/*
 * Until the child has become the program or has ended, so that who is told that we are ready finds
 * only programs that run. A child that something holds up does not hold us up.
 */
static void
wait_for_exec(int started)
{
	struct pollfd p = {.fd = started};

	(void)poll(&p, 1, EXEC_MS);
}

pid_t
spawn(const struct spawn *s)
{
	CLEANUP_FD int ours = -1;
	CLEANUP_FD int theirs = -1;
	pid_t parent = getpid();
	int ends[2];
	pid_t pid;

	if (s->n_fds + 2 > FDS_PLACE_MAX)
		return -E2BIG;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(s, parent, theirs);
	(void)close(take_fd(&theirs));
	wait_for_exec(ours);
	return pid;
}
