/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A real auditd-writer for each test, and the log that it leaves. Included by test programs only. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/clock.h"
#include "proto/value.h"
#include "tests/unit/writer_harness.h"

static struct harness h;
static struct log lg;

static inline int
setup(void **state)
{
	(void)state;
	harness_init(&h);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	log_free(&lg);
	harness_deinit(&h);
	return 0;
}

#define OPTIONS(...)              \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static inline void
finish_after_crash(void)
{
	assert_int_equal(harness_finish(&h), 0);
	log_read(&lg, h.audit);
	assert_int_equal(lg.closed, lg.files);
	assert_true(lg.empty <= 3); /* that stood by */
	assert_int_equal(lg.other, 0);
}

static inline void
finish_and_read(void)
{
	finish_after_crash();
	assert_int_equal(lg.small, 0);
	assert_int_equal(log_count(&lg, "\"session\":{\"event\":\"start\""),
	    log_count(&lg, "\"session\":{\"event\":\"stop\""));
}

/* A frame with n messages of `size` zero bytes. */
static inline size_t
zeros(uint8_t *buf, enum msg_type type, uint64_t sequence, unsigned n, size_t size)
{
	static const char zero[64];
	struct frame_out f;

	frame_begin(&f, buf, LIMIT_FRAME, (uint16_t)type, sequence);
	for (unsigned i = 0; i < n; i++) {
		struct wire_out out = frame_message(&f);

		wire_put_bytes(&out, (struct str){zero, size});
		assert_int_equal(frame_commit(&f, &out), 0);
	}
	frame_end(&f);
	return f.n;
}
