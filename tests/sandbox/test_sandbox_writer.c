/* SPDX-License-Identifier: Apache-2.0 */
/* The jail of auditd-writer, tried from both of its threads. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditd-writer/jail.h"
#include "common/landlock.h"
#include "tests/sandbox/sandbox.h"

#define CHANNELS 4
#define DESCRIPTORS (SANDBOX_PAIR + CHANNELS)
#define A WRITER_FD_AUDIT
#define K WRITER_FD_KEYS
/* As dir.c opens files. */
#define READING (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define CHANGING (O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define MAKING (O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
#define SEALED "sealed.jsonl"
#define OTHER "other.jsonl"
#define LEFT "left.jsonl.tmp"
#define CONTENT "a line\n"

#define ATTEMPT(name, call)          \
	static long try_##name(void) \
	{                            \
		return (long)(call); \
	}
#define CASE(name)                \
	{                         \
#name, try_##name \
	}

static char top[64]; /* audit/ keys/ outside */
static char audit_path[80], keys_path[80], sealed_path[96];
static struct dir audit, keys;
static struct closer closer;
static char page[4096] __attribute__((aligned(4096)));

/* --- entering --------------------------------------------------------------------------------- */

static void
open_directory(struct dir *d, const char *path, int fd)
{
	const char *why;

	if (dir_open(d, path, &why) < 0 || dir_place(d, fd) < 0)
		_exit(94);
}

static void
enter_with(int channels)
{
	const struct writer_jail jail = {
	    .audit = &audit,
	    .keys = &keys,
	    .closer = &closer,
	    .channels = channels,
	    .landlock_optional = true,
	};

	writer_jail_prepare();
	open_directory(&audit, audit_path, WRITER_FD_AUDIT);
	open_directory(&keys, keys_path, WRITER_FD_KEYS);
	if (closer_init(&closer, &audit, NULL) < 0)
		_exit(95);
	writer_jail_enter(&jail);
}

static void
enter(void)
{
	enter_with(CHANNELS);
	audit.renames = DIR_RENAMES_REFUSE;
	writer_jail_narrow(&audit);
}

/* While it still takes over what an earlier run has left. */
static void
enter_at_start(void)
{
	enter_with(CHANNELS);
}

static void
enter_with_one_too_many(void)
{
	enter_with(CHANNELS - 1);
}

/* A kernel without Landlock. */
static void
enter_without_landlock(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 || landlock_abi() != 0)
		_exit(96);
	enter();
}

static const struct sandbox writer = {"writer", enter, DESCRIPTORS};
static const struct sandbox starting = {"writer at start", enter_at_start, DESCRIPTORS};
static const struct sandbox crowded = {"crowded writer", enter_with_one_too_many, DESCRIPTORS};
static const struct sandbox without_landlock = {
    "writer without Landlock", enter_without_landlock, DESCRIPTORS};

/* --- both threads ----------------------------------------------------------------------------- */

static sandbox_attempt *chosen;

static int
try_chosen(void)
{
	return chosen() < 0 ? -1 : 0;
}

static long
in_the_helper(void)
{
	return closer_ask(&closer, try_chosen);
}

static void
expect(const struct sandbox *s, const struct sandbox_case *cases, size_t n,
    enum sandbox_outcome expected, const char *const *refused)
{
	sandbox_try_all(s, cases, n, expected, refused);
	for (size_t i = 0; i < n; i++) {
		const struct sandbox_case helper = {cases[i].name, in_the_helper};

		chosen = cases[i].attempt;
		sandbox_try_all(s, &helper, 1, expected, refused);
	}
}
#define EXPECT(s, cases, expected) expect(&(s), cases, ARRAY_SIZE(cases), expected, none)

static const char *const none[] = {NULL};

/* --- what no process of ours needs ------------------------------------------------------------ */

static void
test_what_it_must_not(void **state)
{
	static const char *const cuts[] = {"truncate_by_descriptor", NULL};
	static const char *const refused[] = {"fork_by_clone3", NULL};

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	for (size_t i = 0; i < sandbox_n_attempts; i++)
		if (strcmp(sandbox_attempts[i].name, cuts[0]) != 0)
			expect(&writer, &sandbox_attempts[i], 1, SANDBOX_KILLED, refused);
}

