/* SPDX-License-Identifier: Apache-2.0 */
/* The jail of auditlog, which parses what whoever could write to a log directory has left there. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditlog/reader.h"
#include "common/landlock.h"
#include "common/str.h"
#include "tests/sandbox/sandbox.h"

static char top[64];

static void
enter(void)
{
	reader_seal(SANDBOX_DIRECTORY, NULL, 0);
}

/* As verify-proof: what it reads came in before. */
static void
enter_without_directory(void)
{
	reader_seal(-1, NULL, 0);
}

/* As prove: one file more. */
static void
enter_with_file(void)
{
	const int keep = SANDBOX_FILE;

	reader_seal(SANDBOX_DIRECTORY, &keep, 1);
}

static const struct sandbox jails[] = {
    {"auditlog", enter, SANDBOX_FIRST_FREE},
    {"auditlog with a file", enter_with_file, SANDBOX_FIRST_FREE},
};
static const struct sandbox without = {
    "auditlog without a directory", enter_without_directory, SANDBOX_FIRST_FREE};

/* --- what all must not ------------------------------------------------------------------------- */

/* All that others must not, but for what this one is there to do. */
static size_t
attempts(struct sandbox_case *out, bool lists)
{
	size_t n = 0;

	for (size_t i = 0; i < sandbox_n_attempts; i++)
		if (!lists || strcmp(sandbox_attempts[i].name, "list_a_directory") != 0)
			out[n++] = sandbox_attempts[i];
	return n;
}

static void
test_what_it_must_not(void **state)
{
	/* The call is left to it; Landlock denies them. */
	static const char *const refused[] = {
	    "fork_by_clone3", "open_what_is_above", "open_absolutely", NULL};
	struct sandbox_case cases[128];

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	if (landlock_abi() == 0)
		skip();
	assert_true(sandbox_n_attempts <= ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(jails); i++)
		sandbox_try_all(&jails[i], cases, attempts(cases, true), SANDBOX_KILLED, refused);
}

static void
test_without_a_directory(void **state)
{
	static const char *const refused[] = {"fork_by_clone3", "list_a_directory", NULL};
	struct sandbox_case cases[128];

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	sandbox_try_all(&without, cases, attempts(cases, false), SANDBOX_KILLED, refused);
}

/* --- arguments --------------------------------------------------------------------------------- */

static long
write_a_file_of_the_log(void)
{
	return openat(SANDBOX_DIRECTORY, "sealwright-nothing", O_WRONLY);
}

static long
read_and_write_a_file_of_the_log(void)
{
	return openat(SANDBOX_DIRECTORY, "sealwright-nothing", O_RDWR);
}

static long
make_a_file_in_the_log(void)
{
	return openat(SANDBOX_DIRECTORY, "sealwright-nothing", O_RDONLY | O_CREAT, 0600);
}

static long
cut_a_file_of_the_log(void)
{
	return openat(SANDBOX_DIRECTORY, "sealwright-nothing", O_RDONLY | O_TRUNC);
}

static long
make_a_nameless_file_in_the_log(void)
{
	return openat(SANDBOX_DIRECTORY, ".", O_TMPFILE | O_RDWR, 0600);
}

static long
open_by_another_directory(void)
{
	return openat(SANDBOX_PAIR, "sealwright-nothing", O_RDONLY);
}

/* Shares everything but is a process. */
static long
clone_a_process(void)
{
	return syscall(SYS_clone, 0x100 | 0x200 | 0x400 | 0x800, 0, 0, 0, 0);
}

static long
push_into_a_terminal(void)
{
	return ioctl(STDIN_FILENO, TIOCSTI, "x");
}

static long
duplicate_by_fcntl(void)
{
	return fcntl(STDOUT_FILENO, F_DUPFD, 0);
}

static long
change_flags(void)
{
	return fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
}

static long
writev_elsewhere(void)
{
	return syscall(SYS_writev, STDOUT_FILENO, NULL, 0);
}

static long
stop_itself(void)
{
	return syscall(SYS_tgkill, getpid(), gettid(), SIGSTOP);
}

static long
catch_another_signal(void)
{
	return signal(SIGSYS, SIG_IGN) == SIG_ERR ? -1 : 0;
}

