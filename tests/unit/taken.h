/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Somebody has taken an evaluator: the test at its end of the record channel, a real writer at the
 * other, and honest evaluators beside it. What is common to the tests that show what he can do then.
 *
 * SEALWRIGHT_TAKEN_MS is how long each flood takes (default 300), and a third of what the random part
 * takes.
 */

#include <stdint.h>

#include "tests/unit/neighbour.h"

#define TAKEN 1 /* the channel */
#define FIRST_HONEST 2
#define LAST_HONEST 4

/* A running test. */
struct bed {
	struct harness h;
	struct log lg; /* after bed_finish() */
	struct neighbours *others;
	uint32_t generation; /* of the process on the channel */
	uint64_t faulted;    /* how often the writer shut the channel */
};
extern struct bed bed;

/* For cmocka: a writer with a few records and honest neighbours at work. */
int bed_setup(void **state);
int bed_teardown(void **state);
/*
 * The end of every attack: the neighbours were answered to the last, the writer ends well, what was on
 * record before is there byte for byte, the chain is whole. Leaves the log in bed.lg.
 */
void bed_finish(void);
int64_t bed_milliseconds(void);
/* Open descriptors of the writer; -1: it may not be looked at. */
int bed_writer_descriptors(void);

/* So many faults of this kind must be on record. */
void bed_expect(const char *why, uint64_t count);
/* They are, each kind in one record; but for the very first fault, which was told at once. */
void bed_faults_recorded(void);
/* The supervisor has killed the process and starts another. */
void bed_replace(void);
/* Until the writer says that the channel broke the protocol. */
void bed_await_faulted(void);
/* These bytes cost the channel, for this reason. */
void bed_fault_by(const void *bytes, size_t n, int fd, const char *why);

/* --- frames that are nearly right -------------------------------------------------------------- */

#define AT_VERSION 4
#define AT_TYPE 6
#define AT_LENGTH 8
#define AT_SEQUENCE 12
#define AT_MESSAGE FRAME_HEADER

struct frame {
	size_t n;
	uint8_t bytes[LIMIT_FRAME + 64];
};

/* n messages of size zero bytes. */
void frame_zeros(struct frame *f, uint16_t type, uint64_t sequence, unsigned n, size_t size);
/* A good decision with the number that is next; its request id is "x". */
void frame_decision(struct frame *f);
/* n bytes of v, little-endian. */
void frame_poke(struct frame *f, size_t at, uint64_t v, size_t n);
