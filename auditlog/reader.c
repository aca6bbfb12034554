/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/cli.h"
#include "common/jail.h"

/* What the kernel shows for accounts that have no number here: nobody can become that. */
#define OVERFLOW_UID 65534

static bool
must_become(const struct stat *st)
{
	return geteuid() == 0 && st->st_uid != 0 && st->st_uid != OVERFLOW_UID && jail_can_become();
}

void
reader_jail(const struct logdir *d)
{
	const char *step;
	struct stat st;
	int error = 0;

	if (fstat(d->fd, &st) < 0)
		cli_fatal(errno, "jail: look at the directory");
	if (must_become(&st))
		error = jail_become(st.st_uid, st.st_gid, &step);
	if (error == 0)
		error = jail_basic(&step);
	if (error < 0)
		cli_fatal(error, "jail: %s", step);
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
