/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditd-writer/jail.h"
#include "common/cleanup.h"
#include "proto/facts.h"
#include "proto/msg.h"

#define FILES 1024
#define NAMES 1024
#define NAME_SIZE 128
#define DESCRIPTORS 1024
#define RECORDS 16384
#define PLACES 4

struct traced_file {
	struct text text; /* of a segment: what was written, its whole lines taken */
	size_t taken;
	int64_t size;
	bool segment, fsynced, failed;
};

struct traced_name {
	int dir, file;
	bool durable; /* or of another process, which may have ended before it was */
	char name[NAME_SIZE];
};

/* Where a record is: written again, it is in the segment that could not take it, too. */
struct traced_record {
	struct traced_place {
		int file; /* 0: none */
		bool synced;
	} place[PLACES];
	unsigned next;
};

struct tracing {
	struct traced_file file[FILES]; /* from 1 */
	int n_files;
	struct traced_name name[NAMES];
	int n_names;
	int open[DESCRIPTORS]; /* a file; 0: none */
	struct traced_record record[RECORDS];
	uint64_t last; /* record */
	bool commit;
};

static struct tracing now;

const uint8_t *
trace_next(const uint8_t *trace, size_t *at, struct plan_step *ret)
{
	const uint8_t *data = trace + *at + sizeof(*ret);

	memcpy(ret, trace + *at, sizeof(*ret));
	*at += sizeof(*ret) + ret->n;
	return data;
}

bool
trace_is_ack(const struct plan_step *s, unsigned channels)
{
	return s->call == PLAN_send && s->n > 0 && s->fd > TRACE_CONTROL_FD &&
	       s->fd <= TRACE_CONTROL_FD + (int)channels;
}

/* --- files and names --------------------------------------------------------------------------- */

static struct traced_file *
file_of(int fd)
{
	int file = fd >= 0 && fd < DESCRIPTORS ? now.open[fd] : 0;

	return file > 0 ? &now.file[file] : NULL;
}

static struct traced_name *
find(int dir, const char *name)
{
	for (int i = 0; i < now.n_names; i++)
		if (now.name[i].dir == dir && strcmp(now.name[i].name, name) == 0)
			return &now.name[i];
	return NULL;
}

static void
put_name(int dir, const char *name, int file)
{
	struct traced_name *n = find(dir, name);

	if (!n) {
		assert_true(now.n_names < NAMES);
		n = &now.name[now.n_names++];
		n->dir = dir;
		(void)snprintf(n->name, sizeof(n->name), "%s", name);
	}
	n->file = file;
	n->durable = false;
}

static void
keep_names(int dir)
{
	for (int i = 0; i < now.n_names; i++)
		now.name[i].durable |= now.name[i].dir == dir;
}

static void
begin_process(void)
{
	memset(now.open, 0, sizeof(now.open));
	for (int i = 0; i < now.n_names; i++)
		now.name[i].durable = true;
}

static bool
ends(const char *name, const char *with)
{
	size_t n = strlen(name), m = strlen(with);

	return n >= m && strcmp(name + n - m, with) == 0;
}

static void
take_open(const struct plan_step *s, const char *name)
{
	const struct traced_name *n = find(s->fd, name);

	if (s->result >= DESCRIPTORS)
		return;
	if (s->flags & O_CREAT) {
		assert_true(now.n_files + 1 < FILES);
		now.open[s->result] = ++now.n_files;
		now.file[now.n_files] = (struct traced_file){.segment = ends(name, ".jsonl.tmp")};
		put_name(s->fd, name, now.n_files);
	} else {
		now.open[s->result] = n ? n->file : 0;
	}
}

static void
take_rename(const struct plan_step *s, const char *from)
{
	struct traced_name *n = find(s->fd, from);
	const char *to = from + strlen(from) + 1;
	struct traced_file *f = n ? &now.file[n->file] : NULL;
	int file = n ? n->file : 0;

	if (!n)
		return;
	if (f->size > 0 && !f->fsynced && !ends(to, ".torn") && !ends(to, ".copy"))
		fail_msg("%s becomes %s before an fsync has made it", from, to);
	if (f->failed && ends(to, ".jsonl"))
		fail_msg("%s is closed, and a write or sync of it has failed", to);
	if (ends(to, ".jsonl.tmp"))
		f->segment = true;
	*n = now.name[--now.n_names];
	put_name(s->fd, to, file);
}

/* --- records ----------------------------------------------------------------------------------- */

/* The one in this file, or one to be used for it. */
static struct traced_place *
place_of(struct traced_record *r, int file)
{
	for (unsigned i = 0; i < PLACES; i++)
		if (r->place[i].file == file)
			return &r->place[i];
	return &r->place[r->next++ % PLACES];
}

/* For each record that is in this file. */
static void
each_place(int file, bool gone)
{
	for (uint64_t i = 1; i <= now.last; i++)
		for (unsigned k = 0; k < PLACES; k++) {
			struct traced_place *p = &now.record[i].place[k];

			if (p->file == file)
				*p = (struct traced_place){gone ? 0 : file, !gone};
		}
}

static void
take_line(int file, struct str line)
{
	struct facts facts;

	if (!facts_parse(line, &facts) || facts.seq >= RECORDS)
		return;
	*place_of(&now.record[facts.seq], file) = (struct traced_place){.file = file};
	if (facts.seq > now.last)
		now.last = facts.seq;
}

static void
take_lines(int file)
{
	struct traced_file *f = &now.file[file];
	const char *end;

	while ((end = memchr(f->text.p + f->taken, '\n', f->text.n - f->taken))) {
		struct str line = {f->text.p + f->taken, (size_t)(end + 1 - f->text.p) - f->taken};

		take_line(file, line);
		f->taken += line.n;
	}
}

