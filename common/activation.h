/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sockets that a service manager opened for us (sd_listen_fds(3)): LISTEN_FDS descriptors from 3
 * on, if LISTEN_PID is ours, with names in LISTEN_FDNAMES. Every one must be a listening AF_UNIX
 * SOCK_STREAM socket; anything else is refused, and so is a socket that nobody wants, since its
 * clients would wait for ever.
 */

#include <stddef.h>
#include <sys/un.h>

#define ACTIVATION_MAX 8
#define ACTIVATION_NAME 64

struct activation_socket {
	int fd;                     /* close-on-exec, not blocking */
	char name[ACTIVATION_NAME]; /* empty: not named */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1]; /* empty: not on a path */
};

struct activation {
	size_t n; /* 0: not activated */
	struct activation_socket socket[ACTIVATION_MAX];
};

/*
 * Take what was passed and remove the variables from the environment. Do it before anything opens a
 * descriptor. 0 (also when nothing was passed), -E2BIG: more than ACTIVATION_MAX, -EINVAL: the
 * variables make no sense, -EBADF: a descriptor is not open, -ENOTSOCK, -EPROTOTYPE: not of this
 * kind, -EDESTADDRREQ: does not listen.
 */
int activation_take(struct activation *ret);

struct activation_want {
	const char *name; /* in LISTEN_FDNAMES, there also with ".socket" after it */
	const char *path; /* bound to this */
};

/*
 * Deal the sockets to n wants (at most ACTIVATION_MAX): by name when any name fits a want, else by
 * path when any path does, else in order. ret_fds[i] is -1 when nothing was passed for want[i].
 * -ENOTUNIQ: two for one want; -ENXIO: one that fits no want.
 */
int activation_assign(
    const struct activation *a, const struct activation_want *want, size_t n, int *ret_fds);
