/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real policyd with a writer that this file plays itself, to show what the supervisor does when
 * a writer is slow, lies, breaks the protocol or dies. The test puts a copy of policyd and of itself
 * (as libexec/sealwright/auditd-writer) into a directory; how the writer behaves stands in the file
 * "mode" of its audit directory, and what it saw in the file "events".
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/chan.h"
#include "common/fds.h"
#include "common/text.h"
#include "proto/msg.h"
#include "proto/record.h"
#include "proto/value.h"

/* === the writer =============================================================================== */

#define FD_CONTROL 3
#define HEX "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"
#define FAKE_CHANNELS 8

struct fake {
	char mode[64];
	int events;
	nfds_t channels;
	uint64_t sent[FAKE_CHANNELS + 1]; /* messages, by channel; 0 is control */
	uint64_t seq;
};

static void __attribute__((format(printf, 2, 3))) saw(struct fake *w, const char *fmt, ...)
{
	char line[2048];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	if (n < 0 || n >= (int)sizeof(line) - 1)
		n = (int)strlen(line);
	line[n] = '\n';
	if (write(w->events, line, (size_t)n + 1) < 0)
		_exit(90);
}

static bool
mode_is(const struct fake *w, const char *mode)
{
	return strcmp(w->mode, mode) == 0;
}

static void
say(struct fake *w, nfds_t channel, enum msg_type type, const struct wire_out *body,
    const uint8_t *bytes)
{
	static uint8_t buf[LIMIT_FRAME];
	struct frame_out frame;
	struct wire_out out;

	frame_begin(
	    &frame, buf, sizeof(buf), (uint16_t)type, type == MSG_WELCOME ? 0 : ++w->sent[channel]);
	out = frame_message(&frame);
	wire_put_bytes(&out, (struct str){(const char *)bytes, (size_t)(body->p - bytes)});
	if (!wire_out_ok(body) || frame_commit(&frame, &out) < 0)
		_exit(91);
	frame_end(&frame);
	(void)chan_send(FD_CONTROL + (int)channel, frame.buf, frame.n, -1);
}

static void
say_ready(struct fake *w)
{
	uint8_t buf[64];
	struct wire_out out = wire_out_over(buf, sizeof(buf));
	const struct msg_ready m = {.log_id = 7, .next_seq = 1, .pid = (uint32_t)getpid()};

	msg_ready_put(&out, &m);
	say(w, 0, MSG_READY, &out, buf);
}

static void
say_number(struct fake *w, enum msg_type type, uint32_t number)
{
	uint8_t buf[4];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	wire_put_u32(&out, number);
	say(w, 0, type, &out, buf);
}

static void
acknowledge(struct fake *w, nfds_t channel, uint64_t through, uint32_t count, enum refusal refusal)
{
	static struct msg_ack m;
	uint8_t buf[64];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	m.through = through;
	m.runs = 1;
	m.run[0] = (struct ack_run){
	    count, refusal == REFUSAL_NONE ? w->seq + 1 : 0, (uint8_t)refusal};
	w->seq += count;
	msg_ack_put(&out, &m);
	say(w, channel, MSG_ACK, &out, buf);
}

static void
on_hello(struct fake *w, nfds_t channel, struct wire_in *in)
{
	uint8_t buf[64];
	struct wire_out out = wire_out_over(buf, sizeof(buf));
	struct msg_hello hello;
	struct msg_welcome m = {.log_id = 7, .next_seq = w->seq + 1, .max_unacked = 1000};

	if (msg_hello_get(in, &hello) < 0)
		_exit(92);
	saw(w, "hello %d %u", (int)channel, hello.generation);
	m.generation = hello.generation;
	w->sent[channel] = 0;
	msg_welcome_put(&out, &m);
	say(w, channel, MSG_WELCOME, &out, buf);
	if (strncmp(w->mode, "fault", 5) == 0 && channel == 1 && hello.generation == 1)
		say_number(w, MSG_FAULTED, 1);
}

