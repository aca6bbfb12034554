/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/making.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auditd-writer/repair.h"
#include "common/cleanup.h"

void
making_use_up(struct making *m, const char *base)
{
	if (m->n_empties < MAKING_EMPTIES)
		(void)snprintf(m->empties[m->n_empties++], SEGNAME_SIZE, "%s", base);
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

/* Under its own name at once. If it cannot be used, it is one more empty file to use up. */
static int
make_fresh(struct making *m, struct job *job)
{
	char name[SEGNAME_SIZE];

	segname_with(name, job->base, SEGNAME_TMP);
	job->fd = dir_create(m->dir, name);
	if (job->fd < 0)
		return job_failed(job, "make a segment", job->fd);
	if (make_durable(job) == 0)
		return 0;
	making_use_up(m, job->base);
	return job->error;
}

/*
 * In place of an empty file that is left over: its name is renamed to the new one, so that nothing
 * piles up although nothing can be deleted. Its inode may not be opened for writing (0440).
 */
static int
make_over_empty(struct making *m, struct job *job)
{
	const char *base = m->empties[m->n_empties - 1];
	char empty[SEGNAME_SIZE], name[SEGNAME_SIZE];
	int error;

	segname_with(empty, base, SEGNAME_TMP);
	segname_with(name, job->base, SEGNAME_TMP);
	job->fd = repair_scratch(m->dir);
	if (job->fd < 0)
		return job_failed(job, "make a segment", job->fd);
	if (make_durable(job) < 0)
		return job->error;
	error = repair_place(m->dir, empty, true);
	if (error == 0 && strcmp(empty, name) != 0)
		error = dir_rename(m->dir, empty, name, false);
	if (error < 0)
		return job_failed(job, "rename a new segment", error);
	m->n_empties--;
	return 0;
}

void
making_make(struct making *m, struct job *job)
{
	int error = m->n_empties > 0 ? make_over_empty(m, job) : make_fresh(m, job);

	if (error == 0 || job->fd < 0)
		return;
	(void)close(job->fd);
	job->fd = -1;
}

void
making_unmake(struct making *m, struct job *job)
{
	(void)close(take_fd(&job->fd));
	making_use_up(m, job->base);
}
