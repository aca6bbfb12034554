/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/sandbox/sandbox.h"

#define ATTEMPT(name, call)          \
	static long try_##name(void) \
	{                            \
		return (long)(call); \
	}

static char *const no_words[] = {NULL};
static const struct sockaddr_un nobody = {AF_UNIX, "/run/sealwright/nobody"};
static const struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_port = 1};
static char page[4096] __attribute__((aligned(4096)));

/* A page of code that returns: it must not become executable, by whatever way. */
static long
map_executable(int fd, int flags)
{
	return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | flags, fd, 0);
}

static long
open_how(int directory, const char *path, uint64_t flags)
{
	const struct open_how how = {.flags = flags};

	return syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

static long
read_memory_of_parent(void)
{
	struct iovec ours = {page, sizeof(page)}, theirs = {page, sizeof(page)};

	return process_vm_readv(getppid(), &ours, 1, &theirs, 1, 0);
}

static long
new_process(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid;
}

/* To a client, say, who could go on with it when its owner is long dead. */
static long
send_descriptor(void)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {page, 1};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &(int){SANDBOX_FILE}, sizeof(int));
	return sendmsg(SANDBOX_PAIR, &msg, MSG_DONTWAIT);
}

/* programs and processes */
ATTEMPT(start_a_program, execve("/bin/true", no_words, no_words))
ATTEMPT(
    start_a_program_by_descriptor, execveat(SANDBOX_FILE, "", no_words, no_words, AT_EMPTY_PATH))
ATTEMPT(fork, new_process(0))
ATTEMPT(vfork, syscall(SYS_vfork))
ATTEMPT(fork_by_clone3, syscall(SYS_clone3, NULL, 0))
ATTEMPT(leave_a_namespace, unshare(CLONE_NEWUSER))
ATTEMPT(enter_a_namespace, setns(SANDBOX_FILE, 0))
ATTEMPT(trace, ptrace(PTRACE_SEIZE, getppid(), 0, 0))
ATTEMPT(be_traced, ptrace(PTRACE_TRACEME, 0, 0, 0))
ATTEMPT(read_others_memory, read_memory_of_parent())
ATTEMPT(signal_others, kill(getppid(), SIGCONT))
ATTEMPT(signal_others_threads, syscall(SYS_tgkill, getppid(), getppid(), SIGCONT))
ATTEMPT(abort_others, syscall(SYS_tgkill, getppid(), getppid(), SIGABRT))
ATTEMPT(hold_others, syscall(SYS_pidfd_open, getppid(), 0))
ATTEMPT(change_limits_of_others, syscall(SYS_prlimit64, getppid(), 7, NULL, NULL))

/* sockets */
ATTEMPT(make_a_unix_socket, socket(AF_UNIX, SOCK_STREAM, 0))
ATTEMPT(make_an_internet_socket, socket(AF_INET, SOCK_STREAM, 0))
ATTEMPT(make_a_netlink_socket, socket(AF_NETLINK, SOCK_RAW, 0))
ATTEMPT(connect, connect(SANDBOX_PAIR, (const struct sockaddr *)&nobody, sizeof(nobody)))
ATTEMPT(bind, bind(SANDBOX_PAIR, (const struct sockaddr *)&nobody, sizeof(nobody)))
ATTEMPT(listen, listen(SANDBOX_PAIR, 1))
ATTEMPT(send_elsewhere,
    sendto(SANDBOX_PAIR, "", 1, 0, (const struct sockaddr *)&loopback, sizeof(loopback)))
ATTEMPT(hand_on_a_descriptor, send_descriptor())
ATTEMPT(shut_a_channel_down, shutdown(SANDBOX_PAIR, SHUT_RDWR))
ATTEMPT(change_a_socket, setsockopt(SANDBOX_PAIR, SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)))

/* files */
ATTEMPT(read_the_shadow_file, open("/etc/shadow", O_RDONLY))
ATTEMPT(read_the_password_file, open("/etc/passwd", O_RDONLY))
ATTEMPT(make_a_file, open("/tmp/sealwright-escaped", O_WRONLY | O_CREAT, 0600))
ATTEMPT(make_a_nameless_file, open("/tmp", O_WRONLY | O_TMPFILE, 0600))
ATTEMPT(open_what_is_above, openat(SANDBOX_DIRECTORY, "../etc/passwd", O_RDONLY))
ATTEMPT(open_absolutely, openat(SANDBOX_DIRECTORY, "/etc/passwd", O_RDONLY))
ATTEMPT(open_by_openat2, open_how(SANDBOX_DIRECTORY, "../etc/passwd", O_RDONLY))
ATTEMPT(list_a_directory, syscall(SYS_getdents64, SANDBOX_DIRECTORY, page, sizeof(page)))
ATTEMPT(unlink, unlinkat(SANDBOX_DIRECTORY, "sealwright-nothing", 0))
ATTEMPT(remove_a_directory, unlinkat(SANDBOX_DIRECTORY, "sealwright-nothing", AT_REMOVEDIR))
ATTEMPT(rename, renameat(SANDBOX_DIRECTORY, "sealwright-a", SANDBOX_DIRECTORY, "sealwright-b"))
ATTEMPT(link, linkat(SANDBOX_FILE, "", SANDBOX_DIRECTORY, "sealwright-escaped", AT_EMPTY_PATH))
ATTEMPT(symlink, symlinkat("/etc/passwd", SANDBOX_DIRECTORY, "sealwright-nothing/x"))
ATTEMPT(make_a_directory, mkdirat(SANDBOX_DIRECTORY, "sealwright-nothing/x", 0700))
ATTEMPT(truncate, truncate("/tmp/sealwright-nothing", 0))
ATTEMPT(truncate_by_descriptor, ftruncate(SANDBOX_FILE, 0))
ATTEMPT(punch_a_hole, fallocate(SANDBOX_FILE, 3, 0, 1))
ATTEMPT(change_a_mode, fchmod(SANDBOX_FILE, 0777))
ATTEMPT(change_an_owner, fchown(SANDBOX_FILE, getuid(), getgid()))
ATTEMPT(change_attributes, fsetxattr(SANDBOX_FILE, "user.x", "", 0, 0))
ATTEMPT(mount, mount("none", "/tmp", "tmpfs", 0, NULL))
ATTEMPT(change_root, chroot("/tmp"))
ATTEMPT(change_directory, fchdir(SANDBOX_DIRECTORY))
ATTEMPT(make_a_memory_file, memfd_create("x", 0))