static void
on_note(struct fake *w, nfds_t channel, struct wire_in *in)
{
	char json[1500];
	struct text t = text_over(json, sizeof(json));
	struct record r;
	const char *why;

	if (record_get(in, MSG_NOTE, channel == 0 ? PEER_SUPERVISOR : PEER_EVALUATOR, &r, &why) <
	    0) {
		saw(w, "bad note: %s", why);
		return;
	}
	value_to_json(&t, r.payload);
	saw(w, "note %s %.*s", record_action_type_name(r.action_type), STR_ARG(text_str(&t)));
	if (mode_is(w, "close") && r.action_type == ACTION_POLICY) {
		(void)close(FD_CONTROL);
		(void)pause();
	}
}

static void
on_rotate(struct fake *w, struct wire_in *in)
{
	uint8_t buf[300];
	struct wire_out out = wire_out_over(buf, sizeof(buf));
	const struct msg_result m = {.request = wire_get_u32(in), .text = STR("audit-x.jsonl")};

	saw(w, "rotate");
	msg_result_put(&out, &m);
	say(w, 0, MSG_ROTATED, &out, buf);
}

static void
on_status(struct fake *w, struct wire_in *in)
{
	uint8_t buf[300];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	saw(w, "status");
	if (mode_is(w, "no-status"))
		return;
	wire_put_u32(&out, wire_get_u32(in));
	wire_put_u32(&out, 0);
	value_open_object(&out);
	value_member_int(&out, STR("records"), 4711);
	value_close_object(&out);
	say(w, 0, MSG_STATUS, &out, buf);
}

static void
on_expect(struct fake *w, struct wire_in *in)
{
	uint8_t buf[12];
	struct wire_out out = wire_out_over(buf, sizeof(buf));
	struct msg_cleared m = {.error = mode_is(w, "shut") ? -EPIPE : 0};

	if (msg_expect_get(in, &m.expect) < 0)
		_exit(93);
	saw(w, "expect %u %u", m.expect.channel, m.expect.generation);
	if (mode_is(w, "fault-and-never-clear") && m.expect.channel == 1 &&
	    m.expect.generation == 2)
		return;
	m.expect.generation += mode_is(w, "clear-other");
	msg_cleared_put(&out, &m);
	say(w, 0, MSG_CLEARED, &out, buf);
}

static void
on_message(struct fake *w, nfds_t channel, uint16_t type, struct wire_in *in)
{
	if (type == MSG_HELLO)
		on_hello(w, channel, in);
	else if (type == MSG_NOTE)
		on_note(w, channel, in);
	else if (type == MSG_ROTATE)
		on_rotate(w, in);
	else if (type == MSG_EXPECT)
		on_expect(w, in);
	else if (type == MSG_STATUS_ASK)
		on_status(w, in);
	else if (type == MSG_FINISH) {
		saw(w, "finish");
		_exit(mode_is(w, "fail-finish") ? 5 : 0);
	}
}

static bool
is_record(uint16_t type)
{
	return type == MSG_NOTE || type == MSG_DECISION || type == MSG_EVENT || type == MSG_OUTCOME;
}

static void
take(struct fake *w, nfds_t channel)
{
	static uint8_t buf[LIMIT_FRAME];
	enum peer from = channel == 0                 ? PEER_SUPERVISOR
			 : channel == w->channels - 1 ? PEER_ADMIN
						      : PEER_EVALUATOR;
	ssize_t n = chan_recv(FD_CONTROL + (int)channel, buf, sizeof(buf), NULL);
	struct frame_in f;
	struct wire_in body;
	const char *why = "";
	uint32_t count = 0;

	if (n == 0 && channel == 0) {
		saw(w, "eof");
		_exit(0);
	}
	if (n <= 0)
		return;
	if (frame_open(&f, buf, (size_t)n, from, PEER_WRITER, CHAN_ANY, false, &why) < 0) {
		saw(w, "fault: %s", why);
		return;
	}
	for (; frame_next(&f, &body); count++)
		on_message(w, channel, f.type, &body);
	if (is_record(f.type))
		acknowledge(w, channel, f.sequence + count - 1, count,
		    mode_is(w, "refuse") ? REFUSAL_IO : REFUSAL_NONE);
}