/* --- files ------------------------------------------------------------------------------------ */

static long
cut_what_is_read(void)
{
	return ftruncate(openat(A, SEALED, READING), 0);
}

static long
write_what_is_read(void)
{
	return pwrite(openat(A, SEALED, READING), "x", 1, 0);
}

ATTEMPT(read_above_the_audit_directory, openat(A, "../outside", READING))
ATTEMPT(read_absolutely, openat(A, "/etc/passwd", READING))
ATTEMPT(read_the_shadow_file, openat(A, "/etc/shadow", READING))
ATTEMPT(read_the_keys_from_above, openat(A, "../keys/../outside", READING))
ATTEMPT(change_above_the_key_directory, openat(K, "../outside", CHANGING))
ATTEMPT(change_absolutely, openat(K, "/dev/null", CHANGING))
ATTEMPT(make_above, openat(A, "../made", MAKING, 0600))
ATTEMPT(make_absolutely, openat(A, "/tmp/sealwright-escaped", MAKING, 0600))
ATTEMPT(make_in_a_directory_above, openat(K, "../made", MAKING, 0600))
ATTEMPT(list_above, openat(A, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
ATTEMPT(list_the_root, openat(A, "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
ATTEMPT(move_out, renameat2(A, SEALED, A, "../stolen", RENAME_NOREPLACE))
ATTEMPT(move_in, renameat2(A, "../outside", A, "stolen", RENAME_NOREPLACE))
static const struct sandbox_case beyond[] = {CASE(read_above_the_audit_directory),
    CASE(read_absolutely), CASE(read_the_shadow_file), CASE(read_the_keys_from_above),
    CASE(change_above_the_key_directory), CASE(change_absolutely), CASE(make_above),
    CASE(make_absolutely), CASE(make_in_a_directory_above), CASE(list_above), CASE(list_the_root),
    CASE(move_out), CASE(move_in)};

ATTEMPT(cut_what_is_read, cut_what_is_read())
ATTEMPT(write_what_is_read, write_what_is_read())
ATTEMPT(make_what_is_there, openat(A, SEALED, MAKING, 0600))
ATTEMPT(rename_over_it, renameat2(A, OTHER, A, SEALED, RENAME_NOREPLACE))
static const struct sandbox_case kept[] = {CASE(cut_what_is_read), CASE(write_what_is_read),
    CASE(make_what_is_there), CASE(rename_over_it)};

ATTEMPT(open_it_for_writing, openat(A, SEALED, CHANGING))
ATTEMPT(open_it_for_writing_alone, openat(A, SEALED, O_WRONLY | O_NOFOLLOW | O_CLOEXEC))
ATTEMPT(open_what_was_left_for_writing, openat(A, LEFT, CHANGING))
ATTEMPT(make_it_or_open_it, openat(A, SEALED, MAKING & ~O_EXCL, 0600))
ATTEMPT(open_it_with_another_flag, openat(A, SEALED, CHANGING | O_EXCL))
ATTEMPT(cut_it_by_open, openat(A, SEALED, READING | O_TRUNC))
ATTEMPT(cut_the_keys_by_open, openat(K, "state", CHANGING | O_TRUNC))
ATTEMPT(read_the_keys, openat(K, "state", READING))
ATTEMPT(append_to_it, openat(A, SEALED, CHANGING | O_APPEND))
ATTEMPT(make_a_nameless_file, openat(A, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600))
ATTEMPT(make_a_program_for_others, openat(A, "program", MAKING, 04550))
ATTEMPT(make_a_file_for_all, openat(A, "public", MAKING, 0444))
ATTEMPT(hold_a_path, openat(A, SEALED, O_PATH | O_CLOEXEC))
ATTEMPT(open_elsewhere, openat(AT_FDCWD, "/etc/passwd", READING))
ATTEMPT(remove_it, unlinkat(A, SEALED, 0))
ATTEMPT(remove_the_keys, unlinkat(K, "state", 0))
ATTEMPT(replace_it, syscall(SYS_renameat, A, OTHER, A, SEALED))
ATTEMPT(replace_it_without_flags, syscall(SYS_renameat2, A, OTHER, A, SEALED, 0))
ATTEMPT(replace_by_path, syscall(SYS_rename, OTHER, SEALED))
ATTEMPT(exchange_it, renameat2(A, OTHER, A, SEALED, RENAME_EXCHANGE))
ATTEMPT(white_it_out, renameat2(A, SEALED, A, "x", RENAME_NOREPLACE | RENAME_WHITEOUT))
ATTEMPT(move_it_to_the_keys, renameat2(A, SEALED, K, "x", RENAME_NOREPLACE))
ATTEMPT(move_the_keys_out, renameat2(K, "state", A, "x", RENAME_NOREPLACE))
ATTEMPT(move_the_keys, renameat2(K, "state", K, "x", RENAME_NOREPLACE))
ATTEMPT(link_it, linkat(A, SEALED, A, "x", 0))
ATTEMPT(link_to_it, symlinkat(SEALED, A, "x"))
ATTEMPT(make_a_pipe, mkfifoat(A, "x", 0600))
ATTEMPT(make_a_directory, mkdirat(A, "x", 0700))
ATTEMPT(cut_it_by_path, truncate(sealed_path, 0))
ATTEMPT(change_its_mode, fchmodat(A, SEALED, 0600, 0))
ATTEMPT(change_the_mode_of_its_file, fchmod(SANDBOX_FILE, 0600))
ATTEMPT(change_its_owner, fchownat(A, SEALED, getuid(), getgid(), 0))
ATTEMPT(change_its_times, utimensat(A, SEALED, NULL, 0))
ATTEMPT(punch_a_hole, fallocate(SANDBOX_FILE, 3, 0, 1))
ATTEMPT(list_again, syscall(SYS_getdents64, A, page, sizeof(page)))
ATTEMPT(look_at_a_path, syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", page, 0))
ATTEMPT(look_at_a_path_by_the_flag,
    syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", page, AT_EMPTY_PATH))
static const struct sandbox_case never[] = {CASE(open_it_for_writing),
    CASE(open_it_for_writing_alone), CASE(open_what_was_left_for_writing), CASE(make_it_or_open_it),
    CASE(open_it_with_another_flag), CASE(cut_it_by_open), CASE(cut_the_keys_by_open),
    CASE(read_the_keys), CASE(append_to_it), CASE(make_a_nameless_file),
    CASE(make_a_program_for_others), CASE(make_a_file_for_all), CASE(hold_a_path),
    CASE(open_elsewhere), CASE(remove_it), CASE(remove_the_keys), CASE(replace_it),
    CASE(replace_it_without_flags), CASE(replace_by_path), CASE(exchange_it), CASE(white_it_out),
    CASE(move_it_to_the_keys), CASE(move_the_keys_out), CASE(move_the_keys), CASE(link_it),
    CASE(link_to_it), CASE(make_a_pipe), CASE(make_a_directory), CASE(cut_it_by_path),
    CASE(change_its_mode), CASE(change_the_mode_of_its_file), CASE(change_its_owner),
    CASE(change_its_times), CASE(punch_a_hole), CASE(list_again), CASE(look_at_a_path),
    CASE(look_at_a_path_by_the_flag)};

/* As it was, under its own name, and nothing beside it that was not there before. */
static void
expect_untouched(void)
{
	char text[sizeof(CONTENT)] = "";
	struct stat st;
	int fd = open(sealed_path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), sizeof(CONTENT) - 1);
	assert_string_equal(text, CONTENT);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0440);
	(void)close(fd);
	(void)snprintf(page, sizeof(page), "%s/stolen", audit_path);
	assert_int_equal(access(page, F_OK), -1);
}

static void
test_files(void **state)
{
	(void)state;
	if (landlock_abi() > 0)
		EXPECT(writer, beyond, SANDBOX_REFUSED);
	EXPECT(writer, kept, SANDBOX_REFUSED);
#ifndef SANITIZED
	EXPECT(writer, never, SANDBOX_KILLED);
#else
	(void)never;
#endif
	expect_untouched();
}

/* No Landlock at all is less than that of Debian 12, which knows nothing of truncation. */
static void
test_files_without_landlock(void **state)
{
	(void)state;
#ifdef SANITIZED
	skip();
#endif
	EXPECT(without_landlock, kept, SANDBOX_REFUSED);
	EXPECT(without_landlock, never, SANDBOX_KILLED);
	expect_untouched();
}

/* --- the rest --------------------------------------------------------------------------------- */

static const struct rlimit some = {16, 16};

static long
map(int prot, int flags, int fd, void *at)
{
	return syscall(SYS_mmap, at, sizeof(page), prot, flags, fd, 0);
}

static long
hand_on_a_descriptor(void)
{
	const struct msghdr msg = {.msg_iov = NULL};

	return sendmsg(SANDBOX_PAIR, &msg, 0);
}

ATTEMPT(make_memory_executable, mprotect(page, sizeof(page), PROT_READ | PROT_EXEC))
ATTEMPT(make_memory_writable, mprotect(page, sizeof(page), PROT_READ | PROT_WRITE))
ATTEMPT(map_code, map(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, NULL))
ATTEMPT(map_all, map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, NULL))
ATTEMPT(map_a_file, map(PROT_READ | PROT_WRITE, MAP_SHARED, SANDBOX_FILE, NULL))
ATTEMPT(map_over, map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, page))
ATTEMPT(map_at, map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, page))
ATTEMPT(unmap, munmap(page, sizeof(page)))
ATTEMPT(raise_a_limit, setrlimit(RLIMIT_NPROC, &some))
ATTEMPT(start_a_thread, syscall(SYS_clone, 0x50f00, NULL, NULL, NULL, NULL))
ATTEMPT(hand_on_a_descriptor, hand_on_a_descriptor())
ATTEMPT(take_a_lock_with_priorities, syscall(SYS_futex, page, FUTEX_LOCK_PI_PRIVATE, 0, NULL))
ATTEMPT(try_a_lock_with_priorities, syscall(SYS_futex, page, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL))
ATTEMPT(wait_for_other_processes, syscall(SYS_futex, page, FUTEX_WAKE, 1))
ATTEMPT(write_several_elsewhere, syscall(SYS_writev, SANDBOX_FILE, NULL, 0))
ATTEMPT(stop_itself, syscall(SYS_tgkill, getpid(), gettid(), SIGSTOP))
ATTEMPT(listen_to_calls, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 8, page))
ATTEMPT(narrow_once_more,
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL))
ATTEMPT(leave_strictly, syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL))
ATTEMPT(write_others_memory, process_vm_writev(getppid(), NULL, 0, NULL, 0, 0))
ATTEMPT(add_a_key, syscall(SYS_add_key, "user", "x", "x", 1, -3))
ATTEMPT(enter_a_ring, syscall(SYS_io_uring_enter, 0, 0, 0, 0, NULL))
static const struct sandbox_case others[] = {CASE(make_memory_executable),
    CASE(make_memory_writable), CASE(map_code), CASE(map_all), CASE(map_a_file), CASE(map_over),
    CASE(map_at), CASE(unmap), CASE(raise_a_limit), CASE(start_a_thread),
    CASE(hand_on_a_descriptor), CASE(take_a_lock_with_priorities), CASE(try_a_lock_with_priorities),
    CASE(wait_for_other_processes), CASE(write_several_elsewhere), CASE(stop_itself),
    CASE(listen_to_calls), CASE(narrow_once_more), CASE(leave_strictly), CASE(write_others_memory),
    CASE(add_a_key), CASE(enter_a_ring)};

