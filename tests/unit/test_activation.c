/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Socket activation with real sockets. Descriptors count from 3, so each case runs in a child that
 * places them there as a service manager does.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/activation.h"
#include "common/fds.h"
#include "common/str.h"

static char dir[] = "/tmp/test_activation.XXXXXX";
static const struct activation_want wants[] = {
    {"policyd", "/unset"},
    {"admin", "/unset"},
};

/* One child: sockets of these kinds at 3, 4 ...; 'a' and 'b' listen on a path each. */
struct launch {
	const char *
	    kinds; /* a b: listening; d: datagram; i: inet; q: not listening; f: a file; x: closed */
	const char *fds, *names;
	bool other_pid;
	int want_error;  /* of activation_take() */
	int want_assign; /* of activation_assign() */
	int want_fds[2];
	bool by_path; /* wants name the paths of b (policyd) and a (admin) */
};

static int
unix_socket(char kind, int type)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/%c.%d", dir, kind, (int)getpid());
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		_exit(101);
	return fd;
}

static int
make(char kind)
{
	int fd;

	switch (kind) {
	case 'd':
		return unix_socket(kind, SOCK_DGRAM);
	case 'q':
		return unix_socket(kind, SOCK_STREAM);
	case 'i':
		return socket(AF_INET, SOCK_STREAM, 0);
	case 'f':
		return open("/dev/null", O_RDONLY);
	case 'x':
		return -1;
	default:
		fd = unix_socket(kind, SOCK_STREAM);
		return listen(fd, 5) < 0 ? -1 : fd;
	}
}

static void
place(const struct launch *l)
{
	int fds[ACTIVATION_MAX + 2];
	size_t n = strlen(l->kinds);
	char pid[32];

	for (size_t i = 0; i < n; i++)
		fds[i] = make(l->kinds[i]);
	if (fds_place(fds, n, 3) < 0)
		_exit(102);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid() + (l->other_pid ? 1 : 0));
	setenv("LISTEN_PID", pid, 1);
	if (l->fds)
		setenv("LISTEN_FDS", l->fds, 1);
	if (l->names)
		setenv("LISTEN_FDNAMES", l->names, 1);
}

static int
check_taken(const struct activation *a)
{
	for (size_t i = 0; i < a->n; i++) {
		int fd = a->socket[i].fd;

		if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC) || !(fcntl(fd, F_GETFL) & O_NONBLOCK))
			return 10;
	}
	return getenv("LISTEN_FDS") || getenv("LISTEN_PID") || getenv("LISTEN_FDNAMES") ? 11 : 0;
}

static int
child(const struct launch *l)
{
	struct activation a = {.n = 99};
	char path_a[108], path_b[108];
	struct activation_want by_path[] = {{"policyd", path_b}, {"admin", path_a}};
	int fds[2], error;

	place(l);
	(void)snprintf(path_a, sizeof(path_a), "%s/a.%d", dir, (int)getpid());
	(void)snprintf(path_b, sizeof(path_b), "%s/b.%d", dir, (int)getpid());
	error = activation_take(&a);
	if (error != l->want_error)
		return 1;
	if (error < 0)
		return a.n == 99 ? 0 : 2;
	error = activation_assign(&a, l->by_path ? by_path : wants, 2, fds);
	if (error != l->want_assign)
		return 3;
	if (error == 0 && (fds[0] != l->want_fds[0] || fds[1] != l->want_fds[1]))
		return 4;
	return check_taken(&a);
}

static void
run(const struct launch *l)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child(l));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg(
		    "kinds %s fds %s names %s: status %#x", l->kinds, l->fds, l->names, status);
}

static void
run_all(const struct launch *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run(&l[i]);
}

static void
test_assignment(void **state)
{
	static const struct launch cases[] = {
	    {.kinds = "ab", .fds = "2", .names = "policyd:admin", .want_fds = {3, 4}},
	    {.kinds = "ab", .fds = "2", .names = "admin:policyd", .want_fds = {4, 3}},
	    {.kinds = "a", .fds = "1", .names = "admin", .want_fds = {-1, 3}},
	    {.kinds = "ab", .fds = "2", .names = "admin.socket:policyd.socket", .want_fds = {4, 3}},
	    {.kinds = "ab", .fds = "2", .names = ".socket:policyd", .want_assign = -ENXIO},
	    {.kinds = "a", .fds = "1", .names = "policyd", .want_fds = {3, -1}},
	    {.kinds = "ab", .fds = "2", .names = NULL, .want_fds = {3, 4}},
	    {.kinds = "ab", .fds = "2", .names = "unknown:unknown", .want_fds = {3, 4}},
	    {.kinds = "ab", .fds = "2", .names = NULL, .by_path = true, .want_fds = {4, 3}},
	    {.kinds = "a", .fds = "1", .names = "x", .by_path = true, .want_fds = {-1, 3}},
	    {.kinds = "ab",
		.fds = "2",
		.names = "policyd:admin",
		.by_path = true,
		.want_fds = {3, 4}},
	    {.kinds = "ab", .fds = "2", .names = "policyd:policyd", .want_assign = -ENOTUNIQ},
	    {.kinds = "ab", .fds = "2", .names = "policyd:other", .want_assign = -ENXIO},
	    {.kinds = "abc", .fds = "3", .names = "policyd:admin:more", .want_assign = -ENXIO},
	    {.kinds = "abc", .fds = "3", .want_assign = -ENXIO},
	    {.kinds = "a",
		.fds = "1",
		.names = "policyd:admin:more:than:needed",
		.want_fds = {3, -1}},
	};

	(void)state;
	run_all(cases, ARRAY_SIZE(cases));
}

static void
test_not_activated(void **state)
{
	static const struct launch cases[] = {
	    {.kinds = "ab", .fds = NULL, .want_fds = {-1, -1}},
	    {.kinds = "ab", .fds = "0", .want_fds = {-1, -1}},
	    {.kinds = "ab", .fds = "2", .other_pid = true, .want_fds = {-1, -1}},
	};

	(void)state;
	run_all(cases, ARRAY_SIZE(cases));
}

static void
test_wrong_kinds(void **state)
{
	static const struct launch cases[] = {
	    {.kinds = "d", .fds = "1", .want_error = -EPROTOTYPE},
	    {.kinds = "i", .fds = "1", .want_error = -EPROTOTYPE},
	    {.kinds = "q", .fds = "1", .want_error = -EDESTADDRREQ},
	    {.kinds = "f", .fds = "1", .want_error = -ENOTSOCK},
	    {.kinds = "x", .fds = "1", .want_error = -EBADF},
	    {.kinds = "a", .fds = "2", .want_error = -EBADF},
	    {.kinds = "a", .fds = "-1", .want_error = -EINVAL},
	    {.kinds = "a", .fds = "1x", .want_error = -EINVAL},
	    {.kinds = "a", .fds = "", .want_error = -EINVAL},
	    {.kinds = "a", .fds = "9", .want_error = -E2BIG},
	    {.kinds = "a", .fds = "99999999999999999999", .want_error = -EINVAL},
	};

	(void)state;
	run_all(cases, ARRAY_SIZE(cases));
}

static int
setup(void **state)
{
	(void)state;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* The children's sockets, then the directory. */
static int
teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_assignment),
	    cmocka_unit_test(test_not_activated),
	    cmocka_unit_test(test_wrong_kinds),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