/* "" when it is not given. */
static const char *
value_of(int argc, char **argv, const char *option)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], option) == 0)
			return argv[i + 1];
	return "";
}

/* What the credential holds, and which descriptor that is. */
static void
see_secret(struct fake *w, const char *fd)
{
	char secret[64];
	ssize_t n = read(atoi(fd), secret, sizeof(secret) - 1);

	saw(w, "secret %.*s, %d behind the channels, of mode %#x", n < 0 ? 0 : (int)n, secret,
	    atoi(fd) - FD_CONTROL - (int)w->channels, fcntl(atoi(fd), F_GETFL) & O_ACCMODE);
}

static void
begin(struct fake *w, int argc, char **argv)
{
	char path[PATH_MAX];
	const char *secret = value_of(argc, argv, "--secret-fd");
	int fd, stray;
	ssize_t n;

	w->channels = (nfds_t)strtoul(value_of(argc, argv, "--evaluators"), NULL, 10) + 2;
	stray = fcntl(FD_CONTROL + (int)w->channels + (secret[0] != '\0'), F_GETFD) >= 0;
	(void)snprintf(path, sizeof(path), "%s/mode", value_of(argc, argv, "--audit-dir"));
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, w->mode, sizeof(w->mode) - 1);
	(void)close(fd);
	w->mode[n < 0 ? 0 : n] = '\0';
	(void)snprintf(path, sizeof(path), "%s/events", value_of(argc, argv, "--audit-dir"));
	w->events = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)prctl(PR_SET_NAME, "auditd-writer");
	saw(w, "start uid %d environment %s stray %d", (int)getuid(), environ[0] ? "yes" : "none",
	    stray);
	saw(w, "origin %s, succeeds %s", value_of(argc, argv, "--origin"),
	    value_of(argc, argv, "--succeeds"));
	if (secret[0] != '\0')
		see_secret(w, secret);
}

static int
fake_main(int argc, char **argv)
{
	static struct fake w;
	struct pollfd fds[FAKE_CHANNELS + 1];

	begin(&w, argc, argv);
	if (mode_is(&w, "exit-early"))
		_exit(3);
	say_ready(&w);
	if (mode_is(&w, "garbage"))
		(void)chan_send(FD_CONTROL, "garbage", 7, -1);
	if (mode_is(&w, "ready-twice"))
		say_ready(&w);
	for (;;) {
		for (nfds_t i = 0; i < w.channels; i++)
			fds[i] = (struct pollfd){.fd = FD_CONTROL + (int)i, .events = POLLIN};
		(void)poll(fds, w.channels, -1);
		for (nfds_t i = 0; i < w.channels; i++)
			if (fds[i].revents)
				take(&w, i);
	}
}

/* === the tests ================================================================================ */

static const char policy_text[] =
    "{\"schema\":\"sealwright-policy/1\",\"revision\":\"r1\",\"policies\":[{\"id\":\"p\","
    "\"source\":\"host\",\"mode\":\"enforce\",\"rules\":[{\"id\":\"r\",\"actions\":"
    "[\"connect:tcp\"],\"resources\":[\"example.com\"],\"decision\":\"allow\"}]}]}\n";

struct bed {
	char dir[64];
	pid_t pid;
	bool credentials;  /* CREDENTIALS_DIRECTORY is "credentials" */
	const char *extra; /* one more option */
};

static void
path_in(const struct bed *b, const char *name, char buf[PATH_MAX])
{
	(void)snprintf(buf, PATH_MAX, "%s/%s", b->dir, name);
}

