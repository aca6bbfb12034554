/* SPDX-License-Identifier: Apache-2.0 */
#include "common/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/text.h"

/* A path is sent with its NUL, an abstract name without one: the length says where it ends. */
static int
address_of(const char *where, struct sockaddr_un *ret, socklen_t *ret_n)
{
	size_t n = strlen(where);

	if (where[0] != '/' && where[0] != '@')
		return -EAFNOSUPPORT;
	if (n < 2 || n >= sizeof(ret->sun_path))
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path, where, n);
	if (where[0] == '@')
		ret->sun_path[0] = '\0';
	*ret_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (where[0] == '/'));
	return 0;
}

static int
connect_to(const char *where)
{
	CLEANUP_FD int fd = -1;
	struct sockaddr_un address;
	socklen_t n;
	int error = address_of(where, &address, &n);

	if (error < 0)
		return error;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, n) < 0)
		return -errno;
	return take_fd(&fd);
}

/* A decimal number in the environment; false when there is none. */
static bool
number_of(const char *variable, uint64_t *ret)
{
	const char *z = getenv(variable);
	char *end;
	unsigned long long v;

	if (!z || *z < '0' || *z > '9')
		return false;
	errno = 0;
	v = strtoull(z, &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	*ret = v;
	return true;
}

static uint64_t
watchdog_of_environment(void)
{
	uint64_t us, pid;

	if (!number_of("WATCHDOG_USEC", &us))
		return 0;
	if (getenv("WATCHDOG_PID") &&
	    (!number_of("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))
		return 0;
	return us;
}

int
notify_open(struct notify *n)
{
	const char *where = getenv("NOTIFY_SOCKET");
	uint64_t watchdog_us = watchdog_of_environment();
	int fd = where ? connect_to(where) : -1;

	*n = NOTIFY_NONE;
	if (!where)
		return 0;
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	if (fd < 0)
		return fd;
	*n = (struct notify){fd, watchdog_us};
	return 0;
}

void
notify_close(struct notify *n)
{
	if (n->fd >= 0)
		(void)close(n->fd);
	*n = NOTIFY_NONE;
}

static int
send_text(const struct notify *n, const struct text *t)
{
	if (n->fd < 0)
		return 0;
	if (send(n->fd, t->p, t->n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

/* A line end in the status would begin a key of its own. */
static void
put_status(struct text *t, const char *status)
{
	struct str s = str_from(status);

	if (!status)
		return;
	text_put(t, STR("STATUS="));
	for (size_t i = 0; i < s.n && i < NOTIFY_STATUS; i++)
		text_char(t, s.p[i] == '\n' || s.p[i] == '\r' ? ' ' : s.p[i]);
	text_char(t, '\n');
}

static int
send_state(const struct notify *n, struct str state, const char *status)
{
	char buf[NOTIFY_STATUS + 100];
	struct text t = text_over(buf, sizeof(buf));

	text_put(&t, state);
	put_status(&t, status);
	return send_text(n, &t);
}

int
notify_ready(const struct notify *n, const char *status)
{
	return send_state(n, STR("READY=1\n"), status);
}

/* MONOTONIC_USEC tells the manager which reload request this answers (Type=notify-reload). */
int
notify_reloading(const struct notify *n)
{
	char buf[80];
	struct text t = text_over(buf, sizeof(buf));

	text_put(&t, STR("RELOADING=1\nMONOTONIC_USEC="));
	text_u64(&t, (uint64_t)clock_monotonic());
	text_char(&t, '\n');
	return send_text(n, &t);
}

int
notify_stopping(const struct notify *n, const char *status)
{
	return send_state(n, STR("STOPPING=1\n"), status);
}

int
notify_status(const struct notify *n, const char *status)
{
	return send_state(n, STR(""), status);
}

int
notify_watchdog(const struct notify *n)
{
	return send_state(n, STR("WATCHDOG=1\n"), NULL);
}
