/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define FILE_MODE 0440
#define SECRET_MODE 0600
#define LIST_BYTES 32768
#define LOCK_POLL_NS (20 * 1000 * 1000)
/*
 * Of an extent of which a part is in use, btrfs frees nothing: what is cut off a closed segment has to be in
 * extents of its own, or each would keep half of the reserve for ever.
 */
#define BTRFS_PIECE (256 << 10)
/* Whatever an existing file is by now, opening it neither waits nor follows nor takes a terminal. */
#define OPEN_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define CREATE_FLAGS (O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
#define LIST_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

const char dir_no_name[] = "";

int
dir_openings(const struct dir *audit, const struct dir *keys, struct dir_opening ret[DIR_OPENINGS])
{
	const struct dir_opening all[] = {
	    {audit->fd, CREATE_FLAGS},
	    {audit->fd, O_RDONLY | OPEN_FLAGS},
	    {audit->fd, LIST_FLAGS},
	    {keys->fd, CREATE_FLAGS},
	    {keys->fd, O_RDWR | OPEN_FLAGS},
	};

	memcpy(ret, all, sizeof(all));
	return (int)ARRAY_SIZE(all);
}

/* By a call that is the same in every C library. */
static int
status(int fd, struct stat *ret)
{
	return fstatat(fd, dir_no_name, ret, AT_EMPTY_PATH);
}

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
	if (fd < 0 || status(fd, &st) < 0)
		return -errno;
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		*ret_why = "group or others may write to it";
		return -EPERM;
	}
	*ret = (struct dir){.fd = take_fd(&fd), .path = path};
	return 0;
}

int
dir_place(struct dir *d, int fd)
{
	int placed = dup3(d->fd, fd, O_CLOEXEC);

	if (placed < 0)
		return -errno;
	(void)close(d->fd);
	d->fd = placed;
	return 0;
}

bool
dir_same(const struct dir *a, const struct dir *b)
{
	struct stat x, y;

	return status(a->fd, &x) == 0 && status(b->fd, &y) == 0 && x.st_dev == y.st_dev &&
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

/* What one call has put into buf. */
static int
each_entry(const char *buf, size_t n, int (*each)(void *ctx, const char *name), void *ctx)
{
	int error = 0;

	for (size_t at = 0; at < n && error >= 0;) {
		const struct dirent64 *e = (const void *)(buf + at);

		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			error = each(ctx, e->d_name);
		at += e->d_reclen;
	}
	return error;
}

/* Not by opendir(), which makes calls that the jail would have to allow for nothing else. */
int
dir_each(const struct dir *d, int (*each)(void *ctx, const char *name), void *ctx)
{
	static _Alignas(struct dirent64) char buf[LIST_BYTES];
	CLEANUP_FD int fd = openat(d->fd, ".", LIST_FLAGS);
	int error = 0;

	if (fd < 0)
		return -errno;
	while (error >= 0) {
		ssize_t n = getdents64(fd, buf, sizeof(buf));

		if (n <= 0)
			return n < 0 ? -errno : 0;
		error = each_entry(buf, (size_t)n, each, ctx);
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
	int fd = openat(d->fd, name, CREATE_FLAGS, mode);

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
	CLEANUP_FD int fd = openat(d->fd, name, access | OPEN_FLAGS);
	struct stat st;

	if (fd < 0 || status(fd, &st) < 0)
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

/* 1: nothing has this name; -EEXIST whatever has it, be it no file. By a call that the jail knows. */
static int
look_for(const struct dir *d, const char *name)
{
	CLEANUP_FD int fd = openat(d->fd, name, d->look | OPEN_FLAGS);

	if (fd >= 0 || errno == ELOOP || errno == ENXIO || errno == EACCES)
		return -EEXIST;
	return errno == ENOENT ? 1 : -errno;
}

/* We hold the lock: nobody else makes names here between the two. */
static int
look_and_rename(const struct dir *d, const char *from, const char *to)
{
	int there = look_for(d, from), taken;

	if (there != -EEXIST)
		return there < 0 ? there : -ENOENT;
	taken = look_for(d, to);
	return taken < 0 ? taken : dir_replace(d, from, to);
}

/* EINVAL says nothing about the names that are used here: the file system does not know the flag. */
int
dir_rename(const struct dir *d, const char *from, const char *to)
{
	if (d->renames == DIR_RENAMES_LOOK)
		return look_and_rename(d, from, to);
	if (renameat2(d->fd, from, d->fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL || d->renames == DIR_RENAMES_REFUSE)
		return -errno;
	return look_and_rename(d, from, to);
}

int
dir_rename_first(struct dir *d, const char *from, const char *to)
{
	if (renameat2(d->fd, from, d->fd, to, RENAME_NOREPLACE) == 0)
		d->renames = DIR_RENAMES_REFUSE;
	else if (errno == EINVAL)
		d->renames = DIR_RENAMES_LOOK;
	else
		return -errno;
	return d->renames == DIR_RENAMES_REFUSE ? 0 : look_and_rename(d, from, to);
}

int
dir_replace(const struct dir *d, const char *from, const char *to)
{
	return renameat(d->fd, from, d->fd, to) < 0 ? -errno : 0;
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

	return status(fd, &st) < 0 ? -errno : st.st_size;
}

bool
dir_is_named(int fd)
{
	struct stat st;

	return status(fd, &st) == 0 && st.st_nlink > 0;
}

struct dir_file
dir_which(int fd)
{
	struct stat st;

	if (status(fd, &st) < 0)
		return (struct dir_file){0};
	return (struct dir_file){.device = st.st_dev, .inode = st.st_ino};
}

int
dir_leads_to(const struct dir *d, const char *name, const struct dir_file *file)
{
	CLEANUP_FD int fd = openat(d->fd, name, O_RDONLY | OPEN_FLAGS);
	struct dir_file found;

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : -errno;
	found = dir_which(fd);
	if (found.inode == 0 || file->inode == 0)
		return -EIO;
	return found.device == file->device && found.inode == file->inode;
}

int
dir_may_look(const struct dir *d)
{
	CLEANUP_FD int fd = openat(d->fd, ".", LIST_FLAGS);

	return fd < 0 ? -errno : 0;
}

static int
allocate(int fd, int64_t from, int64_t to)
{
	int result;

	do
		result = fallocate(fd, 0, from, to - from);
	while (result < 0 && errno == EINTR);
	return sync_result(result);
}

static bool
is_btrfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == BTRFS_SUPER_MAGIC;
}

int
dir_allocate(int fd, int64_t from, int64_t to)
{
	int64_t piece = is_btrfs(fd) ? BTRFS_PIECE : to - from;
	int error = 0;

	for (; from < to && error == 0; from += piece)
		error = allocate(fd, from, to - from > piece ? from + piece : to);
	return error;
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
