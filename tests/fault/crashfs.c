/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/crashfs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DIR_OF(fd) (-2 - (fd))
#define PAGE 4096
#define SECTOR 512

static void
close_all(struct crashfs *fs)
{
	for (size_t i = 0; i < sizeof(fs->open) / sizeof(fs->open[0]); i++)
		fs->open[i] = -1;
}

void
crashfs_init(struct crashfs *fs)
{
	for (int i = 0; i < fs->n_files; i++)
		free(fs->file[i].bytes);
	memset(fs, 0, sizeof(*fs));
	close_all(fs);
}

/* --- contents ---------------------------------------------------------------------------------- */

static void
resize(struct crashfs_file *f, int64_t size)
{
	if (size > f->room) {
		f->bytes = realloc(f->bytes, (size_t)size);
		assert_non_null(f->bytes);
		memset(f->bytes + f->room, 0, (size_t)(size - f->room));
		f->room = size;
	}
	if (size < f->size)
		memset(f->bytes + size, 0, (size_t)(f->size - size));
	f->size = size;
}

static void
extend(struct crashfs_file *f, int64_t size)
{
	if (size > f->size)
		resize(f, size);
}

static void
put(struct crashfs_file *f, const struct crashfs_change *c, int64_t from, int64_t to)
{
	extend(f, c->offset + c->length);
	memcpy(f->bytes + c->offset + from, c->data + from, (size_t)(to - from));
}

static void
apply(struct crashfs_file *f, const struct crashfs_change *c)
{
	if (c->call == PLAN_pwrite)
		put(f, c, 0, c->length);
	else if (c->call == PLAN_ftruncate)
		resize(f, c->length);
	else
		extend(f, c->offset + c->length);
}

static void
cover(struct crashfs_file *f)
{
	for (unsigned i = 0; i < f->n_later; i++)
		apply(f, &f->later[i]);
	f->n_later = 0;
}

/*
 * How one file may be left: nothing of what came later, all, all but the last, or parts of the last; or
 * the first sector that was just being written is neither old nor new.
 */
enum data_way {
	NOTHING,
	ALL,
	BUT_LAST,
	HALF,
	HOLE,
	PAGES,
	SIZE_ONLY,
	DAMAGED,
	DATA_WAYS
};

static bool
has_later(const struct crashfs *fs)
{
	for (int i = 0; i < fs->n_files; i++)
		if (fs->file[i].n_later > 0)
			return true;
	return false;
}

unsigned
crashfs_data_ways(const struct crashfs *fs)
{
	return has_later(fs) ? DATA_WAYS : 1;
}

static void
damage(struct crashfs_file *f, const struct crashfs_change *c)
{
	put(f, c, 0, c->length);
	memset(f->bytes + c->offset, 0xa5, (size_t)(c->length < SECTOR ? c->length : SECTOR));
}

static void
apply_part(struct crashfs_file *f, const struct crashfs_change *c, enum data_way way)
{
	if (way == BUT_LAST || c->call != PLAN_pwrite)
		return;
	if (way == HALF)
		put(f, c, 0, c->length / 2);
	else if (way == HOLE)
		put(f, c, c->length / 2, c->length);
	else if (way == PAGES)
		put(f, c, 0, c->length > PAGE ? PAGE : c->length - 1);
	else if (way == SIZE_ONLY)
		extend(f, c->offset + c->length);
	else
		damage(f, c);
}

static void
leave_data(struct crashfs *fs, enum data_way way)
{
	for (int i = 0; i < fs->n_files; i++) {
		struct crashfs_file *f = &fs->file[i];

		if (way != NOTHING && f->n_later > 0) {
			for (unsigned k = 0; k + 1 < f->n_later; k++)
				apply(f, &f->later[k]);
			if (way == ALL)
				apply(f, &f->later[f->n_later - 1]);
			else
				apply_part(f, &f->later[f->n_later - 1], way);
		}
		f->n_later = 0;
	}
}

/* --- names ------------------------------------------------------------------------------------- */

static struct crashfs_name *
find(struct crashfs_dir *d, const char *name)
{
	for (unsigned i = 0; i < d->n; i++)
		if (strcmp(d->names[i].name, name) == 0)
			return &d->names[i];
	return NULL;
}

static void
forget(struct crashfs_dir *d, struct crashfs_name *n)
{
	*n = d->names[--d->n];
}

