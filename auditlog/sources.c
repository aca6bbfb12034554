/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditlog/pool.h"
#include "auditlog/reader.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "proto/recordline.h"

/* --- what is named --------------------------------------------------------------------------- */

/* A FIFO is waited for, as any reader would; devices and directories are no logs. */
static int
open_file(const char *path)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	if (strcmp(path, "-") == 0)
		return STDIN_FILENO;
	fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) ? take_fd(&fd) : -ENXIO;
}

static void
open_files(struct sources *s, const char *const *paths, size_t n)
{
	s->dir.fd = -1;
	s->all = calloc(n, sizeof(*s->all));
	if (!s->all)
		cli_fatal(ENOMEM, "files");
	for (; s->n < n; s->n++) {
		int fd = open_file(paths[s->n]);

		if (fd == -ENXIO)
			cli_fatal(0, "%s: neither a file nor a directory", paths[s->n]);
		if (fd < 0)
			cli_fatal(fd, "%s", paths[s->n]);
		s->all[s->n].path = paths[s->n];
		s->all[s->n].fd = fd;
	}
}

void
sources_open(struct sources *s, const char *const *paths, size_t n)
{
	const char *path = n == 0 ? LOGDIR_DEFAULT : paths[0];
	int error = -ENOTDIR;

	*s = (struct sources){.n = 0};
	if (n <= 1 && strcmp(path, "-") != 0)
		error = logdir_open(&s->dir, path);
	if (error < 0 && (error != -ENOTDIR || n == 0))
		cli_fatal(error, "%s", path);
	if (error < 0)
		open_files(s, paths, n);
}

void
sources_close(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->all[i].path && s->all[i].fd > STDERR_FILENO)
			(void)close(s->all[i].fd);
	free(s->all);
	if (s->dir.fd >= 0)
		logdir_close(&s->dir);
	*s = (struct sources){.dir = {.fd = -1}};
}

void
sources_jail(const struct sources *s, const int *keep, size_t n_keep)
{
	CLEANUP_FREE int *fds = calloc(s->n + n_keep + 1, sizeof(*fds));
	size_t n = 0;

	if (!fds)
		cli_fatal(ENOMEM, "jail");
	for (size_t i = 0; i < s->n; i++)
		fds[n++] = s->all[i].fd;
	for (size_t i = 0; i < n_keep; i++)
		fds[n++] = keep[i];
	reader_seal(s->dir.fd, fds, n);
}

/* --- seals ----------------------------------------------------------------------------------- */

struct seal_load {
	const struct sources *sources;
	struct hash *hash[POOL_WORKERS];
	struct pool_progress progress;
};

/* The note's text ends at its first empty line: it is one line. */
static struct str
seal_text(struct str file)
{
	const char *newline = file.n > 0 ? memchr(file.p, '\n', file.n) : NULL;

	return (struct str){file.p, newline ? (size_t)(newline - file.p) + 1 : file.n};
}

static void
seal_take(struct source *source, const struct seal *s)
{
	source->sealed = true;
	source->state = s->state;
	source->index = s->index;
	source->records = s->records;
	source->bytes = s->bytes;
	source->first_seq = s->first_seq;
	source->last_seq = s->last_seq;
	source->first_time = s->first_time;
	source->last_time = s->last_time;
}

static void
seal_job(void *context, unsigned worker, size_t i)
{
	struct seal_load *load = context;
	struct source *source = &load->sources->all[i];
	char name[SEGNAME_SIZE], buf[SEAL_NOTE];
	struct str file;
	struct seal seal;
	const char *why;
	size_t at;
	int error;

	atomic_fetch_add_explicit(&load->progress.done, 1, memory_order_relaxed);
	if (!(source->kinds & LOGDIR_SEAL))
		return;
	segname_with(name, source->base, SEGNAME_SEAL);
	error = logdir_read(&load->sources->dir, name, buf, sizeof(buf), &file);
	if (error == -ENOENT)
		return;
	if (error == 0)
		error = seal_parse(seal_text(file), load->hash[worker], &seal, &why, &at);
	if (error == 0)
		seal_take(source, &seal);
	source->bad_seal = error < 0;
}

static int
read_seals(struct sources *s)
{
	struct seal_load load = {
	    .sources = s, .progress = {.what = "reading seals", .total = s->n}};
	unsigned workers = pool_workers(s->n);
	int error = 0;

	for (unsigned i = 0; i < workers; i++) {
		load.hash[i] = hash_new();
		if (!load.hash[i])
			error = -ENOMEM;
	}
	if (error == 0)
		pool_run(s->n, seal_job, &load, &load.progress);
	for (unsigned i = 0; i < workers; i++)
		hash_free(load.hash[i]);
	return error;
}

/* --- those that are not sealed --------------------------------------------------------------- */

