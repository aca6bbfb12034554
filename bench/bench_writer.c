/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer alone: a real auditd-writer on a socketpair, fed packed decisions, so many in flight.
 * Each figure stands beside the bare-loop floor of the same minute (bench/floor.c).
 *     bench_writer WRITER DIR [SECONDS]
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/floor.h"
#include "common/chan.h"
#include "common/clock.h"
#include "common/fds.h"
#include "common/log.h"
#include "proto/msg.h"
#include "proto/record.h"

#define START_MS 15000
#define ANSWER_MS 10000

struct writer {
	pid_t pid;
	int control, channel, admin;
	uint64_t sent, acked;
};

/* --- a writer of our own ----------------------------------------------------------------------- */

static void
writer_exec(const char *program, const char *dir, const char *durability, const int fds[3])
{
	char audit[4096], keys[4096];

	(void)snprintf(audit, sizeof(audit), "%s/audit-%s", dir, durability);
	(void)snprintf(keys, sizeof(keys), "%s/keys-%s", dir, durability);
	if (mkdir(audit, 0700) < 0 || mkdir(keys, 0700) < 0 || fds_place(fds, 3, 3) < 0)
		fatal(errno, "%s", dir);
	(void)execl(program, "auditd-writer", "--audit-dir", audit, "--key-dir", keys,
	    "--evaluators", "1", "--durability", durability, (char *)NULL);
	fatal(errno, "%s", program);
}

static void
writer_start(struct writer *w, const char *program, const char *dir, const char *durability)
{
	int control[2], channel[2], admin[2];

	if (chan_pair(1 << 20, control) < 0 || chan_pair(1 << 20, channel) < 0 ||
	    chan_pair(1 << 20, admin) < 0)
		fatal(errno, "socketpair");
	w->pid = fork();
	if (w->pid < 0)
		fatal(errno, "fork");
	if (w->pid == 0)
		writer_exec(
		    program, dir, durability, (const int[]){control[1], channel[1], admin[1]});
	(void)close(control[1]);
	(void)close(channel[1]);
	(void)close(admin[1]);
	*w = (struct writer){.pid = w->pid,
	    .control = control[0],
	    .channel = channel[0],
	    .admin = admin[0],
	    .sent = 0,
	    .acked = 0};
}

/* The next frame of this type; others are passed over. */
static void
await(int fd, int timeout_ms, uint16_t type, struct frame_in *ret, uint8_t *buf)
{
	enum peer self = type == MSG_READY || type == MSG_CLEARED ? PEER_SUPERVISOR
								  : PEER_EVALUATOR;
	const char *why = "";

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, timeout_ms) <= 0)
			fatalx("the writer is silent");
		n = chan_recv(fd, buf, LIMIT_FRAME, NULL);
		if (n <= 0)
			fatal((int)n, "the writer is gone");
		if (frame_open(ret, buf, (size_t)n, PEER_WRITER, self, CHAN_OPEN, false, &why) < 0)
			fatalx("a frame from the writer: %s", why);
		if (ret->type == type)
			return;
	}
}

static void
send_pair(int fd, enum msg_type type, uint64_t sequence, uint32_t first, uint32_t second)
{
	uint8_t buf[64];
	struct frame_out f;
	struct wire_out body;

	frame_begin(&f, buf, sizeof(buf), (uint16_t)type, sequence);
	body = frame_message(&f);
	wire_put_u32(&body, first);
	wire_put_u32(&body, second);
	(void)frame_commit(&f, &body);
	frame_end(&f);
	if (chan_send(fd, buf, f.n, -1) < 0)
		fatal(errno, "%s", msg_info((uint16_t)type)->name);
}

static void
writer_greet(struct writer *w)
{
	static uint8_t buf[LIMIT_FRAME];
	struct frame_in in;

	await(w->control, START_MS, MSG_READY, &in, buf);
	send_pair(w->control, MSG_EXPECT, 1, 1, 1); /* channel 1, generation 1 */
	await(w->control, ANSWER_MS, MSG_CLEARED, &in, buf);
	send_pair(w->channel, MSG_HELLO, 0, 1, (uint32_t)getpid());
	await(w->channel, ANSWER_MS, MSG_WELCOME, &in, buf);
}

