/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The open segment: a file of whole lines, with space allocated ahead behind them. After a failed
 * sync, or a write that failed for anything but want of space, its descriptor is poisoned: what was
 * not covered by a sync before is written elsewhere.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/dir.h"
#include "auditd-writer/tally.h"
#include "common/str.h"
#include "proto/segname.h"

struct segment {
	int fd;                /* -1: none */
	const struct dir *dir; /* that it has its name in; NULL: any name will do */
	char base[SEGNAME_SIZE];
	uint32_t number;
	int64_t size;      /* of the lines written */
	int64_t allocated; /* size of the file */
	int64_t step;      /* bytes to allocate at once, 0: this file system cannot */
	uint64_t records;
	int64_t first_at;  /* monotonic time of the first record */
	int refused_space; /* negative errno of the last allocation that found no space, else 0 */
	bool poisoned;
	bool relied_on;      /* something in it may have been acknowledged */
	struct tally *tally; /* of the covered lines */
};

#define SEGMENT_NONE ((struct segment){.fd = -1})

/* Take over a new file of `allocated` NUL bytes. */
void segment_init(struct segment *s, int fd, const char *base, uint32_t number, int64_t allocated,
    int64_t step, struct tally *tally);

/*
 * Keep space behind what will be written up to end: at least half a step, so that something is left
 * when the disk is full. Best effort: whether there is room at all, the write itself finds out.
 */
void segment_reserve(struct segment *s, int64_t end);

/*
 * Append whole lines. On -ENOSPC and -EDQUOT the segment is as before (bytes beyond its size will be
 * overwritten or cut); on any other error it is poisoned.
 */
int segment_append(struct segment *s, struct str lines, uint64_t records, int64_t now);

/*
 * Make everything appended durable; lines, n with their marks: what was appended since the last sync.
 * Error: poisoned; -ENOENT when its name does not lead to it any more.
 */
int segment_sync(struct segment *s, struct str lines, const struct mark *marks, uint64_t n);

/* Bytes that a sync covers. */
static inline int64_t
segment_covered(const struct segment *s)
{
	return s->tally->total.bytes;
}

/* Whether an error is want of space. */
static inline bool
segment_no_space(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}
