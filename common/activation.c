/* SPDX-License-Identifier: Apache-2.0 */
#include "common/activation.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fds.h"
#include "common/str.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

/* 0 and *ret; -ENOENT when the variable is not set. */
static int
number_of(const char *variable, long *ret)
{
	const char *z = getenv(variable);
	char *end;

	if (!z)
		return -ENOENT;
	if (*z < '0' || *z > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtol(z, &end, 10);
	return errno == 0 && *end == '\0' ? 0 : -EINVAL;
}

/* How many were passed to this very process. */
static int
count_passed(void)
{
	long pid, n;
	int error = number_of("LISTEN_PID", &pid);

	if (error < 0 || pid != getpid())
		return error == -EINVAL ? error : 0;
	error = number_of("LISTEN_FDS", &n);
	if (error < 0)
		return error == -ENOENT ? 0 : error;
	return n > ACTIVATION_MAX ? -E2BIG : (int)n;
}

static int
option_of(int fd, int option, int *ret)
{
	socklen_t n = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, option, ret, &n) < 0 ? -errno : 0;
}

static int
check_kind(int fd)
{
	int domain = 0, type = 0, listens = 0;
	int error = option_of(fd, SO_DOMAIN, &domain);

	if (error == 0)
		error = option_of(fd, SO_TYPE, &type);
	if (error == 0)
		error = option_of(fd, SO_ACCEPTCONN, &listens);
	if (error < 0)
		return error;
	if (domain != AF_UNIX || type != SOCK_STREAM)
		return -EPROTOTYPE;
	return listens ? 0 : -EDESTADDRREQ;
}

/* The path it is bound to; empty for an abstract or unnamed socket. */
static int
path_of(int fd, char *buf, size_t size)
{
	struct sockaddr_un address = {0};
	socklen_t n = sizeof(address);
	size_t used;

	if (getsockname(fd, (struct sockaddr *)&address, &n) < 0)
		return -errno;
	used = strnlen(address.sun_path, sizeof(address.sun_path));
	if (n <= offsetof(struct sockaddr_un, sun_path) || used >= size)
		used = 0;
	memcpy(buf, address.sun_path, used);
	buf[used] = '\0';
	return 0;
}

static int
take_one(int fd, struct activation_socket *s)
{
	int error = check_kind(fd);

	if (error == 0)
		error = fd_set_cloexec(fd, true);
	if (error == 0)
		error = fd_set_nonblock(fd, true);
	if (error == 0)
		error = path_of(fd, s->path, sizeof(s->path));
	s->fd = fd;
	return error;
}

/* Names are separated by ':'; more names than sockets, or longer ones than ours, fit nothing. */
static void
take_names(struct activation *a)
{
	const char *z = getenv("LISTEN_FDNAMES");

	for (size_t i = 0; z && i < a->n; i++) {
		size_t n = strcspn(z, ":");

		if (n < sizeof(a->socket[i].name))
			memcpy(a->socket[i].name, z, n);
		z = z[n] == ':' ? z + n + 1 : NULL;
	}
}

int
activation_take(struct activation *ret)
{
	struct activation a = {0};
	int n = count_passed();

	for (int i = 0; i < n; i++) {
		int error = take_one(FIRST_FD + i, &a.socket[i]);

		if (error < 0)
			return error;
		a.n++;
	}
	take_names(&a);
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	if (n < 0)
		return n;
	*ret = a;
	return 0;
}

/* --- who gets which --------------------------------------------------------------------------- */

typedef bool
fits_fn(const struct activation *a, size_t i, const struct activation_want *want, size_t k);

/* A socket unit that names nothing passes its own name: "policyd.socket" for "policyd". */
static bool
fits_name(const struct activation *a, size_t i, const struct activation_want *want, size_t k)
{
	struct str given = str_from(a->socket[i].name);

	if (str_ends(given, STR(".socket")))
		given.n -= STR(".socket").n;
	return str_eq(given, str_from(want[k].name));
}

static bool
fits_path(const struct activation *a, size_t i, const struct activation_want *want, size_t k)
{
	return a->socket[i].path[0] != '\0' && strcmp(a->socket[i].path, want[k].path) == 0;
}

static bool
fits_order(const struct activation *a, size_t i, const struct activation_want *want, size_t k)
{
	(void)a;
	(void)want;
	return i == k;
}

/* How many sockets this rule places; -ENOTUNIQ when two go to one place. */
static int
deal(const struct activation *a, const struct activation_want *want, size_t n, fits_fn *fits,
    int *ret_fds)
{
	int dealt = 0;

	for (size_t k = 0; k < n; k++)
		ret_fds[k] = -1;
	for (size_t i = 0; i < a->n; i++) {
		for (size_t k = 0; k < n; k++) {
			if (!fits(a, i, want, k))
				continue;
			if (ret_fds[k] >= 0)
				return -ENOTUNIQ;
			ret_fds[k] = a->socket[i].fd;
			dealt++;
		}
	}
	return dealt;
}

int
activation_assign(
    const struct activation *a, const struct activation_want *want, size_t n, int *ret_fds)
{
	fits_fn *const rules[] = {fits_name, fits_path, fits_order};

	for (size_t r = 0; r < ARRAY_SIZE(rules); r++) {
		int dealt = deal(a, want, n, rules[r], ret_fds);

		if (dealt < 0)
			return dealt;
		if (dealt > 0 || a->n == 0)
			return (size_t)dealt == a->n ? 0 : -ENXIO;
	}
	return -ENXIO;
}
