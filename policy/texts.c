/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "policy/policy.h"
#include "policy/zone.h"

#define TEXTS_MAX 4096 /* files of one directory */

static_assert(LIMIT_POLICY_BYTES == 64 << 20 && TEXTS_MAX == 4096, "as policy_texts_fault() says");

/* Remember which file it was; the texts own the name. */
static int
fail(struct policy_texts *texts, const char *file, int error, const char **ret_why_file)
{
	free(texts->failed);
	texts->failed = strdup(file);
	*ret_why_file = texts->failed ? texts->failed : "a policy file";
	return error;
}

static int
add_text(struct policy_texts *texts, const char *file, char *text, size_t n)
{
	struct policy_text *grown = reallocarray(texts->v, texts->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	texts->v = grown;
	grown[texts->n].file = strdup(file);
	if (!grown[texts->n].file)
		return -ENOMEM;
	grown[texts->n++].text = (struct str){text, n};
	return 0;
}

static size_t
texts_bytes(const struct policy_texts *texts)
{
	size_t n = 0;

	for (size_t i = 0; i < texts->n; i++)
		n += texts->v[i].text.n;
	return n;
}

static int
read_text(struct policy_texts *texts, const char *file, int fd)
{
	CLEANUP_FREE char *buf = NULL;
	size_t n;
	int error = fd_read_file(fd, LIMIT_POLICY_BYTES - texts_bytes(texts), &buf, &n);

	if (error == 0)
		error = add_text(texts, file, buf, n);
	if (error == 0)
		buf = NULL;
	return error;
}

/* Named by hand, so it may be a pipe or standard input. */
static int
read_one(struct policy_texts *texts, const char *file, const char **ret_why_file)
{
	CLEANUP_FD int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int error = fd < 0 ? -errno : read_text(texts, file, fd);

	return error < 0 ? fail(texts, file, error, ret_why_file) : 0;
}

static int
check_regular(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return 0;
	return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
}

/* Found in a directory: must be a regular file, and opening a FIFO must not wait for a writer. */
static int
read_entry(struct policy_texts *texts, int dir, const char *name, const char *file)
{
	CLEANUP_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int error = fd < 0 ? -errno : check_regular(fd);

	return error < 0 ? error : read_text(texts, file, fd);
}

/* --- directories ------------------------------------------------------------------------------ */

struct names {
	char *v[TEXTS_MAX];
	size_t n;
};

static bool
is_document(const char *name)
{
	return name[0] != '.' && str_ends(str_from(name), STR(".json"));
}

/* Byte order, whatever the locale. */
static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
add_name(struct names *names, const char *name)
{
	char *copy;

	if (names->n == TEXTS_MAX)
		return -E2BIG;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	names->v[names->n++] = copy;
	return 0;
}

/* Not one more than there may be is kept, however many there are. */
static int
list_names(DIR *dir, struct names *names)
{
	const struct dirent *entry;
	int error = 0;

	errno = 0;
	while (error == 0 && (entry = readdir(dir))) {
		if (is_document(entry->d_name))
			error = add_name(names, entry->d_name);
		if (error == 0)
			errno = 0;
	}
	if (error == 0 && errno != 0)
		error = -errno;
	qsort(names->v, names->n, sizeof(names->v[0]), by_name);
	return error;
}

static int
read_names(struct policy_texts *texts, const char *path, int dir, const struct names *names,
    const char **ret_why_file)
{
	for (size_t i = 0; i < names->n; i++) {
		CLEANUP_FREE char *file = NULL;
		int error;

		if (asprintf(&file, "%s/%s", path, names->v[i]) < 0) {
			file = NULL;
			return fail(texts, path, -ENOMEM, ret_why_file);
		}
		error = read_entry(texts, dir, names->v[i], file);
		if (error < 0)
			return fail(texts, file, error, ret_why_file);
	}
	return 0;
}

static int
read_listed(struct policy_texts *texts, const char *path, DIR *dir, const char **ret_why_file)
{
	CLEANUP_FREE struct names *names = calloc(1, sizeof(*names));
	int error = names ? list_names(dir, names) : -ENOMEM;

	error = error < 0 ? fail(texts, path, error, ret_why_file)
			  : read_names(texts, path, dirfd(dir), names, ret_why_file);
	for (size_t i = 0; names && i < names->n; i++)
		free(names->v[i]);
	return error;
}

static int
read_directory(struct policy_texts *texts, const char *path, const char **ret_why_file)
{
	DIR *dir = opendir(path);
	int error;

	if (!dir)
		return fail(texts, path, -errno, ret_why_file);
	error = read_listed(texts, path, dir, ret_why_file);
	(void)closedir(dir);
	return error;
}

/* --- all of it -------------------------------------------------------------------------------- */

const char *
policy_texts_fault(int error)
{
	switch (error) {
	case -EFBIG:
		return "over 64 MiB (of all files of a policy together)";
	case -E2BIG:
		return "over 4096 policy files in it";
	case -EINVAL:
		return "no regular file";
	default:
		return strerrordesc_np(-error);
	}
}

static void
open_zones(struct policy_zones *zones)
{
	zones->directory = open(ZONE_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	zones->there = zones->directory >= 0;
}

int
policy_texts_read(struct policy_texts *texts, const char *file_or_dir, const char **ret_why_file)
{
	struct stat st;

	*texts = (struct policy_texts){.v = NULL};
	open_zones(&texts->zones);
	if (stat(file_or_dir, &st) < 0)
		return fail(texts, file_or_dir, -errno, ret_why_file);
	if (S_ISDIR(st.st_mode))
		return read_directory(texts, file_or_dir, ret_why_file);
	return read_one(texts, file_or_dir, ret_why_file);
}

void
policy_texts_free(struct policy_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++) {
		free((void *)(uintptr_t)texts->v[i].file);
		free((void *)(uintptr_t)texts->v[i].text.p);
	}
	free(texts->v);
	free(texts->failed);
	if (texts->zones.there)
		(void)close(texts->zones.directory);
	*texts = (struct policy_texts){.v = NULL};
}
