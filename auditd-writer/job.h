/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the closer is asked to do (closer.h), with how far it has come and what came of it. */

#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/tally.h"
#include "proto/segname.h"

/* In the order in which the closer sees to them. */
enum job_kind {
	JOB_BACK,  /* a new one that could not be used, given back: nothing comes of it */
	JOB_MAKE,  /* a new segment, allocated and durable */
	JOB_CLOSE, /* a complete one, to be sealed */
};

/* How far a segment is prepared for its seal (closing.c). */
enum close_stage {
	CLOSE_BEGUN,
	CLOSE_TORN,   /* the bad file is .torn */
	CLOSE_COPIED, /* ... and the good copy is .tmp */
	CLOSE_READY,  /* .tmp is what the seal will say, and durable under that name: it is fd */
	CLOSE_EMPTY,  /* nothing in it was good: there is nothing to seal */
};

struct job {
	enum job_kind kind;
	char base[SEGNAME_SIZE];
	uint32_t number;
	/*
	 * MAKE: out. BACK: in, closed in any case. CLOSE: in and out, of what is to be sealed, or all that leads to
	 * what is good in it; closed when there is nothing left to do. -1: none.
	 */
	int fd;
	int64_t length; /* MAKE: bytes to allocate; out: bytes allocated */
	/* CLOSE: */
	struct tally_total total; /* what is good in it: covered by a sync */
	uint64_t moved;           /* for its owner: records that are written again elsewhere */
	bool told;                /* ... and whether its failure is on record */
	bool poisoned; /* the file is not to be trusted, or elsewhere: a checked copy is sealed */
	int cause;     /* ... negative errno of what poisoned it, 0: unknown */
	enum close_stage stage; /* out and in */
	char torn
	    [SEGNAME_SIZE]; /* ... where the bad file, or what had its name, is from CLOSE_TORN on; empty: nowhere */
	uint64_t torn_bytes; /* ... that it holds behind the good ones, from CLOSE_TORN on */
	uint64_t next_index; /* out: of the seal after this one's */
	/* out: */
	int error;        /* negative errno or 0 */
	const char *step; /* what failed, static text */
};

static inline int
job_failed(struct job *job, const char *step, int error)
{
	job->step = step;
	job->error = error;
	return error;
}
