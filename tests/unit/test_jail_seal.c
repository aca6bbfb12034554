/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock, filters and the jail made of both, each in a forked child and against the real kernel. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/jail.h"
#include "common/jail_seal.h"
#include "common/str.h"

#define KILLED (1000 + SIGSYS)

/* The child's check returns 0 when all is well, else a number that names the fault. */
static int
in_child(int (*check)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGSYS, SIG_DFL);
		_exit(check());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* --- Landlock --------------------------------------------------------------------------------- */

static char top[64]; /* one/a two/ */

static int
make_top(void **state)
{
	int fd;

	(void)state;
	(void)snprintf(top, sizeof(top), "/tmp/sealwright-jail.XXXXXX");
	if (!mkdtemp(top) || chdir(top) < 0)
		return -1;
	if (mkdir("one", 0700) < 0 || mkdir("two", 0700) < 0)
		return -1;
	fd = open("one/a", O_CREAT | O_WRONLY, 0600);
	return fd < 0 || write(fd, "text", 4) != 4 ? -1 : close(fd);
}

static int
remove_top(void **state)
{
	(void)state;
	(void)unlink("one/a");
	(void)unlink("one/b");
	(void)unlink("two/a");
	(void)rmdir("one");
	(void)rmdir("two");
	return rmdir(top) == 0 && chdir("/") == 0 ? 0 : -1;
}

