/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/batch.h"

#include <errno.h>
#include <stdlib.h>

int
batch_init(struct batch *b)
{
	const size_t cap = BATCH_UNSYNCED + BATCH_FLUSH + BATCH_NOTES;
	char *room = malloc(cap);

	if (!room)
		return -ENOMEM;
	*b = (struct batch){.text = text_over(room, cap)};
	return 0;
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
	b->written = 0;
	b->written_records = 0;
}

void
batch_unwrite(struct batch *b)
{
	b->written = 0;
	b->written_records = 0;
}