static void
test_arguments(void **state)
{
	static const struct sandbox_case cases[] = {
	    {"write a file of the log", write_a_file_of_the_log},
	    {"read and write a file of the log", read_and_write_a_file_of_the_log},
	    {"make a file in the log", make_a_file_in_the_log},
	    {"cut a file of the log", cut_a_file_of_the_log},
	    {"make a nameless file in the log", make_a_nameless_file_in_the_log},
	    {"open by another directory", open_by_another_directory},
	    {"clone a process", clone_a_process},
	    {"push into a terminal", push_into_a_terminal},
	    {"duplicate by fcntl", duplicate_by_fcntl},
	    {"change flags", change_flags},
	    {"writev elsewhere", writev_elsewhere},
	    {"stop itself", stop_itself},
	    {"catch another signal", catch_another_signal},
	};
	static const char *const none[] = {NULL};

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	sandbox_try_all(&jails[0], cases, ARRAY_SIZE(cases), SANDBOX_KILLED, none);
}

/* --- Landlock alone ---------------------------------------------------------------------------- */

/* The link is within the directory, what it leads to is not. */
static long
follow_a_link(void)
{
	return openat(SANDBOX_DIRECTORY, top + sizeof("/tmp/") - 1, O_RDONLY);
}

static void
test_links(void **state)
{
	(void)state;
	if (landlock_abi() == 0)
		skip();
	(void)snprintf(top, sizeof(top), "/tmp/sealwright-link-%d", (int)getpid());
	assert_int_equal(symlink("/etc/passwd", top), 0);
	assert_int_equal(sandbox_try(&jails[0], follow_a_link), SANDBOX_REFUSED);
	assert_int_equal(unlink(top), 0);
}

/* --- what it may ------------------------------------------------------------------------------- */

static long
read_a_file_of_the_log(void)
{
	char bytes[8];
	int fd = openat(SANDBOX_DIRECTORY, top + sizeof("/tmp/") - 1, O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, bytes, sizeof(bytes)) != 4 ? -1 : close(fd);
}

static void
test_reads_the_log(void **state)
{
	int fd;

	(void)state;
	(void)snprintf(top, sizeof(top), "/tmp/sealwright-file-XXXXXX");
	fd = mkstemp(top);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "log\n", 4), 4);
	assert_int_equal(close(fd), 0);
	assert_int_equal(sandbox_try(&jails[0], read_a_file_of_the_log), SANDBOX_ESCAPED);
	assert_int_equal(unlink(top), 0);
}

static long
list_the_log(void)
{
	char bytes[4096];
	int fd = openat(SANDBOX_DIRECTORY, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : syscall(SYS_getdents64, fd, bytes, sizeof(bytes));
}

static void *
work(void *arg)
{
	free(malloc(1 << 20));
	return arg;
}

static long
make_threads(void)
{
	pthread_t threads[8];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		if (pthread_join(threads[i], NULL) != 0)
			return -1;
	return 0;
}

static long
write_the_file(void)
{
	return write(SANDBOX_FILE, "proof", 5) == 5 ? fsync(SANDBOX_FILE) : -1;
}

static long
end_honestly(void)
{
	abort();
}

static void
test_what_it_may(void **state)
{
	(void)state;
	assert_int_equal(sandbox_try(&jails[0], list_the_log), SANDBOX_ESCAPED);
	assert_int_equal(sandbox_try(&jails[0], make_threads), SANDBOX_ESCAPED);
	assert_int_equal(sandbox_try(&jails[1], write_the_file), SANDBOX_ESCAPED);
	assert_int_equal(sandbox_try(&without, make_threads), SANDBOX_ESCAPED);
	assert_int_equal(sandbox_try(&jails[0], end_honestly), SANDBOX_ABORTED);
}

/* Somebody else stops the process while it sleeps, and lets it go on. */
static void
enter_and_be_stopped(void)
{
	pid_t jailed = getpid();

	if (fork() == 0) {
		(void)usleep(100000);
		(void)kill(jailed, SIGSTOP);
		(void)usleep(100000);
		(void)kill(jailed, SIGCONT);
		_exit(0);
	}
	enter();
}

static long
sleep_a_while(void)
{
	const struct timespec while_ = {.tv_nsec = 400000000};

	return clock_nanosleep(CLOCK_MONOTONIC, 0, &while_, NULL);
}

static void
test_goes_on(void **state)
{
	const struct sandbox stopped = {"auditlog", enter_and_be_stopped, SANDBOX_FIRST_FREE};

	(void)state;
	assert_int_equal(sandbox_try(&stopped, sleep_a_while), SANDBOX_ESCAPED);
}

/* What was open and is not named is closed. */
static void
test_descriptors(void **state)
{
	(void)state;
	assert_int_equal(sandbox_try(&jails[0], write_the_file), SANDBOX_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_it_must_not),
	    cmocka_unit_test(test_without_a_directory),
	    cmocka_unit_test(test_arguments),
	    cmocka_unit_test(test_links),
	    cmocka_unit_test(test_reads_the_log),
	    cmocka_unit_test(test_what_it_may),
	    cmocka_unit_test(test_goes_on),
	    cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
