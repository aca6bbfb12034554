/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lives of the built auditd-writer under a plan (plan.h) and what must hold of the log afterwards.
 * Whatever does not hold ends the process with a message: run each trial in a process of its own.
 */

#include <stdbool.h>

#include "tests/fault/plan.h"
#include "tests/unit/writer_life.h"

#define LIFE_CHANNELS 2

struct trial {
	struct harness h;
	struct plan *plan;
	char plan_path[96];
	struct peer_end
	    said[LIFE_CHANNELS + 1]; /* what was acknowledged in earlier lives, by channel */
	bool failed;                 /* that storage has failed was heard */
	bool resumed;                /* ... and that it works again */
	bool clean;                  /* the last life ended by itself and said that all is well */
	struct life_seals seals;
};

/* How a life is spent. */
struct living {
	const char *const *options;
	unsigned rounds;   /* of decisions, with a rotation in between */
	unsigned from, to; /* channels that are used; each in one life of a trial at most */
};

/* A plan file in the directory of temporary files; mapped. */
void trial_init(struct trial *t);
/* A fresh log, and no fault. */
void trial_begin(struct trial *t);
void trial_end(struct trial *t);
void trial_deinit(struct trial *t);

/* Go wrong at the at-th call of this kind from now on, and so many times. */
void
trial_plan(struct trial *t, enum plan_kind kind, enum plan_call call, int at, int times, int error);
/* Everything works from now on. */
void trial_heal(struct trial *t);

/* Start, work. The writer may end whenever it likes. */
void trial_work(struct trial *t, const struct living *l);
/* After trial_heal(): it serves again, if it is still there. */
void trial_expect_service(struct trial *t, const struct living *l);
/*
 * A life that ends behind its at-th pwrite: what it leaves is an open segment, seals under way, records
 * without a sync.
 */
void trial_crash(struct trial *t, const struct living *l, int at);
/*
 * Its end by SIGKILL, at once; what was acknowledged until now counts. From a signal handler that ended
 * trial_work() by h.gone, too.
 */
void trial_kill(struct trial *t);
/* FINISH, and its end. */
void trial_finish(struct trial *t);

/*
 * The next start works. No acknowledged record is lost, none is there twice or was never asked for, none
 * that was refused is there; no seal has become another one; `auditlog verify` agrees; what happened is
 * on record.
 */
void trial_check(struct trial *t);
/* The same; the seals that anybody could have seen are in t->seals already. */
void trial_check_log(struct trial *t);