static bool
opens(int directory, const char *path, int flags)
{
	int fd = openat(directory, path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static int
restrict_one(unsigned allow)
{
	struct landlock_rule rule = {open("one", O_PATH | O_DIRECTORY | O_CLOEXEC), allow};
	int abi;

	if (rule.fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	abi = landlock_restrict(&rule, 1, true);
	return abi > 0 ? rule.fd : abi;
}

static int
check_nothing(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || landlock_restrict(NULL, 0, true) <= 0)
		return 1;
	if (opens(AT_FDCWD, "one/a", O_RDONLY) || opens(AT_FDCWD, "one", O_RDONLY))
		return 2;
	if (opens(AT_FDCWD, "/etc/passwd", O_RDONLY) || opens(AT_FDCWD, "/dev/null", O_RDWR))
		return 3;
	if (opens(AT_FDCWD, "one/b", O_CREAT | O_WRONLY) || unlink("one/a") == 0)
		return 4;
	return rename("one/a", "one/b") == 0 ? 5 : 0;
}

static int
check_read(void)
{
	int one = restrict_one(LANDLOCK_READ);

	if (one < 0)
		return 1;
	if (!opens(one, "a", O_RDONLY) || opens(one, "a", O_WRONLY) || opens(one, ".", O_RDONLY))
		return 2;
	if (opens(one, "../one/../../../etc/passwd", O_RDONLY) ||
	    opens(one, "/etc/passwd", O_RDONLY))
		return 3;
	if (opens(one, "..", O_RDONLY | O_DIRECTORY) || opens(one, "b", O_CREAT | O_RDONLY))
		return 4;
	return renameat(one, "a", one, "b") == 0 || unlinkat(one, "a", 0) == 0 ? 5 : 0;
}

static int
check_write(void)
{
	int one = restrict_one(LANDLOCK_WRITE | LANDLOCK_MAKE), fd;

	if (one < 0)
		return 1;
	fd = openat(one, "b", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || opens(one, "b", O_RDONLY) || opens(one, "../two/b", O_CREAT | O_WRONLY))
		return 2;
	if (landlock_abi() >= 3 && (opens(one, "a", O_WRONLY | O_TRUNC) || ftruncate(fd, 0) == 0))
		return 3;
	return unlinkat(one, "b", 0) == 0 ? 4 : 0;
}

static int
check_rename(void)
{
	int one = restrict_one(LANDLOCK_RENAME);

	if (one < 0)
		return 1;
	if (renameat(one, "a", one, "b") < 0 || renameat(one, "b", one, "a") < 0)
		return 2;
	if (renameat(one, "a", AT_FDCWD, "two/a") == 0 ||
	    linkat(one, "a", AT_FDCWD, "two/a", 0) == 0)
		return 3;
	return symlinkat("a", one, "c") == 0 || mkdirat(one, "c", 0700) == 0 ? 4 : 0;
}

static int
check_signals(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || landlock_restrict(NULL, 0, true) <= 0)
		return 1;
	if (landlock_abi() >= 6 && kill(getppid(), 0) == 0)
		return 2;
	return kill(getpid(), 0) < 0 ? 3 : 0;
}

static void
test_landlock(void **state)
{
	(void)state;
	if (landlock_abi() == 0)
		skip();
	assert_int_equal(in_child(check_nothing), 0);
	assert_int_equal(in_child(check_read), 0);
	assert_int_equal(in_child(check_write), 0);
	assert_int_equal(in_child(check_rename), 0);
	assert_int_equal(in_child(check_signals), 0);
}

static const char *
described(int abi)
{
	static char buf[160];
	struct text t = text_over(buf, sizeof(buf) - 1);

	landlock_describe(&t, abi);
	assert_true(text_ok(&t));
	buf[t.n] = '\0';
	return buf;
}

static void
test_landlock_says(void **state)
{
	(void)state;
	assert_string_equal(described(0), "no Landlock");
	assert_string_equal(described(2),
	    "Landlock ABI 2: files; not truncation, TCP, device ioctls, abstract sockets, signals");
	assert_string_equal(described(4),
	    "Landlock ABI 4: files, truncation, TCP; not device ioctls, abstract sockets, signals");
	assert_string_equal(described(7),
	    "Landlock ABI 7: files, truncation, TCP, device ioctls, abstract sockets, signals");
}

/* --- filters ---------------------------------------------------------------------------------- */

#define BASICS {"exit_group", ANY_ARGS}, {"munmap", ANY_ARGS}, {"brk", ANY_ARGS},

static int
install(const struct syscall_rule *rules, size_t n)
{
	const char *call = "";

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return seccomp_filter_install(rules, n, &call);
}

static long asked_call, asked[3];

static int
check_call(const struct syscall_rule *rules, size_t n)
{
	if (install(rules, n) < 0)
		return 99;
	(void)syscall(asked_call, asked[0], asked[1], asked[2]);
	return 0;
}

static int
check_pins(void)
{
	static const struct syscall_rule rules[] = {
	    BASICS SYSCALL(fcntl, ARGS(INT_ARG(0, 1), INT_ARG(1, F_GETFD)), "")
		SYSCALL(lseek, ARGS(LONG_ARG(1, INT64_C(0x100000001))), "")
		    SYSCALL(mmap, ARGS(BITS_ARG(2, 4, 0)), "") SYSCALL(getpid, ANY_ARGS, "")};

	return check_call(rules, ARRAY_SIZE(rules));
}

static int
ask(long call, long a, long b, long c)
{
	asked_call = call;
	asked[0] = a;
	asked[1] = b;
	asked[2] = c;
	return in_child(check_pins);
}

static void
test_pins(void **state)
{
	const long high = (long)(UINT64_C(7) << 32);

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	assert_int_equal(ask(SYS_getpid, 0, 0, 0), 0);
	assert_int_equal(ask(SYS_getppid, 0, 0, 0), KILLED);
	assert_int_equal(ask(SYS_clone3, 0, 0, 0), 0);
	assert_int_equal(ask(SYS_fcntl, 1, F_GETFD, 0), 0);
	assert_int_equal(ask(SYS_fcntl, high + 1, high + F_GETFD, 0), 0);
	assert_int_equal(ask(SYS_fcntl, 2, F_GETFD, 0), KILLED);
	assert_int_equal(ask(SYS_fcntl, 1, F_DUPFD, 0), KILLED);
	assert_int_equal(ask(SYS_fcntl, 1, high + F_DUPFD, 0), KILLED);
	/* A long counts in full: neither half alone. */
	assert_int_equal(ask(SYS_lseek, 99, 0x100000001, 0), 0);
	assert_int_equal(ask(SYS_lseek, 99, 1, 0), KILLED);
	assert_int_equal(ask(SYS_lseek, 99, 0x100000000, 0), KILLED);
	assert_int_equal(ask(SYS_mmap, 0, 0, 3), 0);
	assert_int_equal(ask(SYS_mmap, 0, 0, 7), KILLED);
	assert_int_equal(ask(SYS_mmap, 0, 0, high + 4), KILLED);
}

static void *
other_thread(void *go)
{
	char c;

	if (read(*(int *)go, &c, 1) != 1)
		_exit(8);
	(void)syscall(SYS_getppid);
	_exit(7);
}

/* A thread that was there before is in it, too. */
static int
check_threads(void)
{
	static const struct syscall_rule rules[] = {BASICS SYSCALL(write, ANY_ARGS, "")
		SYSCALL(read, ANY_ARGS, "") SYSCALL(pause, ANY_ARGS, "")};
	pthread_t thread;
	int ends[2];

	if (pipe(ends) < 0 || pthread_create(&thread, NULL, other_thread, &ends[0]) != 0)
		return 1;
	if (install(rules, ARRAY_SIZE(rules)) < 0 || write(ends[1], "", 1) != 1)
		return 2;
	(void)syscall(SYS_pause);
	return 3;
}

static int
check_unknown_call(void)
{
	static const struct syscall_rule rules[] = {SYSCALL(no_such_call, ANY_ARGS, "")};
	const char *call = "";

	if (seccomp_filter_install(rules, 1, &call) != -ENOSYS)
		return 1;
	return str_eq(str_from(call), STR("no_such_call")) ? 0 : 2;
}

/* Without no_new_privs, or root's rights, the kernel takes no filter. */
static int
check_needs_no_new_privs(void)
{
	static const struct syscall_rule rules[] = {BASICS};
	const char *call = "";

	return geteuid() == 0 || seccomp_filter_install(rules, 1, &call) < 0 ? 0 : 1;
}

static void
test_filter(void **state)
{
	(void)state;
#ifdef SANITIZED
	skip();
#endif
	assert_int_equal(in_child(check_threads), KILLED);
	assert_int_equal(in_child(check_unknown_call), 0);
	assert_int_equal(in_child(check_needs_no_new_privs), 0);
}

/* --- the whole jail --------------------------------------------------------------------------- */

static const struct syscall_rule few[] = {BASICS SYSCALL(read, ANY_ARGS, "")
	SYSCALL(close, ANY_ARGS, "") SYSCALL(mmap, ANY_ARGS, "") SYSCALL(openat, ANY_ARGS, "")
	    SYSCALL(getrlimit, ANY_ARGS, "") SYSCALL(prlimit64, ANY_ARGS, "")
		SYSCALL(clone, ANY_ARGS, "") SYSCALL(set_robust_list, ANY_ARGS, "")};
static const struct jail_plan plan = {
    .calls = few, .n_calls = ARRAY_SIZE(few), .alone = true, .descriptors = -1};

static int
check_seal(void)
{
	bool user = geteuid() != 0; /* asked now: later it would kill */
	int abi = landlock_abi();
	struct jail_state now;
	const char *step = "";

	if (jail_seal(&plan, &now, &step) < 0)
		return 1;
	if (now.landlock != abi)
		return 2;
	if (opens(AT_FDCWD, "/", O_RDONLY))
		return 3;
	return user && fork() >= 0 ? 4 : 0;
}

static int
check_seal_kills(void)
{
	struct jail_state now;
	const char *step = "";

	if (jail_seal(&plan, &now, &step) < 0 || !now.filter)
		return 1;
	return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) >= 0 ? 2 : 3;
}

