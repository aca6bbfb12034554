/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define FILE_MODE 0440
#define SECRET_MODE 0600
#define LOCK_POLL_NS (20 * 1000 * 1000)

/* Without trailing slashes: with one, O_NOFOLLOW would follow after all. */
static int
path_trim(const char *path, char out[PATH_MAX])
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n == 0)
		return -ENOENT;
	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(out, path, n);
	out[n] = '\0';
	return 0;
}

int
dir_open(struct dir *ret, const char *path, const char **ret_why)
{
	char trimmed[PATH_MAX];
	CLEANUP_FD int fd = -1;
	struct stat st;
	int error = path_trim(path, trimmed);

	*ret_why = NULL;
	if (error < 0)
		return error;
	fd = openat(AT_FDCWD, trimmed, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR)
		*ret_why = "not a directory, or a symbolic link";
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		*ret_why = "group or others may write to it";
		return -EPERM;
	}
	*ret = (struct dir){.fd = take_fd(&fd), .path = path};
	return 0;
}

bool
dir_same(const struct dir *a, const struct dir *b)
{
	struct stat x, y;

	return fstat(a->fd, &x) == 0 && fstat(b->fd, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

int
dir_lock(const struct dir *d, int64_t patience)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_NS};
	int64_t until = clock_monotonic() + patience;

	while (flock(d->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_monotonic() >= until)
			return -EWOULDBLOCK;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static void
cleanup_stream(DIR **stream)
{
	if (*stream)
		(void)closedir(*stream);
}

int
dir_each(const struct dir *d, int (*each)(void *ctx, const char *name), void *ctx)
{
	CLEANUP_FD int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(cleanup_stream))) DIR *stream = NULL;
	const struct dirent *entry;
	int error = 0;

	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (!stream)
		return -errno;
	(void)take_fd(&fd);
	while (error >= 0) {
		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return -errno;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			error = each(ctx, entry->d_name);
	}
	return error;
}

int
dir_free_bytes(const struct dir *d, uint64_t *ret)
{
	struct statvfs fs;

	if (fstatvfs(d->fd, &fs) < 0)
		return -errno;
	*ret = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

static int
create(const struct dir *d, const char *name, mode_t mode)
{
	int fd = openat(d->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}

int
dir_create(const struct dir *d, const char *name)
{
	return create(d, name, FILE_MODE);
}

int
dir_create_secret(const struct dir *d, const char *name)
{
	return create(d, name, SECRET_MODE);
}

static int
open_existing(const struct dir *d, const char *name, int access, mode_t forbidden)
{
	CLEANUP_FD int fd = openat(
	    d->fd, name, access | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return st.st_mode & forbidden ? -EKEYREJECTED : take_fd(&fd);
}

int
dir_open_read(const struct dir *d, const char *name)
{
	return open_existing(d, name, O_RDONLY, 0);
}

int
dir_open_keystate(const struct dir *keys)
{
	return open_existing(keys, DIR_KEYSTATE, O_RDWR, S_IRWXG | S_IRWXO);
}

/* Where the file system has no RENAME_NOREPLACE: we hold the lock, nobody makes names between. */
static int
rename_carefully(const struct dir *d, const char *from, const char *to)
{
	struct stat st;

	if (fstatat(d->fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (errno != ENOENT)
		return -errno;
	return renameat2(d->fd, from, d->fd, to, 0) < 0 ? -errno : 0;
}

int
dir_rename(const struct dir *d, const char *from, const char *to, bool replace)
{
	if (renameat2(d->fd, from, d->fd, to, replace ? 0 : RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL && !replace)
		return rename_carefully(d, from, to);
	return -errno;
}

static int
sync_result(int result)
{
	return result < 0 ? -errno : 0;
}

int
dir_sync_file(int fd)
{
	int result;

	do
		result = fsync(fd);
	while (result < 0 && errno == EINTR);
	return sync_result(result);
}

int
dir_sync(const struct dir *d)
{
	return dir_sync_file(d->fd);
}

int
dir_sync_data(int fd)
{
	int result;

	do
		result = fdatasync(fd);
	while (result < 0 && errno == EINTR);
	return sync_result(result);
}

int
dir_write(int fd, const char *buf, size_t n, int64_t at)
{
	while (n > 0) {
		ssize_t w = pwrite(fd, buf, n, at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		buf += w;
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

ssize_t
dir_read(int fd, char *buf, size_t n, int64_t at)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, buf + got, n - got, at + (int64_t)got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

int64_t
dir_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? -errno : st.st_size;
}

int
dir_allocate(int fd, int64_t from, int64_t to)
{
	int result;

	do
		result = fallocate(fd, 0, from, to - from);
	while (result < 0 && errno == EINTR);
	return sync_result(result);
}

int
dir_cut(int fd, int64_t size)
{
	int result;

	do
		result = ftruncate(fd, size);
	while (result < 0 && errno == EINTR);
	return sync_result(result);
}
