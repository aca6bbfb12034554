/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/closer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

#define CLOSER_STACK (256u << 10)

/* --- making ----------------------------------------------------------------------------------- */

/* The jobs of this kind, and one fsync of the directory for them all. */
static void
make_all(struct closer *c, struct job *jobs, unsigned n)
{
	int error;

	for (unsigned i = 0; i < n; i++)
		making_make(&c->making, &jobs[i]);
	error = n > 0 ? dir_sync(c->dir) : 0;
	for (unsigned i = 0; error < 0 && i < n; i++) {
		if (jobs[i].error < 0)
			continue;
		/* A new file whose name may not be durable is not handed out. */
		(void)job_failed(&jobs[i], "sync the directory", error);
		making_unmake(&c->making, &jobs[i]);
	}
}

/* --- closing ---------------------------------------------------------------------------------- */

static struct sealing
sealing_of(const struct job *job)
{
	return (struct sealing){
	    .base = job->base,
	    .total = &job->total,
	    .state = job->poisoned ? SEAL_POISONED : SEAL_CLEAN,
	    .torn_bytes = job->torn_bytes,
	    .file = dir_which(job->fd),
	};
}

/* What one error leaves undone is tried once more at once. */
static int
seal(struct closer *c, const struct sealing *group, unsigned n, const char **ret_step)
{
	int error = sealer_seal(c->sealer, group, n, ret_step);

	if (error < 0 && error != -EBUSY)
		error = sealer_seal(c->sealer, group, n, ret_step);
	return error;
}

static bool
is_ready(const struct job *job)
{
	return job->stage == CLOSE_READY && job->error == 0;
}

/* Those that are prepared. One behind one that is not does not continue the log: -EBUSY. */
static void
seal_all(struct closer *c, struct job *jobs, unsigned n)
{
	struct sealing group[CLOSER_JOBS];
	const char *step = NULL;
	unsigned ready = 0;
	int error;

	for (unsigned i = 0; i < n; i++)
		if (is_ready(&jobs[i]))
			group[ready++] = sealing_of(&jobs[i]);
	error = ready > 0 ? seal(c, group, ready, &step) : 0;
	for (unsigned i = 0; i < n; i++) {
		struct job *job = &jobs[i];

		job->next_index = c->sealer->state.next_index;
		if (!is_ready(job))
			continue;
		if (sealer_has(c->sealer, &job->total))
			closing_finish(job);
		else if (sealer_has_to_wait(c->sealer, &job->total))
			(void)job_failed(job, "close a segment before an earlier one", -EBUSY);
		else
			(void)job_failed(job, step, error);
	}
}

/* Whoever takes closed segments away may have been at one that is only not known to be durable. */
static bool
has_last_name(const struct closer *c, const struct job *job)
{
	return job->stage == CLOSE_READY &&
	       (sealer_has(c->sealer, &job->total) || sealer_has_placed(c->sealer, job->base));
}

static void
close_all(struct closer *c, struct job *jobs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!has_last_name(c, &jobs[i]))
			(void)closing_prepare(&c->closing, &jobs[i]);
	seal_all(c, jobs, n);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void
answer(struct closer *c)
{
	c->answer = c->question();
	c->question = NULL;
	(void)pthread_cond_signal(&c->answer_cond);
}

static unsigned
take_group(struct closer *c)
{
	unsigned n;

	(void)pthread_mutex_lock(&c->mutex);
	while (c->n_todo == 0) {
		if (c->question)
			answer(c);
		(void)pthread_cond_wait(&c->todo_cond, &c->mutex);
	}
	n = c->n_todo;
	memcpy(c->group, c->todo, n * sizeof(c->group[0]));
	c->n_todo = 0;
	(void)pthread_mutex_unlock(&c->mutex);
	return n;
}

static void
give_back(struct closer *c, const struct job *jobs, unsigned n)
{
	uint64_t one = 1;
	ssize_t told;

	if (n == 0)
		return;
	(void)pthread_mutex_lock(&c->mutex);
	for (unsigned i = 0; i < n && c->n_done < CLOSER_JOBS; i++)
		c->done[c->n_done++] = jobs[i];
	(void)pthread_mutex_unlock(&c->mutex);
	/* Only EAGAIN can be: then it is readable already. */
	told = write(c->event, &one, sizeof(one));
	(void)told;
}

/* New ones first, as somebody may wait for one; the others in the order of their numbers. */
static bool
comes_before(const struct job *a, const struct job *b)
{
	return a->kind == b->kind ? a->number < b->number : a->kind < b->kind;
}

