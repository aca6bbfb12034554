/* SPDX-License-Identifier: Apache-2.0 */
/* Reading back what a writer left: writer_harness.h, "the log". */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "tests/unit/writer_harness.h"

static void
path_of(char out[512], const char *dir, const char *name)
{
	int n = snprintf(out, 512, "%s/%s", dir, name);

	assert_true(n > 0 && n < 512);
}

void
put_file(const char *dir, const char *name, const void *bytes, size_t n)
{
	char path[512];
	int fd;

	path_of(path, dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, n), 0);
	(void)close(fd);
}

bool
has_file(const char *dir, const char *name)
{
	char path[512];
	struct stat st;

	path_of(path, dir, name);
	return lstat(path, &st) == 0;
}

static bool
ends(const char *name, const char *with)
{
	return str_ends(str_from(name), str_from(with));
}

static uint64_t
number_after(const char *line, const char *key, int base)
{
	const char *p = strstr(line, key);

	assert_non_null(p);
	return strtoull(p + strlen(key), NULL, base);
}

/* One line against what every line must be; line is NUL-terminated in place of its newline. */
static void
check_line(const char *line, uint64_t seq, const char *prev)
{
	char tail[256];
	int n = snprintf(tail, sizeof(tail), ",\"seq\":%llu,\"prev_hash\":\"%s\"}",
	    (unsigned long long)seq, prev);

	assert_true(n > 0 && strlen(line) + 1 <= LIMIT_LINE);
	if (!ends(line, tail))
		fail_msg(
		    "line of seq %llu does not end in %s: %s", (unsigned long long)seq, tail, line);
	assert_true(str_starts(str_from(line), STR("{\"audit_event_id\":\"")));
	/* The id's last 62 bits are seq; tests stay below 2^48. */
	assert_int_equal(strtoull(line + 19 + 24, NULL, 16), seq);
	for (const char *p = line; *p; p++)
		assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void
leaf_hash(const char *line, size_t n, char out[65])
{
	unsigned char digest[32];
	CLEANUP_FREE char *copy = malloc(n + 1);

	assert_non_null(copy);
	copy[0] = '\0';
	memcpy(copy + 1, line, n);
	(void)SHA256((unsigned char *)copy, n + 1, digest);
	for (int i = 0; i < 32; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* Bytes and extent of one file; a line's end before the first NUL. False: renamed since it was listed. */
static bool
load_file(struct log_file *f, const char *dir, const char *name)
{
	char path[512];
	struct stat st;
	CLEANUP_FD int fd = -1;

	path_of(path, dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0 && errno == ENOENT)
		return false;
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	assert_int_equal(st.st_mode & 07777, 0440);
	assert_int_equal(fd_read_file(fd, 1u << 30, &f->bytes, &f->size), 0);
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	f->closed = ends(name, ".jsonl");
	f->content = strnlen(f->bytes, f->size);
	while (f->content > 0 && f->bytes[f->content - 1] != '\n')
		f->content--;
	if (f->closed)
		assert_true(f->content == f->size);
	return true;
}

/* False: the file is gone under this name. */
static bool
take_file(struct log *log, const char *dir, const char *name)
{
	struct log_file *f = &log->file[log->files];

	if (strcmp(name, "origin.vkey") == 0 || ends(name, ".seal")) {
		log->seals += ends(name, ".seal");
		return true;
	}
	if (!str_starts(str_from(name), STR("audit-"))) {
		log->other++;
		return true;
	}
	if (strstr(name, ".torn")) {
		if (log->torn < ARRAY_SIZE(log->torn_name))
			(void)snprintf(log->torn_name[log->torn], 128, "%s", name);
		log->torn++;
		return true;
	}
	assert_true(ends(name, ".jsonl") || ends(name, ".jsonl.tmp"));
	assert_true(log->files < ARRAY_SIZE(log->file));
	if (!load_file(f, dir, name))
		return false;
	if (f->content == 0) {
		assert_true(log->empty < 8);
		(void)snprintf(log->empty_name[log->empty++], 128, "%s", name);
		free(f->bytes);
		return true;
	}
	log->files++;
	log->closed += f->closed;
	log->small += f->closed && f->size < 1024;
	return true;
}

/* Of its first line. A payload may have a member of that name, too: what counts is the last one. */
static uint64_t
first_seq(const struct log_file *f)
{
	const char *p = strstr(f->bytes, ",\"prev_hash\":\"");

	assert_non_null(p);
	while (p[-1] != ',')
		p--;
	return number_after(p - 1, ",\"seq\":", 10);
}

static int
by_seq(const void *a, const void *b)
{
	uint64_t p = first_seq(a), q = first_seq(b);

	return p < q ? -1 : p > q;
}

/* For one line more; by doubling, since a sanitizer's realloc() copies each time. */
static void
log_room(struct log *log)
{
	if ((log->lines & (log->lines - 1)) != 0)
		return;
	log->line = reallocarray(log->line, log->lines ? 2 * log->lines : 1, sizeof(*log->line));
	assert_non_null(log->line);
}

/* Own text in a record cannot have an unescaped quote, so the first match is the field. */
static void
check_file(struct log *log, unsigned i, uint64_t *seq, char prev[65])
{
	struct log_file *f = &log->file[i];
	char *p = f->bytes;

	while (p < f->bytes + f->content) {
		char *end = memchr(p, '\n', (size_t)(f->bytes + f->content - p));
		size_t n = (size_t)(end - p) + 1;

		*end = '\0';
		if (*seq == 0) { /* a log whose start was removed */
			*seq = number_after(p, ",\"seq\":", 10);
			memcpy(prev, strstr(p, "\"prev_hash\":\"") + 13, 64);
		}
		check_line(p, *seq, prev);
		*end = '\n';
		leaf_hash(p, n, prev);
		log_room(log);
		log->line[log->lines++] = (struct log_line){.text = {p, n}, .seq = *seq, .file = i};
		f->lines++;
		(*seq)++;
		p = end + 1;
	}
}

/* All files as they stand. False: one was renamed meanwhile. */
static bool
take_files(struct log *log, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool whole = true;

	*log = (struct log){0};
	assert_non_null(d);
	while (whole && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			whole = take_file(log, dir, e->d_name);
	(void)closedir(d);
	return whole;
}

void
log_read(struct log *log, const char *dir)
{
	char prev[65] = "0000000000000000000000000000000000000000000000000000000000000000";
	uint64_t seq;

	while (!take_files(log, dir))
		log_free(log);
	if (log->files == 0)
		return;
	qsort(log->file, log->files, sizeof(log->file[0]), by_seq);
	seq = first_seq(&log->file[0]) == 1 ? 1 : 0;
	for (unsigned i = 0; i < log->files; i++)
		check_file(log, i, &seq, prev);
	log_check_seals(log, dir);
}

void
log_free(struct log *log)
{
	for (unsigned i = 0; i < log->files; i++)
		free(log->file[i].bytes);
	free(log->line);
	*log = (struct log){0};
}

static bool
line_has(const struct log_line *l, const char *text)
{
	return memmem(l->text.p, l->text.n, text, strlen(text)) != NULL;
}

size_t
log_count_both(const struct log *log, const char *text, const char *other)
{
	size_t n = 0;

	for (size_t i = 0; i < log->lines; i++)
		n += line_has(&log->line[i], text) && line_has(&log->line[i], other);
	return n;
}

size_t
log_count(const struct log *log, const char *text)
{
	return log_count_both(log, text, text);
}

const struct log_line *
log_find(const struct log *log, const char *text)
{
	for (size_t i = 0; i < log->lines; i++)
		if (line_has(&log->line[i], text))
			return &log->line[i];
	return NULL;
}

void
log_expect_acked(const struct log *log, const struct harness *h, unsigned channel)
{
	const struct peer_end *end = &h->end[channel];

	for (uint64_t number = 1; number < end->next && number < HARNESS_TRACKED; number++) {
		char id[64];
		uint64_t at;

		if (end->seq[number] == 0)
			continue;
		assert_true(log->lines > 0);
		at = end->seq[number] - log->line[0].seq;
		if (at >= log->lines)
			fail_msg("acknowledged and lost: seq %llu",
			    (unsigned long long)end->seq[number]);
		(void)snprintf(id, sizeof(id), "\"request_id\":\"c%u-%llu\"", channel,
		    (unsigned long long)number);
		assert_int_equal(log->line[at].seq, end->seq[number]);
		if (!line_has(&log->line[at], id))
			fail_msg("seq %llu is not %s", (unsigned long long)end->seq[number], id);
		assert_int_equal(log_count(log, id), 1);
	}
}
