/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/supervisor/listen.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "policyd/accounts.h"

#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */
/* A predecessor that was killed leaves evaluators which take a moment to notice. */
#define ANSWER_TRIES 20
#define ANSWER_PAUSE_MS 50

static int
address_of(const char *path, struct sockaddr_un *ret)
{
	size_t n = strlen(path);

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret->sun_path, path, n);
	return 0;
}

/* 0: nobody listens there; -EADDRINUSE: somebody does, or we cannot know. */
static int
try_connect(const struct sockaddr_un *address)
{
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
	    errno == ECONNREFUSED)
		return 0;
	return -EADDRINUSE;
}

static int
wait_until_silent(const struct sockaddr_un *address)
{
	const struct timespec pause = {0, ANSWER_PAUSE_MS * 1000000L};
	int error = try_connect(address);

	for (int i = 1; i < ANSWER_TRIES && error == -EADDRINUSE; i++) {
		(void)nanosleep(&pause, NULL);
		error = try_connect(address);
	}
	return error;
}

static int
remove_stale(const char *path, const struct sockaddr_un *address)
{
	struct stat st;
	int error;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	error = wait_until_silent(address);
	if (error < 0)
		return error;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* The mode is set by the umask at bind(): there is no moment at which others could connect. */
static int
bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0117);
	int error = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	(void)umask(before);
	return error;
}

/* An ordinary user outside the group cannot give it away: then the file keeps the user's own. */
static int
give(const char *path, const struct listener_owner *owner)
{
	gid_t gid = owner->gid;
	int error = account_group(owner->group, &gid);

	if (error < 0 && error != -ENOENT)
		return error;
	if (lchown(path, owner->uid, gid) < 0)
		return errno == EPERM ? 0 : -errno;
	return 0;
}

int
listener_make(struct listener *l, const char *path, const struct listener_owner *owner)
{
	CLEANUP_FD int fd = -1;
	struct sockaddr_un address;
	struct stat st;
	int error = address_of(path, &address);

	if (error == 0)
		error = remove_stale(path, &address);
	if (error < 0)
		return error;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	error = bind_private(fd, &address);
	if (error == 0)
		error = give(path, owner);
	if (error < 0)
		return error;
	if (lstat(path, &st) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*l = (struct listener){take_fd(&fd), path, true, st.st_dev, st.st_ino};
	return 0;
}

void
listener_close(struct listener *l)
{
	struct stat st;

	if (l->fd < 0)
		return;
	if (l->ours && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
		(void)unlink(l->path);
	(void)close(l->fd);
	l->fd = -1;
}