static void
test_others(void **state)
{
	(void)state;
#ifdef SANITIZED
	skip();
#endif
	EXPECT(writer, others, SANDBOX_KILLED);
}

/* --- the jail itself -------------------------------------------------------------------------- */

static long
nothing(void)
{
	return 0;
}

static void
test_descriptors_are_counted(void **state)
{
	(void)state;
	assert_int_equal(sandbox_try(&writer, nothing), SANDBOX_ESCAPED);
	assert_int_equal(sandbox_try(&crowded, nothing), SANDBOX_REFUSED);
}

/* --- what must stay possible, and so is left to somebody who has taken it --------------------- */

static long
make_and_cut(void)
{
	int fd = openat(A, "made", MAKING, 0440);

	if (fd < 0 || pwrite(fd, "abc", 3, 0) != 3 || fallocate(fd, 0, 3, 1000) < 0)
		return -1;
	return ftruncate(fd, 3) < 0 || fsync(fd) < 0
		   ? -1
		   : renameat2(A, "made", A, "done", RENAME_NOREPLACE);
}

static long
rename_back_and_forth(void)
{
	return renameat2(A, SEALED, A, "aside", RENAME_NOREPLACE) < 0
		   ? -1
		   : renameat2(A, "aside", A, SEALED, RENAME_NOREPLACE);
}

