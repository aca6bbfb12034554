/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/storage.h"

#include <errno.h>

#include "auditd-writer/ledger.h"
#include "auditd-writer/notes.h"
#include "auditd-writer/rotation.h"
#include "auditd-writer/writer.h"
#include "common/log.h"

#define COMMIT_SYNC_US (9 * US_PER_S / 10) /* commit: a sync follows within a second */
#define BACKOFF_FIRST_US (1 * US_PER_S)
#define BACKOFF_MAX_US (30 * US_PER_S)

/* --- the way to the disk ---------------------------------------------------------------------- */

static int
put_pending(struct writer *w)
{
	struct str pending = batch_pending(&w->batch);
	int error;

	if (pending.n == 0)
		return 0;
	error = segment_append(&w->open, pending, batch_pending_records(&w->batch), w->now);
	if (error < 0)
		return error;
	batch_mark_written(&w->batch, w->now);
	w->counters.writes++;
	return 0;
}

static int
put_sync(struct writer *w)
{
	int error;

	if (w->batch.written == 0)
		return 0;
	error = segment_sync(&w->open, batch_written(&w->batch), batch_written_marks(&w->batch),
	    w->batch.written_records);
	if (error < 0)
		return error;
	batch_drop_written(&w->batch);
	w->counters.syncs++;
	return 0;
}

static bool
sync_due(const struct writer *w)
{
	if (!w->options.commit)
		return true;
	return w->batch.written > BATCH_UNSYNCED - BATCH_FLUSH ||
	       w->batch.written_records > BATCH_RECORDS / 2 ||
	       (w->batch.written > 0 && w->now - w->batch.written_at >= COMMIT_SYNC_US);
}

static int
put(struct writer *w, bool sync)
{
	int error = put_pending(w);

	if (error == 0 && (sync || sync_due(w)))
		error = put_sync(w);
	return error;
}

/* --- when it does not work -------------------------------------------------------------------- */

/*
 * No space: the open segment ends with its last line and the reserve, the standby, goes on. What the
 * old one has and no sync covers (commit) must be covered before it is left.
 */
static int
mend_no_space(struct writer *w, int error)
{
	int other;

	if (w->open.records == 0)
		return error;
	other = put_sync(w);
	if (other < 0)
		return other;
	if (rotation_hand_over(w) < 0)
		return error;
	return put(w, true);
}

/* One attempt with the segment that is open. */
static int
put_or_move(struct writer *w, bool sync)
{
	int error = put(w, sync);

	if (error < 0 && !w->open.poisoned)
		error = mend_no_space(w, error);
	return error;
}

/* Leave a poisoned segment; the batch has to be written again from its start. */
static void
leave_poisoned(struct writer *w, int error)
{
	log_error("%s: %s; its records are written again", w->open.base, strerrordesc_np(-error));
	rotation_retire(w, error);
	batch_unwrite(&w->batch);
}

/* The same for one that was to take what another could not. Nothing piles up when it never works. */
static void
leave_attempt(struct writer *w, int error)
{
	if (!w->open.poisoned)
		return;
	if (w->open.relied_on) {
		leave_poisoned(w, error);
		return;
	}
	rotation_give_back(w);
	batch_unwrite(&w->batch);
}

static int
mend(struct writer *w, int error)
{
	if (!w->open.poisoned)
		return error;
	leave_poisoned(w, error);
	error = rotation_take_standby(w);
	if (error == 0)
		error = put_or_move(w, true);
	if (error < 0)
		leave_attempt(w, error);
	return error;
}

enum refusal
storage_refusal(const struct writer *w)
{
	switch (-w->storage.error) {
	case ENOSPC:
		return REFUSAL_NO_SPACE;
	case EDQUOT:
		return REFUSAL_QUOTA;
	case EROFS:
		return REFUSAL_READ_ONLY;
	default:
		return REFUSAL_IO;
	}
}

static void
fail(struct writer *w, int error)
{
	struct storage *s = &w->storage;

	log_error("the audit log cannot be written: %s; every request is denied",
	    strerrordesc_np(-error));
	s->state = STORAGE_FAILED;
	s->error = error;
	s->backoff = BACKOFF_FIRST_US;
	s->retry_at = w->now + s->backoff;
	if (!s->untold) {
		s->failed_since = clock_real();
		s->refused = 0;
	}
	s->untold = true;
	channels_tell_state(w);
}

/* What was answered up to now is where it has to be. */
static void
settle(struct writer *w)
{
	w->open.relied_on = true;
	rotation_release(w);
	channels_settle(w);
}

int
storage_flush(struct writer *w, bool sync)
{
	int error;

	if (w->storage.state == STORAGE_FAILED)
		return w->storage.error;
	error = put_or_move(w, sync);
	if (error < 0)
		error = mend(w, error);
	if (error < 0) {
		fail(w, error);
		return error;
	}
	settle(w);
	return 0;
}

void
storage_stop(struct writer *w, int error)
{
	if (error < 0 && w->storage.state != STORAGE_FAILED)
		fail(w, error);
}

/* --- trying again ----------------------------------------------------------------------------- */

static int
attempt(struct writer *w)
{
	int error = rotation_obstacle(w);

	if (error == 0 && w->open.fd < 0)
		error = rotation_take_standby(w);
	if (error < 0)
		return error;
	error = put_or_move(w, true);
	if (error < 0)
		leave_attempt(w, error);
	return error;
}

void
storage_set_state(struct writer *w)
{
	struct storage *s = &w->storage;
	enum storage_state was = s->state;

	if (s->state == STORAGE_FAILED)
		return;
	s->state = s->low || s->full ? STORAGE_LOW : STORAGE_OK;
	if (s->state != was)
		channels_tell_state(w);
}

static void
works_again(struct writer *w)
{
	struct storage *s = &w->storage;

	log_info("the audit log can be written again; %llu requests were refused meanwhile",
	    (unsigned long long)s->refused);
	s->state = s->low || s->full ? STORAGE_LOW : STORAGE_OK;
	ledger_tick(w);
	if (s->state == STORAGE_FAILED)
		return;
	s->untold = !note_storage_recovered(w);
	s->error = 0;
	settle(w);
	channels_tell_state(w);
}

void
storage_retry(struct writer *w, bool now)
{
	struct storage *s = &w->storage;
	int error;

	if (s->state != STORAGE_FAILED || (!now && w->now < s->retry_at))
		return;
	error = attempt(w);
	if (error == 0) {
		works_again(w);
		return;
	}
	s->error = error;
	s->backoff = 2 * s->backoff < BACKOFF_MAX_US ? 2 * s->backoff : BACKOFF_MAX_US;
	s->retry_at = w->now + s->backoff;
}

int64_t
storage_deadline(const struct writer *w)
{
	if (w->storage.state == STORAGE_FAILED)
		return w->storage.retry_at;
	return w->batch.written > 0 ? w->batch.written_at + COMMIT_SYNC_US : INT64_MAX;
}
