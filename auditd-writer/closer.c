/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/closer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "auditd-writer/repair.h"
#include "common/cleanup.h"
#include "common/clock.h"

#define CLOSER_STACK (256u << 10)

static int
failed(struct job *job, const char *step, int error)
{
	job->step = step;
	job->error = error;
	return error;
}

/* --- making ---------------------------------------------------------------------------------- */

void
closer_use_up(struct closer *c, const char *base)
{
	if (c->n_empties < CLOSER_EMPTIES)
		(void)snprintf(c->empties[c->n_empties++], SEGNAME_SIZE, "%s", base);
}

/* Blocks for the whole of it, where the file system can, and the file's own fsync. */
static int
make_durable(struct job *job)
{
	int error = dir_allocate(job->fd, 0, job->length);

	if (error == -EOPNOTSUPP)
		job->length = 0;
	else if (error < 0)
		return failed(job, "allocate a segment", error);
	error = dir_sync_file(job->fd);
	return error < 0 ? failed(job, "sync a new segment", error) : 0;
}

/* Under its own name at once. If it cannot be used, it is one more empty file to use up. */
static int
make_fresh(struct closer *c, struct job *job)
{
	char name[SEGNAME_SIZE];

	segname_with(name, job->base, SEGNAME_TMP);
	job->fd = dir_create(c->dir, name);
	if (job->fd < 0)
		return failed(job, "make a segment", job->fd);
	if (make_durable(job) == 0)
		return 0;
	closer_use_up(c, job->base);
	return job->error;
}

/*
 * In place of an empty file that is left over: its name is renamed to the new one, so that nothing
 * piles up although nothing can be deleted. Its inode may not be opened for writing (0440).
 */
static int
make_over_empty(struct closer *c, struct job *job)
{
	const char *base = c->empties[c->n_empties - 1];
	char empty[SEGNAME_SIZE], name[SEGNAME_SIZE];
	int error;

	segname_with(empty, base, SEGNAME_TMP);
	segname_with(name, job->base, SEGNAME_TMP);
	job->fd = repair_scratch(c->dir);
	if (job->fd < 0)
		return failed(job, "make a segment", job->fd);
	if (make_durable(job) < 0)
		return job->error;
	error = repair_place(c->dir, empty, true);
	if (error == 0 && strcmp(empty, name) != 0)
		error = dir_rename(c->dir, empty, name, false);
	if (error < 0)
		return failed(job, "rename a new segment", error);
	c->n_empties--;
	return 0;
}

static void
make(struct closer *c, struct job *job)
{
	int error = c->n_empties > 0 ? make_over_empty(c, job) : make_fresh(c, job);

	if (error == 0 || job->fd < 0)
		return;
	(void)close(job->fd);
	job->fd = -1;
}

/* --- closing --------------------------------------------------------------------------------- */

static int
rename_closed(struct closer *c, struct job *job)
{
	char tmp[SEGNAME_SIZE];
	int error;

	segname_with(tmp, job->base, SEGNAME_TMP);
	error = dir_rename(c->dir, tmp, job->base, false);
	if (error < 0)
		return failed(job, "rename a segment", error);
	job->stage = REPAIR_RENAMED;
	return 0;
}

static int
close_plain(struct closer *c, struct job *job)
{
	CLEANUP_FD int fd = take_fd(&job->fd);
	int error = dir_cut(fd, job->length);

	if (error < 0)
		return failed(job, "cut a segment", error);
	error = dir_sync_file(fd);
	if (error < 0)
		return failed(job, "sync a segment", error);
	/* The place of the seal: what it covers is final and durable, and not yet published. */
	return rename_closed(c, job);
}

static int
copy_good(struct closer *c, struct job *job)
{
	char tmp[SEGNAME_SIZE];
	CLEANUP_FD int from = -1;
	int error;

	segname_with(tmp, job->base, SEGNAME_TMP);
	from = dir_open_read(c->dir, job->stage == REPAIR_TORN ? job->torn : tmp);
	if (from < 0)
		return failed(job, "open a poisoned segment", from);
	error = repair_copy(c->dir, from, job->length, c->sum, job->sum, &job->step);
	return error < 0 ? failed(job, job->step, error) : 0;
}

static int
sync_names(struct closer *c, struct job *job)
{
	int error = dir_sync(c->dir);

	return error < 0 ? failed(job, "sync the directory", error) : 0;
}

static int
set_aside(struct closer *c, struct job *job)
{
	int error = repair_set_aside(c->dir, job->base, job->torn);

	if (error < 0)
		return failed(job, "set a poisoned segment aside", error);
	job->stage = REPAIR_TORN;
	return sync_names(c, job);
}

/* The good part, checked, under the segment's name; the bad file as .torn beside it. */
static int
put_copy(struct closer *c, struct job *job)
{
	char tmp[SEGNAME_SIZE];
	int error;

	if (copy_good(c, job) < 0 || (job->stage == REPAIR_NOTHING && set_aside(c, job) < 0))
		return job->error;
	segname_with(tmp, job->base, SEGNAME_TMP);
	error = repair_place(c->dir, tmp, false);
	if (error < 0)
		return failed(job, "rename a copy", error);
	job->stage = REPAIR_COPIED;
	return sync_names(c, job);
}