static long
change_the_keys(void)
{
	int fd = openat(K, "state", CHANGING);

	return pwrite(fd, "x", 1, 0) == 1 ? fdatasync(fd) : -1;
}

static long
use_memory(void)
{
	char *small = malloc(1 << 20), *large;

	if (!small)
		return -1;
	small[0] = 1;
	large = realloc(small, 16 << 20);
	if (!large) {
		free(small);
		return -1;
	}
	large[(16 << 20) - 1] = 1;
	free(large);
	return 0;
}

static long
list(void)
{
	int fd = openat(A, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return syscall(SYS_getdents64, fd, page, sizeof(page));
}

static long
replace(void)
{
	return renameat(A, OTHER, A, LEFT);
}

static void
test_what_it_may(void **state)
{
	const struct sandbox_case once[] = {{"make and cut", make_and_cut}};
	const struct sandbox_case at_start[] = {{"replace", replace}};
	const struct sandbox_case listing[] = {{"list", list}};
	const struct sandbox_case cases[] = {{"rename back and forth", rename_back_and_forth},
	    {"change the keys", change_the_keys}, {"use memory", use_memory}};

	(void)state;
	EXPECT(writer, cases, SANDBOX_ESCAPED);
	sandbox_try_all(&writer, once, 1, SANDBOX_ESCAPED, none);
	EXPECT(starting, listing, SANDBOX_ESCAPED);
	sandbox_try_all(&starting, at_start, 1, SANDBOX_ESCAPED, none);
	expect_untouched();
}

static void
test_abort(void **state)
{
	const struct sandbox_case cases[] = {
	    {"abort", sandbox_end_honestly}, {"a check", sandbox_end_by_a_check}};

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	EXPECT(writer, cases, SANDBOX_ABORTED);
}

/* --- a place ---------------------------------------------------------------------------------- */

static int
put(const char *directory, const char *name, mode_t mode)
{
	char path[160];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, CONTENT, sizeof(CONTENT) - 1) < 0 || fchmod(fd, mode) < 0)
		return -1;
	return close(fd);
}

