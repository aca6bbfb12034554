/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file system of its own in an image file, whose power can be cut: nothing that was not synced
 * reaches the disk any more, and every later write or sync fails (the shutdown ioctl of ext4 and xfs,
 * without a flush of the journal; of btrfs, the image of that moment). Needs root, loop devices and mkfs.
 */

#include <stdbool.h>
#include <sys/types.h>

struct loop_mount {
	const char *fs; /* "ext4", "xfs", "btrfs" */
	char top[64];   /* directory of both that follow */
	char image[80];
	char copy[80];
	dev_t outside; /* file system that its directory is on */
	bool copied;   /* what is mounted again is the copy */
	char point[80];
	bool mounted;
};

/* False: not possible here, *ret_why says why (static text). Else it is mounted. */
bool loop_mount_make(struct loop_mount *m, const char *fs, const char **ret_why);
/* Unmount, if it is mounted, and delete. */
void loop_mount_remove(struct loop_mount *m);

/*
 * Copy the image as it is now, without what is in memory alone: where the power cannot be cut. Nobody
 * may be writing.
 */
void loop_mount_copy(struct loop_mount *m);

/* Cut its power; not of btrfs. Makes three system calls and nothing else: for use in any process. */
void loop_mount_cut(const struct loop_mount *m);
/* Everything that was done up to now reaches the disk. */
void loop_mount_sync(const struct loop_mount *m);
/* After a cut or a copy: mount what reached the disk. Fails the running test if that does not work. */
void loop_mount_again(struct loop_mount *m);
