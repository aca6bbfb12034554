/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/closing.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "auditd-writer/repair.h"
#include "common/cleanup.h"

int
closing_init(struct closing *c, const struct dir *dir)
{
	*c = (struct closing){.dir = dir, .sum = hash_new(), .scan = calloc(1, sizeof(*c->scan))};
	if (c->sum && c->scan)
		return 0;
	closing_deinit(c);
	return -ENOMEM;
}

void
closing_deinit(struct closing *c)
{
	hash_free(c->sum);
	free(c->scan);
	*c = (struct closing){0};
}

/* --- as it was written ------------------------------------------------------------------------ */

static void
let_go(struct job *job)
{
	if (job->fd >= 0)
		(void)close(take_fd(&job->fd));
}

static int
prepare_plain(struct job *job)
{
	const int fd = job->fd;
	int error = dir_cut(fd, job->total.bytes);

	if (error < 0)
		return job_failed(job, "cut a segment", error);
	error = dir_sync_file(fd);
	if (error < 0)
		return job_failed(job, "sync a segment", error);
	if (!dir_is_named(fd))
		return job_failed(job, "find a segment", -ENOENT);
	let_go(job);
	job->stage = CLOSE_READY;
	return 0;
}

/* --- poisoned --------------------------------------------------------------------------------- */

/* What it holds behind the good lines. That it cannot be read there, either, changes nothing. */
static void
measure_torn(struct closing *c, struct job *job, int fd)
{
	int64_t end = -1;

	if (linescan_open(c->scan, fd) == 0) {
		c->scan->at = job->total.bytes;
		end = linescan_content_end(c->scan);
	}
	job->torn_bytes = end > job->total.bytes ? (uint64_t)(end - job->total.bytes) : 0;
}

/* The copy is compared with what was written, wherever it comes from. */
static int
copy_good(struct closing *c, struct job *job)
{
	char tmp[SEGNAME_SIZE];
	CLEANUP_FD int found = -1;
	int error, from = job->fd;

	segname_with(tmp, job->base, SEGNAME_TMP);
	/* What has the name of one without a name is another file. */
	if (from < 0) {
		found = dir_open_read(c->dir, job->stage == CLOSE_TORN ? job->torn : tmp);
		from = found;
	}
	if (from < 0)
		return job_failed(job, "open a poisoned segment", from);
	measure_torn(c, job, from);
	error = repair_copy(c->dir, from, job->total.bytes, c->sum, job->total.sha256, &job->step);
	return error < 0 ? job_failed(job, job->step, error) : 0;
}

static int
sync_names(struct closing *c, struct job *job)
{
	int error = dir_sync(c->dir);

	return error < 0 ? job_failed(job, "sync the directory", error) : 0;
}

static int
set_aside(struct closing *c, struct job *job)
{
	int error = repair_set_aside(c->dir, job->base, job->torn);

	/* Deleted, and open still. */
	if (error == -ENOENT && job->fd >= 0) {
		job->torn[0] = '\0';
		error = 0;
	}
	if (error < 0)
		return job_failed(job, "set a poisoned segment aside", error);
	job->stage = CLOSE_TORN;
	return sync_names(c, job);
}

/* The good part, checked, under the segment's name; the bad file as .torn beside it. */
static int
put_copy(struct closing *c, struct job *job)
{
	char tmp[SEGNAME_SIZE];
	int error;

	if (copy_good(c, job) < 0 || (job->stage == CLOSE_BEGUN && set_aside(c, job) < 0))
		return job->error;
	segname_with(tmp, job->base, SEGNAME_TMP);
	error = repair_place(c->dir, tmp);
	if (error < 0)
		return job_failed(job, "rename a copy", error);
	job->stage = CLOSE_COPIED;
	return 0;
}

static int
prepare_poisoned(struct closing *c, struct job *job)
{
	/* It is not trusted any more; but when it has no name, nothing else leads to what is good in it. */
	if (job->fd >= 0 && dir_is_named(job->fd))
		let_go(job);
	if (job->total.records == 0) {
		if (job->stage == CLOSE_BEGUN ? set_aside(c, job) < 0 : sync_names(c, job) < 0)
			return job->error;
		job->stage = CLOSE_EMPTY;
		let_go(job);
		return 0;
	}
	if (job->stage < CLOSE_COPIED && put_copy(c, job) < 0)
		return job->error;
	/* Else a crash might leave the bad file under the name that the seal stands for. */
	if (sync_names(c, job) < 0)
		return job->error;
	let_go(job);
	job->stage = CLOSE_READY;
	return 0;
}

int
closing_prepare(struct closing *c, struct job *job)
{
	if (job->stage >= CLOSE_READY)
		return 0;
	if (!job->poisoned && prepare_plain(job) < 0) {
		job->poisoned = true;
		job->cause = job->error;
		job->error = 0;
	}
	return job->stage == CLOSE_READY ? 0 : prepare_poisoned(c, job);
}