static int
make_place(void **state)
{
	(void)state;
	(void)snprintf(top, sizeof(top), "/tmp/sealwright-sandbox.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	(void)snprintf(audit_path, sizeof(audit_path), "%s/audit", top);
	(void)snprintf(keys_path, sizeof(keys_path), "%s/keys", top);
	(void)snprintf(sealed_path, sizeof(sealed_path), "%s/" SEALED, audit_path);
	if (mkdir(audit_path, 0700) < 0 || mkdir(keys_path, 0700) < 0)
		return -1;
	return put(top, "outside", 0600) < 0 || put(audit_path, SEALED, 0440) < 0 ||
		       put(audit_path, OTHER, 0440) < 0 || put(audit_path, LEFT, 0440) < 0 ||
		       put(keys_path, "state", 0600) < 0
		   ? -1
		   : 0;
}

static int
remove_place(void **state)
{
	static const char *const names[] = {"audit/" SEALED, "audit/" OTHER, "audit/" LEFT,
	    "audit/done", "audit/made", "keys/state", "outside", "audit", "keys"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void)snprintf(page, sizeof(page), "%s/%s", top, names[i]);
		(void)remove(page);
	}
	return rmdir(top);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_it_must_not),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_files_without_landlock),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_descriptors_are_counted),
	    cmocka_unit_test(test_what_it_may),
	    cmocka_unit_test(test_abort),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
