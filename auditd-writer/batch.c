/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/batch.h"

#include <errno.h>
#include <stdlib.h>

int
batch_init(struct batch *b)
{
	const size_t cap = BATCH_UNSYNCED + BATCH_FLUSH + BATCH_NOTES;
	struct mark *marks = calloc(BATCH_RECORDS, sizeof(*marks));
	char *room = malloc(cap);

	*b = (struct batch){.text = text_over(room, cap), .marks = marks};
	if (room && marks)
		return 0;
	batch_deinit(b);
	return -ENOMEM;
}

void
batch_deinit(struct batch *b)
{
	free(b->text.p);
	free(b->marks);
	*b = (struct batch){0};
}

bool
batch_full(const struct batch *b)
{
	return batch_pending(b).n + LIMIT_LINE > BATCH_FLUSH ||
	       b->text.n + LIMIT_LINE > BATCH_UNSYNCED + BATCH_FLUSH ||
	       b->records >= BATCH_RECORDS - BATCH_RECORDS_NOTES;
}

void
batch_mark_written(struct batch *b, int64_t now)
{
	if (b->written == 0 && b->text.n > 0)
		b->written_at = now;
	b->written = b->text.n;
	b->written_records = b->records;
}

void
batch_drop_written(struct batch *b)
{
	size_t left = b->text.n - b->written;

	if (left > 0)
		memmove(b->text.p, b->text.p + b->written, left);
	b->text.n = left;
	b->records -= b->written_records;
	if (b->records > 0)
		memmove(b->marks, b->marks + b->written_records, b->records * sizeof(*b->marks));
	b->written = 0;
	b->written_records = 0;
}

void
batch_unwrite(struct batch *b)
{
	b->written = 0;
	b->written_records = 0;
}
