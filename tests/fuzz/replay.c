/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs a fuzz target over the files given as arguments, and over every file of directories given
 * (not those below): so that every test run replays the corpora, without a fuzzer. Prints how many
 * files it ran. Exit status 1 when there was nothing to run or something could not be read.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLAY_MAX (64 << 20) /* bytes of one file */

static int
read_all(int fd, uint8_t *buf, size_t n)
{
	while (n > 0) {
		ssize_t r = read(fd, buf, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		buf += r;
		n -= (size_t)r;
	}
	return 0;
}

/* In a buffer of exactly its size: a sanitizer then sees any look beyond it. */
static int
replay_file(int fd, size_t size)
{
	uint8_t *buf = malloc(size ? size : 1);
	int error;

	if (!buf)
		return -ENOMEM;
	error = read_all(fd, buf, size);
	if (error == 0)
		(void)LLVMFuzzerTestOneInput(buf, size);
	free(buf);
	return error < 0 ? error : 1;
}

static int replay_path(int dir, const char *name, int depth);

static int
replay_directory(int fd)
{
	DIR *dir = fdopendir(dup(fd));
	struct dirent *entry;
	int ran = 0;

	if (!dir)
		return -errno;
	/* cppcheck-suppress readdirCalled; there is one thread */
	while (ran >= 0 && (entry = readdir(dir))) {
		int more = entry->d_name[0] == '.' ? 0 : replay_path(fd, entry->d_name, 1);

		ran = more < 0 ? more : ran + more;
	}
	(void)closedir(dir);
	return ran;
}

/* How many files were run, or a negative errno. */
static int
replay_path(int dir, const char *name, int depth)
{
	CLEANUP_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int ran;

	if (fd < 0 || fstat(fd, &st) < 0)
		ran = -errno;
	else if (S_ISDIR(st.st_mode))
		ran = depth == 0 ? replay_directory(fd) : 0;
	else if (!S_ISREG(st.st_mode))
		ran = -EINVAL;
	else if (st.st_size > REPLAY_MAX)
		ran = -EFBIG;
	else
		ran = replay_file(fd, (size_t)st.st_size);
	if (ran < 0)
		fprintf(stderr, "replay: %s: %s\n", name, strerror(-ran));
	return ran;
}

int
main(int argc, char **argv)
{
	int ran = 0;

	for (int i = 1; i < argc; i++) {
		int more = replay_path(AT_FDCWD, argv[i], 0);

		if (more < 0)
			return 1;
		ran += more;
	}
	printf("%d inputs\n", ran);
	if (fflush(stdout) != 0)
		return 1;
	return ran == 0;
}
