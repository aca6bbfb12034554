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
#define TRIAL_KEPT 64

struct trial_kept {
	char *bytes;
	size_t n;
};

struct trial {
	struct harness h;
	struct plan *plan;
	char plan_path[96];
	struct peer_end
	    said[LIFE_CHANNELS + 1]; /* what was acknowledged in earlier lives, by channel */
	bool failed;                 /* that storage has failed was heard */
	bool resumed;                /* ... and that it works again */
	bool clean;                  /* the last life ended by itself and said that all is well */
	bool commit;                 /* a life promises less: without a sync */
	bool recovers; /* a life has recovered what another left: there has to be a record of it */
	struct life_seals seals;
	struct trial_kept kept[TRIAL_KEPT]; /* what is torn, and has to be found afterwards */
	unsigned n_kept;
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
/* The same for calls on one kind of file or directory alone. */
void trial_plan_on(struct trial *t, enum plan_what what, enum plan_kind kind, enum plan_call call,
    int at, int times, int error);
/* Everything works from now on. */
void trial_heal(struct trial *t);

/* Start, work. The writer may end whenever it likes. */
void trial_work(struct trial *t, const struct living *l);
/* After trial_heal(): it serves again, if it is still there. */
void trial_expect_service(struct trial *t, const struct living *l);
/* A life under the plan that is set; then no fault. */
void trial_before(struct trial *t, const struct living *l);
/* The same, and SIGKILL at its end. */
void trial_before_kill(struct trial *t, const struct living *l);
/* Soon some segment is closed, although nobody asks for it. */
void trial_expect_closed(struct trial *t);
/* Every open segment and every one in reserve. */
void trial_delete_open(struct trial *t);
/* The same, moved out of the directory, and another file in its place. */
void trial_replace_open(struct trial *t);
/* A scratch file of an earlier start, longer than what comes into it next. */
void trial_litter_scratch(struct trial *t);
/* A .torn beside an open segment whose last line is torn, of its name. Fails when none is. */
void trial_litter_torn(struct trial *t);
/*
 * Its end by SIGKILL, at once; what was acknowledged until now counts. From a signal handler that ended
 * trial_work() by h.gone, too.
 */
void trial_kill(struct trial *t);
/* FINISH, and its end. */
void trial_finish(struct trial *t);

/* How much of an unclosed segment's bytes there is when that is more than whole lines; else 0. */
size_t trial_torn_bytes(const char *bytes, size_t n);
/* These bytes are the front of a file of the audit directory in the end. */
void trial_keep(struct trial *t, const void *bytes, size_t n);

/*
 * The order of calls was right (trace.h). The next start works. No acknowledged record is lost, none is there twice or was never asked for, none
 * that was refused is there; no seal has become another one; `auditlog verify` agrees; what happened is
 * on record; what is torn is kept.
 */
void trial_check(struct trial *t);
/* The same; the seals that anybody could have seen are in t->seals already. */
void trial_check_log(struct trial *t);
