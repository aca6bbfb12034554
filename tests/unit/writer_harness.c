/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/chan.h"
#include "common/cleanup.h"
#include "common/fds.h"
#include "tests/unit/writer_harness.h"

#define START_MS 20000
#define ANSWER_MS 20000
#define OPEN_MOST 16

/* --- directories ------------------------------------------------------------------------------ */

static void
fill(char *out, size_t size, const char *a, const char *b)
{
	int n = snprintf(out, size, "%s%s", a, b);

	assert_true(n > 0 && (size_t)n < size);
}

void
harness_init(struct harness *h)
{
	const char *tmp = getenv("TMPDIR");

	*h = (struct harness){.pid = -1, .evaluators = HARNESS_EVALUATORS};
	for (unsigned i = 0; i < HARNESS_MOST + 2; i++)
		h->end[i].fd = -1;
	fill(h->top, sizeof(h->top), tmp && strlen(tmp) < 40 ? tmp : "/tmp", "/writer-XXXXXX");
	assert_non_null(mkdtemp(h->top));
	fill(h->audit, sizeof(h->audit), h->top, "/audit");
	fill(h->keys, sizeof(h->keys), h->top, "/keys");
	fill(h->said, sizeof(h->said), h->top, "/said");
	assert_int_equal(mkdir(h->audit, 0700), 0);
	assert_int_equal(mkdir(h->keys, 0700), 0);
}

static void
close_ends(struct harness *h)
{
	for (unsigned i = 0; i < HARNESS_MOST + 2; i++) {
		if (h->end[i].fd >= 0)
			(void)close(h->end[i].fd);
		h->end[i].fd = -1;
	}
}

static int
forget_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path) < 0 && errno != ENOENT;
}

void
harness_deinit(struct harness *h)
{
	if (h->pid > 0)
		harness_kill(h);
	close_ends(h);
	if (getenv("SEALWRIGHT_KEEP"))
		return;
	(void)nftw(h->top, forget_one, OPEN_MOST, FTW_DEPTH | FTW_PHYS);
}

/* --- life ------------------------------------------------------------------------------------- */

static const char *
writer_path(void)
{
	static char path[4096];
	const char *given = getenv("AUDITD_WRITER"), *build = getenv("SEALWRIGHT_BUILD");
	char self[2048];
	ssize_t n;

	if (given)
		return given;
	if (build) {
		fill(path, sizeof(path), build, "/libexec/sealwright/auditd-writer");
		return path;
	}
	/* BUILD/unit/test_x: two up. */
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(n > 0);
	self[n] = '\0';
	for (int up = 0; up < 2; up++)
		*strrchr(self, '/') = '\0';
	fill(path, sizeof(path), self, "/libexec/sealwright/auditd-writer");
	return path;
}

