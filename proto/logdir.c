/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/logdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define LOGDIR_ENTRIES ((size_t)LOGDIR_SEGMENTS * 3) /* a segment has three files at most */

static void
cleanup_dir(DIR **stream)
{
	if (*stream)
		(void)closedir(*stream);
}
#define CLEANUP_DIR __attribute__((cleanup(cleanup_dir)))

int
logdir_open(struct logdir *d, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*d = (struct logdir){.fd = fd};
	return 0;
}

void
logdir_close(struct logdir *d)
{
	(void)close(d->fd);
	free(d->segments);
	*d = (struct logdir){.fd = -1};
}

/* --- listing --------------------------------------------------------------------------------- */

/* base.torn.2 and so on. */
static bool
torn_again(struct str name)
{
	struct segname s;
	size_t digits = 0;

	while (digits < name.n && name.p[name.n - digits - 1] >= '0' &&
	       name.p[name.n - digits - 1] <= '9')
		digits++;
	if (digits == 0 || digits > 9 || digits == name.n || name.p[name.n - digits - 1] != '.')
		return false;
	name.n -= digits + 1;
	return segname_parse(name, &s) && s.kind == SEGNAME_TORN;
}

static int
logdir_add(struct logdir *d, const struct segname *name)
{
	if (d->n == LOGDIR_ENTRIES)
		return -E2BIG;
	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 256;
		struct logdir_segment *grown = reallocarray(d->segments, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		d->segments = grown;
		d->cap = cap;
	}
	d->segments[d->n].kinds = 1U << name->kind;
	memcpy(d->segments[d->n].base, name->base, sizeof(name->base));
	d->n++;
	return 0;
}

static int
logdir_entry(struct logdir *d, const char *z)
{
	struct str name = str_from(z);
	struct segname s;

	if (strcmp(z, ".") == 0 || strcmp(z, "..") == 0)
		return 0;
	if (segname_parse(name, &s)) {
		if (s.kind != SEGNAME_TORN)
			return logdir_add(d, &s);
		d->torn++;
	} else if (torn_again(name)) {
		d->torn++;
	} else if (strcmp(z, LOGDIR_VKEY) == 0) {
		d->has_vkey = true;
	} else if (strcmp(z, SEGNAME_SCRATCH) != 0 && strcmp(z, SEGNAME_COPY) != 0) {
		d->ignored++;
	}
	return 0;
}

static int
by_base(const void *a, const void *b)
{
	return strcmp(
	    ((const struct logdir_segment *)a)->base, ((const struct logdir_segment *)b)->base);
}

/* One for each base name, with all that was found of it. */
static void
logdir_join(struct logdir *d)
{
	size_t n = 0;

	if (d->n > 1)
		qsort(d->segments, d->n, sizeof(*d->segments), by_base);
	for (size_t i = 0; i < d->n; i++) {
		if (n > 0 && by_base(&d->segments[n - 1], &d->segments[i]) == 0)
			d->segments[n - 1].kinds |= d->segments[i].kinds;
		else
			d->segments[n++] = d->segments[i];
	}
	d->n = n;
}

int
logdir_list(struct logdir *d)
{
	CLEANUP_FD int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int error = 0;

	if (!stream)
		return -errno;
	(void)take_fd(&fd);
	d->n = 0;
	d->torn = d->ignored = 0;
	d->has_vkey = false;
	for (errno = 0; error == 0 && (entry = readdir(stream)); errno = 0)
		error = logdir_entry(d, entry->d_name);
	if (error == 0)
		error = -errno;
	logdir_join(d);
	return error == 0 && d->n > LOGDIR_SEGMENTS ? -E2BIG : error;
}

const struct logdir_segment *
logdir_find(const struct logdir *d, const char *base)
{
	struct logdir_segment key = {.kinds = 0};

	if (d->n == 0 || strlen(base) >= sizeof(key.base))
		return NULL;
	memcpy(key.base, base, strlen(base) + 1);
	return bsearch(&key, d->segments, d->n, sizeof(key), by_base);
}

/* --- files ----------------------------------------------------------------------------------- */

int
logdir_has(const struct logdir *d, const char *name)
{
	struct stat st;

	if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

/* Looked at before it is opened (opening a device may do something) and again afterwards. */
int
logdir_file(const struct logdir *d, const char *name, uint64_t *ret_bytes)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENXIO;
	fd = openat(d->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -ENXIO : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENXIO;
	if (ret_bytes)
		*ret_bytes = (uint64_t)st.st_size;
	return take_fd(&fd);
}

/* Renamed between our first and our second look, it is there at the third. */
int
logdir_lines(
    const struct logdir *d, const char *base, char ret_name[SEGNAME_SIZE], uint64_t *ret_bytes)
{
	static const enum segname_kind order[] = {SEGNAME_CLOSED, SEGNAME_TMP, SEGNAME_CLOSED};
	int fd = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(order) && fd == -ENOENT; i++) {
		segname_with(ret_name, base, order[i]);
		fd = logdir_file(d, ret_name, ret_bytes);
	}
	return fd;
}

static int
read_whole(int fd, char *buf, size_t cap, size_t *ret_n)
{
	for (*ret_n = 0; *ret_n < cap;) {
		ssize_t r = read(fd, buf + *ret_n, cap - *ret_n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		*ret_n += (size_t)r;
	}
	return 0;
}

int
logdir_read(const struct logdir *d, const char *name, char *buf, size_t cap, struct str *ret)
{
	uint64_t bytes = 0;
	CLEANUP_FD int fd = logdir_file(d, name, &bytes);

	if (fd < 0)
		return fd;
	if (bytes > cap)
		return -EFBIG;
	ret->p = buf;
	return read_whole(fd, buf, cap, &ret->n);
}
