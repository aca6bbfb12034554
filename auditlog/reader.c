/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/cli.h"
#include "common/reading_jail.h"

/* What the C library makes a thread with. */
#define READER_THREAD                                                                  \
	((uint64_t)(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | \
		    CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID))
#define READER_DIRECTORY directory
/* Flags that make, cut or write a file. */
#define READER_WRITES ((uint64_t)(O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY)))

void
reader_seal(int directory, const int *keep, size_t n_keep)
{
	const struct syscall_rule calls[] = {
#include "auditlog/syscalls.def"
	};
	const size_t left_out = directory < 0;
	const struct reading_jail jail = {
	    .calls = calls + left_out,
	    .n_calls = ARRAY_SIZE(calls) - left_out,
	    .directory = directory,
	    .keep = keep,
	    .n_keep = n_keep,
	};

	reading_jail_enter(&jail);
}

void
reader_jail(const struct logdir *d, int out)
{
	reader_seal(d->fd, &out, out >= 0 ? 1 : 0);
}

void
reader_failed(const char *path, int error)
{
	if (error == -E2BIG)
		cli_fatal(0, "%s: more than %u segments", path, LOGDIR_SEGMENTS);
	cli_fatal(error, "%s", path);
}

static size_t
read_up_to(int fd, const char *path, char *buf, size_t cap)
{
	size_t n = 0;

	while (n < cap) {
		ssize_t r = read(fd, buf + n, cap - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			cli_fatal(errno, "%s", path);
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return n;
}

struct str
reader_file(const char *path, char *buf, size_t cap)
{
	CLEANUP_FD int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
						   : open(path, O_RDONLY | O_CLOEXEC);
	struct str s = {buf, 0};
	char more;

	if (fd < 0)
		cli_fatal(errno, "%s", path);
	s.n = read_up_to(fd, path, buf, cap);
	if (s.n == cap && read_up_to(fd, path, &more, 1) > 0)
		cli_fatal(0, "%s: larger than %zu bytes", path, cap);
	return s;
}
