/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/writer_life.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/cleanup.h"

#define PATIENCE_MS 200
#define ROUNDS 5
#define END_MS 20000

/* --- work ------------------------------------------------------------------------------------- */

/* READY, or the writer's end. */
static void
await_ready(struct harness *h)
{
	for (int i = 0; i < 100 && !h->gone; i++)
		if (harness_take(h, 0, PATIENCE_MS))
			return;
	h->gone = true;
}

static void
greet(struct harness *h, unsigned channel)
{
	harness_expect(h, channel, 1);
	(void)harness_take(h, 0, 2000); /* CLEARED */
	harness_hello(h, channel, 1);
	(void)harness_take(h, channel, 2000); /* WELCOME */
}

static void
ask_to_finish(struct harness *h)
{
	uint8_t buf[64];
	struct frame_out f;
	struct wire_out out;

	frame_begin(&f, buf, sizeof(buf), MSG_FINISH, h->end[0].next);
	out = frame_message(&f);
	(void)frame_commit(&f, &out);
	frame_end(&f);
	harness_send_raw(h, 0, buf, f.n, -1);
}

void
life_work(struct harness *h, const char *const *options)
{
	h->may_end = true;
	h->gone = false;
	harness_spawn(h, options);
	await_ready(h);
	greet(h, 1);
	greet(h, 2);
	for (int round = 0; round < ROUNDS && !h->gone; round++) {
		harness_decide(h, 1, 9);
		harness_decide(h, 2, 3);
		(void)harness_acks_within(h, 1, PATIENCE_MS);
		(void)harness_acks_within(h, 2, PATIENCE_MS);
		if (round == ROUNDS - 2)
			harness_ask(h, MSG_ROTATE, 1);
	}
	if (!h->gone)
		ask_to_finish(h);
	/* What came in time before the end counts, too. */
	(void)harness_acks_within(h, 1, PATIENCE_MS);
	(void)harness_acks_within(h, 2, PATIENCE_MS);
	harness_reap(h, END_MS);
}

void
life_check(struct harness *h)
{
	static struct harness before;
	static struct log log;

	before = *h;
	h->may_end = false;
	h->gone = false;
	harness_start(h, NULL);
	assert_int_equal(harness_finish(h), 0);
	log_read(&log, h->audit);
	assert_int_equal(log.closed, log.files);
	assert_true(log.empty <= 4);
	assert_int_equal(log.other, 0);
	assert_int_equal(log.line[0].seq, 1);
	/* However often the beginning was cut short, a log begins once, and says so first. */
	assert_int_equal(log_count(&log, "\"origin\":{\"event\":\"genesis\""), 1);
	assert_ptr_equal(log_find(&log, "\"origin\":{\"event\":\"genesis\""), &log.line[0]);
	log_expect_acked(&log, &before, 1);
	log_expect_acked(&log, &before, 2);
	log_free(&log);
}

/* --- seals ------------------------------------------------------------------------------------ */

static bool
is_seal(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && strcmp(name + n - 5, ".seal") == 0;
}

/* Bytes of the file, 0 when it is not there. */
static size_t
read_seal(const char *dir, const char *name, char *buf, size_t size)
{
	char path[256];
	CLEANUP_FD int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, buf, size);
	assert_true(n >= 0 && (size_t)n < size);
	return (size_t)n;
}

void
life_seals_take(struct life_seals *s, const struct harness *h)
{
	DIR *d = opendir(h->audit);
	const struct dirent *e;

	assert_non_null(d);
	s->n = 0;
	while ((e = readdir(d))) {
		if (!is_seal(e->d_name))
			continue;
		assert_true(s->n < LIFE_SEALS);
		(void)snprintf(s->seal[s->n].name, sizeof(s->seal[0].name), "%s", e->d_name);
		s->seal[s->n].n = read_seal(
		    h->audit, e->d_name, s->seal[s->n].bytes, sizeof(s->seal[0].bytes));
		s->n++;
	}
	(void)closedir(d);
}

void
life_seals_expect(const struct life_seals *s, const struct harness *h)
{
	char now[sizeof(s->seal[0].bytes)];

	for (unsigned i = 0; i < s->n; i++) {
		size_t n = read_seal(h->audit, s->seal[i].name, now, sizeof(now));

		if (n != s->seal[i].n || memcmp(now, s->seal[i].bytes, n) != 0)
			fail_msg("%s was seen, and is another one now", s->seal[i].name);
	}
}

/* --- verify ----------------------------------------------------------------------------------- */

static void
auditlog_path(char out[4096])
{
	const char *build = getenv("SEALWRIGHT_BUILD");
	ssize_t n;

	if (build) {
		(void)snprintf(out, 4096, "%s/bin/auditlog", build);
		return;
	}
	/* BUILD/unit/test_x: two up. */
	n = readlink("/proc/self/exe", out, 4000);
	assert_true(n > 0);
	out[n] = '\0';
	for (int up = 0; up < 2; up++)
		*strrchr(out, '/') = '\0';
	(void)strcat(out, "/bin/auditlog");
}

static int
verify(const char *dir, int said)
{
	char path[4096];
	int status;
	pid_t pid;

	auditlog_path(path);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(said, 1) < 0 || dup2(said, 2) < 0)
			_exit(126);
		(void)execl(path, "auditlog", "verify", dir, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

void
life_verify(const struct harness *h, bool may_be_empty)
{
	char text[2048] = "";
	FILE *said = tmpfile();
	int status;

	assert_non_null(said);
	status = verify(h->audit, fileno(said));
	rewind(said);
	text[fread(text, 1, sizeof(text) - 1, said)] = '\0';
	(void)fclose(said);
	if (status != 3 && !(status == 4 && may_be_empty))
		fail_msg("%s: auditlog verify ended with %d: %s", h->audit, status, text);
}
