/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/segment.h"

#include <errno.h>
#include <stdio.h>

#include "auditd-writer/dir.h"

#define LEAST_STEP 4096

void
segment_init(struct segment *s, int fd, const char *base, uint32_t number, int64_t allocated,
    int64_t step, struct tally *tally)
{
	*s = (struct segment){
	    .fd = fd,
	    .number = number,
	    .allocated = allocated,
	    .step = step,
	    .tally = tally,
	};
	(void)snprintf(s->base, sizeof(s->base), "%s", base);
	tally_begin(tally);
}

/* To at least this size, in whole pieces. */
static int
segment_extend(struct segment *s, int64_t size, int64_t piece)
{
	int64_t to = (size + piece - 1) / piece * piece;
	int error = dir_allocate(s->fd, s->allocated, to);

	if (error == 0)
		s->allocated = to;
	return error;
}

void
segment_reserve(struct segment *s, int64_t end)
{
	int64_t ahead = end + s->step / 2;
	int error = 0;

	if (s->step > 0 && ahead > s->allocated)
		error = segment_extend(s, ahead, s->step);
	if (error == -EOPNOTSUPP)
		s->step = 0;
	/* Another error says nothing of space. */
	if (s->step == 0 || error == 0 || segment_no_space(error))
		s->refused_space = s->step > 0 ? error : 0;
	/* The last bytes of a disk come in small pieces. */
	if (s->refused_space < 0 && end > s->allocated)
		(void)segment_extend(s, end, LEAST_STEP);
}

int
segment_append(struct segment *s, struct str lines, uint64_t records, int64_t now)
{
	int64_t end = s->size + (int64_t)lines.n;
	int error;

	segment_reserve(s, end);
	error = dir_write(s->fd, lines.p, lines.n, s->size);
	if (error < 0) {
		s->poisoned = !segment_no_space(error);
		return error;
	}
	if (s->records == 0)
		s->first_at = now;
	s->size = end;
	s->records += records;
	if (s->allocated < end)
		s->allocated = end;
	return 0;
}

/* Deleted, moved elsewhere, or replaced. As long as it has any name, only when that is certain. */
static bool
segment_is_lost(const struct segment *s)
{
	const struct dir_file file = dir_which(s->fd);
	char name[SEGNAME_SIZE];

	if (!dir_is_named(s->fd))
		return true;
	segname_with(name, s->base, SEGNAME_TMP);
	return s->dir && dir_leads_to(s->dir, name, &file) == 0;
}

int
segment_sync(struct segment *s, struct str lines, const struct mark *marks, uint64_t n)
{
	int error = dir_sync_data(s->fd);

	/* Durable, and nobody would ever read it. */
	if (error == 0 && segment_is_lost(s))
		error = -ENOENT;
	if (error < 0) {
		s->poisoned = true;
		return error;
	}
	tally_add(s->tally, lines, marks, n);
	return 0;
}
