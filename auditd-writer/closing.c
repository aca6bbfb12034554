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
	job->stage = CLOSE_READY;
	return 0;
}

/* --- poisoned --------------------------------------------------------------------------------- */

/* What it holds behind the good lines. That it cannot be read there, either, changes nothing. */
static void
measure_torn(struct closing *c, struct job *job)
{
	int64_t end = -1;

	if (linescan_open(c->scan, job->fd) == 0) {
		c->scan->at = job->total.bytes;
		end = linescan_content_end(c->scan);
	}
	/* A copy of it that was lost, and is copied again, has nothing there. */
	if (end > job->total.bytes)
		job->torn_bytes = (uint64_t)(end - job->total.bytes);
}

/* By what is open still, whatever has its name by now; compared with what was written. */
static int
copy_good(struct closing *c, struct job *job)
{
	int error;

	measure_torn(c, job);
	error = repair_copy(
	    c->dir, job->fd, job->total.bytes, c->sum, job->total.sha256, &job->step);
	return error < 0 ? job_failed(job, job->step, error) : 0;
}

static int
sync_names(struct closing *c, struct job *job)
{
	int error = dir_sync(c->dir);

	return error < 0 ? job_failed(job, "sync the directory", error) : 0;
}

static int
set_kind_aside(struct closing *c, struct job *job, enum segname_kind kind)
{
	char torn[SEGNAME_SIZE];
	int error = repair_set_aside(c->dir, job->base, kind, torn);

	if (error == 0)
		memcpy(job->torn, torn, sizeof(torn));
	/* Deleted, or moved elsewhere, and open still. */
	return error == -ENOENT ? 0 : error;
}

/* Somebody has given it its last name, unfinished. What else has that name, nobody here knows. */
static bool
is_misnamed(const struct closing *c, const struct job *job)
{
	const struct dir_file file = dir_which(job->fd);

	return dir_leads_to(c->dir, job->base, &file) > 0;
}

static int
set_aside(struct closing *c, struct job *job)
{
	int error = is_misnamed(c, job) ? set_kind_aside(c, job, SEGNAME_CLOSED) : 0;

	if (error == 0)
		error = set_kind_aside(c, job, SEGNAME_TMP);
	if (error < 0)
		return job_failed(job, "set a poisoned segment aside", error);
	job->stage = CLOSE_TORN;
	return sync_names(c, job);
}

/* The good part, checked, under the segment's name; what had that name as .torn beside it. */
static int
put_copy(struct closing *c, struct job *job)
{
	char tmp[SEGNAME_SIZE];
	int fd;

	if (copy_good(c, job) < 0 || (job->stage == CLOSE_BEGUN && set_aside(c, job) < 0))
		return job->error;
	segname_with(tmp, job->base, SEGNAME_TMP);
	fd = repair_place_open(c->dir, tmp);
	/* Somebody has put a file there since: that is set aside, too. */
	if (fd == -EEXIST)
		job->stage = CLOSE_BEGUN;
	if (fd < 0)
		return job_failed(job, "rename a copy", fd);
	let_go(job);
	job->fd = fd;
	job->stage = CLOSE_COPIED;
	return 0;
}

static int
prepare_empty(struct closing *c, struct job *job)
{
	if (job->stage == CLOSE_BEGUN ? set_aside(c, job) < 0 : sync_names(c, job) < 0)
		return job->error;
	let_go(job);
	job->stage = CLOSE_EMPTY;
	return 0;
}

static int
prepare_poisoned(struct closing *c, struct job *job)
{
	if (job->total.records == 0)
		return prepare_empty(c, job);
	if (job->stage < CLOSE_COPIED && put_copy(c, job) < 0)
		return job->error;
	/* Else a crash might leave the bad file under the name that the seal stands for. */
	if (sync_names(c, job) < 0)
		return job->error;
	job->stage = CLOSE_READY;
	return 0;
}

static void
poison(struct job *job, int cause)
{
	job->poisoned = true;
	job->cause = cause;
	job->error = 0;
}

static int
prepare(struct closing *c, struct job *job)
{
	if (job->stage < CLOSE_READY && !job->poisoned && prepare_plain(job) < 0)
		poison(job, job->error);
	return job->stage < CLOSE_READY ? prepare_poisoned(c, job) : 0;
}

/* --- whether it still has its name ------------------------------------------------------------ */

/* As dir_leads_to(). What nobody may open cannot be told from another file: a copy is safe. */
static int
has_name(struct closing *c, const struct job *job)
{
	const struct dir_file file = dir_which(job->fd);
	char tmp[SEGNAME_SIZE];
	int found;

	segname_with(tmp, job->base, SEGNAME_TMP);
	found = dir_leads_to(c->dir, tmp, &file);
	return found == -EACCES ? dir_may_look(c->dir) : found;
}

int
closing_prepare(struct closing *c, struct job *job)
{
	int named;

	if (prepare(c, job) < 0 || job->stage != CLOSE_READY)
		return job->error;
	named = has_name(c, job);
	if (named < 0)
		return job_failed(job, "look for a segment", named);
	if (named > 0)
		return 0;
	/* Deleted, moved elsewhere, or replaced: what is open is all that leads to it. */
	poison(job, -ENOENT);
	job->stage = CLOSE_BEGUN;
	return prepare(c, job);
}

void
closing_finish(struct job *job)
{
	let_go(job);
}
