/* SPDX-License-Identifier: Apache-2.0 */
/* The jails of evaluators and admin: what serves strangers. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "policyd/admin/admin.h"
#include "policyd/client/role.h"
#include "policyd/evaluator/evaluator.h"
#include "tests/sandbox/sandbox.h"

static const struct settings settings = {.evaluators = 1};

static void
enter_evaluator(void)
{
	(void)role_enter(1);
	evaluator_jail(&settings);
}

static void
enter_admin(void)
{
	(void)role_enter(1);
	admin_jail(&settings);
}

static const struct sandbox jails[] = {
    {"evaluator", enter_evaluator, ROLE_DESCRIPTORS},
    {"admin", enter_admin, ROLE_DESCRIPTORS},
};

static void
test_what_it_must_not(void **state)
{
	static const char *const refused[] = {"fork_by_clone3", NULL};

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	for (size_t i = 0; i < ARRAY_SIZE(jails); i++)
		sandbox_try_all(
		    &jails[i], sandbox_attempts, sandbox_n_attempts, SANDBOX_KILLED, refused);
}

/* --- arguments -------------------------------------------------------------------------------- */

static long
accept_elsewhere(void)
{
	return accept4(SANDBOX_PAIR, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static long
accept_without_flags(void)
{
	return accept4(ROLE_FD_LISTEN, NULL, NULL, 0);
}

static long
ask_a_socket_for_more(void)
{
	int v;
	socklen_t n = sizeof(v);

	return getsockopt(SANDBOX_PAIR, SOL_SOCKET, SO_SNDBUF, &v, &n);
}

static long
duplicate_by_fcntl(void)
{
	return fcntl(SANDBOX_FILE, F_DUPFD, 0);
}

static long
lose_nonblocking(void)
{
	return fcntl(SANDBOX_PAIR, F_SETFL, 0);
}

static long
rewind_a_file(void)
{
	return lseek(SANDBOX_FILE, 0, SEEK_SET);
}

static long
writev_elsewhere(void)
{
	return syscall(SYS_writev, SANDBOX_FILE, NULL, 0);
}

static long
poll_and_wait(void)
{
	return syscall(SYS_poll, NULL, 0, 1);
}

static long
kill_itself_otherwise(void)
{
	return syscall(SYS_tgkill, getpid(), gettid(), SIGSTOP);
}

/* The upper half of a register says nothing about an int: this is F_DUPFD all the same. */
static long
upper_half(void)
{
	return syscall(SYS_fcntl, SANDBOX_FILE, (UINT64_C(1) << 32) | F_DUPFD, 0);
}

static void
test_arguments(void **state)
{
	static const struct sandbox_case cases[] = {
	    {"accept elsewhere", accept_elsewhere},
	    {"accept without flags", accept_without_flags},
	    {"ask a socket for more", ask_a_socket_for_more},
	    {"duplicate by fcntl", duplicate_by_fcntl},
	    {"lose O_NONBLOCK", lose_nonblocking},
	    {"rewind a file", rewind_a_file},
	    {"writev elsewhere", writev_elsewhere},
	    {"poll and wait", poll_and_wait},
	    {"stop itself", kill_itself_otherwise},
	    {"fcntl with an upper half", upper_half},
	};

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	for (size_t i = 0; i < ARRAY_SIZE(jails); i++)
		for (size_t k = 0; k < ARRAY_SIZE(cases); k++)
			assert_int_equal(sandbox_try(&jails[i], cases[k].attempt), SANDBOX_KILLED);
}

/* --- what must stay possible ------------------------------------------------------------------ */

static long
stay_alive(void)
{
	struct timespec now;
	char *small = malloc(1 << 20), *large;

	if (!small || syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) < 0)
		return -1;
	large = realloc(small, 4 << 20);
	if (!large) {
		free(small);
		return -1;
	}
	free(large);
	return 0;
}

/* F_GET_SEALS with rubbish in the upper half of the register is F_GET_SEALS: an error, not a death. */
static long
upper_half_of_what_is_allowed(void)
{
	(void)syscall(SYS_fcntl, SANDBOX_FILE, (UINT64_C(1) << 32) | F_GET_SEALS, 0);
	return 0;
}

static void
test_what_it_may(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(jails); i++) {
		assert_int_equal(sandbox_try(&jails[i], stay_alive), SANDBOX_ESCAPED);
		assert_int_equal(
		    sandbox_try(&jails[i], upper_half_of_what_is_allowed), SANDBOX_ESCAPED);
		assert_int_equal(sandbox_try(&jails[i], sandbox_end_honestly), SANDBOX_ABORTED);
#ifndef SANITIZED
		assert_int_equal(sandbox_try(&jails[i], sandbox_end_by_a_check), SANDBOX_ABORTED);
#endif
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_it_must_not),
	    cmocka_unit_test(test_arguments),
	    cmocka_unit_test(test_what_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
