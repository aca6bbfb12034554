/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/repair.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

#define COPY_PIECE (256u << 10)

/* The scratch that is in use, or whose use has failed. */
static struct {
	int dir, fd;
} kept = {-1, -1};
static bool settled;

static int
scratch(const struct dir *d, int (*create)(const struct dir *d, const char *name))
{
	int fd = create(d, SEGNAME_SCRATCH);
	int error;

	if (fd != -EEXIST || settled)
		return fd;
	/* Left by an interruption, never looked at: the name is needed. */
	error = dir_replace(d, SEGNAME_SCRATCH, SEGNAME_COPY);
	return error < 0 ? error : create(d, SEGNAME_SCRATCH);
}

static void
forget(void)
{
	if (kept.fd >= 0)
		(void)close(kept.fd);
	kept.fd = -1;
}

/* Somebody has deleted, moved or replaced it. */
static bool
is_lost(const struct dir *d)
{
	const struct dir_file file = dir_which(kept.fd);

	return !dir_is_named(kept.fd) || dir_leads_to(d, SEGNAME_SCRATCH, &file) == 0;
}

int
repair_scratch(const struct dir *d)
{
	if (kept.fd >= 0 && (kept.dir != d->fd || is_lost(d)))
		forget();
	if (kept.fd >= 0) {
		int error = dir_cut(kept.fd, 0);

		return error < 0 ? error : kept.fd;
	}
	kept.fd = scratch(d, dir_create);
	kept.dir = d->fd;
	return kept.fd;
}

int
repair_scratch_secret(const struct dir *d)
{
	forget();
	return scratch(d, dir_create_secret);
}

int
repair_place_open(const struct dir *d, const char *name)
{
	int error = dir_rename(d, SEGNAME_SCRATCH, name);

	return error < 0 ? error : take_fd(&kept.fd);
}

int
repair_place(const struct dir *d, const char *name)
{
	int fd = repair_place_open(d, name);

	if (fd >= 0)
		(void)close(fd);
	return fd < 0 ? fd : 0;
}

int
repair_place_first(const struct dir *d, const char *name)
{
	int error = dir_replace(d, SEGNAME_SCRATCH, SEGNAME_COPY);

	if (error == 0)
		forget();
	return error < 0 ? error : dir_rename(d, SEGNAME_COPY, name);
}

int
repair_replace(const struct dir *d, const char *name)
{
	int error = dir_replace(d, SEGNAME_SCRATCH, name);

	if (error == 0)
		forget();
	return error;
}

int
repair_settle(struct dir *d, const char *name)
{
	int fd = repair_scratch(d);
	int error = fd < 0 ? fd : dir_replace(d, SEGNAME_SCRATCH, SEGNAME_COPY);

	if (error == 0)
		error = dir_rename_first(d, SEGNAME_COPY, SEGNAME_SCRATCH);
	if (error == 0)
		error = dir_replace(d, SEGNAME_SCRATCH, name);
	if (error < 0)
		return error;
	settled = true;
	kept.fd = -1;
	return fd;
}

static int
copy_bytes(int from, int to, int64_t length, struct hash *h)
{
	static char piece[COPY_PIECE]; /* repairs never run side by side */

	for (int64_t at = 0; at < length;) {
		size_t want = length - at < COPY_PIECE ? (size_t)(length - at) : COPY_PIECE;
		ssize_t n = dir_read(from, piece, want, at);
		int error;

		if (n < 0)
			return (int)n;
		if ((size_t)n < want)
			return -ENODATA;
		hash_add(h, (struct str){piece, want});
		error = dir_write(to, piece, want, at);
		if (error < 0)
			return error;
		at += n;
	}
	return 0;
}

static int
copy(int from, int to, int64_t length, struct hash *h, const uint8_t sum[LINE_HASH],
    const char **ret_step)
{
	uint8_t found[LINE_HASH];
	int error;

	*ret_step = "copy";
	hash_begin(h);
	error = copy_bytes(from, to, length, h);
	if (error < 0)
		return error;
	hash_end(h, found);
	*ret_step = "compare with what was written";
	if (sum && memcmp(found, sum, LINE_HASH) != 0)
		return -EBADMSG;
	*ret_step = "sync the copy";
	return dir_sync_file(to);
}

int
repair_copy(const struct dir *d, int from, int64_t length, struct hash *h,
    const uint8_t sum[LINE_HASH], const char **ret_step)
{
	int to = repair_scratch(d);
	int error;

	*ret_step = "make a scratch file";
	if (to < 0)
		return to;
	error = copy(from, to, length, h, sum, ret_step);
	/* The space that it has taken, others need: it may have been the last. */
	if (error < 0)
		(void)dir_cut(to, 0);
	return error;
}

int
repair_set_aside(
    const struct dir *d, const char *base, enum segname_kind kind, char torn[SEGNAME_SIZE])
{
	char name[SEGNAME_SIZE];
	int error;

	segname_with(name, base, kind);
	segname_with(torn, base, SEGNAME_TORN);
	error = dir_rename(d, name, torn);
	for (unsigned n = 1; error == -EEXIST && n <= SEGNAME_TORN_AGAIN; n++) {
		segname_torn_again(torn, base, n);
		error = dir_rename(d, name, torn);
	}
	return error;
}