static int
check_descriptors(void)
{
	struct jail_plan counted = plan;
	struct jail_state now;
	const char *step = "";

	if (dup2(0, 3) != 3 || close_range(4, ~0u, 0) < 0)
		return 1;
	counted.descriptors = 3;
	if (jail_seal(&counted, &now, &step) != -EMFILE || *step == '\0')
		return 2;
	counted.descriptors = 4;
	return jail_seal(&counted, &now, &step) < 0 ? 3 : 0;
}

static int
check_failure_names_the_step(void)
{
	static const struct syscall_rule bad[] = {SYSCALL(no_such_call, ANY_ARGS, "")};
	const struct jail_plan worse = {
	    .calls = bad, .n_calls = 1, .alone = true, .descriptors = -1};
	struct jail_state now;
	const char *step = "";

	if (jail_seal(&worse, &now, &step) != -ENOSYS)
		return 1;
	return str_eq(str_from(step), STR("no_such_call")) ? 0 : 2;
}

/* A kernel without Landlock is played by a filter, which a plan may ask to go on with. */
static int
deny_landlock(unsigned error)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {ARRAY_SIZE(code), code};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static int
without_landlock(bool optional, unsigned answer, const char *why)
{
	struct jail_plan p = plan;
	struct jail_state now;
	const char *step = "";
	int error;

	p.landlock_optional = optional;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || deny_landlock(answer) < 0)
		return 1;
	error = jail_seal(&p, &now, &step);
	if (!optional)
		return error == -EOPNOTSUPP && str_eq(str_from(step), str_from(why)) ? 0 : 2;
	if (!str_eq(str_from(now.no_landlock), str_from(why)))
		return 4;
	return error == 0 && now.landlock == 0 ? 0 : 3;
}

static int
check_no_landlock(void)
{
	return without_landlock(false, ENOSYS, "Landlock is not in this kernel");
}

static int
check_no_landlock_is_fine(void)
{
	return without_landlock(true, EPERM,
	    "Landlock's system calls are forbidden here (by a container or service manager)");
}

static void
test_seal(void **state)
{
	(void)state;
	if (landlock_abi() == 0)
		skip();
	assert_int_equal(in_child(check_seal), 0);
	assert_int_equal(in_child(check_descriptors), 0);
	assert_int_equal(in_child(check_no_landlock), 0);
	assert_int_equal(in_child(check_no_landlock_is_fine), 0);
#ifndef SANITIZED
	assert_int_equal(in_child(check_seal_kills), KILLED);
	assert_int_equal(in_child(check_failure_names_the_step), 0);
#else
	(void)check_seal_kills;
	(void)check_failure_names_the_step;
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_landlock, make_top, remove_top),
	    cmocka_unit_test(test_landlock_says),
	    cmocka_unit_test(test_pins),
	    cmocka_unit_test(test_filter),
	    cmocka_unit_test(test_seal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
