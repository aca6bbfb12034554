/* SPDX-License-Identifier: Apache-2.0 */
#include "policyctl/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fds.h"

#define LOCK_PAUSE 20000000 /* ns between two tries */

static int
lock_directory(int dir, int64_t patience_us, const char **ret_why)
{
	const struct timespec pause = {0, LOCK_PAUSE};
	int64_t end = clock_monotonic() + patience_us;

	while (flock(dir, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_monotonic() >= end) {
			*ret_why = "locked: another policyctl is changing it";
			return -EWOULDBLOCK;
		}
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static int
look(int dir, const char *name, struct stat *st, bool *ret_exists)
{
	*ret_exists = fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) == 0;
	if (*ret_exists)
		return 0;
	return errno == ENOENT ? 0 : -errno;
}

/* What stands there may be replaced by something that is the same but for its content. */
static int
may_replace(const struct stat *st, const char **ret_why)
{
	if (S_ISLNK(st->st_mode)) {
		*ret_why = "is a symbolic link, which would be lost: make it a file";
		return -ELOOP;
	}
	if (!S_ISREG(st->st_mode)) {
		*ret_why = "is no regular file";
		return -EINVAL;
	}
	if (st->st_nlink > 1) {
		*ret_why = "has another name too (a hard link), which would keep the old text";
		return -EMLINK;
	}
	if (geteuid() != 0 && st->st_uid != geteuid()) {
		*ret_why = "belongs to another user, who would lose it";
		return -EPERM;
	}
	return 0;
}

int
replace_open(struct replace *r, const char *path, const char *name, int64_t patience_us,
    const char **ret_why)
{
	CLEANUP_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error;

	*ret_why = NULL;
	if (dir < 0)
		return -errno;
	*r = (struct replace){.name = name};
	error = lock_directory(dir, patience_us, ret_why);
	if (error == 0)
		error = look(dir, name, &r->st, &r->exists);
	if (error == 0 && r->exists)
		error = may_replace(&r->st, ret_why);
	else if (error == 0 && fstat(dir, &r->st) < 0)
		error = -errno;
	r->dir = error == 0 ? take_fd(&dir) : -1;
	return error;
}

void
replace_close(struct replace *r)
{
	if (r->dir >= 0)
		(void)close(r->dir);
	r->dir = -1;
}

/* Somebody else's editor knows nothing of our lock. */
static int
check_unchanged(const struct replace *r)
{
	struct stat now;
	bool exists;
	int error = look(r->dir, r->name, &now, &exists);

	if (error < 0)
		return error;
	if (exists != r->exists)
		return -ESTALE;
	if (!exists)
		return 0;
	return now.st_ino == r->st.st_ino && now.st_dev == r->st.st_dev &&
		       now.st_size == r->st.st_size && now.st_ctim.tv_sec == r->st.st_ctim.tv_sec &&
		       now.st_ctim.tv_nsec == r->st.st_ctim.tv_nsec
		   ? 0
		   : -ESTALE;
}

/*
 * A new file is for those who may read the directory: the service is seldom the one who edits. Its
 * group is that of the directory, if we may give it that; and root gives it to the directory's owner,
 * who could replace it anyway.
 */
static int
dress(const struct replace *r, int fd, const char **ret_step)
{
	bool own = r->exists && (r->st.st_uid != geteuid() || r->st.st_gid != getegid());
	uid_t owner = geteuid() == 0 ? r->st.st_uid : (uid_t)-1;
	mode_t mode = r->exists ? r->st.st_mode & 07777
				: (r->st.st_mode & (S_IRGRP | S_IROTH)) | S_IRUSR | S_IWUSR;

	*ret_step = "keep its owner and group";
	if (own && fchown(fd, r->st.st_uid, r->st.st_gid) < 0)
		return -errno;
	if (!r->exists && fchown(fd, owner, r->st.st_gid) < 0)
		mode &= ~(mode_t)S_IRGRP;
	*ret_step = "set its mode";
	return fchmod(fd, mode) < 0 ? -errno : 0;
}

static int
fill(const struct replace *r, int fd, struct str text, const char **ret_step)
{
	int error;

	*ret_step = "write";
	error = fd_write_all(fd, text.p, text.n);
	if (error == 0)
		error = dress(r, fd, ret_step);
	if (error < 0)
		return error;
	*ret_step = "sync";
	return fsync(fd) < 0 ? -errno : 0;
}

static int
put_in_place(const struct replace *r, const char **ret_step)
{
	unsigned flags = r->exists ? 0 : RENAME_NOREPLACE;
	int error = check_unchanged(r);

	*ret_step = "put it in its place";
	if (error < 0)
		return error;
	if (renameat2(r->dir, REPLACE_TMP, r->dir, r->name, flags) == 0)
		return 0;
	/* Some file systems know no flags. */
	if (errno == EINVAL && renameat(r->dir, REPLACE_TMP, r->dir, r->name) == 0)
		return 0;
	return errno == EEXIST ? -ESTALE : -errno;
}

int
replace_write(const struct replace *r, struct str text, const char **ret_step, bool *ret_done)
{
	CLEANUP_FD int fd = -1;
	int error;

	*ret_done = false;
	*ret_step = "remove " REPLACE_TMP;
	if (unlinkat(r->dir, REPLACE_TMP, 0) < 0 && errno != ENOENT)
		return -errno;
	*ret_step = "make " REPLACE_TMP;
	fd = openat(
	    r->dir, REPLACE_TMP, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	error = fill(r, fd, text, ret_step);
	if (error == 0)
		error = put_in_place(r, ret_step);
	if (error < 0) {
		(void)unlinkat(r->dir, REPLACE_TMP, 0);
		return error;
	}
	*ret_done = true;
	*ret_step = "sync the directory";
	return fsync(r->dir) < 0 ? -errno : 0;
}