/* What its source is missing for was lost, too. */
static void
move(struct crashfs_dir *d, const struct crashfs_move *m)
{
	struct crashfs_name *from = m->from[0] ? find(d, m->from) : NULL, *to;
	int file = from ? from->file : m->file;

	if (m->from[0] && !from)
		return;
	if (from)
		forget(d, from);
	to = find(d, m->to);
	if (!to) {
		assert_true(d->n < CRASHFS_FILES);
		to = &d->names[d->n++];
		(void)snprintf(to->name, sizeof(to->name), "%s", m->to);
	}
	to->file = file;
}

static void
cover_names(struct crashfs_dir *d)
{
	for (unsigned i = 0; i < d->n_later; i++)
		move(d, &d->later[i]);
	d->n_later = 0;
}

/* Ways of one directory: the first 0, 1, ... n of its moves; then all but the first, the second, ... */
static unsigned
ways_of(const struct crashfs_dir *d)
{
	return d->n_later < 2 ? d->n_later + 1 : 2 * d->n_later;
}

static void
leave_names(struct crashfs_dir *d, unsigned way)
{
	unsigned n = d->n_later;

	for (unsigned i = 0; i < n; i++)
		if (way <= n ? i < way : i != way - n - 1)
			move(d, &d->later[i]);
	d->n_later = 0;
}

unsigned
crashfs_name_ways(const struct crashfs *fs)
{
	return ways_of(&fs->dir[0]) * ways_of(&fs->dir[1]);
}

bool
crashfs_is_all(const struct crashfs *fs, unsigned names, unsigned data)
{
	unsigned ways = ways_of(&fs->dir[0]);

	return names % ways == fs->dir[0].n_later && names / ways == fs->dir[1].n_later &&
	       (data == ALL || !has_later(fs));
}

/* --- steps ------------------------------------------------------------------------------------- */

static int *
slot(struct crashfs *fs, int fd)
{
	assert_true(fd >= 0 && (size_t)fd < sizeof(fs->open) / sizeof(fs->open[0]));
	return &fs->open[fd];
}

static void
change(struct crashfs *fs, const struct plan_step *s, const uint8_t *data)
{
	int file = *slot(fs, s->fd);
	struct crashfs_file *f;

	if (file < 0)
		return;
	f = &fs->file[file];
	assert_true(f->n_later < CRASHFS_LATER);
	f->later[f->n_later++] = (struct crashfs_change){
	    .call = s->call, .offset = s->offset, .length = s->length, .data = data};
}

static void
sync_names(struct crashfs *fs, int dir)
{
	struct crashfs_dir *d = &fs->dir[dir];

	cover_names(d);
	for (unsigned i = 0; i < d->n; i++)
		if (strstr(d->names[i].name, ".jsonl.tmp"))
			fs->file[d->names[i].file].segment = true;
}

static void
sync_it(struct crashfs *fs, const struct plan_step *s)
{
	int what = *slot(fs, s->fd);

	if (what >= 0)
		cover(&fs->file[what]);
	else if (what <= -2)
		sync_names(fs, DIR_OF(what));
}

static void
rest(struct crashfs *fs)
{
	for (int i = 0; i < fs->n_files; i++)
		cover(&fs->file[i]);
	sync_names(fs, 0);
	sync_names(fs, 1);
}

static struct crashfs_move *
new_move(struct crashfs *fs, int fd)
{
	int what = *slot(fs, fd);
	struct crashfs_dir *d;

	assert_true(what == -2 || what == -3);
	d = &fs->dir[DIR_OF(what)];
	assert_true(d->n_later < CRASHFS_LATER);
	return &d->later[d->n_later++];
}

static void
take_rename(struct crashfs *fs, const struct plan_step *s, const char *names)
{
	struct crashfs_move *m = new_move(fs, s->fd);

	m->file = -1;
	(void)snprintf(m->from, sizeof(m->from), "%s", names);
	(void)snprintf(m->to, sizeof(m->to), "%s", names + strlen(names) + 1);
}

/* An existing file, as everything done so far has made it: only the key state is opened for writing. */
static int
find_now(struct crashfs *fs, int fd, const char *name)
{
	static struct crashfs_dir now;
	const struct crashfs_name *n;
	int what = *slot(fs, fd);

	if (what > -2)
		return -1;
	now = fs->dir[DIR_OF(what)];
	cover_names(&now);
	n = find(&now, name);
	return n ? n->file : -1;
}

static void
take_open(
    struct crashfs *fs, const struct plan_step *s, const char *name, const char *const paths[2])
{
	int *result = slot(fs, s->result);