static _Noreturn void
writer_exec(const struct harness *h, const char *const *options, const int *fds)
{
	const char *argv[64];
	char evaluators[16];
	size_t n = 0;
	int null = open("/dev/null", O_RDWR),
	    said = open(h->said, O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (null < 0 || said < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(said, 2) < 0 ||
	    fds_place(fds, h->evaluators + 2, 3) < 0)
		_exit(126);
	argv[n++] = writer_path();
	argv[n++] = "--audit-dir";
	argv[n++] = h->audit;
	argv[n++] = "--key-dir";
	argv[n++] = h->keys;
	(void)snprintf(evaluators, sizeof(evaluators), "--evaluators=%u", h->evaluators);
	argv[n++] = evaluators;
	for (size_t i = 0; options && options[i]; i++)
		argv[n++] = options[i];
	argv[n] = NULL;
	if (h->enter)
		_exit(h->enter((int)n, (char **)(uintptr_t)argv));
	(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

void
harness_spawn(struct harness *h, const char *const *options)
{
	int theirs[HARNESS_MOST + 2];

	for (unsigned i = 0; i < h->evaluators + 2; i++) {
		int fds[2];

		assert_int_equal(chan_pair(1 << 20, fds), 0);
		h->end[i] = (struct peer_end){.fd = fds[0], .next = 1};
		theirs[i] = fds[1];
	}
	h->pid = fork();
	assert_true(h->pid >= 0);
	if (h->pid == 0)
		writer_exec(h, options, theirs);
	for (unsigned i = 0; i < h->evaluators + 2; i++)
		(void)close(theirs[i]);
}

void
harness_show_said(const struct harness *h)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_FD int fd = open(h->said, O_RDONLY);
	size_t n;

	if (fd >= 0 && fd_read_file(fd, 1 << 20, &text, &n) == 0)
		print_message("# stderr: %s\n", text);
}

void
harness_start(struct harness *h, const char *const *options)
{
	static uint8_t buf[LIMIT_FRAME];
	struct wire_in body;

	harness_spawn(h, options);
	harness_await_control(h, MSG_READY, buf, &body);
	assert_int_equal(msg_ready_get(&body, &h->ready), 0);
	for (unsigned i = 1; i < h->evaluators + 2; i++)
		harness_open(h, i, 1);
}

int
harness_wait(struct harness *h)
{
	int status = -1;

	for (int i = 0; i < 10000; i++) {
		pid_t got = waitpid(h->pid, &status, WNOHANG);

		if (got == h->pid) {
			h->pid = -1;
			close_ends(h);
			assert_true(WIFEXITED(status));
			return WEXITSTATUS(status);
		}
		(void)usleep(2000);
	}
	harness_show_said(h);
	fail_msg("the writer does not end");
	return -1;
}

void
harness_expect(struct harness *h, unsigned channel, uint32_t generation)
{
	const struct msg_expect m = {channel, generation};
	uint8_t buf[64];
	struct frame_out f;
	struct wire_out out;

	frame_begin(&f, buf, sizeof(buf), MSG_EXPECT, h->end[0].next++);
	out = frame_message(&f);
	msg_expect_put(&out, &m);
	assert_int_equal(frame_commit(&f, &out), 0);
	frame_end(&f);
	harness_send_raw(h, 0, buf, f.n, -1);
}

int
harness_await_cleared(struct harness *h, unsigned channel, uint32_t generation)
{
	static uint8_t buf[LIMIT_FRAME];
	struct msg_cleared m;
	struct wire_in body;

	harness_await_control(h, MSG_CLEARED, buf, &body);
	assert_int_equal(msg_cleared_get(&body, &m), 0);
	assert_int_equal(m.expect.channel, channel);
	assert_int_equal(m.expect.generation, generation);
	return m.error;
}

void
harness_open(struct harness *h, unsigned channel, uint32_t generation)
{
	harness_expect(h, channel, generation);
	assert_int_equal(harness_await_cleared(h, channel, generation), 0);
	harness_hello(h, channel, generation);
	harness_welcome(h, channel, generation);
}

int
harness_finish(struct harness *h)
{
	uint8_t buf[64];
	struct frame_out f;
	struct wire_out out;

	frame_begin(&f, buf, sizeof(buf), MSG_FINISH, h->end[0].next++);
	out = frame_message(&f);
	assert_int_equal(frame_commit(&f, &out), 0);
	frame_end(&f);
	harness_send_raw(h, 0, buf, f.n, -1);
	return harness_wait(h);
}

void
harness_reap(struct harness *h, int ms)
{
	for (; ms > 0 && h->pid > 0; ms -= 5) {
		if (waitpid(h->pid, NULL, WNOHANG) == h->pid)
			h->pid = -1;
		else
			(void)usleep(5000);
	}
	if (h->pid > 0)
		harness_kill(h);
	close_ends(h);
}

void
harness_kill(struct harness *h)
{
	(void)kill(h->pid, SIGKILL);
	(void)waitpid(h->pid, NULL, 0);
	h->pid = -1;
	close_ends(h);
}

bool
harness_said(const struct harness *h, const char *text)
{
	CLEANUP_FREE char *said = NULL;
	CLEANUP_FD int fd = open(h->said, O_RDONLY);
	size_t n;

	return fd >= 0 && fd_read_file(fd, 1 << 20, &said, &n) == 0 && strstr(said, text);
}

/* --- talking ---------------------------------------------------------------------------------- */

void
harness_send_raw(struct harness *h, unsigned channel, const void *buf, size_t n, int fd)
{
	int error = 0;

	for (int i = 0; i < 500 && !h->gone; i++) {
		error = chan_send(h->end[channel].fd, buf, n, fd);
		if (error != -EAGAIN)
			break;
		(void)usleep(10000);
	}
	if (h->may_end && error < 0)
		h->gone = true;
	else
		assert_int_equal(error, 0);
}

void
harness_hello(struct harness *h, unsigned channel, uint32_t generation)
{
	const struct msg_hello hello = {.generation = generation, .pid = (uint32_t)getpid()};
	uint8_t buf[64];
	struct frame_out f;
	struct wire_out out;

	frame_begin(&f, buf, sizeof(buf), MSG_HELLO, 0);
	out = frame_message(&f);
	msg_hello_put(&out, &hello);
	assert_int_equal(frame_commit(&f, &out), 0);
	frame_end(&f);
	harness_send_raw(h, channel, buf, f.n, -1);
	h->end[channel].next = 1;
	h->end[channel].acked = 0;
	memset(h->end[channel].seq, 0, sizeof(h->end[channel].seq));
	memset(h->end[channel].refusal, 0, sizeof(h->end[channel].refusal));
}

/* The next frame on a channel within ms: its length, 0 for none. */
static size_t
receive(struct harness *h, unsigned channel, uint8_t *buf, int ms)
{
	struct pollfd p = {.fd = h->end[channel].fd, .events = POLLIN};
	ssize_t n;

	if (h->gone || poll(&p, 1, ms) <= 0)
		return 0;
	n = chan_recv(p.fd, buf, LIMIT_FRAME, NULL);
	if (n <= 0 && h->may_end) {
		h->gone = true;
		return 0;
	}
	if (n <= 0) {
		harness_show_said(h);
		fail_msg("the writer has ended");
	}
	return (size_t)n;
}

static enum peer
peer_of(const struct harness *h, unsigned channel)
{
	if (channel == 0)
		return PEER_SUPERVISOR;
	return channel == h->evaluators + 1 ? PEER_ADMIN : PEER_EVALUATOR;
}

static void
open_frame(
    const struct harness *h, struct frame_in *f, unsigned channel, const uint8_t *buf, size_t n)
{
	const char *why = "";

	if (frame_open(f, buf, n, PEER_WRITER, peer_of(h, channel), CHAN_OPEN, false, &why) < 0)
		fail_msg("a frame of the writer: %s", why);
}

void
harness_welcome(struct harness *h, unsigned channel, uint32_t generation)
{
	static uint8_t buf[LIMIT_FRAME];
	struct msg_welcome welcome = {0};
	struct wire_in body;
	struct frame_in f;

	while (welcome.generation != generation) {
		size_t n = receive(h, channel, buf, ANSWER_MS);

		assert_true(n > 0);
		open_frame(h, &f, channel, buf, n);
		if (f.type != MSG_WELCOME)
			continue;
		assert_true(frame_next(&f, &body));
		assert_int_equal(msg_welcome_get(&body, &welcome), 0);
	}
	assert_int_equal(welcome.log_id, h->ready.log_id);
	assert_memory_equal(welcome.session, h->ready.session, UUID_BYTES);
	h->end[channel].state = (enum storage_state)welcome.state;
}

struct record
harness_decision(const char *id)
{
	return (struct record){
	    .category = RECORD_EVALUATION,
	    .decision = DECISION_ALLOW,
	    .enforcement_mode = MODE_ENFORCE,
	    .resource_id = STR("www.example.com:443"),
	    .action_type = ACTION_NETWORK_EGRESS,
	    .payload = (struct str){"{\"\x08\0protocol\"\x03\0tcp}", 19},
	    .action = STR("net:connect:tcp"),
	    .policy_id = STR("egress"),
	    .rule_id = STR("example"),
	    .has_peer = true,
	    .peer = {1000, 1000, 4711},
	    .request_id = str_from(id),
	};
}

void
harness_send(
    struct harness *h, unsigned channel, enum msg_type type, const struct record *r, unsigned n)
{
	static uint8_t buf[LIMIT_FRAME];
	struct peer_end *end = &h->end[channel];
	struct frame_out f;

	frame_begin(&f, buf, sizeof(buf), (uint16_t)type, end->next);
	for (unsigned i = 0; i < n; i++) {
		struct wire_out out = frame_message(&f);

		record_put(&out, &r[i]);
		assert_int_equal(frame_commit(&f, &out), 0);
	}
	frame_end(&f);
	end->next += n;
	harness_send_raw(h, channel, buf, f.n, -1);
}

void
harness_decide(struct harness *h, unsigned channel, unsigned n)
{
	static struct record r[256];
	static char id[256][32];

	assert_true(n <= 256);
	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(id[i], sizeof(id[i]), "c%u-%llu", channel,
		    (unsigned long long)h->end[channel].next + i);
		r[i] = harness_decision(id[i]);
	}
	harness_send(h, channel, MSG_DECISION, r, n);
}

static void
track(struct peer_end *end, uint64_t number, const struct ack_run *run)
{
	for (uint32_t i = 0; i < run->count; i++)
		if (number + i < HARNESS_TRACKED)
			end->seq[number + i] = run->first_seq + i;
}

static void
track_refused(struct peer_end *end, uint64_t number, const struct ack_run *run)
{
	for (uint32_t i = 0; i < run->count; i++)
		if (number + i < HARNESS_TRACKED)
			end->refusal[number + i] = (uint8_t)run->refusal;
}

static void
take_ack(struct peer_end *end, struct wire_in *body, bool sparse)
{
	static struct msg_ack ack;
	uint64_t n = 0;

	assert_int_equal(msg_ack_get(body, &ack), 0);
	assert_true(ack.through >= end->acked && ack.through < end->next);
	for (uint16_t i = 0; i < ack.runs; i++) {
		n += ack.run[i].count;
		end->refused[ack.run[i].refusal] += ack.run[i].count;
		if (ack.run[i].refusal != REFUSAL_NONE) {
			track_refused(end, end->acked + 1 + n - ack.run[i].count, &ack.run[i]);
			continue;
		}
		/* Record numbers only grow. */
		assert_true(ack.run[i].first_seq > end->last_seq);
		track(end, end->acked + 1 + n - ack.run[i].count, &ack.run[i]);
		end->last_seq = ack.run[i].first_seq + ack.run[i].count - 1;
	}
	if (!sparse)
		assert_int_equal(n, ack.through - end->acked);
	end->acked = ack.through;
	end->state = (enum storage_state)ack.state;
}

static void
take_acks(struct harness *h, unsigned channel, struct frame_in *f)
{
	struct wire_in body;

	while (f->type == MSG_ACK && frame_next(f, &body))
		take_ack(&h->end[channel], &body, channel == 0);
}

void
harness_feed(struct harness *h, unsigned channel, const uint8_t *buf, size_t n)
{
	struct frame_in f;

	open_frame(h, &f, channel, buf, n);
	take_acks(h, channel, &f);
}

bool
harness_take(struct harness *h, unsigned channel, int ms)
{
	static uint8_t buf[LIMIT_FRAME];
	size_t n = receive(h, channel, buf, ms);

	if (n > 0)
		harness_feed(h, channel, buf, n);
	return n > 0;
}

void
harness_await_acks(struct harness *h, unsigned channel)
{
	while (h->end[channel].acked + 1 < h->end[channel].next)
		if (!harness_take(h, channel, ANSWER_MS)) {
			harness_show_said(h);
			fail_msg("no acknowledgement");
		}
}

bool
harness_acks_within(struct harness *h, unsigned channel, int ms)
{
	while (!h->gone && h->end[channel].acked + 1 < h->end[channel].next)
		if (!harness_take(h, channel, ms))
			return false;
	return !h->gone;
}

void
harness_ask(struct harness *h, enum msg_type type, uint32_t request)
{
	uint8_t buf[64];
	struct frame_out f;
	struct wire_out out;

	frame_begin(&f, buf, sizeof(buf), (uint16_t)type, h->end[0].next++);
	out = frame_message(&f);
	wire_put_u32(&out, request);
	assert_int_equal(frame_commit(&f, &out), 0);
	frame_end(&f);
	harness_send_raw(h, 0, buf, f.n, -1);
}

void
harness_await_control(struct harness *h, enum msg_type type, uint8_t *buf, struct wire_in *ret_body)
{
	struct frame_in f;

	for (;;) {
		size_t n = receive(h, 0, buf, START_MS);

		if (n == 0) {
			harness_show_said(h);
			fail_msg("the writer does not start, or does not answer");
		}
		open_frame(h, &f, 0, buf, n);
		if (f.type == (uint16_t)type)
			break;
		take_acks(h, 0, &f);
	}
	assert_true(frame_next(&f, ret_body));
}

int
harness_rotate(struct harness *h, char name[128])
{
	static uint32_t request;
	static uint8_t buf[LIMIT_FRAME];
	struct msg_result result;
	struct wire_in body;

	harness_ask(h, MSG_ROTATE, ++request);
	harness_await_control(h, MSG_ROTATED, buf, &body);
	assert_int_equal(msg_result_get(&body, &result), 0);
	assert_int_equal(result.request, request);
	assert_true(result.text.n < 128);
	memcpy(name, result.text.p, result.text.n);
	name[result.text.n] = '\0';
	return result.error;
}
