/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Directories laid out by hand, and what a start makes of them. Included by test programs only. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auditd-writer/history.h"
#include "auditd-writer/recover.h"
#include "common/cleanup.h"
#include "tests/unit/dir_faults.h"
#include "tests/unit/seal_fixture.h"

#define NOTHING ((struct str){"", 0})

static struct fixture f;
static struct seal_fixture keys;
static struct keystate after; /* the key state when recovery is done */
static uint64_t first_seq;
static struct recovery r;
static struct untold untold;
static char why[1024];

static inline int
setup(void **state)
{
	(void)state;
	fixture_init(&f, FIXTURE_LOG_ID);
	seal_fixture_init(&keys, &f, FIXTURE_LOG_ID);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	recovery_deinit(&r);
	free(untold.segments);
	untold = (struct untold){0};
	seal_fixture_deinit(&keys);
	fixture_deinit(&f);
	return 0;
}

/* Nothing there, and a new key state. */
static inline void
clear(void)
{
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	fixture_clear(&f);
	seal_fixture_renew(&keys);
}

static inline int
publish(struct text *t)
{
	char gone[SEGNAME_SIZE];
	const char *step = "";
	int error = sealer_resume(&keys.sealer, gone, &step);

	text_put(t, str_from(step));
	return error;
}

static inline int
check(struct text *t)
{
	struct catalog c;
	int error = catalog_read(&c, &f.dir);

	if (error < 0)
		return error;
	error = history_check(&f.dir, &c, &keys.sealer.state, keys.sum, t);
	catalog_deinit(&c);
	return error;
}

static inline int
recover(struct text *t)
{
	const uint64_t index = keys.sealer.state.next_index;
	struct catalog c;
	int error = catalog_read(&c, &f.dir);

	if (error < 0)
		return error;
	error = history_first(&first_seq, &f.dir, &c, keys.sum, t);
	if (error == 0)
		error = recover_all(&r, &keys.sealer, &f.dir, &c, keys.sum, t);
	free(untold.segments);
	untold = (struct untold){0};
	if (error == 0)
		error = history_untold(&untold, &f.dir, &c, index, &r, keys.sum, t);
	catalog_deinit(&c);
	return error;
}

/* As the writer does at start. */
static inline int
run(void)
{
	struct text t = text_over(why, sizeof(why) - 1);
	int error = seal_fixture_open(&keys);

	recovery_deinit(&r);
	memset(why, 0, sizeof(why));
	if (error < 0)
		return error;
	error = check(&t);
	if (error == 0)
		error = publish(&t);
	if (error == 0)
		error = recover(&t);
	after = keys.sealer.state;
	seal_fixture_close(&keys);
	return error;
}

static inline void
recovered(unsigned last)
{
	int error = run();

	if (error < 0)
		fail_msg("recovery failed: %d %s", error, why);
	fixture_expect(&f, 1, last);
	(void)seal_fixture_expect(&keys);
	assert_int_equal(after.seq, last);
	if (last == 0)
		return;
	assert_int_equal(after.log_id, FIXTURE_LOG_ID);
	assert_int_equal(after.last_time, INT64_C(1795000000000000) + last);
	assert_memory_equal(after.head, f.mark[last].leaf, LINE_HASH);
}

static inline void
expect_closed(size_t i, const char *base, uint64_t records, uint64_t torn)
{
	assert_true(i < r.n_closed);
	assert_string_equal(r.closed[i].base, base);
	assert_int_equal(r.closed[i].records, records);
	assert_int_equal(r.closed[i].torn_bytes, torn);
}

/* A closed segment with its seal, in the order of the log. */
static inline void
closed(const char *base, unsigned first, unsigned last)
{
	seal_fixture_put(&keys, base, first, last);
}

/* Its seal says so. */
static inline void
expect_seal(const char *base, const char *text)
{
	char name[SEGNAME_SIZE];
	CLEANUP_FREE char *bytes = NULL;
	size_t n;

	segname_with(name, base, SEGNAME_SEAL);
	bytes = fixture_bytes(&f, name, &n);
	if (!memmem(bytes, n, text, strlen(text)))
		fail_msg("not in %s: %s", name, text);
}

static inline bool
there(const char *base, const char *kind)
{
	char name[128];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%.*s%s", (int)(strlen(base) - 6), base, kind);
	return fstatat(f.dir.fd, name, &st, 0) == 0;
}

/* Sealed as the key state knows it, and nothing of it published yet: it is complete as .tmp. */
static inline void
committed(const char *base, unsigned first, unsigned last)
{
	const struct tally_total total = seal_fixture_total(&keys, first, last);
	const struct sealing sealing = {.base = base, .total = &total, .state = SEAL_CLEAN};
	char gone[SEGNAME_SIZE];
	const char *step;

	fixture_put(&f, base, ".jsonl.tmp", first, last, NOTHING, 0);
	assert_int_equal(seal_fixture_open(&keys), 0);
	assert_int_equal(sealer_resume(&keys.sealer, gone, &step), 0);
	dir_fault_only("openat");
	dir_fault_set(DIR_FAULT_FAIL, 1, 1, EIO);
	assert_int_equal(sealer_seal(&keys.sealer, &sealing, 1, &step), -EIO);
	dir_fault_only(NULL);
	assert_int_equal(keys.sealer.state.seq, last);
	seal_fixture_close(&keys);
}

static inline void
move(const char *base, enum segname_kind from, enum segname_kind to)
{
	char a[SEGNAME_SIZE], b[SEGNAME_SIZE];

	segname_with(a, base, from);
	segname_with(b, base, to);
	assert_int_equal(renameat(f.dir.fd, a, f.dir.fd, b), 0);
}

static inline void
drop(const char *base, enum segname_kind kind)
{
	char name[SEGNAME_SIZE];

	segname_with(name, base, kind);
	assert_int_equal(unlinkat(f.dir.fd, name, 0), 0);
}

static inline struct str
half_of(unsigned seq)
{
	return (struct str){f.line[seq].p, f.line[seq].n / 2};
}
