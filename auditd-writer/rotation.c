/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/rotation.h"

#include <errno.h>
#include <unistd.h>

#include "auditd-writer/control.h"
#include "auditd-writer/notes.h"
#include "auditd-writer/standby.h"
#include "auditd-writer/storage.h"
#include "auditd-writer/writer.h"
#include "common/log.h"

#define SHIPPERS_SKIP 1024 /* bytes; log shippers do not read smaller files */
#define COUNTERS_TRIES 4
#define HOLD_US US_PER_S
#define BACKOFF_FIRST_US US_PER_S
#define BACKOFF_MAX_US (30 * US_PER_S)
#define SETTLE_US US_PER_S
#define END_US (3 * US_PER_S)

int
rotation_init(struct writer *w)
{
	struct rotation *r = &w->rotation;

	r->retry_at = INT64_MAX;
	r->backoff = BACKOFF_FIRST_US;
	w->open = SEGMENT_NONE;
	if (tally_init(&r->tallies[0]) < 0 || tally_init(&r->tallies[1]) < 0)
		return -ENOMEM;
	standby_init(w);
	return 0;
}

/* With the tally that the open segment does not use. */
static int
next_segment(struct writer *w, struct segment *ret)
{
	struct tally *tallies = w->rotation.tallies;
	int error = standby_take(w, ret, w->open.tally == &tallies[0] ? &tallies[1] : &tallies[0]);

	if (error == 0)
		ret->dir = &w->audit;
	return error;
}

static int
cause(const struct rotation *r)
{
	return r->error < 0 ? r->error : -EBUSY;
}

int
rotation_take_standby(struct writer *w)
{
	const struct rotation *r = &w->rotation;

	/* The retired are one more at most: what is poisoned now must have its place among them. */
	if (r->waiting + r->n_retired > LIMIT_WAITING_SEGMENTS + 1)
		return cause(r);
	return next_segment(w, &w->open);
}

/* --- from open to closed ---------------------------------------------------------------------- */

/* The covered part of the open segment, as a job for the closer. Ends the segment's tally. */
static struct job
closing_job(struct writer *w)
{
	const struct segment *s = &w->open;
	struct job job = {
	    .kind = JOB_CLOSE,
	    .number = s->number,
	    .fd = s->fd,
	};

	memcpy(job.base, s->base, sizeof(job.base));
	tally_end(s->tally, &job.total);
	return job;
}

static void
submit(struct writer *w, const struct job *job)
{
	w->rotation.waiting++;
	closer_submit(&w->closer, job);
}

/* Whether the closer has a place for one more; waits for it as long as the closer gets on. */
static bool
wait_for_place(struct writer *w)
{
	struct rotation *r = &w->rotation;

	while (r->waiting >= LIMIT_WAITING_SEGMENTS && r->n_failed < r->waiting) {
		closer_wait(&w->closer, -1);
		rotation_reap(w);
	}
	/* Retired segments come first: they are earlier ones. */
	rotation_release(w);
	return r->n_retired == 0 && r->waiting < LIMIT_WAITING_SEGMENTS;
}

int
rotation_hand_over(struct writer *w)
{
	struct segment next;
	struct job job;
	int error;

	if (!wait_for_place(w))
		return -EBUSY;
	error = next_segment(w, &next);
	if (error < 0)
		return error;
	job = closing_job(w);
	w->open = next;
	submit(w, &job);
	return 0;
}

void
rotation_retire(struct writer *w, int error)
{
	struct rotation *r = &w->rotation;
	struct job job = closing_job(w);

	job.poisoned = true;
	job.cause = error;
	job.moved = w->batch.written_records;
	r->retired[r->n_retired++] =
	    job; /* rotation_take_standby() has seen to it that there is room */
	w->open = SEGMENT_NONE;
}

void
rotation_give_back(struct writer *w)
{
	struct job job = {.kind = JOB_BACK, .number = w->open.number, .fd = w->open.fd};

	memcpy(job.base, w->open.base, sizeof(job.base));
	w->open = SEGMENT_NONE;
	closer_submit(&w->closer, &job);
}

