/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A whole log judged: what `auditlog verify` does between its options and its report. */

#include <stdbool.h>
#include <stdint.h>

#include "auditlog/anchors.h"
#include "auditlog/sealchain.h"
#include "auditlog/span.h"
#include "auditlog/tail.h"
#include "auditlog/trust.h"

/* The weightiest first. */
enum verdict {
	VERDICT_BROKEN,
	VERDICT_INCOMPLETE,
	VERDICT_UNPINNED,
	VERDICT_PRUNED,
	VERDICT_RECOVERED,
	VERDICT_ANCHORED,
	VERDICT_SEALED,
	VERDICTS,
};

/* What is asked. */
struct judge_order {
	struct trust *trust;
	struct span span;
	int64_t max_age;         /* us; SPAN_NO_AGE: any */
	int64_t now;             /* us since 1970 */
	struct anchors *anchors; /* read, not judged yet; NULL: none are asked about */
	struct anchor_trust *anchor_trust;
};

/* Why a log is INCOMPLETE, the first that holds. */
enum judge_gap {
	GAP_NONE,
	GAP_EMPTY,   /* nothing sealed */
	GAP_FRONT,   /* seals are missing at the front */
	GAP_NOTHING, /* no segment of the range is there */
	GAP_AGE,     /* --max-age is not met */
	GAP_FUTURE,  /* nor can it be: the newest record is further ahead of our clock */
	GAP_ANCHOR,  /* an anchor is damaged */
};

struct judgement {
	enum verdict verdict; /* the weightiest */
	unsigned words;       /* bit 1 << enum verdict for all that is to be said */
	struct fault fault;   /* BROKEN; or FAULT_IO: there is no verdict */
	enum judge_gap gap;
	/*
	 * The seals that are good: the first n of the chain; when BROKEN, those before the fault. Of
	 * them the segments that were asked for and are there:
	 */
	size_t seals;
	uint64_t segments, records, bytes;
	const struct sealchain_seal *first, *last; /* first and last such segment; NULL: none */
	uint64_t pruned;                           /* segments gone at the front */
	uint64_t recovered;                        /* segments sealed as recovered or poisoned */
	const struct sealchain_seal *first_recovered;
	struct tail tail;
};

/*
 * Lists and loads c, and judges it. 0, or a negative errno when the directory cannot be listed or
 * memory runs out. c and dir as for sealchain_load(); what *ret points to is c's.
 */
int judge_log(const struct judge_order *order, struct sealchain *c, struct logdir *dir,
    struct judgement *ret);

/* "SEALED" and so on. */
const char *verdict_name(enum verdict v);
/* The exit code that goes with it (commands.h). */
int verdict_exit(enum verdict v);
