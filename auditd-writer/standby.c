/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/standby.h"

#include <errno.h>
#include <string.h>

#include "auditd-writer/rotation.h"
#include "auditd-writer/writer.h"
#include "common/log.h"

/* What is allocated at once, 0: this file system cannot. */
static int64_t
step_of(const struct writer *w)
{
	return (int64_t)(w->options.reserve_bytes / 2);
}

void
standby_init(struct writer *w)
{
	w->rotation.standby = (struct standby){.next_number = 1};
	standby_ask(w);
}

static unsigned
wanted(const struct writer *w)
{
	return w->rotation.waiting < 2 ? 1 : STANDBY_MOST;
}

static void
ask_for_one(struct writer *w)
{
	struct standby *s = &w->rotation.standby;
	struct job job = {
	    .kind = JOB_MAKE, .fd = -1, .number = s->next_number++, .length = step_of(w)};

	segname_make(job.base, clock_real(), w->identity.session, job.number);
	s->making++;
	closer_submit(&w->closer, &job);
}

void
standby_ask(struct writer *w)
{
	struct standby *s = &w->rotation.standby;

	while (s->n + s->making < wanted(w))
		ask_for_one(w);
}

static void
wait_for_one(struct writer *w)
{
	const struct standby *s = &w->rotation.standby;

	while (s->n == 0 && s->making > 0) {
		closer_wait(&w->closer, -1);
		rotation_reap(w);
	}
}

int
standby_take(struct writer *w, struct segment *ret, struct tally *tally)
{
	struct standby *s = &w->rotation.standby;
	const struct job *job = &s->ready[0];

	/* One that fails while it is waited for may be tried once more. */
	for (int tries = 0; tries < 2 && s->n == 0; tries++) {
		standby_ask(w);
		wait_for_one(w);
	}
	if (s->n == 0)
		return s->error < 0 ? s->error : -EIO;
	segment_init(ret, job->fd, job->base, job->number, job->length,
	    job->length > 0 ? step_of(w) : 0, tally);
	s->n--;
	memmove(s->ready, s->ready + 1, s->n * sizeof(s->ready[0]));
	standby_ask(w);
	return 0;
}

static void
not_made(struct writer *w, const struct job *job)
{
	struct standby *s = &w->rotation.standby;

	/* Its number is not lost, unless a later one was given already. */
	if (job->number + 1 == s->next_number)
		s->next_number--;
	/* It was one more than there has to be. */
	if (s->n > 0)
		return;
	if (job->error != s->error)
		log_error("%s: cannot %s: %s", job->base, job->step, strerrordesc_np(-job->error));
	s->error = job->error;
	rotation_try_later(w);
}

void
standby_made(struct writer *w, const struct job *job)
{
	struct standby *s = &w->rotation.standby;
	bool awaited = s->error < 0;

	s->making--;
	if (job->error < 0) {
		not_made(w, job);
		return;
	}
	s->error = 0;
	s->ready[s->n++] = *job;
	w->rotation.hold_until = 0;
	/* Only if this was what failed: else each attempt would use up a segment and ask for the next. */
	if (awaited)
		w->storage.retry_at = w->now;
}
