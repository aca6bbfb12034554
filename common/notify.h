/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The service manager's notification protocol (sd_notify(3)): datagrams of "KEY=value" lines to the
 * socket that NOTIFY_SOCKET names, a path or "@" and an abstract name. The socket is connected
 * once, at start; after that no file system access, environment or privilege is needed.
 *
 * Everything is a no-op (0) when no service manager listens. A manager that does not read never
 * holds us up: sending does not block.
 */

#include <stdint.h>

struct notify {
	int fd;               /* -1: nobody to tell */
	uint64_t watchdog_us; /* we are taken for hung after this long without a sign; 0: never */
};

#define NOTIFY_NONE ((struct notify){.fd = -1})
#define NOTIFY_STATUS 200 /* bytes of a status line; cut beyond */

/*
 * Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and remove them from the environment.
 * -EINVAL: not an address; -EAFNOSUPPORT: neither "/" nor "@"; else -errno of connecting. *n is
 * NOTIFY_NONE after a failure.
 */
int notify_open(struct notify *n);
void notify_close(struct notify *n);

/* status: one line for `systemctl status`; NULL: none. 0 or -errno. */
int notify_ready(const struct notify *n, const char *status);
int notify_reloading(const struct notify *n);
int notify_stopping(const struct notify *n, const char *status);
int notify_status(const struct notify *n, const char *status);
int notify_watchdog(const struct notify *n);
