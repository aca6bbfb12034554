/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/chan.h"
#include "common/text.h"
#include "proto/msg.h"
#include "proto/record.h"
#include "proto/value.h"

#define FD_CONTROL 3
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

int
fake_writer_main(int argc, char **argv)
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