/* Few, and mostly in order. (qsort() may allocate.) */
static void
sort(struct job *jobs, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		const struct job job = jobs[i];
		unsigned at = i;

		for (; at > 0 && comes_before(&job, &jobs[at - 1]); at--)
			jobs[at] = jobs[at - 1];
		jobs[at] = job;
	}
}

static void
work(struct closer *c, unsigned n)
{
	struct job *jobs = c->group;
	unsigned backs = 0, makes = 0;

	sort(jobs, n);
	for (unsigned i = 0; i < n; i++) {
		jobs[i].error = 0;
		jobs[i].step = NULL;
		backs += jobs[i].kind == JOB_BACK;
		makes += jobs[i].kind == JOB_MAKE;
	}
	for (unsigned i = 0; i < backs; i++)
		making_unmake(&c->making, &jobs[i]);
	jobs += backs;
	n -= backs;
	make_all(c, jobs, makes);
	give_back(c, jobs, makes);
	close_all(c, jobs + makes, n - makes);
	give_back(c, jobs + makes, n - makes);
}

static void *
closer_main(void *arg)
{
	struct closer *c = arg;

	for (;;)
		work(c, take_group(c));
	return NULL;
}

/* --- its owner's side ------------------------------------------------------------------------- */

static int
init_conditions(struct closer *c)
{
	int error = pthread_cond_init(&c->answer_cond, NULL);

	if (error == 0)
		error = pthread_cond_init(&c->todo_cond, NULL);
	if (error == 0)
		error = pthread_mutex_init(&c->mutex, NULL);
	return -error;
}

int
closer_init(struct closer *c, const struct dir *dir, struct sealer *sealer)
{
	int error;

	*c = (struct closer){.dir = dir, .sealer = sealer, .making = {.dir = dir}};
	error = closing_init(&c->closing, dir);
	if (error < 0)
		return error;
	c->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->event < 0)
		return -errno;
	return init_conditions(c);
}

int
closer_start(struct closer *c)
{
	pthread_attr_t attr;
	int error = pthread_attr_init(&attr);

	if (error == 0)
		error = pthread_attr_setstacksize(&attr, CLOSER_STACK);
	if (error == 0)
		error = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (error == 0)
		error = pthread_create(&c->thread, &attr, closer_main, c);
	return -error;
}

int
closer_ask(struct closer *c, int (*question)(void))
{
	int found;

	(void)pthread_mutex_lock(&c->mutex);
	c->question = question;
	(void)pthread_cond_signal(&c->todo_cond);
	while (c->question)
		(void)pthread_cond_wait(&c->answer_cond, &c->mutex);
	found = c->answer;
	(void)pthread_mutex_unlock(&c->mutex);
	return found;
}

void
closer_submit(struct closer *c, const struct job *job)
{
	(void)pthread_mutex_lock(&c->mutex);
	if (c->n_todo < CLOSER_JOBS)
		c->todo[c->n_todo++] = *job;
	(void)pthread_cond_signal(&c->todo_cond);
	(void)pthread_mutex_unlock(&c->mutex);
}

void
closer_clear(struct closer *c)
{
	uint64_t count;
	ssize_t got = read(c->event, &count, sizeof(count));

	(void)got;
}

bool
closer_reap(struct closer *c, struct job *ret)
{
	bool any;

	(void)pthread_mutex_lock(&c->mutex);
	any = c->n_done > 0;
	if (any) {
		*ret = c->done[0];
		c->n_done--;
		memmove(c->done, c->done + 1, c->n_done * sizeof(c->done[0]));
	}
	(void)pthread_mutex_unlock(&c->mutex);
	return any;
}

static bool
any_done(struct closer *c)
{
	bool any;

	(void)pthread_mutex_lock(&c->mutex);
	any = c->n_done > 0;
	(void)pthread_mutex_unlock(&c->mutex);
	return any;
}

/*
 * By the event: a condition with a time limit would go on by restart_syscall() after a stop. What is
 * readable may be done with already.
 */
void
closer_wait(struct closer *c, int64_t patience)
{
	int64_t until = clock_monotonic() + patience;

	while (!any_done(c)) {
		struct pollfd event = {.fd = c->event, .events = POLLIN};
		int64_t left = until - clock_monotonic();
		struct timespec at = {left / US_PER_S, left % US_PER_S * 1000};

		if (patience >= 0 && left <= 0)
			return;
		if (ppoll(&event, 1, patience < 0 ? NULL : &at, NULL) > 0)
			closer_clear(c);
	}
}
