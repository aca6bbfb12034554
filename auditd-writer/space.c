/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/space.h"

#include "auditd-writer/ledger.h"
#include "auditd-writer/notes.h"
#include "auditd-writer/rotation.h"
#include "auditd-writer/storage.h"
#include "auditd-writer/writer.h"
#include "common/log.h"

#define LOOK_US US_PER_S

/* For a record that no message has brought: its time. False: nothing can be recorded any more. */
static bool
may_tell(struct writer *w)
{
	ledger_tick(w);
	return w->storage.state != STORAGE_FAILED;
}

static void
check_low(struct writer *w)
{
	struct storage *s = &w->storage;
	uint64_t low = w->options.low_bytes;
	/* An eighth more to leave it than to enter it: no record for each file that comes and goes. */
	bool is_low = s->free_bytes < (s->low ? low + low / 8 : low);

	if (is_low == s->low || !may_tell(w))
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

	if (full == s->full || !may_tell(w))
		return;
	s->full = full;
	if (full)
		log_error("%s: no space to be had: the log goes on in its reserve", w->audit.path);
	note_space(w, full ? "full" : "recovered", full ? NULL : "full");
}

/* False: it is not time, or it cannot be told. */
static bool
look(struct writer *w)
{
	struct storage *s = &w->storage;

	if (w->now - s->checked_at < LOOK_US)
		return false;
	s->checked_at = w->now;
	if (dir_free_bytes(&w->audit, &s->free_bytes) < 0)
		return false;
	if (s->state != STORAGE_FAILED)
		check_low(w);
	return true;
}

/* --- trying again ----------------------------------------------------------------------------- */

static bool
was_refused(const struct writer *w)
{
	return w->open.refused_space < 0 || segment_no_space(w->rotation.standby.error) ||
	       segment_no_space(w->storage.error);
}

/*
 * As much as is asked for at once: then it was a quota or inodes, of which free bytes do not tell. Or
 * more than there was: it may do, as what was had in part is kept.
 */
static bool
may_be_had(const struct writer *w, uint64_t before)
{
	uint64_t free_bytes = w->storage.free_bytes;

	return free_bytes >= w->options.reserve_bytes / 2 || free_bytes > before;
}

void
space_try_again(struct writer *w)
{
	struct storage *s = &w->storage;
	uint64_t before = s->free_bytes;

	if (!look(w) || !was_refused(w) || !may_be_had(w, before))
		return;
	if (w->open.refused_space < 0)
		segment_reserve(&w->open, w->open.size);
	standby_ask(w);
	if (segment_no_space(s->error)) {
		rotation_try_now(w);
		s->retry_at = w->now;
	}
}

void
space_check(struct writer *w)
{
	/* In a turn that takes long it may be time for it by now, and never when one begins. */
	space_try_again(w);
	check_full(w);
	storage_set_state(w);
}

int64_t
space_deadline(const struct writer *w)
{
	const struct storage *s = &w->storage;
	bool looks = s->state != STORAGE_FAILED && (s->low || s->full);

	return looks || was_refused(w) ? s->checked_at + LOOK_US : INT64_MAX;
}
