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

/*
 * Bind and listen at path, 0660, with the group of this name if there is one and we may give it.
 * A socket file on which nobody answers is replaced. -EADDRINUSE: somebody answers;
 * -ENOTSOCK: path is something else; else -errno.
 */
int listener_make(struct listener *l, const char *path, const char *group);

/* Close, and remove the file if it is still the one made here. Idempotent. */
void listener_close(struct listener *l);
