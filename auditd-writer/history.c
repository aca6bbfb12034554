/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/history.h"

#include <errno.h>
#include <string.h>

#include "proto/facts.h"
#include "common/cleanup.h"

static int
bad(struct text *why, const char *base, const char *what)
{
	text_put(why, str_from(base));
	text_put(why, STR(": "));
	text_put(why, str_from(what));
	return -EBADMSG;
}

static int
bad_io(struct text *why, const char *base, int error)
{
	(void)bad(why, base, strerrordesc_np(-error));
	return error;
}

/* The first line of what lies in buf. */
static struct str
first_line(const char *buf, size_t n)
{
	const char *end = memchr(buf, '\n', n);

	return end ? (struct str){buf, (size_t)(end - buf) + 1} : (struct str){buf, 0};
}

/* The last line of what lies in buf, which ends where the file ends. */
static struct str
last_line(const char *buf, size_t n)
{
	const char *before;

	if (n == 0 || buf[n - 1] != '\n')
		return (struct str){buf, 0};
	before = memrchr(buf, '\n', n - 1);
	return before ? (struct str){before + 1, (size_t)(buf + n - before) - 1}
		      : (struct str){buf, n};
}

/* Read the first or the last line of a closed segment into buf (LIMIT_LINE + 1 bytes). */
static int
read_end(int fd, bool last, char *buf, struct str *ret)
{
	int64_t size = dir_size(fd), at = 0;
	ssize_t n;

	if (size < 0)
		return (int)size;
	if (last && size > LIMIT_LINE + 1)
		at = size - (LIMIT_LINE + 1);
	n = dir_read(fd, buf, LIMIT_LINE + 1, at);
	if (n < 0)
		return (int)n;
	*ret = last ? last_line(buf, (size_t)n) : first_line(buf, (size_t)n);
	return 0;
}

/* Facts of the first or last line, and the line's hash. */
static int
end_facts(const struct dir *d, const char *base, bool last, struct hash *h, struct facts *ret,
    uint8_t hash[LINE_HASH], struct text *why)
{
	CLEANUP_FD int fd = dir_open_read(d, base);
	char buf[LIMIT_LINE + 1];
	struct str line;
	int error = fd < 0 ? fd : read_end(fd, last, buf, &line);

	if (error < 0)
		return bad_io(why, base, error);
	if (!facts_parse(line, ret))
		return bad(why, base,
		    last ? "its last line is not a whole record of this log"
			 : "its first line is not a record of this log");
	hash_leaf(h, line, hash);
	return 0;
}

static int
take_first(struct history *y, const struct facts *f)
{
	if (y->any && f->log_id != y->log_id)
		return -EBADMSG;
	if (!y->any || f->seq < y->first_seq)
		y->first_seq = f->seq;
	return 0;
}

static void
take_last(struct history *y, const struct facts *f, const uint8_t hash[LINE_HASH])
{
	if (y->any && f->seq <= y->seq)
		return;
	y->any = true;
	y->log_id = f->log_id;
	y->seq = f->seq;
	y->time = f->time;
	memcpy(y->head, hash, LINE_HASH);
}

/* One session: its first and its last closed segment. */
static int
take_session(struct history *y, const struct dir *d, const char *first, const char *last,
    struct hash *h, struct text *why)
{
	uint8_t hash[LINE_HASH];
	struct facts f;
	int error = end_facts(d, first, false, h, &f, hash, why);

	if (error < 0)
		return error;
	if (take_first(y, &f) < 0)
		return bad(why, first, "of another log than the rest of this directory");
	error = end_facts(d, last, true, h, &f, hash, why);
	if (error < 0)
		return error;
	if (y->any && f.log_id != y->log_id)
		return bad(why, last, "of another log than the rest of this directory");
	take_last(y, &f, hash);
	return 0;
}

int
history_read(struct history *ret, const struct dir *d, const struct catalog *c, struct hash *h,
    struct text *why)
{
	struct history y = {0};

	for (size_t i = 0; i < c->n;) {
		const struct segname *first = NULL, *last = NULL;
		const char *session = c->files[i].session;

		for (; i < c->n && strcmp(c->files[i].session, session) == 0; i++) {
			if (c->files[i].kind != SEGNAME_CLOSED)
				continue;
			first = first ? first : &c->files[i];
			last = &c->files[i];
		}
		if (first) {
			int error = take_session(&y, d, first->base, last->base, h, why);

			if (error < 0)
				return error;
		}
	}
	*ret = y;
	return 0;
}
