/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Output of jobs that run at the same time (pool.h), on standard output in the order of the jobs: what
 * comes early waits in a bounded buffer. Each piece is one record.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

#define EMIT_JOBS 16             /* that may be ahead of the one whose turn it is */
#define EMIT_BUFFER (512u << 10) /* bytes that one of them holds back */

struct emit_slot {
	char *p;
	size_t n, cap;
	bool ended;
};

/* Where whole records go, one call at a time. */
struct emit_sink {
	void (*put)(void *context, struct str records);
	size_t (*size)(void *context, struct str records); /* bytes of the first of them, never 0 */
	void *context;
};

struct emit {
	pthread_mutex_t lock; /* of what follows, and of stdout */
	pthread_cond_t moved;
	size_t turn; /* the job whose lines go straight out */
	struct emit_slot slot[EMIT_JOBS];
	struct emit_sink sink;
	uint64_t limit;     /* records; 0: no limit */
	uint64_t records;   /* put out */
	_Atomic(bool) stop; /* enough, or nobody reads on: jobs may end early */
};

void emit_init(struct emit *e, uint64_t limit, struct emit_sink sink);
void emit_deinit(struct emit *e);

/* Job i begins; waits while it would be too far ahead. Jobs are begun in order. */
void emit_begin(struct emit *e, size_t i);
/* A record with its newline. False: no more is wanted. */
bool emit_record(struct emit *e, size_t i, struct str record);
void emit_end(struct emit *e, size_t i);
