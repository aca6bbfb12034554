/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/loop_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/cleanup.h"

#define IMAGE_EXT4 (INT64_C(48) << 20)
#define IMAGE_XFS (INT64_C(320) << 20) /* mkfs.xfs makes no smaller one */
#define IMAGE_BTRFS (INT64_C(128) << 20)
/* Both file systems have this one since Linux 4.16 (EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN). */
#define IOC_SHUTDOWN _IOR('X', 125, uint32_t)
#define NO_LOG_FLUSH 2

/* Its exit status; -1 when it cannot be run. Its output is thrown away. */
static int
run(const char *const argv[])
{
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	(void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ) ==
		0 &&
	    waitpid(pid, &status, 0) == pid)
		status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	return status;
}

static bool
image_make(const struct loop_mount *m)
{
	const char *const ext4[] = {"mkfs.ext4", "-q", "-F", m->image, NULL};
	const char *const xfs[] = {"mkfs.xfs", "-q", "-f", m->image, NULL};
	const char *const btrfs[] = {"mkfs.btrfs", "-q", "-f", m->image, NULL};
	CLEANUP_FD int fd = open(m->image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	if (strcmp(m->fs, "xfs") == 0)
		return ftruncate(fd, IMAGE_XFS) == 0 && run(xfs) == 0;
	if (strcmp(m->fs, "btrfs") == 0)
		return ftruncate(fd, IMAGE_BTRFS) == 0 && run(btrfs) == 0;
	return ftruncate(fd, IMAGE_EXT4) == 0 && run(ext4) == 0;
}

static bool
attach(struct loop_mount *m)
{
	const char *const argv[] = {"mount", "-o", "loop", "-t", m->fs, m->image, m->point, NULL};

	m->mounted = run(argv) == 0;
	return m->mounted;
}

static void
detach(struct loop_mount *m)
{
	const char *const argv[] = {"umount", m->point, NULL};

	/* Something may still look at it for a moment. */
	for (int i = 0; m->mounted && i < 100; i++) {
		m->mounted = run(argv) != 0;
		if (m->mounted)
			(void)usleep(20000);
	}
}

/* SEALWRIGHT_IMAGES, when paths below it stay short enough for the tests that live there. */
static const char *
images(void)
{
	const char *given = getenv("SEALWRIGHT_IMAGES");

	return given && strlen(given) < 20 ? given : "/tmp";
}

bool
loop_mount_make(struct loop_mount *m, const char *fs, const char **ret_why)
{
	struct stat st;

	*m = (struct loop_mount){.fs = fs};
	*ret_why = "needs root";
	if (geteuid() != 0)
		return false;
	(void)snprintf(m->top, sizeof(m->top), "%s/power-XXXXXX", images());
	*ret_why = "no place for an image";
	if (!mkdtemp(m->top))
		return false;
	(void)snprintf(m->image, sizeof(m->image), "%s/image", m->top);
	(void)snprintf(m->copy, sizeof(m->copy), "%s/copy", m->top);
	(void)snprintf(m->point, sizeof(m->point), "%s/at", m->top);
	*ret_why = "no mkfs for this file system";
	if (mkdir(m->point, 0700) == 0 && image_make(m)) {
		*ret_why = "cannot mount an image here";
		if (stat(m->point, &st) == 0 && attach(m)) {
			m->outside = st.st_dev;
			return true;
		}
	}
	loop_mount_remove(m);
	return false;
}

void
loop_mount_remove(struct loop_mount *m)
{
	detach(m);
	(void)unlink(m->image);
	(void)unlink(m->copy);
	(void)rmdir(m->point);
	(void)rmdir(m->top);
}

void
loop_mount_copy(struct loop_mount *m)
{
	const char *const argv[] = {"cp", "--sparse=always", m->image, m->copy, NULL};

	assert_int_equal(run(argv), 0);
	m->copied = true;
}

void
loop_mount_cut(const struct loop_mount *m)
{
	struct stat st;
	uint32_t mode = NO_LOG_FLUSH;
	int fd = open(m->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Never that of the machine. */
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev == m->outside)
		abort();
	if (ioctl(fd, IOC_SHUTDOWN, &mode) < 0)
		abort();
	(void)close(fd);
}

/* Not what was cut: as long as somebody's sync() looks at that, mounting brings the same one back. */
static bool
is_alive(const struct loop_mount *m)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/alive", m->point);
	/* A cut may have brought it back. */
	return (mkdir(path, 0700) == 0 || errno == EEXIST) && rmdir(path) == 0;
}

void
loop_mount_again(struct loop_mount *m)
{
	detach(m);
	assert_false(m->mounted);
	if (m->copied)
		assert_int_equal(rename(m->copy, m->image), 0);
	m->copied = false;
	assert_true(attach(m));
	for (int i = 0; i < 200 && !is_alive(m); i++) {
		detach(m);
		(void)usleep(20000);
		assert_true(attach(m));
	}
	assert_true(is_alive(m));
}

void
loop_mount_sync(const struct loop_mount *m)
{
	CLEANUP_FD int fd = open(m->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0 && syncfs(fd) == 0);
}
