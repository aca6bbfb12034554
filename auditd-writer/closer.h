/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The helper thread: makes and closes segments beside appending. It takes all jobs that wait as one
 * group: new segments first, then the others in the order of their numbers, each prepared (closing.h),
 * all of them sealed with one commit and published with one fsync of the directory (sealer.h). It
 * decides nothing: a job that failed comes back with its error, and may be handed in again, to go on
 * where it stopped.
 *
 * Segments are sealed in the order of their records: while one could not be, later ones fail with
 * -EBUSY.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/closing.h"
#include "auditd-writer/dir.h"
#include "auditd-writer/job.h"
#include "auditd-writer/making.h"
#include "auditd-writer/sealer.h"

#define CLOSER_JOBS 16 /* under way at most; the owner keeps to it */

struct closer {
	const struct dir *dir;
	int event; /* readable when something is done */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t todo_cond, answer_cond;
	int (*question)(void); /* NULL: answered */
	int answer;
	struct job todo[CLOSER_JOBS], done[CLOSER_JOBS];
	unsigned n_todo, n_done;
	/* The thread's own: */
	struct job group[CLOSER_JOBS];
	struct making making;
	struct closing closing;
	struct sealer *sealer;
};

/* Everything but the thread: 0 or a negative errno. Both outlive it; the sealer is its own from then. */
int closer_init(struct closer *c, const struct dir *dir, struct sealer *sealer);
int closer_start(struct closer *c);
/* Have the thread, which has nothing else to do, call this; its answer. From then the thread is up. */
int closer_ask(struct closer *c, int (*question)(void));

void closer_submit(struct closer *c, const struct job *job);
/* When event is readable: before closer_reap(), so that nothing done after it is missed. */
void closer_clear(struct closer *c);
/* False when nothing is done. */
bool closer_reap(struct closer *c, struct job *ret);
/* Until something is done, to be reaped, or so many microseconds have passed (negative: for ever). */
void closer_wait(struct closer *c, int64_t patience);