static int
close_poisoned(struct closer *c, struct job *job)
{
	if (job->fd >= 0)
		(void)close(take_fd(&job->fd));
	if (job->length == 0) {
		if (job->stage == REPAIR_NOTHING && set_aside(c, job) < 0)
			return job->error;
		job->stage = REPAIR_RENAMED;
		return 0;
	}
	if (job->stage < REPAIR_COPIED && put_copy(c, job) < 0)
		return job->error;
	return rename_closed(c, job);
}

/* Whether an earlier segment is not closed yet. */
static bool
has_to_wait(const struct closer *c, uint32_t number)
{
	for (unsigned i = 0; i < c->n_held; i++)
		if (c->held[i] < number)
			return true;
	return false;
}

static void
hold_later_ones(struct closer *c, const struct job *job)
{
	unsigned left = 0;

	for (unsigned i = 0; i < c->n_held; i++)
		if (c->held[i] != job->number)
			c->held[left++] = c->held[i];
	c->n_held = left;
	if (job->error < 0 && left < CLOSER_JOBS)
		c->held[c->n_held++] = job->number;
}

static void
close_one(struct closer *c, struct job *job)
{
	if (job->stage == REPAIR_RENAMED)
		return;
	if (has_to_wait(c, job->number)) {
		(void)failed(job, "close a segment before an earlier one", -EBUSY);
		return;
	}
	if (!job->poisoned && close_plain(c, job) < 0) {
		job->poisoned = true;
		job->cause = job->error;
		job->error = 0;
	}
	if (job->stage != REPAIR_RENAMED)
		(void)close_poisoned(c, job);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void
work_one(struct closer *c, struct job *job)
{
	job->error = 0;
	job->step = NULL;
	if (job->kind == JOB_MAKE) {
		make(c, job);
		return;
	}
	close_one(c, job);
	hold_later_ones(c, job);
}

/* A new file whose name may not be durable is not handed out. */
static void
unsynced(struct closer *c, struct job *job, int error)
{
	if (job->error < 0)
		return;
	(void)failed(job, "sync the directory", error);
	if (job->kind != JOB_MAKE)
		return;
	(void)close(take_fd(&job->fd));
	closer_use_up(c, job->base);
}

static void
work(struct closer *c, unsigned n)
{
	int error;

	for (unsigned i = 0; i < n; i++)
		work_one(c, &c->group[i]);
	error = dir_sync(c->dir);
	for (unsigned i = 0; error < 0 && i < n; i++)
		unsynced(c, &c->group[i], error);
}

static unsigned
take_group(struct closer *c)
{
	unsigned n;

	(void)pthread_mutex_lock(&c->mutex);
	while (c->n_todo == 0)
		(void)pthread_cond_wait(&c->todo_cond, &c->mutex);
	n = c->n_todo;
	memcpy(c->group, c->todo, n * sizeof(c->group[0]));
	c->n_todo = 0;
	(void)pthread_mutex_unlock(&c->mutex);
	return n;
}

static void
give_back(struct closer *c, unsigned n)
{
	uint64_t one = 1;
	ssize_t told;

	(void)pthread_mutex_lock(&c->mutex);
	for (unsigned i = 0; i < n && c->n_done < CLOSER_JOBS; i++)
		c->done[c->n_done++] = c->group[i];
	(void)pthread_cond_signal(&c->done_cond);
	(void)pthread_mutex_unlock(&c->mutex);
	/* Only EAGAIN can be: then it is readable already. */
	told = write(c->event, &one, sizeof(one));
	(void)told;
}

static void *
closer_main(void *arg)
{
	struct closer *c = arg;

	for (;;) {
		unsigned n = take_group(c);

		work(c, n);
		give_back(c, n);
	}
	return NULL;
}

/* --- its owner's side ------------------------------------------------------------------------- */

static int
init_conditions(struct closer *c)
{
	pthread_condattr_t attr;
	int error = pthread_condattr_init(&attr);

	if (error == 0)
		error = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (error == 0)
		error = pthread_cond_init(&c->done_cond, &attr);
	if (error == 0)
		error = pthread_cond_init(&c->todo_cond, NULL);
	if (error == 0)
		error = pthread_mutex_init(&c->mutex, NULL);
	return -error;
}

int
closer_init(struct closer *c, const struct dir *dir)
{
	*c = (struct closer){.dir = dir};
	c->sum = hash_new();
	if (!c->sum)
		return -ENOMEM;
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

void
closer_wait(struct closer *c, int64_t patience)
{
	int64_t until = clock_monotonic() + patience;
	struct timespec at = {.tv_sec = until / US_PER_S, .tv_nsec = until % US_PER_S * 1000};
	int error = 0;

	(void)pthread_mutex_lock(&c->mutex);
	while (c->n_done == 0 && error == 0)
		error = patience < 0 ? pthread_cond_wait(&c->done_cond, &c->mutex)
				     : pthread_cond_timedwait(&c->done_cond, &c->mutex, &at);
	(void)pthread_mutex_unlock(&c->mutex);
}
