/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

#define LOOK_AGAIN (200 * 1000 * 1000) /* ns, where nothing wakes us; else five times that */
#define GAP_PATIENCE (2 * US_PER_S)    /* a listing may leave out what is renamed meanwhile */

int
follow_watch(const char *path)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -1;
	if (inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0)
		return fd;
	(void)close(fd);
	return -1;
}

int
follow_init(struct follow *f, struct query *q, int watch, scan_take *take, void *context)
{
	*f = (struct follow){
	    .query = q, .watch = watch, .take = take, .context = context, .fd = -1};
	return scanner_init(&f->scanner);
}

static void
leave_source(struct follow *f)
{
	if (f->fd >= 0)
		source_done(&f->at, f->fd);
	f->fd = -1;
}

void
follow_deinit(struct follow *f)
{
	leave_source(f);
	scanner_free(&f->scanner);
}

/* --- one segment ----------------------------------------------------------------------------- */

/* The seq of the line that ends at f->offset, without the ones before it. */
static void
note_last(struct follow *f)
{
	char buf[LIMIT_LINE];
	size_t n = f->offset < sizeof(buf) ? (size_t)f->offset : sizeof(buf);
	ssize_t got = pread(f->fd, buf, n, (off_t)(f->offset - n));
	struct recordline_fault fault;
	const char *before;
	struct str line;
	int64_t seq;

	if (got != (ssize_t)n || n == 0)
		return;
	before = n > 1 ? memrchr(buf, '\n', n - 1) : NULL;
	line = before ? (struct str){before + 1, (size_t)(buf + n - before) - 1}
		      : (struct str){buf, n};
	if (recordline_cut(&f->scanner.cut, line, &fault) == 0 &&
	    recordline_int(recordline_value(&f->scanner.cut, MEMBER_seq), &seq))
		f->last_seq = (uint64_t)seq;
}

/* What has come since. Returns whether anything has. */
static bool
read_on(struct follow *f)
{
	struct scan scan = {.fd = f->fd,
	    .name = f->shown,
	    .open = true,
	    .filter = &f->query->filter,
	    .take = f->take,
	    .context = f->context,
	    .damage = &f->query->damage,
	    .from = f->offset};
	uint64_t end = scan_forward(&f->scanner, &scan);

	if (end <= f->offset)
		return false;
	f->offset = end;
	note_last(f);
	return true;
}

bool
follow_source(struct follow *f, const struct source *source, uint64_t from)
{
	leave_source(f);
	f->at = *source;
	f->fd = source_open(&f->query->sources, &f->at, f->name, &f->shown);
	if (f->fd < 0) {
		damage_file(&f->query->damage, f->shown, f->fd);
		return false;
	}
	f->offset = from;
	f->gap_since = 0;
	if (from > 0)
		note_last(f);
	while (read_on(f) && !cli_output_failed())
		;
	return true;
}

/* --- the next one ---------------------------------------------------------------------------- */

/* One that was made later (those of the same second, too), or is open, whatever its name says. */
static bool
may_be_next(const struct follow *f, const struct logdir_segment *s)
{
	size_t n = sizeof("audit-") - 1 + COMPACT_SIZE - 1;

	return strcmp(s->base, f->at.base) != 0 &&
	       ((s->kinds & LOGDIR_TMP) || strncmp(s->base, f->at.base, n) >= 0);
}

/* A segment whose first record comes behind what was read; the lowest, or the very next. */
static void
find_listed(const struct follow *f, struct source *ret)
{
	const struct logdir *d = &f->query->sources.dir;

	*ret = (struct source){.fd = -1};
	for (size_t i = 0; i < d->n && ret->first_seq != f->last_seq + 1; i++) {
		uint64_t seq;

		if (!may_be_next(f, &d->segments[i]))
			continue;
		seq = sources_peek(&f->query->sources, d->segments[i].base);
		if (seq <= f->last_seq || (ret->first_seq > 0 && seq > ret->first_seq))
			continue;
		memcpy(ret->base, d->segments[i].base, SEGNAME_SIZE);
		ret->kinds = d->segments[i].kinds;
		ret->first_seq = seq;
	}
}

