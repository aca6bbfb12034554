/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One life of the writer, however it ends, and what must hold of its log afterwards: every
 * acknowledged record is there, every seal that anybody could have seen is still the same, and
 * `auditlog verify` finds nothing wrong.
 */

#include "tests/unit/writer_harness.h"

#define LIFE_SEALS 1024

/* The seals in an audit directory at one moment. */
struct life_seals {
	unsigned n;
	struct {
		char name[128];
		size_t n;
		char bytes[4096];
	} seal[LIFE_SEALS];
};

/*
 * Start, decisions on two channels over some rotations, FINISH, end. The writer may end whenever it
 * likes; what it acknowledged is in h->end.
 */
void life_work(struct harness *h, const char *const *options);

/* The next start works and its end is clean; the log then has every acknowledged record of before. */
void life_check(struct harness *h);

/* Take down all seals; each of them is still there, byte for byte. */
void life_seals_take(struct life_seals *s, const struct harness *h);
void life_seals_expect(const struct life_seals *s, const struct harness *h);

/*
 * Exit status of `auditlog verify` against the key beside the log. Fails the running test, and shows
 * what was said, when that is 1 (broken), 2, or anything that least does not allow: 3 is an unpinned
 * log with something sealed, 4 one with nothing to judge.
 */
void life_verify(const struct harness *h, bool may_be_empty);
