/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lines in memory that no sync covers yet: the front was written to the open segment already, the
 * rest was not. They stay until a sync works, byte for byte, whatever happens to the file.
 */

#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/tally.h"
#include "common/limits.h"
#include "common/str.h"
#include "common/text.h"

#define BATCH_FLUSH (2u << 20)    /* bytes of one write, about */
#define BATCH_UNSYNCED (8u << 20) /* bytes without a sync at most */
#define BATCH_NOTES (256u << 10)  /* room for records of our own beyond that */
/* Records: about as many of the shortest lines as these bytes can hold. */
#define BATCH_RECORDS (32u << 10)
#define BATCH_RECORDS_NOTES 1024 /* of them for records of our own */

struct batch {
	struct text text;   /* all of it */
	struct mark *marks; /* ... line by line */
	uint64_t records;   /* ... as records */
	size_t written;     /* bytes that the open segment has */
	uint64_t written_records;
	int64_t written_at; /* monotonic time since when something is written and not synced */
};

/* -ENOMEM. */
int batch_init(struct batch *b);
void batch_deinit(struct batch *b);

/* What is not yet written, what is written and not synced. */
static inline struct str
batch_pending(const struct batch *b)
{
	return (struct str){b->text.p + b->written, b->text.n - b->written};
}

static inline struct str
batch_written(const struct batch *b)
{
	return (struct str){b->text.p, b->written};
}

static inline uint64_t
batch_pending_records(const struct batch *b)
{
	return b->records - b->written_records;
}

static inline const struct mark *
batch_written_marks(const struct batch *b)
{
	return b->marks;
}

/* Whether it has to be flushed before one more line of others comes in. */
bool batch_full(const struct batch *b);
/* Whether one more line may be appended to text, as far as its mark is concerned. */
static inline bool
batch_has_mark(const struct batch *b)
{
	return b->records < BATCH_RECORDS;
}

/* A line was appended to text. */
static inline void
batch_mark(struct batch *b, const struct mark *m)
{
	b->marks[b->records++] = *m;
}

/* Everything pending is in the open segment now. */
void batch_mark_written(struct batch *b, int64_t now);
/* What was written is covered by a sync: forget it. */
void batch_drop_written(struct batch *b);
/* What was written has to be written again. */
void batch_unwrite(struct batch *b);
