/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The helper thread: makes and closes segments beside appending. It takes all jobs that wait as one
 * group, so that one fsync of the directory serves them all. It decides nothing: a job that failed
 * comes back with its error, and may be handed in again, to go on where it stopped.
 *
 * Closing, in this order: cut to its length, fsync, [a seal: made, committed, written, renamed],
 * rename to .jsonl, fsync(directory).
 *
 * Segments are closed in the order of their numbers: while one could not be closed, later ones fail
 * with -EBUSY. Else a crash would leave a hole in what is closed, and the next start, which goes on
 * from the newest closed segment, would not take the lines that belong there.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/dir.h"
#include "common/hash.h"
#include "proto/segname.h"

#define CLOSER_JOBS 16 /* under way at most; the owner keeps to it */
#define CLOSER_EMPTIES 64

enum job_kind {
	JOB_MAKE,  /* a new segment, allocated and durable */
	JOB_CLOSE, /* a complete one */
};

/* How far a poisoned segment's replacement has come (repair.c). */
enum repair_stage {
	REPAIR_NOTHING,
	REPAIR_TORN,    /* the bad file is .torn */
	REPAIR_COPIED,  /* the good copy is .tmp */
	REPAIR_RENAMED, /* ... and .jsonl */
};

struct job {
	enum job_kind kind;
	char base[SEGNAME_SIZE];
	uint32_t number;
	int fd; /* MAKE: out; CLOSE: in, closed in any case; -1: none */
	int64_t
	    length; /* MAKE: bytes to allocate (out: bytes allocated); CLOSE: bytes that are good */
	uint64_t records,
	    moved; /* CLOSE: for its owner: in it; not in it but written again elsewhere */
	bool told; /* ... and whether its failure is on record */
	uint8_t sum[LINE_HASH];  /* CLOSE: SHA-256 of these bytes */
	bool poisoned;           /* CLOSE: the file is not to be trusted: close a checked copy */
	int cause;               /* ... negative errno of what poisoned it, 0: unknown */
	enum repair_stage stage; /* out and in */
	char torn[SEGNAME_SIZE]; /* ... where the bad file is from REPAIR_TORN on */
	int error;               /* out: negative errno or 0 */
	const char *step;        /* out: what failed, static text */
};

struct closer {
	const struct dir *dir;
	int event; /* readable when something is done */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t todo_cond, done_cond;
	struct job todo[CLOSER_JOBS], done[CLOSER_JOBS];
	unsigned n_todo, n_done;
	/* The thread's own: */
	struct job group[CLOSER_JOBS];
	char empties[CLOSER_EMPTIES][SEGNAME_SIZE]; /* base names of empty .tmp files to use up */
	unsigned n_empties;
	uint32_t held[CLOSER_JOBS]; /* numbers of segments that could not be closed yet */
	unsigned n_held;
	struct hash *sum;
};

/* Everything but the thread: 0 or a negative errno. dir outlives it. */
int closer_init(struct closer *c, const struct dir *dir);
/* An empty .tmp of an earlier run: the next segment made takes its place. Before closer_start(). */
void closer_use_up(struct closer *c, const char *base);
int closer_start(struct closer *c);

void closer_submit(struct closer *c, const struct job *job);
/* When event is readable: before closer_reap(), so that nothing done after it is missed. */
void closer_clear(struct closer *c);
/* False when nothing is done. */
bool closer_reap(struct closer *c, struct job *ret);
/* Until something is done or so many microseconds have passed (negative: for ever). */
void closer_wait(struct closer *c, int64_t patience);
