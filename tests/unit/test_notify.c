/* SPDX-License-Identifier: Apache-2.0 */
/* The notification protocol against real sockets, on a path and abstract. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/notify.h"
#include "common/str.h"

struct manager {
	int fd;
	char dir[64];
	char where[128];
};

static void
listen_at(struct manager *m)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = strlen(m->where);

	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(m->fd >= 0);
	memcpy(a.sun_path, m->where, n);
	if (m->where[0] == '@')
		a.sun_path[0] = '\0';
	n += offsetof(struct sockaddr_un, sun_path);
	assert_int_equal(bind(m->fd, (struct sockaddr *)&a, (socklen_t)n), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", m->where, 1), 0);
}

static int
setup(void **state)
{
	static struct manager m;

	m = (struct manager){.fd = -1, .dir = "/tmp/test_notify.XXXXXX"};
	assert_non_null(mkdtemp(m.dir));
	(void)snprintf(m.where, sizeof(m.where), "%s/socket", m.dir);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	unsetenv("NOTIFY_SOCKET");
	*state = &m;
	return 0;
}

static int
teardown(void **state)
{
	struct manager *m = *state;

	if (m->fd >= 0)
		close(m->fd);
	if (m->where[0] == '/')
		unlink(m->where);
	return rmdir(m->dir);
}

static void
expect(const struct manager *m, const char *want)
{
	char buf[512];
	ssize_t n = recv(m->fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	assert_true(n > 0);
	buf[n] = '\0';
	assert_string_equal(buf, want);
}

static void
expect_silence(const struct manager *m)
{
	char c;

	assert_int_equal(recv(m->fd, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
test_states(void **state)
{
	struct manager *m = *state;
	struct notify n;
	char buf[512];
	ssize_t got;

	listen_at(m);
	assert_int_equal(notify_open(&n), 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	expect_silence(m);
	assert_int_equal(notify_ready(&n, "serving"), 0);
	expect(m, "READY=1\nSTATUS=serving\n");
	assert_int_equal(notify_ready(&n, NULL), 0);
	expect(m, "READY=1\n");
	assert_int_equal(notify_stopping(&n, "ends"), 0);
	expect(m, "STOPPING=1\nSTATUS=ends\n");
	assert_int_equal(notify_status(&n, "two\nREADY=1\rx"), 0);
	expect(m, "STATUS=two READY=1 x\n");
	assert_int_equal(notify_watchdog(&n), 0);
	expect(m, "WATCHDOG=1\n");
	assert_int_equal(notify_reloading(&n), 0);
	got = recv(m->fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);
	assert_true(got > 0);
	buf[got] = '\0';
	assert_ptr_equal(strstr(buf, "RELOADING=1\nMONOTONIC_USEC="), buf);
	assert_true(strtoll(buf + sizeof("RELOADING=1\nMONOTONIC_USEC=") - 1, NULL, 10) > 0);
	notify_close(&n);
}

static void
test_long_status_is_cut(void **state)
{
	struct manager *m = *state;
	struct notify n;
	char status[2 * NOTIFY_STATUS + 1], want[2 * NOTIFY_STATUS];

	listen_at(m);
	memset(status, 'x', sizeof(status));
	status[sizeof(status) - 1] = '\0';
	assert_int_equal(notify_open(&n), 0);
	assert_int_equal(notify_ready(&n, status), 0);
	(void)snprintf(want, sizeof(want), "READY=1\nSTATUS=%.*s\n", NOTIFY_STATUS, status);
	expect(m, want);
	notify_close(&n);
}

static void
test_abstract(void **state)
{
	struct manager *m = *state;
	struct notify n;

	(void)snprintf(m->where, sizeof(m->where), "@test_notify.%d", (int)getpid());
	listen_at(m);
	assert_int_equal(notify_open(&n), 0);
	assert_int_equal(notify_ready(&n, NULL), 0);
	expect(m, "READY=1\n");
	notify_close(&n);
}

static void
test_nobody(void **state)
{
	struct notify n;

	(void)state;
	assert_int_equal(notify_open(&n), 0);
	assert_int_equal(n.fd, -1);
	assert_int_equal(notify_ready(&n, "x"), 0);
	assert_int_equal(notify_watchdog(&n), 0);
	notify_close(&n);
}

static void
test_bad_addresses(void **state)
{
	static const struct {
		const char *where;
		int error;
	} cases[] = {
	    {"vsock:2:1234", -EAFNOSUPPORT},
	    {"", -EAFNOSUPPORT},
	    {"relative", -EAFNOSUPPORT},
	    {"/", -EINVAL},
	    {"@", -EINVAL},
	    {"/nowhere/at/all", -ENOENT},
	};
	char longest[200];
	struct notify n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setenv("NOTIFY_SOCKET", cases[i].where, 1);
		assert_int_equal(notify_open(&n), cases[i].error);
		assert_int_equal(n.fd, -1);
	}
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	assert_int_equal(notify_open(&n), -EINVAL);
}

static void
test_watchdog(void **state)
{
	struct manager *m = *state;
	char pid[32];
	static const struct {
		const char *usec, *pid;
		uint64_t want;
	} cases[] = {
	    {"20000000", NULL, 20000000},
	    {"20000000", "self", 20000000},
	    {"20000000", "1", 0},
	    {"20000000", "x", 0},
	    {"-1", NULL, 0},
	    {"12s", NULL, 0},
	    {"", NULL, 0},
	    {NULL, NULL, 0},
	    {"99999999999999999999999", NULL, 0},
	};
	struct notify n;

	listen_at(m);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setenv("NOTIFY_SOCKET", m->where, 1);
		unsetenv("WATCHDOG_USEC");
		unsetenv("WATCHDOG_PID");
		if (cases[i].usec)
			setenv("WATCHDOG_USEC", cases[i].usec, 1);
		if (cases[i].pid)
			setenv("WATCHDOG_PID",
			    strcmp(cases[i].pid, "self") == 0 ? pid : cases[i].pid, 1);
		assert_int_equal(notify_open(&n), 0);
		assert_true(n.watchdog_us == cases[i].want);
		assert_null(getenv("WATCHDOG_USEC"));
		notify_close(&n);
	}
}

/* A manager that does not read must never hold us up. */
static void
test_full(void **state)
{
	struct manager *m = *state;
	struct notify n;
	int error = 0;

	listen_at(m);
	assert_int_equal(notify_open(&n), 0);
	for (int i = 0; i < 100000 && error == 0; i++)
		error = notify_watchdog(&n);
	assert_int_equal(error, -EAGAIN);
	notify_close(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_states, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long_status_is_cut, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_abstract, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_addresses, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_watchdog, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
