/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/space.h"

#include "auditd-writer/notes.h"
#include "auditd-writer/storage.h"
#include "auditd-writer/writer.h"
#include "common/log.h"

#define LOOK_US US_PER_S
#define LOOK_AGAIN_US (10 * US_PER_S) /* while it is low and nothing else happens */

static void
check_low(struct writer *w)
{
	struct storage *s = &w->storage;
	uint64_t low = w->options.low_bytes;
	/* An eighth more to leave it than to enter it: no record for each file that comes and goes. */
	bool is_low = s->free_bytes < (s->low ? low + low / 8 : low);

	if (is_low == s->low)
		return;
	s->low = is_low;
	if (is_low)
		log_warn("%s: %llu bytes are free, less than %llu", w->audit.path,
		    (unsigned long long)s->free_bytes, (unsigned long long)low);
	note_space(w, is_low ? "low" : "recovered", is_low ? NULL : "low");
}

/* It ends when the reserve is whole again: space behind the open segment, and a standby. */
static bool
is_full(const struct writer *w)
{
	const struct standby *s = &w->rotation.standby;

	if (w->open.refused_space < 0 || segment_no_space(s->error))
		return true;
	return w->storage.full && s->n == 0;
}

static void
check_full(struct writer *w)
{
	struct storage *s = &w->storage;
	bool full = is_full(w);

	if (full == s->full)
		return;
	s->full = full;
	if (full)
		log_error("%s: no space to be had: the log goes on in its reserve", w->audit.path);
	note_space(w, full ? "full" : "recovered", full ? NULL : "full");
}

void
space_check(struct writer *w)
{
	struct storage *s = &w->storage;

	check_full(w);
	if (w->now - s->checked_at >= LOOK_US) {
		s->checked_at = w->now;
		if (dir_free_bytes(&w->audit, &s->free_bytes) == 0)
			check_low(w);
	}
	storage_set_state(w);
}

int64_t
space_deadline(const struct writer *w)
{
	const struct storage *s = &w->storage;

	if (s->state == STORAGE_FAILED)
		return INT64_MAX;
	return s->low || s->full ? s->checked_at + LOOK_AGAIN_US : INT64_MAX;
}
