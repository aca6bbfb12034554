/* SPDX-License-Identifier: Apache-2.0 */
/* The jail of the supervisor: it starts processes, but only what it is meant to, and writes no file. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/jail.h"
#include "common/landlock.h"
#include "policyd/supervisor/supervisor.h"
#include "tests/sandbox/sandbox.h"

#define OWN_PROGRAM SANDBOX_FIRST_FREE
#define OTHER_PROGRAM (SANDBOX_FIRST_FREE + 1)
#define DESCRIPTORS (SANDBOX_FIRST_FREE + 2)

static char top[64]; /* the directory of its sockets */
static char socket_path[96];

/* /bin/true plays policyd. */
static void
enter(void)
{
	static struct supervisor s;
	const char *step = "";

	if (dup2(open("/bin/true", O_PATH | O_CLOEXEC), OWN_PROGRAM) < 0 ||
	    dup2(open("/bin/ls", O_PATH | O_CLOEXEC), OTHER_PROGRAM) < 0)
		_exit(93);
	s.program = OWN_PROGRAM;
	(void)snprintf(s.settings.policy, sizeof(s.settings.policy), "/etc/passwd");
	s.listener[0] = (struct listener){.fd = SANDBOX_PAIR, .path = socket_path, .ours = true};
	s.listener[1] = (struct listener){.fd = -1};
	if (jail_basic(&step) < 0)
		_exit(94);
	supervisor_jail(&s);
}

static const struct sandbox supervisor = {"supervisor", enter, DESCRIPTORS};

/* What its filter has to leave to it or to what it starts, and Landlock does not deny. */
static const char *const left[] = {
    "fork",
    "abort_others",         /* as it may SIGKILL them */
    "change_a_socket",      /* its buffer */
    "hand_on_a_descriptor", /* a policy image, a record channel */
    "read_the_shadow_file", /* as far as its uid may */
    "read_the_password_file",
    "open_what_is_above",
    "open_absolutely",
    "list_a_directory",
    "make_a_memory_file",
    "make_memory_executable",
    "map_executable_memory",
    "map_an_executable_file",
    "become_dumpable",
};

static bool
is_left(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		if (strcmp(name, left[i]) == 0)
			return true;
	return false;
}

static void
test_what_it_must_not(void **state)
{
	(void)state;
#ifdef SANITIZED
	skip();
#endif
	for (size_t i = 0; i < sandbox_n_attempts; i++) {
		enum sandbox_outcome outcome;

		if (is_left(sandbox_attempts[i].name))
			continue;
		outcome = sandbox_try(&supervisor, sandbox_attempts[i].attempt);
		if (outcome != SANDBOX_KILLED && outcome != SANDBOX_REFUSED)
			fail_msg("%s: outcome %d", sandbox_attempts[i].name, (int)outcome);
	}
}

/* --- programs --------------------------------------------------------------------------------- */

static long
start(int program)
{
	char name[] = "true";
	char *const words[] = {name, NULL}, *const none[] = {NULL};

	return execveat(program, "", words, none, AT_EMPTY_PATH);
}

static long
start_its_own(void)
{
	return start(OWN_PROGRAM); /* which ends with status 0 */
}

static long
start_another(void)
{
	return start(OTHER_PROGRAM);
}

static long
start_by_path(void)
{
	char name[] = "true";
	char *const words[] = {name, NULL}, *const none[] = {NULL};

	return execveat(AT_FDCWD, "/bin/true", words, none, 0);
}

static long
start_a_shell(void)
{
	char name[] = "sh";
	char *const words[] = {name, NULL}, *const none[] = {NULL};

	return execveat(AT_FDCWD, "/bin/sh", words, none, AT_EMPTY_PATH);
}

/* What it starts has not more than it has. */
static long
escape_by_a_child(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		return 0;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? -1 : 0;
}

static long
clone_a_namespace(void)
{
	return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
}

static void
test_programs(void **state)
{
	(void)state;
	assert_int_equal(sandbox_try(&supervisor, start_its_own), SANDBOX_ESCAPED);
	if (landlock_abi() > 0) {
		assert_int_equal(sandbox_try(&supervisor, start_another), SANDBOX_REFUSED);
		assert_int_equal(sandbox_try(&supervisor, start_a_shell), SANDBOX_REFUSED);
	}
#ifndef SANITIZED
	assert_int_equal(sandbox_try(&supervisor, start_by_path), SANDBOX_KILLED);
	assert_int_equal(sandbox_try(&supervisor, clone_a_namespace), SANDBOX_KILLED);
	assert_int_equal(sandbox_try(&supervisor, escape_by_a_child), SANDBOX_REFUSED);
#else
	(void)start_by_path;
	(void)clone_a_namespace;
	(void)escape_by_a_child;
#endif
}

/* --- files and signals ------------------------------------------------------------------------ */

static long
write_an_existing_file(void)
{
	return open("/dev/null", O_WRONLY);
}

static long
read_a_file_of_no_use(void)
{
	return open(socket_path, O_RDONLY);
}

static long
list_a_directory_of_no_use(void)
{
	return open("/", O_RDONLY | O_DIRECTORY);
}

static long
read_a_policy(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long
remove_its_socket(void)
{
	return unlink(socket_path);
}

static long
remove_elsewhere(void)
{
	return unlink("/tmp/sealwright-nothing-to-remove");
}

static long
send_another_signal(void)
{
	return kill(getppid(), SIGSTOP);
}

/* Of a group that cannot be: nobody is hit where it is not forbidden. */
static long
end_a_whole_group(void)
{
	return kill(-INT32_MAX, SIGKILL);
}

static int
make_socket_place(void **state)
{
	int fd;

	(void)state;
	(void)snprintf(top, sizeof(top), "/tmp/sealwright-sandbox.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	(void)snprintf(socket_path, sizeof(socket_path), "%s/s", top);
	fd = open(socket_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : close(fd);
}

static int
remove_socket_place(void **state)
{
	(void)state;
	(void)unlink(socket_path);
	return rmdir(top);
}

static void
test_files_and_signals(void **state)
{
	(void)state;
	if (landlock_abi() == 0)
		skip();
	assert_int_equal(sandbox_try(&supervisor, write_an_existing_file), SANDBOX_REFUSED);
	assert_int_equal(sandbox_try(&supervisor, read_a_file_of_no_use), SANDBOX_REFUSED);
	assert_int_equal(sandbox_try(&supervisor, list_a_directory_of_no_use), SANDBOX_REFUSED);
	assert_int_equal(sandbox_try(&supervisor, read_a_policy), SANDBOX_ESCAPED);
	assert_int_equal(sandbox_try(&supervisor, remove_elsewhere), SANDBOX_REFUSED);
	assert_int_equal(sandbox_try(&supervisor, remove_its_socket), SANDBOX_ESCAPED);
#ifndef SANITIZED
	assert_int_equal(sandbox_try(&supervisor, send_another_signal), SANDBOX_KILLED);
	assert_int_equal(sandbox_try(&supervisor, end_a_whole_group), SANDBOX_KILLED);
#else
	(void)end_a_whole_group;
	(void)send_another_signal;
#endif
}

static long
end_honestly(void)
{
	abort();
}

static void
test_abort(void **state)
{
	(void)state;
	assert_int_equal(sandbox_try(&supervisor, end_honestly), SANDBOX_ABORTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_it_must_not),
	    cmocka_unit_test(test_programs),
	    cmocka_unit_test(test_files_and_signals),
	    cmocka_unit_test(test_abort),
	};

	return cmocka_run_group_tests(tests, make_socket_place, remove_socket_place);
}
