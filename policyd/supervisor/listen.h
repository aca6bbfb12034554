/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Listening sockets: passed by a service manager, or made here. */

#include <stdbool.h>
#include <sys/types.h>

struct listener {
	int fd; /* -1: closed */
	const char *path;
	bool ours;    /* made here: to be removed at the end */
	dev_t device; /* of the socket file, so as never to remove a successor's */
	ino_t inode;
};

struct listener_owner {
	uid_t uid; /* -1: stays the caller's */
	gid_t gid;
	const char *group; /* beats gid where a group of this name exists */
};

/*
 * Bind and listen at path, 0660, and give the file to its owner as far as we may.
 * A socket file on which nobody answers is replaced. -EADDRINUSE: somebody answers;
 * -ENOTSOCK: path is something else; else -errno.
 */
int listener_make(struct listener *l, const char *path, const struct listener_owner *owner);

/* Close, and remove the file if it is still the one made here. Idempotent. */
void listener_close(struct listener *l);