static void
writer_stop(struct writer *w)
{
	int status = -1;

	(void)close(
	    w->control); /* the end of the supervisor: the writer closes its segment and ends */
	(void)waitpid(w->pid, &status, 0);
	(void)close(w->channel);
	(void)close(w->admin);
	if (status != 0)
		log_warn("the writer ended with status 0x%x", (unsigned)status);
}

/* --- the load ---------------------------------------------------------------------------------- */

static void
send_decisions(struct writer *w, const struct record *r, unsigned n)
{
	static uint8_t buf[LIMIT_FRAME];
	struct frame_out f;
	int error;

	frame_begin(&f, buf, sizeof(buf), MSG_DECISION, w->sent + 1);
	while (f.count < n) {
		struct wire_out body = frame_message(&f);

		record_put(&body, r);
		if (frame_commit(&f, &body) < 0)
			break;
	}
	frame_end(&f);
	while ((error = chan_send(w->channel, buf, f.n, -1)) == -EAGAIN)
		(void)poll(&(struct pollfd){.fd = w->channel, .events = POLLOUT}, 1, ANSWER_MS);
	if (error < 0)
		fatal(error, "send");
	w->sent += f.count;
}

static void
take_ack(struct writer *w)
{
	static uint8_t buf[LIMIT_FRAME];
	static struct msg_ack ack;
	struct frame_in in;
	struct wire_in body;

	await(w->channel, ANSWER_MS, MSG_ACK, &in, buf);
	while (frame_next(&in, &body)) {
		if (msg_ack_get(&body, &ack) < 0)
			fatalx("a malformed acknowledgement");
		for (uint16_t i = 0; i < ack.runs; i++)
			if (ack.run[i].refusal)
				fatalx("refused: %s", refusal_text(ack.run[i].refusal));
		w->acked = ack.through;
	}
}

static double
writer_rate(struct writer *w, const struct record *r, unsigned in_flight, double seconds)
{
	int64_t start = clock_monotonic(), now = start;
	uint64_t before = w->acked;

	while ((double)(now - start) < seconds * 1e6) {
		while (w->sent - w->acked < in_flight)
			send_decisions(w, r, in_flight - (unsigned)(w->sent - w->acked));
		take_ack(w);
		now = clock_monotonic();
	}
	while (w->acked < w->sent)
		take_ack(w);
	return (double)(w->acked - before) * 1e6 / (double)(clock_monotonic() - start);
}

static double
floor_rate(const char *dir, unsigned batch, bool sync, double seconds)
{
	struct floor_result result;
	int error = floor_measure(dir, batch, sync, seconds, &result);

	if (error < 0)
		fatal(error, "%s", dir);
	return result.records_per_second;
}

static void
measure(const char *program, const char *dir, const char *durability, double seconds)
{
	static const unsigned in_flight[] = {1, 16, 64, 256};
	bool sync = strcmp(durability, "sync") == 0;
	struct record r = floor_record();
	struct writer w;

	writer_start(&w, program, dir, durability);
	writer_greet(&w);
	for (size_t i = 0; i < ARRAY_SIZE(in_flight); i++) {
		double before = floor_rate(dir, in_flight[i], sync, seconds / 2);
		double rate = writer_rate(&w, &r, in_flight[i], seconds);
		double floor = (before + floor_rate(dir, in_flight[i], sync, seconds / 2)) / 2;

		printf("  %-6s %9u %12.0f %38.0f %7.2f\n", durability, in_flight[i], rate, floor,
		    rate / floor);
		(void)fflush(stdout);
	}
	writer_stop(&w);
}

int
main(int argc, char **argv)
{
	double seconds = argc > 3 ? strtod(argv[3], NULL) : 3;

	log_init("bench_writer");
	if (argc < 3 || argc > 4 || seconds <= 0)
		fatalx("usage: bench_writer WRITER DIR [SECONDS]");
	measure(argv[1], argv[2], "sync", seconds);
	measure(argv[1], argv[2], "commit", seconds);
	return 0;
}
