/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile process can send to the writer: any datagram, through to the audit line. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/line.h"
#include "proto/msg.h"
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

	if (record_get(body, type, from, &r, &why) < 0 || line_format(&t, &r, &stamp) < 0)
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
	struct wire_in in[5] = {body, body, body, body, body};

	(void)msg_hello_get(&in[0], &hello);
	(void)msg_welcome_get(&in[1], &welcome);
	(void)msg_ack_get(&in[2], &ack);
	(void)msg_ready_get(&in[3], &ready);
	(void)msg_result_get(&in[4], &result);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum peer peers[] = {PEER_SUPERVISOR, PEER_WRITER, PEER_EVALUATOR, PEER_ADMIN};

	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		enum peer to = peers[i] == PEER_WRITER ? PEER_EVALUATOR : PEER_WRITER;
		struct frame_in f;
		struct wire_in body;
		const char *why;

		if (frame_open(&f, data, size, peers[i], to, CHAN_OPEN, false, &why) < 0)
			continue;
		while (frame_next(&f, &body)) {
			check_small(body);
			if (f.type >= MSG_DECISION && f.type <= MSG_NOTE)
				check_record(&body, (enum msg_type)f.type, peers[i]);
		}
	}
	return 0;
}
