/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile process can send to the writer: any datagram, through to the audit line. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/line.h"
#include "proto/msg.h"
#include "proto/payload.h"
#include "proto/record.h"
#include "proto/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A record that was accepted makes exactly one whole line, or is too long. */
static void
check_record(struct wire_in *body, enum msg_type type, enum peer from)
{
	struct line_stamp stamp = {.seq = 1, .channel = 1, .evaluation_peer = "unknown"};
	char buf[LIMIT_LINE];
	struct text t = text_over(buf, sizeof(buf));
	struct record r;
	const char *why;

	if (record_get(body, type, from, &r, &why) < 0)
		return;
	/* Must not matter for the line: it says whether the writer makes one at all. */
	(void)payload_check(&r, &why);
	if (line_format(&t, &r, &stamp) < 0)
		return;
	if (memchr(buf, '\n', t.n) != buf + t.n - 1 || line_measure(&r) < t.n)
		abort();
}

static void
check_small(struct wire_in body)
{
	static struct msg_ack ack;
	struct msg_hello hello;
	struct msg_welcome welcome;
	struct msg_ready ready;
	struct msg_result result;
	struct msg_expect expect;
	struct msg_cleared cleared;
	struct wire_in in[] = {body, body, body, body, body, body, body};

	(void)msg_hello_get(&in[0], &hello);
	(void)msg_welcome_get(&in[1], &welcome);
	(void)msg_ack_get(&in[2], &ack);
	(void)msg_ready_get(&in[3], &ready);
	(void)msg_result_get(&in[4], &result);
	(void)msg_expect_get(&in[5], &expect);
	(void)msg_cleared_get(&in[6], &cleared);
}

static void
check_frame(const uint8_t *data, size_t size, enum peer from, enum peer to, enum chan_state state)
{
	struct frame_in f;
	struct wire_in body;
	const char *why;

	if (frame_open(&f, data, size, from, to, state, false, &why) < 0)
		return;
	while (frame_next(&f, &body)) {
		check_small(body);
		if (f.type >= MSG_DECISION && f.type <= MSG_NOTE)
			check_record(&body, (enum msg_type)f.type, from);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum peer peers[] = {PEER_SUPERVISOR, PEER_EVALUATOR, PEER_ADMIN};

	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		check_frame(data, size, peers[i], PEER_WRITER, CHAN_NEW);
		check_frame(data, size, peers[i], PEER_WRITER, CHAN_OPEN);
		check_frame(data, size, PEER_WRITER, peers[i], CHAN_OPEN);
	}
	return 0;
}
