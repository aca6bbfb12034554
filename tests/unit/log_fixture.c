/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auditd-writer/encode.h"
#include "common/cleanup.h"
#include "common/fds.h"
#include "proto/facts.h"
#include "proto/segname.h"
#include "tests/unit/log_fixture.h"

static void
make_lines(struct fixture *f, uint64_t log_id)
{
	const struct record r = {.category = RECORD_MANAGEMENT, .action_type = ACTION_HEARTBEAT};
	struct text t = text_over(f->room, sizeof(f->room));
	static const uint8_t none[LINE_HASH];
	struct hash *h = hash_new();
	struct encoder e;

	encode_init(&e, log_id, "0b0e0000-0000-4000-8000-00000000000a", "host", 0, none, h);
	for (unsigned seq = 1; seq <= FIXTURE_LINES; seq++) {
		size_t start = t.n;

		e.stamp.time = INT64_C(1795000000000000) + seq;
		assert_int_equal(encode_line(&e, &t, &r, LINE_NO_CHANNEL, NULL), 0);
		f->line[seq] = (struct str){t.p + start, t.n - start};
		encode_mark(&e, &f->mark[seq]);
	}
	hash_free(h);
}

void
fixture_init(struct fixture *f, uint64_t log_id)
{
	/* Many small syncs, whose cost is not what these tests are about. */
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR"), *why;
	int n;

	*f = (struct fixture){.dir = {.fd = -1}};
	n = snprintf(
	    f->top, sizeof(f->top), "%s/log-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_true(n > 0 && (size_t)n < sizeof(f->top));
	assert_non_null(mkdtemp(f->top));
	assert_int_equal(hash_init(), 0);
	make_lines(f, log_id);
	assert_int_equal(dir_open(&f->dir, f->top, &why), 0);
}

static void
each_name(
    struct fixture *f, void (*each)(struct fixture *f, const char *name, void *ctx), void *ctx)
{
	DIR *d = opendir(f->top);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			each(f, e->d_name, ctx);
	(void)closedir(d);
}

static void
remove_one(struct fixture *f, const char *name, void *ctx)
{
	(void)ctx;
	assert_int_equal(unlinkat(f->dir.fd, name, 0), 0);
}

void
fixture_clear(struct fixture *f)
{
	each_name(f, remove_one, NULL);
}

void
fixture_deinit(struct fixture *f)
{
	fixture_clear(f);
	(void)close(f->dir.fd);
	(void)rmdir(f->top);
}

const char *
fixture_base(char session, unsigned n)
{
	static char base[8][SEGNAME_SIZE];
	static unsigned next;
	char *out = base[next++ % 8];

	(void)snprintf(out, SEGNAME_SIZE,
	    "audit-20261121T03465%uZ-%c0000000-0000-4000-8000-000000000000-%06u.jsonl", n % 10,
	    session, n);
	return out;
}

void
fixture_put(struct fixture *f, const char *base, const char *kind, unsigned first, unsigned last,
    struct str more, size_t nuls)
{
	char name[128];
	static const char zero[1 << 20];
	int n = snprintf(name, sizeof(name), "%.*s%s", (int)(strlen(base) - 6), base, kind);
	CLEANUP_FD int fd = -1;

	assert_true(n > 0 && (size_t)n < sizeof(name) && nuls <= sizeof(zero));
	fd = openat(f->dir.fd, name, O_WRONLY | O_CREAT | O_EXCL, 0440);
	assert_true(fd >= 0);
	for (unsigned seq = first; first > 0 && seq <= last; seq++)
		assert_int_equal(fd_write_all(fd, f->line[seq].p, f->line[seq].n), 0);
	assert_int_equal(fd_write_all(fd, more.p, more.n), 0);
	assert_int_equal(fd_write_all(fd, zero, nuls), 0);
}

char *
fixture_bytes(struct fixture *f, const char *name, size_t *ret_n)
{
	CLEANUP_FD int fd = openat(f->dir.fd, name, O_RDONLY);
	char *bytes;

	if (fd < 0)
		fail_msg("%s is not there", name);
	assert_int_equal(fd_read_file(fd, 1u << 24, &bytes, ret_n), 0);
	return bytes;
}

/* bytes are exactly lines first and following; returns the one after the last. */
static unsigned
expect_lines(struct fixture *f, const char *name, unsigned first)
{
	size_t n, at = 0;
	CLEANUP_FREE char *bytes = fixture_bytes(f, name, &n);

	assert_true(n > 0);
	while (at < n) {
		assert_true(first <= FIXTURE_LINES && f->line[first].n <= n - at);
		assert_memory_equal(bytes + at, f->line[first].p, f->line[first].n);
		at += f->line[first].n;
		first++;
	}
	return first;
}

void
fixture_expect_file(struct fixture *f, const char *base, unsigned first, unsigned last)
{
	assert_int_equal(expect_lines(f, base, first), last + 1);
}

struct closed {
	char name[256][128];
	uint64_t first[256];
	unsigned n;
};

static void
take_closed(struct fixture *f, const char *name, void *ctx)
{
	struct closed *c = ctx;
	size_t n;
	struct facts facts;
	CLEANUP_FREE char *bytes = NULL;

	/* What an interruption has left as this one, the writer's start makes use of (opening.c). */
	if (strcmp(name, SEGNAME_COPY) == 0)
		return;
	if (strcmp(name, SEGNAME_SCRATCH) == 0)
		fail_msg("%s is left", name);
	if (str_ends(str_from(name), STR(".tmp")))
		fail_msg("%s is left", name);
	if (!str_starts(str_from(name), STR("audit-")) || !str_ends(str_from(name), STR(".jsonl")))
		return;
	bytes = fixture_bytes(f, name, &n);
	assert_true(memchr(bytes, '\n', n) != NULL);
	assert_true(facts_parse(
	    (struct str){bytes, (size_t)((char *)memchr(bytes, '\n', n) - bytes) + 1}, &facts));
	(void)snprintf(c->name[c->n], sizeof(c->name[0]), "%s", name);
	c->first[c->n++] = facts.seq;
}

void
fixture_expect(struct fixture *f, unsigned first, unsigned last)
{
	static struct closed c;
	unsigned next = first;

	c.n = 0;
	each_name(f, take_closed, &c);
	while (next <= last) {
		unsigned i = 0;

		while (i < c.n && c.first[i] != next)
			i++;
		if (i == c.n)
			fail_msg("no segment begins with record %u", next);
		next = expect_lines(f, c.name[i], next);
		c.first[i] = 0;
	}
	assert_int_equal(next, last + 1);
	for (unsigned i = 0; i < c.n; i++)
		assert_int_equal(c.first[i], 0);
}
