/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sandbox/sandbox.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fds.h"
#include "common/log.h"

/* cmocka's own, and this one would hide what became of the child. */
static void
default_signals(void)
{
	static const int caught[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS};

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		(void)signal(caught[i], SIG_DFL);
}

static void
arrange_descriptors(int descriptors)
{
	char path[] = "/tmp/sealwright-sandbox.XXXXXX";
	int pair[2], fds[FDS_PLACE_MAX], n = descriptors - SANDBOX_PAIR;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		_exit(90);
	fds[0] = pair[0];
	fds[1] = mkstemp(path);
	(void)unlink(path);
	fds[2] = open("/tmp", O_RDONLY | O_DIRECTORY);
	for (int i = 3; i < n; i++)
		fds[i] = open("/dev/null", O_RDWR);
	for (int i = 0; i < n; i++)
		if (fds[i] < 0)
			_exit(91);
	if (fds_place(fds, (size_t)n, SANDBOX_PAIR) < 0)
		_exit(92);
}

static _Noreturn void
child(const struct sandbox *s, sandbox_attempt *attempt)
{
	log_init(s->name);
	default_signals();
	arrange_descriptors(s->descriptors);
	s->enter();
	_exit(attempt() < 0 ? SANDBOX_REFUSED : SANDBOX_ESCAPED);
}

enum sandbox_outcome
sandbox_try(const struct sandbox *s, sandbox_attempt *attempt)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		child(s, attempt);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(WCOREDUMP(status));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return SANDBOX_KILLED;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
		return SANDBOX_ABORTED;
	if (WIFEXITED(status) && WEXITSTATUS(status) <= SANDBOX_REFUSED)
		return (enum sandbox_outcome)WEXITSTATUS(status);
	print_error("%s: status %x\n", s->name, (unsigned)status);
	return SANDBOX_OTHER;
}

static bool
is_among(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

void
sandbox_try_all(const struct sandbox *s, const struct sandbox_case *cases, size_t n,
    enum sandbox_outcome expected, const char *const *others)
{
	unsigned faults = 0;

	for (size_t i = 0; i < n; i++) {
		enum sandbox_outcome outcome = sandbox_try(s, cases[i].attempt);

		if (outcome == expected ||
		    (outcome == SANDBOX_REFUSED && is_among(cases[i].name, others)))
			continue;
		faults++;
		print_error("%s: %s: outcome %d\n", s->name, cases[i].name, (int)outcome);
	}
	assert_int_equal(faults, 0);
}

long
sandbox_end_honestly(void)
{
	abort();
}

long
sandbox_end_by_a_check(void)
{
	static char not_from_malloc[64] __attribute__((aligned(16)));
	char *volatile p = not_from_malloc + 16;

	free(p);
	return 0;
}
