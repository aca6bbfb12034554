/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file system of its own in an image file, whose power can be cut: nothing that was not synced
 * reaches the disk any more, and every later write or sync fails (the shutdown ioctl of ext4 and xfs,
 * without a flush of the journal). Needs root, loop devices and mkfs.
 */

#include <stdbool.h>

struct loop_mount {
	const char *fs; /* "ext4", "xfs" */
	char top[64];   /* directory of both that follow */
	char image[80];
	char point[80];
	bool mounted;
};

/* False: not possible here, *ret_why says why (static text). Else it is mounted. */
bool loop_mount_make(struct loop_mount *m, const char *fs, const char **ret_why);
/* Unmount, if it is mounted, and delete. */
void loop_mount_remove(struct loop_mount *m);

/* Cut its power. Makes two system calls and nothing else: for use in any process. */
void loop_mount_cut(const struct loop_mount *m);
/* After a cut: mount what reached the disk. Fails the running test if that does not work. */
void loop_mount_again(struct loop_mount *m);