/* Number and time of its first record. False: it has none. */
static bool
first_record(const struct sources *s, const char *base, int64_t *ret_seq, int64_t *ret_time)
{
	char name[SEGNAME_SIZE], buf[LIMIT_LINE];
	CLEANUP_FD int fd = logdir_lines(&s->dir, base, name, NULL);
	ssize_t got = fd < 0 ? -1 : pread(fd, buf, sizeof(buf), 0);
	const char *newline = got > 0 ? memchr(buf, '\n', (size_t)got) : NULL;
	const struct recordline_value *time;
	struct recordline_fault fault;
	struct recordline r;

	if (!newline || recordline_cut(&r, (struct str){buf, (size_t)(newline - buf)}, &fault) < 0)
		return false;
	time = recordline_value(&r, MEMBER_timestamp);
	return time && clock_parse((struct str){time->p, time->n}, ret_time) == 0 &&
	       recordline_int(recordline_value(&r, MEMBER_seq), ret_seq) && *ret_seq > 0;
}

uint64_t
sources_peek(const struct sources *s, const char *base)
{
	int64_t seq, time;

	return first_record(s, base, &seq, &time) ? (uint64_t)seq : 0;
}

/* --- in order -------------------------------------------------------------------------------- */

/* What has no seq known comes last, by name: an open segment without a line yet, a foreign file. */
static int
by_seq(const void *a, const void *b)
{
	const struct source *x = a, *y = b;
	uint64_t s = x->first_seq ? x->first_seq : UINT64_MAX,
		 t = y->first_seq ? y->first_seq : UINT64_MAX;

	if (s != t)
		return s < t ? -1 : 1;
	return strcmp(x->base, y->base);
}

/*
 * By its seal; of a closed segment without one, by its first record, which tells its number, too. (Its
 * name tells when it was made; the clock may have been set back since.)
 */
static bool
source_has_time(const struct sources *s, struct source *source, const struct filter *f)
{
	int64_t seq, time;

	if (source->sealed)
		return !f || filter_has_time(f, source->first_time, source->last_time);
	if (!first_record(s, source->base, &seq, &time))
		return true;
	source->first_seq = (uint64_t)seq;
	return !f || source->kinds != LOGDIR_CLOSED || filter_has_time(f, time, INT64_MAX);
}

static void
keep_those(struct sources *s, const struct filter *f)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct source *source = &s->all[i];

		if (source->kinds & (LOGDIR_CLOSED | LOGDIR_TMP) && source_has_time(s, source, f))
			s->all[n++] = *source;
	}
	s->n = n;
	if (n > 1)
		qsort(s->all, n, sizeof(*s->all), by_seq);
}

int
sources_list(struct sources *s, const struct filter *f)
{
	const struct logdir *d = &s->dir;
	int error;

	if (d->fd < 0)
		return 0;
	error = logdir_list(&s->dir);
	if (error < 0)
		return error;
	free(s->all);
	s->n = 0;
	s->all = calloc(d->n ? d->n : 1, sizeof(*s->all));
	if (!s->all)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++) {
		s->all[s->n].fd = -1;
		s->all[s->n].kinds = d->segments[i].kinds;
		memcpy(s->all[s->n++].base, d->segments[i].base, SEGNAME_SIZE);
	}
	error = read_seals(s);
	if (error == 0)
		keep_those(s, f);
	return error;
}

static uint64_t
source_bytes(const struct sources *s, const struct source *source)
{
	char name[SEGNAME_SIZE];
	struct stat st;

	if (source->sealed)
		return source->bytes;
	segname_with(name, source->base, SEGNAME_CLOSED);
	if (source->path ? fstat(source->fd, &st) < 0
			 : fstatat(s->dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

uint64_t
sources_bytes(const struct sources *s)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < s->n; i++) {
		uint64_t more = source_bytes(s, &s->all[i]);

		bytes = more < UINT64_MAX - bytes ? bytes + more : UINT64_MAX;
	}
	return bytes;
}

void
sources_choose_seq(struct sources *s, uint64_t seq)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!s->all[i].sealed || (s->all[i].first_seq <= seq && seq <= s->all[i].last_seq))
			s->all[n++] = s->all[i];
	s->n = n;
}

/* --- one ------------------------------------------------------------------------------------- */

int
source_open(const struct sources *s, const struct source *source, char name[SEGNAME_SIZE],
    const char **ret_name)
{
	*ret_name = source->path ? source->path : name;
	return source->path ? source->fd : logdir_lines(&s->dir, source->base, name, NULL);
}

void
source_done(const struct source *source, int fd)
{
	if (!source->path)
		(void)close(fd);
}

bool
source_is_open(const char *name)
{
	return str_ends(str_from(name), STR(".tmp"));
}
