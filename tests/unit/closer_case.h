/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A closer, with segments laid out by hand. Included by test programs only. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditd-writer/closer.h"
#include "tests/unit/dir_faults.h"
#include "tests/unit/seal_fixture.h"

#define LINES 4 /* of one segment */

static struct fixture f;
static struct seal_fixture keys;
static struct closer closer;

/* One thread for all tests: nothing ends it. */
static inline int
set_up_all(void **state)
{
	(void)state;
	fixture_init(&f, FIXTURE_LOG_ID);
	seal_fixture_init(&keys, &f, FIXTURE_LOG_ID);
	return closer_init(&closer, &f.dir, &keys.sealer) < 0 || closer_start(&closer) < 0 ? -1 : 0;
}

static inline int
tear_down_all(void **state)
{
	(void)state;
	closing_deinit(&closer.closing);
	seal_fixture_deinit(&keys);
	fixture_deinit(&f);
	return 0;
}

static inline int
setup(void **state)
{
	(void)state;
	dir_fault_only(NULL);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	fixture_clear(&f);
	seal_fixture_renew(&keys);
	assert_int_equal(seal_fixture_open(&keys), 0);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	seal_fixture_close(&keys);
	return 0;
}

static inline bool
there(const char *base, enum segname_kind kind)
{
	char name[SEGNAME_SIZE];

	segname_with(name, base, kind);
	return faccessat(f.dir.fd, name, F_OK, 0) == 0;
}

/* Segment `number` of the log, with its lines, more bytes, and space behind them. */
static inline struct job
segment_with(uint32_t number, struct str more)
{
	const unsigned first = (number - 1) * LINES + 1, last = number * LINES;
	const char *base = fixture_base('a', number);
	struct job job = {.kind = JOB_CLOSE, .number = number};
	char name[SEGNAME_SIZE];

	segname_with(name, base, SEGNAME_TMP);
	(void)snprintf(job.base, sizeof(job.base), "%s", base);
	fixture_put(&f, base, ".jsonl.tmp", first, last, more, 5000);
	assert_int_equal(fchmodat(f.dir.fd, name, 0640, 0), 0);
	job.fd = openat(f.dir.fd, name, O_RDWR | O_CLOEXEC);
	assert_true(job.fd >= 0);
	assert_int_equal(fchmodat(f.dir.fd, name, 0440, 0), 0);
	job.total = seal_fixture_total(&keys, first, last);
	return job;
}

static inline struct job
segment(uint32_t number)
{
	return segment_with(number, STR(""));
}

static inline struct job
reap(void)
{
	struct job done;

	while (!closer_reap(&closer, &done))
		closer_wait(&closer, -1);
	return done;
}

static inline struct job
after(const struct job *job)
{
	struct job done;

	closer_submit(&closer, job);
	done = reap();
	assert_int_equal(done.number, job->number);
	return done;
}

static inline struct job
poisoned(uint32_t number, struct str more)
{
	struct job job = segment_with(number, more);

	job.poisoned = true;
	job.cause = -EIO;
	return job;
}

static inline void
expect_poisoned(const struct job *job, uint64_t torn_bytes)
{
	const struct keystate *s = &keys.sealer.state;
	char text[64];

	(void)snprintf(text, sizeof(text), "\"state\":\"poisoned\",\"torn_bytes\":%llu,",
	    (unsigned long long)torn_bytes);
	assert_int_equal(job->error, 0);
	assert_true(job->poisoned);
	assert_true(there(job->base, SEGNAME_TORN));
	assert_non_null(memmem(s->pending[0].note, s->pending[0].n, text, strlen(text)));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