	*result = -1;
	if (s->fd == AT_FDCWD) {
		for (int i = 0; i < 2; i++)
			if (strcmp(name, paths[i]) == 0)
				*result = -2 - i;
		return;
	}
	if (!(s->flags & O_CREAT)) {
		*result = find_now(fs, s->fd, name);
		return;
	}
	assert_true(fs->n_files < CRASHFS_FILES);
	*result = fs->n_files++;
	*new_move(fs, s->fd) = (struct crashfs_move){.file = *result};
	(void)snprintf(fs->dir[DIR_OF(*slot(fs, s->fd))]
			   .later[fs->dir[DIR_OF(*slot(fs, s->fd))].n_later - 1]
			   .to,
	    CRASHFS_NAME, "%s", name);
}

/* After a sync that failed the next one need not bring to disk what that one was for. */
static void
take_failure(struct crashfs *fs, const struct plan_step *s)
{
	int file = *slot(fs, s->fd);

	if (!fs->keeps_failed && file >= 0 && (s->call == PLAN_fsync || s->call == PLAN_fdatasync))
		fs->file[file].n_later = 0;
}

void
crashfs_take(
    struct crashfs *fs, const struct plan_step *s, const uint8_t *data, const char *const paths[2])
{
	if (s->result < 0) {
		take_failure(fs, s);
		return;
	}
	switch (s->call) {
	case PLAN_RESTED:
		rest(fs);
		break;
	case PLAN_BEGIN:
		close_all(fs);
		break;
	case PLAN_openat:
		take_open(fs, s, (const char *)data, paths);
		break;
	case PLAN_dup3:
		*slot(fs, s->fd2) = *slot(fs, s->fd);
		break;
	case PLAN_close:
		*slot(fs, s->fd) = -1;
		break;
	case PLAN_pwrite:
	case PLAN_fallocate:
	case PLAN_ftruncate:
		change(fs, s, data);
		break;
	case PLAN_renameat:
	case PLAN_renameat2:
		take_rename(fs, s, (const char *)data);
		break;
	case PLAN_fsync:
	case PLAN_fdatasync:
		sync_it(fs, s);
		break;
	default:
		break;
	}
}

/* --- leaving it -------------------------------------------------------------------------------- */

static void
write_file(const char *dir, const char *name, const struct crashfs_file *f, mode_t mode)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	if (f->size > 0)
		assert_int_equal(write(fd, f->bytes, (size_t)f->size), f->size);
	(void)close(fd);
}

void
crashfs_leave(struct crashfs *fs, unsigned names, unsigned data, const char *const dirs[2])
{
	unsigned ways = ways_of(&fs->dir[0]);

	leave_names(&fs->dir[0], names % ways);
	leave_names(&fs->dir[1], names / ways);
	leave_data(fs, (enum data_way)data);
	for (int d = 0; d < 2; d++)
		for (unsigned i = 0; i < fs->dir[d].n; i++)
			write_file(dirs[d], fs->dir[d].names[i].name,
			    &fs->file[fs->dir[d].names[i].file], d == 0 ? 0440 : 0600);
}

/* With everything that was done to it; the caller frees its bytes. */
static struct crashfs_file
as_done(const struct crashfs_file *file)
{
	struct crashfs_file f = *file;

	f.bytes = NULL;
	f.room = f.size = 0;
	extend(&f, file->size);
	if (f.size > 0)
		memcpy(f.bytes, file->bytes, (size_t)f.size);
	cover(&f);
	return f;
}

void
crashfs_mark_torn(struct crashfs *fs, size_t (*torn_bytes)(const char *bytes, size_t n))
{
	for (int i = 0; i < fs->n_files; i++) {
		struct crashfs_file f = as_done(&fs->file[i]);

		fs->file[i].torn = f.segment && f.size > 0 &&
				   torn_bytes((const char *)f.bytes, (size_t)f.size) > 0;
		free(f.bytes);
	}
}

void
crashfs_each_torn(
    const struct crashfs *fs, void (*each)(void *ctx, const char *bytes, size_t n), void *ctx)
{
	for (int i = 0; i < fs->n_files; i++)
		if (fs->file[i].torn && fs->file[i].size > 0)
			each(ctx, (const char *)fs->file[i].bytes, (size_t)fs->file[i].size);
}

void
crashfs_see(struct crashfs *fs, unsigned dir,
    void (*each)(void *ctx, const char *name, const uint8_t *bytes, int64_t size), void *ctx)
{
	static struct crashfs_dir now;

	now = fs->dir[dir];
	cover_names(&now);
	for (unsigned i = 0; i < now.n; i++) {
		/* Only what is small and written once is asked for. */
		struct crashfs_file f = as_done(&fs->file[now.names[i].file]);

		each(ctx, now.names[i].name, f.bytes, f.size);
		free(f.bytes);
	}
}
