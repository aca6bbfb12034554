/* SPDX-License-Identifier: Apache-2.0 */
/* Directories and sockets that policyd makes, as an ordinary user, and what it leaves alone. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "policyd/supervisor/listen.h"
#include "policyd/supervisor/places.h"

#define SOME_UID 54321

static char dir[64];
static const struct listener_owner nobody_special = {
    .uid = (uid_t)-1, .gid = (gid_t)-1, .group = "no-such-group"};

/* Everything happens in the directory, as an ordinary user, so in a child. */
static void
in_child(void (*check)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (chdir(dir) < 0 ||
		    (geteuid() == 0 && setresuid(SOME_UID, SOME_UID, SOME_UID) < 0))
			_exit(100);
		check();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with status %#x", status);
}

/* A line number does not fit an exit status: it is printed. */
#define CHECK(condition)                                                            \
	do {                                                                        \
		if (!(condition)) {                                                 \
			print_error("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			_exit(1);                                                   \
		}                                                                   \
	} while (0)

static mode_t
mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? 0 : st.st_mode;
}

/* --- directories ------------------------------------------------------------------------------- */

static struct settings s;
static const struct identity same = {.change = false};

static void
user_defaults(void)
{
	CHECK(setenv("HOME", dir, 1) == 0);
	CHECK(unsetenv("XDG_STATE_HOME") == 0 && unsetenv("XDG_RUNTIME_DIR") == 0);
	settings_defaults(&s);
}

static void
check_default_places(void)
{
	const char *what = "";

	user_defaults();
	(void)umask(0077); /* modes do not depend on it */
	CHECK(places_make(&s, &same, &same, &what) == 0);
	CHECK(mode_of(".local/state/sealwright/audit") == (S_IFDIR | 0750));
	CHECK(mode_of(".local/state/sealwright/keys") == (S_IFDIR | 0700));
	CHECK(mode_of(".local/state/sealwright") == (S_IFDIR | 0755));
	CHECK(chmod(".local/state/sealwright/audit", 0700) == 0);
	CHECK(places_make(&s, &same, &same, &what) == 0);
	CHECK(mode_of(".local/state/sealwright/audit") == (S_IFDIR | 0700));
}

/* A place that was named: its last part is made, its parents are not. */
static void
check_named_places(void)
{
	const char *what = "";

	user_defaults();
	(void)snprintf(s.audit_dir, sizeof(s.audit_dir), "%s", "audit");
	(void)snprintf(s.key_dir, sizeof(s.key_dir), "%s", "missing/keys");
	CHECK(places_make(&s, &same, &same, &what) == 0);
	CHECK(mode_of("audit") == (S_IFDIR | 0750));
	CHECK(mode_of("missing") == 0);
}

/* What cannot be given to its owner is not left half made. */
static void
check_foreign_owner(void)
{
	const struct identity other = {.change = true, .uid = 1, .gid = 1};
	const char *what = "";

	user_defaults();
	(void)snprintf(s.audit_dir, sizeof(s.audit_dir), "%s", "audit");
	CHECK(places_make(&s, &same, &other, &what) == -EPERM);
	CHECK(what == s.audit_dir);
	CHECK(mode_of("audit") == 0);
}

static void
check_no_permission(void)
{
	const char *what = "";

	user_defaults();
	CHECK(mkdir("closed", 0500) == 0);
	(void)snprintf(s.audit_dir, sizeof(s.audit_dir), "%s", "closed/audit");
	CHECK(places_make(&s, &same, &same, &what) == -EACCES);
	CHECK(what == s.audit_dir);
}

static void
test_places(void **state)
{
	(void)state;
	in_child(check_default_places);
}

static void
test_named_places(void **state)
{
	(void)state;
	in_child(check_named_places);
}

static void
test_foreign_owner(void **state)
{
	(void)state;
	in_child(check_foreign_owner);
}

static void
test_no_permission(void **state)
{
	(void)state;
	in_child(check_no_permission);
}

/* --- sockets ------------------------------------------------------------------------------------ */

static int
connected(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static void
check_listen(void)
{
	struct listener l;
	int flags;

	CHECK(listener_make(&l, "p.sock", &nobody_special) == 0);
	CHECK(mode_of("p.sock") == (S_IFSOCK | 0660));
	flags = fcntl(l.fd, F_GETFL);
	CHECK(flags >= 0 && (flags & O_NONBLOCK));
	CHECK(fcntl(l.fd, F_GETFD) == FD_CLOEXEC);
	CHECK(connected("p.sock") >= 0);
	listener_close(&l);
	listener_close(&l);
	CHECK(mode_of("p.sock") == 0);
}

/* Somebody who listens is left alone; what a dead one left is replaced. */
static void
check_taken(void)
{
	struct listener first, second = {.fd = -1};

	CHECK(listener_make(&first, "p.sock", &nobody_special) == 0);
	CHECK(listener_make(&second, "p.sock", &nobody_special) == -EADDRINUSE);
	CHECK(connected("p.sock") >= 0);
	CHECK(close(first.fd) == 0);
	CHECK(listener_make(&second, "p.sock", &nobody_special) == 0);
	CHECK(connected("p.sock") >= 0);
}

static void
check_not_a_socket(void)
{
	struct listener l = {.fd = -1};
	int fd = open("p.sock", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && close(fd) == 0);
	CHECK(listener_make(&l, "p.sock", &nobody_special) == -ENOTSOCK);
	CHECK(S_ISREG(mode_of("p.sock")));
	CHECK(symlink("p.sock", "link") == 0);
	CHECK(listener_make(&l, "link", &nobody_special) == -ENOTSOCK);
	CHECK(listener_make(&l, "nowhere/p.sock", &nobody_special) == -ENOENT);
	CHECK(l.fd == -1);
}

/* At the end only our own file goes, not that of one who took the place meanwhile. */
static void
check_successor(void)
{
	struct listener old, successor;

	CHECK(listener_make(&old, "p.sock", &nobody_special) == 0);
	CHECK(rename("p.sock", "moved") == 0);
	CHECK(listener_make(&successor, "p.sock", &nobody_special) == 0);
	listener_close(&old);
	CHECK(connected("p.sock") >= 0);
	listener_close(&successor);
	CHECK(mode_of("p.sock") == 0);
}

static void
test_listen(void **state)
{
	(void)state;
	in_child(check_listen);
}

static void
test_taken(void **state)
{
	(void)state;
	in_child(check_taken);
}

static void
test_not_a_socket(void **state)
{
	(void)state;
	in_child(check_not_a_socket);
}

static void
test_successor(void **state)
{
	(void)state;
	in_child(check_successor);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "%s", "/tmp/test_places.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	return geteuid() == 0 ? chown(dir, SOME_UID, (gid_t)-1) : 0;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(test_places),
	    CASE(test_named_places),
	    CASE(test_foreign_owner),
	    CASE(test_no_permission),
	    CASE(test_listen),
	    CASE(test_taken),
	    CASE(test_not_a_socket),
	    CASE(test_successor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