/* memory */
ATTEMPT(make_memory_executable, mprotect(page, sizeof(page), PROT_READ | PROT_EXEC))
ATTEMPT(map_executable_memory, map_executable(-1, MAP_ANONYMOUS))
ATTEMPT(map_an_executable_file, map_executable(SANDBOX_FILE, 0))

/* rights */
ATTEMPT(become_root, setuid(0))
ATTEMPT(change_uids, setresuid(getuid(), getuid(), getuid()))
ATTEMPT(change_gids, setresgid(getgid(), getgid(), getgid()))
ATTEMPT(change_groups, syscall(SYS_setgroups, 0, NULL))
ATTEMPT(take_capabilities, syscall(SYS_capset, NULL, NULL))
ATTEMPT(become_dumpable, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))

/* the kernel's own doors */
ATTEMPT(load_bpf, syscall(SYS_bpf, 0, NULL, 0))
ATTEMPT(use_io_uring, syscall(SYS_io_uring_setup, 1, page))
ATTEMPT(watch_page_faults, syscall(SYS_userfaultfd, 0))
ATTEMPT(count_events, syscall(SYS_perf_event_open, page, 0, -1, -1, 0))
ATTEMPT(use_keys, syscall(SYS_keyctl, 0, 0))
ATTEMPT(control_a_device, syscall(SYS_ioctl, SANDBOX_FILE, 0x5413, page))
ATTEMPT(duplicate_a_descriptor, dup(SANDBOX_FILE))
#ifdef __x86_64__
/* Every table has it, but not by the numbers of another ABI of the same kernel. */
ATTEMPT(call_by_x32, syscall(0x40000000 | SYS_getpid))
#endif

#define CASE(name)                \
	{                         \
#name, try_##name \
	}
const struct sandbox_case sandbox_attempts[] = {
    CASE(start_a_program),
    CASE(start_a_program_by_descriptor),
    CASE(fork),
    CASE(vfork),
    CASE(fork_by_clone3),
    CASE(leave_a_namespace),
    CASE(enter_a_namespace),
    CASE(trace),
    CASE(be_traced),
    CASE(read_others_memory),
    CASE(signal_others),
    CASE(signal_others_threads),
    CASE(abort_others),
    CASE(hold_others),
    CASE(change_limits_of_others),
    CASE(make_a_unix_socket),
    CASE(make_an_internet_socket),
    CASE(make_a_netlink_socket),
    CASE(connect),
    CASE(bind),
    CASE(listen),
    CASE(send_elsewhere),
    CASE(hand_on_a_descriptor),
    CASE(shut_a_channel_down),
    CASE(change_a_socket),
    CASE(read_the_shadow_file),
    CASE(read_the_password_file),
    CASE(make_a_file),
    CASE(make_a_nameless_file),
    CASE(open_what_is_above),
    CASE(open_absolutely),
    CASE(open_by_openat2),
    CASE(list_a_directory),
    CASE(unlink),
    CASE(remove_a_directory),
    CASE(rename),
    CASE(link),
    CASE(symlink),
    CASE(make_a_directory),
    CASE(truncate),
    CASE(truncate_by_descriptor),
    CASE(punch_a_hole),
    CASE(change_a_mode),
    CASE(change_an_owner),
    CASE(change_attributes),
    CASE(mount),
    CASE(change_root),
    CASE(change_directory),
    CASE(make_a_memory_file),
    CASE(make_memory_executable),
    CASE(map_executable_memory),
    CASE(map_an_executable_file),
    CASE(become_root),
    CASE(change_uids),
    CASE(change_gids),
    CASE(change_groups),
    CASE(take_capabilities),
    CASE(become_dumpable),
    CASE(load_bpf),
    CASE(use_io_uring),
    CASE(watch_page_faults),
    CASE(count_events),
    CASE(use_keys),
    CASE(control_a_device),
    CASE(duplicate_a_descriptor),
#ifdef __x86_64__
    CASE(call_by_x32),
#endif
};
const size_t sandbox_n_attempts = sizeof(sandbox_attempts) / sizeof(sandbox_attempts[0]);