void
rotation_release(struct writer *w)
{
	struct rotation *r = &w->rotation;

	while (r->n_retired > 0 && r->waiting < LIMIT_WAITING_SEGMENTS) {
		submit(w, &r->retired[0]);
		r->n_retired--;
		memmove(r->retired, r->retired + 1, r->n_retired * sizeof(r->retired[0]));
	}
}

/* --- ROTATE ------------------------------------------------------------------------------------ */

/* Answer every request that waits for the segment of this number. */
static void
answer_requests(struct writer *w, uint32_t number, int error, struct str name)
{
	struct rotation *r = &w->rotation;
	unsigned left = 0;

	for (unsigned i = 0; i < r->n_requests; i++) {
		if (r->requests[i].number == number)
			control_tell_rotated(w, r->requests[i].request, error, name);
		else
			r->requests[left++] = r->requests[i];
	}
	r->n_requests = left;
}

static bool
asked(const struct writer *w)
{
	const struct rotation *r = &w->rotation;

	return r->n_requests > 0 && r->requests[r->n_requests - 1].number == 0;
}

static void
bind_requests(struct writer *w, uint32_t number)
{
	struct rotation *r = &w->rotation;

	for (unsigned i = 0; i < r->n_requests; i++)
		if (r->requests[i].number == 0)
			r->requests[i].number = number;
}

void
rotation_ask(struct writer *w, uint32_t request)
{
	struct rotation *r = &w->rotation;

	if (w->storage.state == STORAGE_FAILED)
		control_tell_rotated(w, request, w->storage.error, STR(""));
	else if (w->open.records + batch_pending_records(&w->batch) == 0)
		control_tell_rotated(w, request, 0, STR(""));
	else if (r->n_requests == ROTATE_REQUESTS)
		control_tell_rotated(w, request, -EBUSY, STR(""));
	else
		r->requests[r->n_requests++] = (struct rotate_request){.request = request};
}

/* --- when -------------------------------------------------------------------------------------- */

/* The open segment would be, with this much more, as large as it may be; or it is as old. */
static bool
at_limit(const struct writer *w, uint64_t records, size_t bytes)
{
	const struct segment *s = &w->open;
	const struct options *o = &w->options;

	if (s->records + records >= o->rotate_records ||
	    (uint64_t)s->size + bytes + LIMIT_LINE > o->rotate_bytes)
		return true;
	return s->records > 0 && w->now - s->first_at >= (int64_t)o->rotate_seconds * US_PER_S;
}

bool
rotation_due(const struct writer *w, uint64_t records, size_t bytes)
{
	const struct segment *s = &w->open;

	if (s->fd < 0 || s->records + records == 0 || w->now < w->rotation.hold_until)
		return false;
	return at_limit(w, records, bytes) || asked(w);
}

int
rotation_obstacle(const struct writer *w)
{
	const struct rotation *r = &w->rotation;

	if (r->waiting + r->n_retired < LIMIT_WAITING_SEGMENTS || w->open.fd < 0 ||
	    !at_limit(w, 0, 0))
		return 0;
	return cause(r);
}

/* Everything in the batch durable, and the open segment large enough for log shippers. */
static int
complete(struct writer *w)
{
	int error = storage_flush(w, true);

	for (int i = 0; i < COUNTERS_TRIES && error == 0; i++) {
		if (w->open.records == 0 || w->open.size >= SHIPPERS_SKIP)
			break;
		note_counters(w);
		error = storage_flush(w, true);
	}
	return error;
}

void
rotation_turn(struct writer *w)
{
	uint32_t number;
	int error = complete(w);

	if (error == 0 && w->open.records == 0)
		return;
	number = w->open.number;
	if (error == 0)
		error = rotation_hand_over(w);
	if (error == 0) {
		bind_requests(w, number);
		return;
	}
	w->rotation.hold_until = w->now + HOLD_US;
	answer_requests(w, 0, error, STR(""));
	storage_stop(w, rotation_obstacle(w));
}

static void
try_failed_again(struct writer *w)
{
	struct rotation *r = &w->rotation;

	r->retry_at = INT64_MAX;
	for (unsigned i = 0; i < r->n_failed; i++)
		closer_submit(&w->closer, &r->failed[i]);
	r->n_failed = 0;
}

