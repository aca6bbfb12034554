/* SPDX-License-Identifier: Apache-2.0 */
/* Each property in a forked child: what it gave up is gone, and does not come back. */
#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/jail.h"

#define SOME_UID 54321
#define SOME_GID 54322

/* The child's check returns 0 when all is well, else a number that names the fault. */
static int
in_child(int (*check)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(check());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int
check_basic(void)
{
	const char *failed = NULL;
	struct rlimit core;

	if (setenv("SECRET", "x", 1) < 0 || jail_basic(&failed) < 0)
		return 1;
	if (getenv("SECRET") || getenv("PATH"))
		return 2;
	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max != 0)
		return 3;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 4;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 5;
	if (cap_get_bound(CAP_SYS_ADMIN) != 0 && geteuid() == 0)
		return 6;
	return setgroups(0, NULL) == 0 ? 7 : 0;
}

static int
check_basic_twice(void)
{
	const char *failed = NULL;

	if (jail_basic(&failed) < 0)
		return 1;
	return jail_basic(&failed) < 0 ? 2 : 0;
}

static int
check_no_other_uid(void)
{
	const char *failed = NULL;

	if (jail_basic(&failed) < 0)
		return 1;
	return setresuid(SOME_UID, SOME_UID, SOME_UID) == 0 ? 2 : 0;
}

/* Capability held over to the ambient set: the way that it would survive uid change and exec. */
static int
hold_ambient(void)
{
	cap_value_t wanted = CAP_SETUID;
	cap_t caps = cap_get_proc();

	if (!caps || cap_set_flag(caps, CAP_INHERITABLE, 1, &wanted, CAP_SET) < 0)
		return -1;
	if (cap_set_proc(caps) < 0 || cap_set_ambient(CAP_SETUID, CAP_SET) < 0)
		return -1;
	return cap_free(caps) + prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

static int
check_become(void)
{
	const char *failed = NULL;

	if (hold_ambient() < 0)
		return 1;
	if (jail_become(SOME_UID, SOME_GID, &failed) < 0)
		return 2;
	if (getuid() != SOME_UID || geteuid() != SOME_UID || getgid() != SOME_GID)
		return 3;
	if (getgroups(0, NULL) != 0)
		return 4;
	if (setuid(0) == 0 || setgid(0) == 0 || seteuid(0) == 0)
		return 5;
	if (cap_get_ambient(CAP_SETUID) != 0 || access("/etc/shadow", R_OK) == 0)
		return 6;
	if (cap_get_bound(CAP_SYS_ADMIN) != 0)
		return 7;
	return jail_basic(&failed) < 0 ? 8 : 0;
}

/* Without the privilege it says so and names the step, and does not go on half done. */
static int
check_become_needs_capability(void)
{
	const char *failed = NULL;

	if (jail_drop_capabilities(&failed) < 0)
		return 1;
	if (jail_become(SOME_UID, SOME_GID, &failed) != -EPERM || !failed)
		return 2;
	return 0;
}

static void
test_basic(void **state)
{
	(void)state;
	assert_int_equal(in_child(check_basic), 0);
	assert_int_equal(in_child(check_basic_twice), 0);
	assert_int_equal(in_child(check_no_other_uid), 0);
}

static void
test_become(void **state)
{
	(void)state;
	assert_int_equal(in_child(check_become_needs_capability), 0);
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(check_become), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_basic),
	    cmocka_unit_test(test_become),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