/*
 * A listing of many thousand names takes longer than a segment to read: one serves for all that are in
 * it, and is made anew when there are others.
 */
static bool
find_next(struct follow *f, struct source *ret)
{
	struct logdir *d = &f->query->sources.dir;

	if (d->fd < 0)
		return false;
	find_listed(f, ret);
	if (ret->first_seq == f->last_seq + 1 || f->listed)
		return ret->first_seq > 0;
	if (logdir_list(d) < 0)
		return false;
	f->listed = f->watch >= 0;
	find_listed(f, ret);
	return ret->first_seq > 0;
}

/* By what seals say: slower, and whatever the names are. */
static bool
find_next_of_all(struct follow *f, struct source *ret)
{
	struct sources *s = &f->query->sources;

	if (sources_list(s, NULL) < 0)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->all[i].first_seq > f->last_seq) {
			*ret = s->all[i];
			return true;
		}
	return false;
}

/* Whether what is missing has been missing for so long that it will not come. */
static bool
gap_lasts(struct follow *f)
{
	int64_t now = clock_monotonic();

	if (f->gap_since == 0)
		f->gap_since = now;
	return now - f->gap_since > GAP_PATIENCE;
}

static bool
go_on(struct follow *f)
{
	struct source next;

	if (!find_next(f, &next))
		return false;
	if (next.first_seq != f->last_seq + 1) {
		if (!gap_lasts(f) || !find_next_of_all(f, &next))
			return false;
		if (f->last_seq > 0 && next.first_seq != f->last_seq + 1)
			log_warn("records %" PRIu64 " to %" PRIu64 " are not there",
			    f->last_seq + 1, next.first_seq - 1);
	}
	return follow_source(f, &next, 0);
}

/* --- waiting --------------------------------------------------------------------------------- */

/* Whether names have come, or may have: of all else that happens, segments grow. */
static bool
names_came(int watch)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool came = false;
	ssize_t n;

	while ((n = read(watch, events, sizeof(events))) > 0) {
		const struct inotify_event *e;

		for (const char *p = events; p < events + n; p += sizeof(*e) + e->len) {
			e = (const void *)p;
			came = came || (e->mask & ~(uint32_t)IN_MODIFY);
		}
	}
	return came;
}

/* Until something has changed. False: nobody reads our output any more. */
static bool
wait_for_more(struct follow *f)
{
	struct pollfd fds[] = {{.fd = f->watch, .events = POLLIN}, {.fd = STDOUT_FILENO}};
	const struct timespec patience = {
	    .tv_sec = f->watch >= 0, .tv_nsec = f->watch >= 0 ? 0 : LOOK_AGAIN};
	int ready = ppoll(fds, 2, &patience, NULL);

	if (ready < 0 && errno != EINTR)
		return false;
	/* The watch is not everything (the directory of another host): after a while, a look anyway. */
	if (ready <= 0 || (f->watch >= 0 && names_came(f->watch)))
		f->listed = false;
	return !(fds[1].revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* Standard input is a pipe that nobody can write to any more, and all of it has been read. Another may open a FIFO. */
static bool
has_ended(const struct follow *f)
{
	struct pollfd p = {.fd = f->fd, .events = POLLIN};
	const struct timespec now = {.tv_sec = 0};

	return f->at.path && strcmp(f->at.path, "-") == 0 && ppoll(&p, 1, &now, NULL) == 1 &&
	       p.revents == POLLHUP;
}

void
follow_on(struct follow *f)
{
	for (;;) {
		bool more = (f->fd >= 0 && read_on(f)) || go_on(f);

		if (cli_flush() < 0)
			return;
		if (!more && (has_ended(f) || !wait_for_more(f)))
			return;
	}
}
