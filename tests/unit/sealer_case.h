/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A sealer, with segments laid out as closing.c leaves them. Included by test programs only. */

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

#include "common/cleanup.h"
#include "common/fds.h"
#include "tests/unit/dir_faults.h"
#include "tests/unit/seal_fixture.h"

#define LINES 3 /* of one segment */
#define SEGMENTS 12

static struct fixture f;
static struct seal_fixture keys;
static struct tally_total totals[SEGMENTS];
static struct sealing group[SEGMENTS];
static char bases[SEGMENTS][SEGNAME_SIZE];
static const char *step;

static inline int
setup(void **state)
{
	(void)state;
	dir_fault_only(NULL);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	fixture_init(&f, FIXTURE_LOG_ID);
	seal_fixture_init(&keys, &f, FIXTURE_LOG_ID);
	assert_int_equal(seal_fixture_open(&keys), 0);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	seal_fixture_close(&keys);
	seal_fixture_deinit(&keys);
	fixture_deinit(&f);
	return 0;
}

static inline void
start_anew(void)
{
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	seal_fixture_close(&keys);
	fixture_clear(&f);
	seal_fixture_renew(&keys);
	assert_int_equal(seal_fixture_open(&keys), 0);
}

/* As the next start has it. */
static inline void
reopen(void)
{
	seal_fixture_close(&keys);
	assert_int_equal(seal_fixture_open(&keys), 0);
}

/* Segments `from` to `to` (from 0) as closing.c leaves them, in group. */
static inline void
lay(unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++) {
		(void)snprintf(bases[i], sizeof(bases[i]), "%s", fixture_base('a', i + 1));
		fixture_put(&f, bases[i], ".jsonl.tmp", i * LINES + 1, (i + 1) * LINES, STR(""), 0);
		totals[i] = seal_fixture_total(&keys, i * LINES + 1, (i + 1) * LINES);
		group[i] = (struct sealing){.base = bases[i], .total = &totals[i]};
	}
}

static inline int
seal(unsigned from, unsigned to)
{
	return sealer_seal(&keys.sealer, &group[from], to - from + 1, &step);
}

/* Exactly the first n segments are sealed, and their seals are good. */
static inline void
expect_sealed(unsigned n)
{
	assert_int_equal(seal_fixture_expect(&keys), n);
	for (unsigned i = 0; i < n; i++)
		assert_true(sealer_has(&keys.sealer, &totals[i]));
}

static inline char *
seal_bytes(unsigned i, size_t *ret_n)
{
	char name[SEGNAME_SIZE];

	segname_with(name, bases[i], SEGNAME_SEAL);
	return fixture_bytes(&f, name, ret_n);
}

static inline bool
there(unsigned i, enum segname_kind kind)
{
	char name[SEGNAME_SIZE];

	segname_with(name, bases[i], kind);
	return faccessat(f.dir.fd, name, F_OK, 0) == 0;
}

static inline void
drop(unsigned i, enum segname_kind kind)
{
	char name[SEGNAME_SIZE];

	segname_with(name, bases[i], kind);
	assert_int_equal(unlinkat(f.dir.fd, name, 0), 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