/* Until the closer has nothing left but what failed again. -ETIMEDOUT. */
static int
wait_for_closer(struct writer *w, int64_t patience)
{
	struct rotation *r = &w->rotation;
	int64_t until = clock_monotonic() + patience;

	try_failed_again(w);
	while (r->waiting > r->n_failed) {
		int64_t left = until - clock_monotonic();

		if (left <= 0)
			return -ETIMEDOUT;
		closer_wait(&w->closer, left);
		rotation_reap(w);
	}
	return 0;
}

void
rotation_settle(struct writer *w)
{
	if (w->storage.state != STORAGE_FAILED)
		rotation_release(w);
	(void)wait_for_closer(w, SETTLE_US);
	storage_retry(w, true);
}

int
rotation_end(struct writer *w)
{
	struct rotation *r = &w->rotation;
	int error = complete(w), late;

	/* Before the last one, which is closed after them only. */
	try_failed_again(w);
	if (error == 0 && w->open.records > 0) {
		const struct job job = closing_job(w);

		bind_requests(w, job.number);
		w->open = SEGMENT_NONE;
		submit(w, &job);
	}
	late = wait_for_closer(w, END_US);
	if (error == 0 && late == 0 && r->waiting + r->n_retired > 0)
		return -EIO;
	return error < 0 ? error : late;
}

/* --- what the closer has done ------------------------------------------------------------------ */

void
rotation_try_later(struct writer *w)
{
	struct rotation *r = &w->rotation;

	if (r->retry_at != INT64_MAX)
		return;
	r->retry_at = w->now + r->backoff;
	r->backoff = 2 * r->backoff < BACKOFF_MAX_US ? 2 * r->backoff : BACKOFF_MAX_US;
}

void
rotation_try_now(struct writer *w)
{
	if (w->rotation.retry_at != INT64_MAX)
		w->rotation.retry_at = w->now;
}

static void
not_closed(struct writer *w, struct job *job)
{
	struct rotation *r = &w->rotation;
	unsigned at = r->n_failed++;

	if (job->error != -EBUSY)
		r->error = job->error;
	if (!job->told) {
		log_error("%s: cannot %s: %s; tried again later", job->base, job->step,
		    strerrordesc_np(-job->error));
		note_unclosed(w, job);
	}
	job->told = true;
	/* In order: none is closed before an earlier one. */
	for (; at > 0 && r->failed[at - 1].number > job->number; at--)
		r->failed[at] = r->failed[at - 1];
	r->failed[at] = *job;
	answer_requests(w, job->number, job->error, str_from(job->base));
	rotation_try_later(w);
}

static void
closed(struct writer *w, const struct job *job)
{
	struct rotation *r = &w->rotation;

	r->waiting--;
	r->error = 0;
	r->backoff = BACKOFF_FIRST_US;
	/* That may be what storage waits for. */
	w->storage.retry_at = w->now;
	w->counters.next_seal = job->next_index;
	if (job->total.records > 0)
		w->counters.closed++;
	if (job->poisoned) {
		w->counters.poisoned++;
		log_warn("%s: closed from a checked copy; the bad file is %s%s", job->base,
		    job->torn[0] ? "kept as " : "gone", job->torn);
		note_poisoned(w, job);
	}
	answer_requests(w, job->number, 0, str_from(job->base));
}

void
rotation_reap(struct writer *w)
{
	struct job job;

	while (closer_reap(&w->closer, &job)) {
		if (job.kind == JOB_MAKE)
			standby_made(w, &job);
		else if (job.error < 0)
			not_closed(w, &job);
		else
			closed(w, &job);
	}
	if (w->now < w->rotation.retry_at)
		return;
	try_failed_again(w);
	standby_ask(w);
}

int64_t
rotation_deadline(const struct writer *w)
{
	const struct segment *s = &w->open;
	int64_t at = w->rotation.retry_at;

	if (asked(w) && w->rotation.hold_until < at)
		at = w->rotation.hold_until;
	if (w->storage.state != STORAGE_FAILED && s->fd >= 0 && s->records > 0) {
		int64_t old = s->first_at + (int64_t)w->options.rotate_seconds * US_PER_S;

		/* Held back: it is looked at again when something can have changed. */
		if (old < w->rotation.hold_until)
			old = w->rotation.hold_until;
		at = old < at ? old : at;
	}
	return at;
}