static void
write_file(const struct bed *b, const char *name, const char *text)
{
	char path[PATH_MAX];
	int fd;

	path_in(b, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(close(fd), 0);
}

static char *
read_file(const struct bed *b, const char *name)
{
	char path[PATH_MAX], *text = NULL;
	size_t n;
	int fd;

	path_in(b, name, path);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return strdup("");
	assert_int_equal(fd_read_file(fd, 1 << 20, &text, &n), 0);
	assert_int_equal(close(fd), 0);
	return text;
}

static bool
holds(const struct bed *b, const char *name, const char *text)
{
	char *all = read_file(b, name);
	bool found = strstr(all, text) != NULL;

	free(all);
	return found;
}

static void
pause_ms(long ms)
{
	const struct timespec t = {ms / 1000, (ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

static void
wait_for(const struct bed *b, const char *name, const char *text)
{
	char *all;

	for (int i = 0; i < 1000; i++) {
		if (holds(b, name, text))
			return;
		pause_ms(10);
	}
	all = read_file(b, name);
	fail_msg("no \"%s\" in %s, which holds:\n%s", text, name, all);
}

static void
copy_program(const struct bed *b, const char *from, const char *name)
{
	char to[PATH_MAX], *bytes = NULL;
	size_t n;
	int fd = open(from, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fd_read_file(fd, 64 << 20, &bytes, &n), 0);
	(void)close(fd);
	path_in(b, name, to);
	fd = open(to, O_WRONLY | O_CREAT, 0755);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, n), 0);
	assert_int_equal(close(fd), 0);
	free(bytes);
}

static void
make_directory(const struct bed *b, const char *name)
{
	char path[PATH_MAX];

	path_in(b, name, path);
	assert_int_equal(mkdir(path, 0755), 0);
}

/* Ours stands in build/unit, policyd in build/sbin. */
static int
setup(void **state)
{
	static const char *const dirs[] = {
	    "sbin", "libexec", "libexec/sealwright", "audit", "keys"};
	static struct bed b;
	char self[PATH_MAX], policyd[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	(void)snprintf(policyd, sizeof(policyd), "%.*s/../sbin/policyd",
	    (int)(strrchr(self, '/') - self), self);
	b = (struct bed){.dir = "/tmp/test_supervisor.XXXXXX"};
	assert_non_null(mkdtemp(b.dir));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		make_directory(&b, dirs[i]);
	copy_program(&b, policyd, "sbin/policyd");
	copy_program(&b, self, "libexec/sealwright/auditd-writer");
	write_file(&b, "policy.json", policy_text);
	*state = &b;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
teardown(void **state)
{
	struct bed *b = *state;

	if (b->pid > 0) {
		(void)kill(b->pid, SIGKILL);
		(void)waitpid(b->pid, NULL, 0);
		pause_ms(200);
	}
	return nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static _Noreturn void
become_policyd(const struct bed *b)
{
	int log;

	if (chdir(b->dir) < 0)
		_exit(100);
	log = open("stderr", O_WRONLY | O_APPEND);
	if (dup2(log, STDERR_FILENO) < 0)
		_exit(100);
	if (b->credentials && setenv("CREDENTIALS_DIRECTORY", "credentials", 1) < 0)
		_exit(100);
	(void)execl("sbin/policyd", "policyd", "--audit-dir", "audit", "--key-dir", "keys",
	    "--policy", "policy.json", "--socket", "p.sock", "--admin-socket", "a.sock",
	    "--evaluators", "1", b->extra, NULL);
	_exit(101);
}

static void
start(struct bed *b, const char *mode)
{
	write_file(b, "audit/mode", mode);
	write_file(b, "stderr", "");
	b->pid = fork();
	assert_true(b->pid >= 0);
	if (b->pid == 0)
		become_policyd(b);
}

/* waitpid() within 20 s. */
static int
ended(struct bed *b)
{
	int status;

	for (int i = 0; i < 2000; i++) {
		pid_t pid = waitpid(b->pid, &status, WNOHANG);

		if (pid == b->pid) {
			b->pid = 0;
			return status;
		}
		pause_ms(10);
	}
	fail_msg("policyd has not ended: %s", read_file(b, "stderr"));
	return -1;
}

static void
expect_exit(struct bed *b, int code)
{
	int status = ended(b);
	char path[PATH_MAX];

	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		fail_msg("status %#x, wanted exit %d: %s", status, code, read_file(b, "stderr"));
	path_in(b, "p.sock", path);
	assert_int_equal(access(path, F_OK), -1);
	path_in(b, "a.sock", path);
	assert_int_equal(access(path, F_OK), -1);
}

static void
serve(struct bed *b, const char *mode)
{
	start(b, mode);
	wait_for(b, "stderr", "policyd: ready\n");
}

static void
finish(struct bed *b)
{
	assert_int_equal(kill(b->pid, SIGTERM), 0);
	expect_exit(b, 0);
	assert_true(holds(b, "audit/events", "finish"));
}

/* One line to a socket, one line back. */
static void
ask(const struct bed *b, const char *name, const char *line, char *reply, size_t size)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char path[PATH_MAX];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ssize_t n;
	size_t used = 0;

	path_in(b, name, path);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(fd_write_all(fd, line, strlen(line)), 0);
	do {
		n = read(fd, reply + used, size - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0 && reply[used - 1] != '\n');
	reply[used] = '\0';
	(void)close(fd);
}

/* --- start and end ---------------------------------------------------------------------------- */

static void
test_start_and_end(void **state)
{
	struct bed *b = *state;
	char want[64];

	serve(b, "");
	(void)snprintf(want, sizeof(want), "start uid %d environment none stray 0", (int)getuid());
	wait_for(b, "audit/events", want);
	assert_true(holds(b, "audit/events", "note configuration {\"min_level\":\"info\""));
	assert_true(holds(b, "audit/events",
	    "note policy {\"result\":\"loaded\",\"revision\":\"r1\",\"policies\":1,\"rules\":1,"
	    "\"tests\":0,\"sha256\":\""));
	wait_for(b, "audit/events", "hello 1 1");
	wait_for(b, "audit/events", "hello 2 1");
	finish(b);
}

static void
test_end_before_ready(void **state)
{
	struct bed *b = *state;

	start(b, "");
	wait_for(b, "audit/events", "start");
	assert_int_equal(kill(b->pid, SIGTERM), 0);
	expect_exit(b, 0);
}

/* --- what is handed on to the writer ------------------------------------------------------------- */

static void
test_credential(void **state)
{
	struct bed *b = *state;

	make_directory(b, "credentials");
	write_file(b, "credentials/sealwright.wrap", "of the writer alone");
	b->credentials = true;
	b->extra = "--origin=log.example";
	serve(b, "");
	wait_for(
	    b, "audit/events", "secret of the writer alone, 0 behind the channels, of mode 0\n");
	assert_true(holds(b, "audit/events", "environment none stray 0\n"));
	assert_true(holds(b, "audit/events", "origin log.example, succeeds \n"));
	finish(b);
}

/* Without a file of that name there is no credential; one that cannot be opened is no start. */
static void
test_no_credential(void **state)
{
	struct bed *b = *state;
	char path[PATH_MAX];

	make_directory(b, "credentials");
	b->credentials = true;
	b->extra = "--succeeds=old.example 7:" HEX;
	serve(b, "");
	wait_for(b, "audit/events", "origin , succeeds old.example 7:" HEX "\n");
	finish(b);
	assert_false(holds(b, "audit/events", "secret"));
	path_in(b, "credentials/sealwright.wrap", path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	start(b, "");
	expect_exit(b, 1);
	assert_true(holds(b, "stderr",
	    "cannot open the credential credentials/sealwright.wrap: Too many levels"));
}

/* --- a writer that goes wrong ----------------------------------------------------------------- */

static void
test_writer_ends_early(void **state)
{
	struct bed *b = *state;

	start(b, "exit-early");
	expect_exit(b, 1);
	assert_true(holds(b, "stderr", "auditd-writer exited with status 3"));
	assert_false(holds(b, "stderr", "policyd: ready"));
}

static void
test_writer_is_missing(void **state)
{
	struct bed *b = *state;
	char path[PATH_MAX];

	path_in(b, "libexec/sealwright/auditd-writer", path);
	assert_int_equal(unlink(path), 0);
	start(b, "");
	expect_exit(b, 1);
	assert_true(holds(b, "stderr", "libexec/sealwright/auditd-writer: No such file"));
}

static void
breaks_protocol(struct bed *b, const char *mode)
{
	start(b, mode);
	expect_exit(b, 1);
	assert_true(holds(b, "stderr", "auditd-writer broke the protocol"));
	assert_true(holds(b, "audit/events", "eof"));
}

static void
test_writer_sends_garbage(void **state)
{
	breaks_protocol(*state, "garbage");
}

static void
test_writer_is_ready_twice(void **state)
{
	breaks_protocol(*state, "ready-twice");
}

/* Its control channel closed, but the process hangs: it is not waited for without end. */
static void
test_writer_closes_its_channel(void **state)
{
	struct bed *b = *state;

	start(b, "close");
	expect_exit(b, 1);
	assert_true(holds(b, "stderr", "auditd-writer closed its control channel"));
}

static void
test_writer_fails_at_the_end(void **state)
{
	struct bed *b = *state;

	serve(b, "fail-finish");
	assert_int_equal(kill(b->pid, SIGTERM), 0);
	expect_exit(b, 1);
	assert_true(holds(b, "stderr", "auditd-writer exited with status 5"));
}

static void
test_refused_notes_are_said(void **state)
{
	struct bed *b = *state;

	serve(b, "refuse");
	wait_for(b, "stderr", "a policy record was not written: input/output error");
	assert_true(holds(b, "stderr", "a configuration record was not written"));
	finish(b);
}

/* --- processes -------------------------------------------------------------------------------- */

static void
test_faulted_channel(void **state)
{
	struct bed *b = *state;

	serve(b, "fault");
	wait_for(b, "audit/events", "hello 1 2");
	/* Killed, unless it saw that its channel is shut and ended by itself before. */
	wait_for(b, "audit/events",
	    ",\"cause\":\"broke the protocol of its record channel\",\"generation\":1,"
	    "\"restart_ms\":100}");
	finish(b);
}

/* The writer knows of a process before it is there, and has an empty channel for it. */
static void
test_announced_channel(void **state)
{
	struct bed *b = *state;
	char *events;

	serve(b, "fault");
	wait_for(b, "audit/events", "hello 1 2");
	events = read_file(b, "audit/events");
	assert_true(strstr(events, "expect 1 1\n") < strstr(events, "hello 1 1\n"));
	assert_true(strstr(events, "hello 1 1\n") < strstr(events, "expect 1 2\n"));
	assert_true(strstr(events, "expect 1 2\n") < strstr(events, "hello 1 2\n"));
	free(events);
	finish(b);
}

/* No process without the writer's answer; the others serve. */
static void
test_channel_that_is_not_cleared(void **state)
{
	struct bed *b = *state;

	serve(b, "fault-and-never-clear");
	wait_for(b, "audit/events", "expect 1 2\n");
	(void)usleep(500000);
	assert_false(holds(b, "audit/events", "hello 1 2"));
	assert_true(holds(b, "audit/events", "hello 2 1"));
	finish(b);
}

static void
test_channel_of_no_use(void **state)
{
	struct bed *b = *state;

	serve(b, "shut");
	wait_for(b, "stderr", "admin 2 is not started again: its record channel was shut down");
	finish(b);
}

static void
test_cleared_that_was_not_asked_for(void **state)
{
	struct bed *b = *state;

	start(b, "clear-other");
	expect_exit(b, 1);
	assert_true(holds(b, "stderr", "auditd-writer broke the protocol"));
}

/* --- policy loads ----------------------------------------------------------------------------- */

static void
test_reload(void **state)
{
	struct bed *b = *state;
	char text[sizeof(policy_text)];

	serve(b, "");
	memcpy(text, policy_text, sizeof(text));
	strstr(text, "\"r1\"")[2] = '2';
	write_file(b, "policy.json", text);
	assert_int_equal(kill(b->pid, SIGHUP), 0);
	wait_for(b, "stderr", "policy loaded: revision r2");
	assert_true(holds(b, "audit/events", "\"revision\":\"r2\""));
	write_file(b, "policy.json", "{\n \"schema\": 5 }");
	assert_int_equal(kill(b->pid, SIGHUP), 0);
	wait_for(b, "stderr", "the policy was refused, the one in force stays");
	assert_true(holds(b, "stderr", "policyd: policy.json:2:"));
	assert_true(holds(b, "audit/events", "note policy {\"result\":\"refused\",\"errors\":"));
	finish(b);
}

static void
test_reload_storm(void **state)
{
	struct bed *b = *state;
	char reply[4096];

	serve(b, "");
	for (int i = 0; i < 50; i++) {
		assert_int_equal(kill(b->pid, SIGHUP), 0);
		pause_ms(i % 5);
	}
	ask(b, "p.sock", "{\"op\":\"ping\"}\n", reply, sizeof(reply));
	assert_non_null(strstr(reply, "pong"));
	finish(b);
}

static void
test_refused_at_start(void **state)
{
	struct bed *b = *state;

	write_file(b, "policy.json", "{}");
	start(b, "");
	expect_exit(b, 3);
	assert_true(holds(b, "audit/events", "note policy {\"result\":\"refused\""));
	assert_true(holds(b, "audit/events", "finish"));
	assert_false(holds(b, "stderr", "policyd: ready"));
}

/* --- what operators ask ------------------------------------------------------------------------ */

static void
test_rotate(void **state)
{
	struct bed *b = *state;
	char reply[4096];

	serve(b, "");
	ask(b, "a.sock", "{\"op\":\"rotate\"}\n", reply, sizeof(reply));
	assert_non_null(strstr(reply, "audit-x.jsonl"));
	assert_true(holds(b, "audit/events", "rotate"));
	finish(b);
}

static void
test_status(void **state)
{
	struct bed *b = *state;
	char reply[16384];

	serve(b, "");
	ask(b, "a.sock", "{\"op\":\"status\"}\n", reply, sizeof(reply));
	assert_non_null(strstr(reply, "4711"));
	assert_non_null(strstr(reply, "uptime_seconds"));
	finish(b);
}

/* One source that does not answer: the others are there, after a second, and it is named. */
static void
test_status_incomplete(void **state)
{
	struct bed *b = *state;
	char reply[16384];

	serve(b, "no-status");
	ask(b, "a.sock", "{\"op\":\"status\"}\n", reply, sizeof(reply));
	assert_non_null(strstr(reply, "no answer from writer"));
	assert_non_null(strstr(reply, "uptime_seconds"));
	finish(b);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static void
test_stale_socket(void **state)
{
	struct bed *b = *state;

	serve(b, "");
	assert_int_equal(kill(b->pid, SIGKILL), 0);
	(void)ended(b);
	wait_for(b, "audit/events", "eof");
	serve(b, "");
	finish(b);
}

int
main(int argc, char **argv)
{
	if (strcmp(argv[0], "auditd-writer") == 0)
		return fake_main(argc, argv);

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    CASE(test_start_and_end),
	    CASE(test_end_before_ready),
	    CASE(test_credential),
	    CASE(test_no_credential),
	    CASE(test_writer_ends_early),
	    CASE(test_writer_is_missing),
	    CASE(test_writer_sends_garbage),
	    CASE(test_writer_is_ready_twice),
	    CASE(test_writer_closes_its_channel),
	    CASE(test_writer_fails_at_the_end),
	    CASE(test_refused_notes_are_said),
	    CASE(test_faulted_channel),
	    CASE(test_announced_channel),
	    CASE(test_channel_that_is_not_cleared),
	    CASE(test_channel_of_no_use),
	    CASE(test_cleared_that_was_not_asked_for),
	    CASE(test_reload),
	    CASE(test_reload_storm),
	    CASE(test_refused_at_start),
	    CASE(test_rotate),
	    CASE(test_status),
	    CASE(test_status_incomplete),
	    CASE(test_stale_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
