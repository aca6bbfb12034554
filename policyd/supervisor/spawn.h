/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Starting our own programs, and nothing else: by a descriptor opened at start, so that what runs
 * later is the file that was there then, with no environment, exactly the descriptors given, and
 * signals as a child of ours wants them. INT, TERM and HUP are ignored: a terminal or a service
 * manager sends them to all of us, but only the supervisor knows in which order to end; it says so
 * over the control channel, and its own end shows there as an end of file.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct identity {
	bool change; /* false: stay who we are */
	uid_t uid;
	gid_t gid;
};

#define SPAWN_FIRST_FD 3

struct spawn {
	int program; /* O_PATH */
	char *const *argv;
	const int *fds; /* placed from SPAWN_FIRST_FD on; those below are inherited */
	size_t n_fds;
	struct identity identity;
	bool die_with_us; /* SIGKILL when the supervisor dies, besides the control channel */
};

/*
 * The new process, which runs the program by now, or -errno. What fails in the child is logged there
 * and ends it with status 1.
 */
pid_t spawn(const struct spawn *s);