static void
grow(struct text *t, size_t n)
{
	if (n > t->cap) {
		t->p = realloc(t->p, 2 * n);
		assert_non_null(t->p);
		t->cap = 2 * n;
	}
	if (n > t->n) {
		memset(t->p + t->n, 0, n - t->n);
		t->n = n;
	}
}

static void
expect_made(int file)
{
	if (!now.file[file].fsynced)
		fail_msg("a segment is written to before an fsync has made it");
	for (int i = 0; i < now.n_names; i++)
		if (now.name[i].file == file && !now.name[i].durable)
			fail_msg("a segment is written to before its name is durable");
}

/* A state of the keys replaces the one before, which knew what was to get its names. */
static void
expect_published(void)
{
	for (int i = 0; i < now.n_names; i++)
		if (now.name[i].dir == WRITER_FD_AUDIT && !now.name[i].durable &&
		    (ends(now.name[i].name, ".jsonl") || ends(now.name[i].name, ".seal")))
			fail_msg("the key state is written before a name is durable: %s",
			    now.name[i].name);
}

static bool
is_keystate(int file)
{
	for (int i = 0; i < now.n_names; i++)
		if (now.name[i].file == file)
			return now.name[i].dir == WRITER_FD_KEYS;
	return false;
}

static void
take_write(const struct plan_step *s, const uint8_t *data)
{
	struct traced_file *f = file_of(s->fd);
	size_t at = (size_t)s->offset;

	if (!f)
		return;
	if (f->segment)
		expect_made(now.open[s->fd]);
	else if (is_keystate(now.open[s->fd]))
		expect_published();
	if (s->offset + s->n > f->size)
		f->size = s->offset + s->n;
	if (!f->segment)
		return;
	grow(&f->text, at + s->n);
	memcpy(f->text.p + at, data, s->n);
	if (at < f->taken)
		f->taken = at;
	take_lines(now.open[s->fd]);
}

static void
take_cut(const struct plan_step *s)
{
	struct traced_file *f = file_of(s->fd);

	if (!f || s->length != 0)
		return;
	/* One that is emptied is a new one. */
	f->size = 0;
	f->taken = f->text.n = 0;
	f->failed = f->fsynced = false;
	each_place(now.open[s->fd], true);
}

static void
take_sync(const struct plan_step *s)
{
	struct traced_file *f = file_of(s->fd);

	if (s->fd == WRITER_FD_AUDIT || s->fd == WRITER_FD_KEYS)
		keep_names(s->fd);
	if (!f)
		return;
	f->fsynced |= s->call == PLAN_fsync;
	each_place(now.open[s->fd], false);
}

static void
take_failure(const struct plan_step *s)
{
	struct traced_file *f = file_of(s->fd);
	bool sync = s->call == PLAN_fsync || s->call == PLAN_fdatasync;

	if (f && s->flags != EINTR && (sync || (s->call == PLAN_pwrite && s->flags == EIO)))
		f->failed = true;
}

/* --- acknowledgements -------------------------------------------------------------------------- */

static void
expect_record(uint64_t seq)
{
	const struct traced_record *r = &now.record[seq < RECORDS ? seq : 0];
	bool written = false, synced = now.commit;

	for (unsigned i = 0; i < PLACES; i++) {
		written |= r->place[i].file != 0;
		synced |= r->place[i].synced;
	}
	if (!written || !synced)
		fail_msg("record %llu is acknowledged before it is %s", (unsigned long long)seq,
		    written ? "synced" : "written");
}

static void
take_ack(const uint8_t *buf, size_t n)
{
	static struct msg_ack ack;
	const char *why = "";
	struct frame_in f;
	struct wire_in body;

	if (frame_open(&f, buf, n, PEER_WRITER, PEER_EVALUATOR, CHAN_OPEN, false, &why) < 0)
		fail_msg("a frame of the writer: %s", why);
	while (f.type == MSG_ACK && frame_next(&f, &body)) {
		assert_int_equal(msg_ack_get(&body, &ack), 0);
		for (uint16_t i = 0; i < ack.runs; i++)
			for (uint32_t k = 0;
			     ack.run[i].refusal == REFUSAL_NONE && k < ack.run[i].count; k++)
				expect_record(ack.run[i].first_seq + k);
	}
}

/* --- all of it --------------------------------------------------------------------------------- */

static void
take_step(const struct plan_step *s, const uint8_t *data)
{
	switch (s->call) {
	case PLAN_BEGIN:
		begin_process();
		break;
	case PLAN_openat:
		take_open(s, (const char *)data);
		break;
	case PLAN_dup3:
		now.open[s->fd2] = now.open[s->fd]; /* one of the directories */
		break;
	case PLAN_close:
		now.open[s->fd] = 0;
		break;
	case PLAN_pwrite:
		take_write(s, data);
		break;
	case PLAN_ftruncate:
		take_cut(s);
		break;
	case PLAN_renameat:
	case PLAN_renameat2:
		take_rename(s, (const char *)data);
		break;
	case PLAN_fsync:
	case PLAN_fdatasync:
		take_sync(s);
		break;
	default:
		break;
	}
}

void
trace_expect(const uint8_t *trace, size_t n, unsigned channels, bool commit)
{
	struct plan_step s;

	for (int i = 1; i <= now.n_files; i++)
		free(now.file[i].text.p);
	memset(&now, 0, sizeof(now));
	now.commit = commit;
	for (size_t at = 0; at < n;) {
		const uint8_t *data = trace_next(trace, &at, &s);

		if (s.result < 0)
			take_failure(&s);
		else if (trace_is_ack(&s, channels))
			take_ack(data, s.n);
		else
			take_step(&s, data);
	}
}
