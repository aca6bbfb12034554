/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How the processes that serve clients begin and end. */

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "common/seccomp.h"
#include "policyd/client/image.h"
#include "policyd/settings.h"

/* The supervisor places these. */
#define ROLE_FD_CONTROL 3
#define ROLE_FD_RECORD 4
#define ROLE_FD_LISTEN 5
#define ROLE_FD_IMAGE 6
/* What is open when all is set up: 0 to 5, the event loop and its pipe for signals. */
#define ROLE_DESCRIPTORS 9

enum role_exit {
	ROLE_EXIT_DONE = 0,      /* asked to finish, and everything is answered */
	ROLE_EXIT_FATAL = 1,     /* could not start or go on; a line on stderr says why */
	ROLE_EXIT_NO_WRITER = 3, /* the record channel ended or broke */
	ROLE_EXIT_NO_SUPERVISOR = 4,
};

/*
 * Leave signals to the supervisor, get descriptors for this many connections, and give up privileges.
 * Does not return on failure. Returns the connections that there are descriptors for.
 */
uint32_t role_enter(uint32_t connections);

/*
 * The rest of the jail, when everything is set up and before the first byte is read: no file can be
 * opened any more, and only these system calls are left (a process's syscalls.def). So many
 * descriptors must be open. Does not return on failure.
 */
void
role_seal(const struct settings *s, const struct syscall_rule *calls, size_t n, int descriptors);

/* An event loop without locks that reads no environment. Does not return on failure. */
struct event_base *role_event_base(void);

/* The image that the supervisor left on ROLE_FD_IMAGE. Does not return on failure. */
struct image *role_first_image(void);
