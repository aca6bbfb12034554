/* SPDX-License-Identifier: Apache-2.0 */
/* The closer: segments are closed in the order of their numbers, also when one cannot be. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditd-writer/closer.h"

#define SESSION "00000000-0000-4000-8000-000000000000"
#define LINE "not looked at here\n"

static char top[] = "/tmp/sealwright-closer-XXXXXX";
static struct dir dir;
static struct closer closer;

static int
set_up(void **state)
{
	const char *why;

	(void)state;
	if (!mkdtemp(top) || hash_init() < 0 || dir_open(&dir, top, &why) < 0)
		return -1;
	return closer_init(&closer, &dir) < 0 || closer_start(&closer) < 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)close(dir.fd);
	hash_free(closer.sum);
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* A segment with one line, to be closed. */
static struct job
segment(uint32_t number)
{
	struct job job = {.kind = JOB_CLOSE, .number = number, .length = sizeof(LINE) - 1};
	struct hash *h = hash_new();
	char name[SEGNAME_SIZE];

	assert_non_null(h);
	segname_make(job.base, 0, SESSION, number);
	segname_with(name, job.base, SEGNAME_TMP);
	job.fd = dir_create(&dir, name);
	assert_true(job.fd >= 0);
	assert_int_equal(dir_write(job.fd, LINE, sizeof(LINE) - 1, 0), 0);
	hash_begin(h);
	hash_add(h, STR(LINE));
	hash_end(h, job.sum);
	hash_free(h);
	return job;
}

static struct job
after(const struct job *job)
{
	struct job done;

	closer_submit(&closer, job);
	closer_wait(&closer, -1);
	assert_true(closer_reap(&closer, &done));
	assert_int_equal(done.number, job->number);
	return done;
}

static void
block(const struct job *job)
{
	int fd = openat(dir.fd, job->base, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

static void
closes_no_segment_before_an_earlier_one(void **state)
{
	struct job one = segment(1), two = segment(2), three = segment(3);

	(void)state;
	block(&one); /* its name is taken: it can be neither renamed nor repaired */
	one = after(&one);
	assert_int_equal(one.error, -EEXIST);
	two = after(&two);
	three = after(&three);
	assert_int_equal(two.error, -EBUSY);
	assert_int_equal(three.error, -EBUSY);
	assert_int_equal(faccessat(dir.fd, two.base, F_OK, 0), -1);

	assert_int_equal(unlinkat(dir.fd, one.base, 0), 0);
	one = after(&one);
	assert_int_equal(one.error, 0);
	/* Two was refused, too: it comes before three. */
	three = after(&three);
	assert_int_equal(three.error, -EBUSY);
	two = after(&two);
	assert_int_equal(two.error, 0);
	assert_false(two.poisoned);
	three = after(&three);
	assert_int_equal(three.error, 0);
	assert_int_equal(faccessat(dir.fd, three.base, F_OK, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(closes_no_segment_before_an_earlier_one),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
