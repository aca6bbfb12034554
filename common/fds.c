/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"

static int
fd_change_flag(int fd, int get, int set, int flag, bool on)
{
	int flags = fcntl(fd, get);

	if (flags < 0)
		return -errno;
	flags = on ? flags | flag : flags & ~flag;
	return fcntl(fd, set, flags) < 0 ? -errno : 0;
}

int
fd_set_nonblock(int fd, bool on)
{
	return fd_change_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int
fd_set_cloexec(int fd, bool on)
{
	return fd_change_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

int
fds_close_from(int first)
{
	return close_range((unsigned)first, UINT_MAX, 0) < 0 ? -errno : 0;
}

/* The smallest of keep that is at least first; -1 when there is none. */
static int
fds_next(int first, const int *keep, size_t n)
{
	int next = -1;

	for (size_t i = 0; i < n; i++)
		if (keep[i] >= first && (next < 0 || keep[i] < next))
			next = keep[i];
	return next;
}

int
fds_close_others(int first, const int *keep, size_t n)
{
	for (int next = fds_next(first, keep, n); next >= 0; next = fds_next(first, keep, n)) {
		if (next > first && close_range((unsigned)first, (unsigned)next - 1, 0) < 0)
			return -errno;
		first = next + 1;
	}
	return fds_close_from(first);
}

/*
 * Copies go above every target and every source, so that no target overwrites what is still
 * needed; F_DUPFD finds the lowest free number from there on.
 */
static int
fds_lift(const int *from, size_t n, int *ret_copies, int above)
{
	for (size_t i = 0; i < n; i++)
		if (from[i] >= above)
			above = from[i] + 1;
	for (size_t i = 0; i < n; i++) {
		ret_copies[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, above);
		if (from[i] >= 0 && ret_copies[i] < 0)
			return -errno;
	}
	return 0;
}

int
fds_place(const int *from, size_t n, int first)
{
	int copies[FDS_PLACE_MAX] = {0};
	int error;

	if (n > FDS_PLACE_MAX)
		return -E2BIG;
	error = fds_lift(from, n, copies, first + (int)n);
	if (error < 0)
		return error;
	for (size_t i = 0; i < n; i++) {
		if (copies[i] < 0)
			(void)close(first + (int)i);
		else if (dup2(copies[i], first + (int)i) < 0)
			return -errno;
	}
	return fds_close_from(first + (int)n);
}

int
fd_write_all(int fd, const void *buf, size_t n)
{
	const char *p = buf;

	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		if (w == 0)
			return -EIO;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* Room for the next read: doubles, but never beyond cap + 1 (the byte that shows "too big") + NUL. */
static int
read_grow(char **buf, size_t *room, size_t used, size_t cap)
{
	size_t want;
	char *grown;

	if (used < *room)
		return 0;
	want = *room == 0 ? 4096 : *room * 2;
	if (want > cap + 1)
		want = cap + 1;
	grown = realloc(*buf, want + 1);
	if (!grown)
		return -ENOMEM;
	*buf = grown;
	*room = want;
	return 0;
}

int
fd_read_file(int fd, size_t cap, char **ret_buf, size_t *ret_n)
{
	CLEANUP_FREE char *buf = NULL;
	size_t room = 0, used = 0;

	for (;;) {
		ssize_t r;
		int error = read_grow(&buf, &room, used, cap);

		if (error < 0)
			return error;
		r = read(fd, buf + used, room - used);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		used += (size_t)r;
		if (used > cap)
			return -EFBIG;
	}
	buf[used] = '\0';
	*ret_n = used;
	*ret_buf = take_ptr(&buf);
	return 0;
}
