/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/making.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

void
making_use_up(struct making *m, const char *base, int fd)
{
	struct making_empty *e = &m->empties[m->n_empties];

	if (m->n_empties == MAKING_EMPTIES) {
		(void)close(fd);
		return;
	}
	(void)snprintf(e->base, sizeof(e->base), "%s", base);
	e->fd = fd;
	e->bad = false;
	m->n_empties++;
}

/* Blocks for the whole of it, where the file system can, and the file's own fsync. */
static int
make_durable(struct job *job)
{
	int error = dir_allocate(job->fd, 0, job->length);

	if (error == -EOPNOTSUPP)
		job->length = 0;
	else if (error < 0)
		return job_failed(job, "allocate a segment", error);
	error = dir_sync_file(job->fd);
	return error < 0 ? job_failed(job, "sync a new segment", error) : 0;
}

/* Under its own name at once. */
static void
make_fresh(struct making *m, struct job *job)
{
	char name[SEGNAME_SIZE];

	segname_with(name, job->base, SEGNAME_TMP);
	job->fd = dir_create(m->dir, name);
	if (job->fd < 0)
		(void)job_failed(job, "make a segment", job->fd);
	else if (make_durable(job) < 0)
		making_use_up(m, job->base, take_fd(&job->fd));
}

/* So that nothing piles up although nothing can be deleted. False: it cannot be emptied. */
static bool
make_of_empty(struct making *m, struct making_empty *e, struct job *job)
{
	char empty[SEGNAME_SIZE], name[SEGNAME_SIZE];
	/* What a failed attempt to write has left in it, nobody relies on. */
	int error = dir_cut(e->fd, 0);

	e->bad = error < 0;
	if (error < 0) {
		(void)job_failed(job, "empty a segment", error);
		return false;
	}
	segname_with(empty, e->base, SEGNAME_TMP);
	segname_with(name, job->base, SEGNAME_TMP);
	job->fd = e->fd;
	job->error = 0;
	if (make_durable(job) == 0 && strcmp(empty, name) != 0)
		error = dir_rename(m->dir, empty, name);
	if (error < 0)
		(void)job_failed(job, "rename a new segment", error);
	if (job->error < 0)
		job->fd = -1;
	else
		*e = m->empties[--m->n_empties];
	return true;
}

/* The first that can be emptied again, if one can. */
static void
make_of_bad(struct making *m, struct job *job)
{
	for (unsigned i = m->n_empties; i > 0; i--)
		if (make_of_empty(m, &m->empties[i - 1], job))
			return;
}

/* The last. */
static struct making_empty *
good_empty(struct making *m)
{
	for (unsigned i = m->n_empties; i > 0; i--)
		if (!m->empties[i - 1].bad)
			return &m->empties[i - 1];
	return NULL;
}

static bool
is_lost(const struct making *m, const struct making_empty *e)
{
	const struct dir_file file = dir_which(e->fd);
	char name[SEGNAME_SIZE];

	segname_with(name, e->base, SEGNAME_TMP);
	return !dir_is_named(e->fd) || dir_leads_to(m->dir, name, &file) == 0;
}

/* What somebody has deleted, moved or replaced gets no name any more. */
static void
forget_lost(struct making *m)
{
	for (unsigned i = m->n_empties; i > 0; i--) {
		struct making_empty *e = &m->empties[i - 1];

		if (!is_lost(m, e))
			continue;
		(void)close(e->fd);
		*e = m->empties[--m->n_empties];
	}
}

void
making_make(struct making *m, struct job *job)
{
	struct making_empty *e;

	forget_lost(m);
	e = good_empty(m);
	if (e)
		(void)make_of_empty(m, e, job);
	else if (m->n_empties < MAKING_BAD)
		make_fresh(m, job);
	else
		make_of_bad(m, job);
}

void
making_unmake(struct making *m, struct job *job)
{
	making_use_up(m, job->base, take_fd(&job->fd));
}
