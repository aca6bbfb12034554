/* SPDX-License-Identifier: Apache-2.0 */
/* The audit directory as a reader sees it, whatever lies in it; and work on all cores. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auditlog/pool.h"
#include "proto/logdir.h"

#define BASE(n) "audit-20261121T040000Z-01234567-89ab-4def-8123-456789abcdef-00000" n ".jsonl"

static char top[64];
static struct logdir dir;

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(top, sizeof(top), "/tmp/test_logdir.XXXXXX");
	return mkdtemp(top) ? logdir_open(&dir, top) : -1;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
teardown(void **state)
{
	(void)state;
	logdir_close(&dir);
	return nftw(top, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

static void
put(const char *name, const char *text)
{
	int fd = openat(dir.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
test_empty(void **state)
{
	(void)state;
	assert_int_equal(logdir_list(&dir), 0);
	assert_int_equal(dir.n, 0);
	assert_null(logdir_find(&dir, BASE("1")));
	assert_false(dir.has_vkey);
	assert_int_equal(logdir_open(&(struct logdir){.fd = -1}, "/nonexistent/x"), -ENOENT);
	put("file", "");
	assert_int_equal(chdir(top), 0);
	assert_int_equal(logdir_open(&(struct logdir){.fd = -1}, "file"), -ENOTDIR);
}

static void
test_names(void **state)
{
	static const char *const names[] = {BASE("2"), BASE("2") ".seal", BASE("1") ".tmp",
	    BASE("3") ".seal", BASE("2") ".torn", BASE("2") ".torn.2", BASE("2") ".torn.77",
	    "recover.scratch", "recover.copy", "origin.vkey", "README", BASE("2") ".torn.x",
	    BASE("2") ".torn.1234567890", BASE("2") ".seal.2", BASE("2") "~",
	    "audit-20261121T040000Z-01234567-89ab-4def-8123-456789abcdef-000000.jsonl",
	    "audit-20261121T040000Z-01234567-89AB-4def-8123-456789abcdef-000001.jsonl", ".hidden",
	    "line\nfeed", ".torn.2", "2"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		put(names[i], "");
	for (int again = 0; again < 2; again++) {
		assert_int_equal(logdir_list(&dir), 0);
		assert_int_equal(dir.n, 3);
		assert_string_equal(dir.segments[0].base, BASE("1"));
		assert_int_equal(dir.segments[0].kinds, LOGDIR_TMP);
		assert_string_equal(dir.segments[1].base, BASE("2"));
		assert_int_equal(dir.segments[1].kinds, LOGDIR_CLOSED | LOGDIR_SEAL);
		assert_int_equal(dir.segments[2].kinds, LOGDIR_SEAL);
		assert_int_equal(dir.torn, 3);
		assert_int_equal(dir.ignored, 11);
		assert_true(dir.has_vkey);
	}
	assert_ptr_equal(logdir_find(&dir, BASE("2")), &dir.segments[1]);
	assert_null(logdir_find(&dir, BASE("4")));
	assert_null(logdir_find(&dir, ""));
}

static void
test_not_files(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char buf[8];
	struct str text;

	(void)state;
	put("target", "x");
	assert_int_equal(symlinkat("target", dir.fd, "link"), 0);
	assert_int_equal(symlinkat("nowhere", dir.fd, "dangling"), 0);
	assert_int_equal(mkdirat(dir.fd, "directory", 0700), 0);
	assert_int_equal(mkfifoat(dir.fd, "fifo", 0600), 0);
	assert_true(s >= 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", top);
	assert_int_equal(bind(s, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(logdir_file(&dir, "link", NULL), -ENXIO);
	assert_int_equal(logdir_file(&dir, "dangling", NULL), -ENXIO);
	assert_int_equal(logdir_file(&dir, "directory", NULL), -ENXIO);
	assert_int_equal(logdir_file(&dir, "fifo", NULL), -ENXIO);
	assert_int_equal(logdir_file(&dir, "socket", NULL), -ENXIO);
	assert_int_equal(logdir_file(&dir, "none", NULL), -ENOENT);
	assert_int_equal(logdir_read(&dir, "fifo", buf, sizeof(buf), &text), -ENXIO);
	assert_int_equal(logdir_has(&dir, "dangling"), 1);
	assert_int_equal(logdir_has(&dir, "none"), 0);
	assert_int_equal(close(s), 0);
}

static void
test_read(void **state)
{
	char buf[8];
	struct str text;
	uint64_t bytes;
	int fd;

	(void)state;
	put("eight", "12345678");
	put("nine", "123456789");
	put("none", "");
	assert_int_equal(logdir_read(&dir, "eight", buf, sizeof(buf), &text), 0);
	assert_true(str_eq(text, STR("12345678")));
	assert_int_equal(logdir_read(&dir, "nine", buf, sizeof(buf), &text), -EFBIG);
	assert_int_equal(logdir_read(&dir, "none", buf, sizeof(buf), &text), 0);
	assert_int_equal(text.n, 0);
	fd = logdir_file(&dir, "nine", &bytes);
	assert_true(fd >= 0 && bytes == 9);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(close(fd), 0);
}

static void
test_lines(void **state)
{
	char name[SEGNAME_SIZE];
	int fd;

	(void)state;
	assert_int_equal(logdir_lines(&dir, BASE("1"), name, NULL), -ENOENT);
	put(BASE("1") ".tmp", "");
	fd = logdir_lines(&dir, BASE("1"), name, NULL);
	assert_true(fd >= 0);
	assert_string_equal(name, BASE("1") ".tmp");
	assert_int_equal(close(fd), 0);
	put(BASE("1"), "");
	fd = logdir_lines(&dir, BASE("1"), name, NULL);
	assert_true(fd >= 0);
	assert_string_equal(name, BASE("1"));
	assert_int_equal(close(fd), 0);
}

/* --- the pool -------------------------------------------------------------------------------- */

struct jobs {
	_Atomic(unsigned) done[10000];
	unsigned workers;
};

static void
job(void *context, unsigned worker, size_t i)
{
	struct jobs *jobs = context;

	if (worker < jobs->workers)
		atomic_fetch_add(&jobs->done[i], 1);
}

static void
test_pool(void **state)
{
	static const size_t counts[] = {0, 1, 2, 3, 10000};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(counts); k++) {
		struct jobs *jobs = calloc(1, sizeof(*jobs));
		struct pool_progress progress = {.what = "testing", .total = 1};

		assert_non_null(jobs);
		jobs->workers = pool_workers(counts[k]);
		assert_in_range(jobs->workers, 1, POOL_WORKERS);
		pool_run(counts[k], job, jobs, k % 2 ? &progress : NULL);
		for (size_t i = 0; i < ARRAY_SIZE(jobs->done); i++)
			assert_int_equal(jobs->done[i], i < counts[k]);
		free(jobs);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_files, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_read, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
	    cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
