/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody has taken an evaluator (taken.h): what he can put into frames and records. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/chan.h"
#include "common/clock.h"
#include "proto/value.h"
#include "tests/unit/taken.h"

static void
malformed(void **state)
{
	static struct frame f;

	(void)state;
	for (size_t bit = 0; bit < 32; bit++) {
		frame_decision(&f);
		f.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		bed_fault_by(f.bytes, f.n, -1, "wrong magic");
	}
	frame_decision(&f);
	frame_poke(&f, AT_VERSION, 2, 2);
	bed_fault_by(f.bytes, f.n, -1, "unknown frame version");
	for (uint16_t type = 0; type < 60; type++) {
		if (msg_info(type))
			continue;
		frame_decision(&f);
		frame_poke(&f, AT_TYPE, type, 2);
		bed_fault_by(f.bytes, f.n, -1, "unknown message type");
	}
	for (int by = -2; by <= 2; by++) {
		frame_decision(&f);
		frame_poke(&f, AT_LENGTH, f.n - FRAME_HEADER + (uint64_t)by, 4);
		if (by != 0)
			bed_fault_by(f.bytes, f.n, -1, "frame length does not match the datagram");
	}
	frame_decision(&f);
	frame_poke(&f, AT_LENGTH, UINT32_MAX, 4);
	bed_fault_by(f.bytes, f.n, -1, "frame length does not match the datagram");
	bed_finish();
	bed_faults_recorded();
}

/* A frame that ends at any of its bytes, and one that is longer than it says or may be. */
static void
cut_and_stretched(void **state)
{
	static struct frame f;

	(void)state;
	frame_decision(&f);
	for (size_t n = 1; n < FRAME_HEADER; n++)
		bed_fault_by(f.bytes, n, -1, "shorter than a frame header");
	for (size_t n = FRAME_HEADER; n < f.n; n++)
		bed_fault_by(f.bytes, n, -1, "frame length does not match the datagram");
	/* The same with a length that is right: half messages. */
	for (size_t n = FRAME_HEADER + 1; n < f.n; n++) {
		frame_poke(&f, AT_LENGTH, n - FRAME_HEADER, 4);
		bed_fault_by(f.bytes, n, -1, "message runs past the frame");
	}
	frame_poke(&f, AT_LENGTH, 0, 4);
	bed_fault_by(f.bytes, FRAME_HEADER, -1, "frame without a message");
	bed_fault_by(f.bytes, 0, -1, "descriptor attached, or an empty frame");
	memset(f.bytes, 0, sizeof(f.bytes));
	for (size_t n = LIMIT_FRAME + 1; n < sizeof(f.bytes); n += 31) {
		assert_int_equal(send(bed.h.end[TAKEN].fd, f.bytes, n, 0), n);
		bed_await_faulted();
		bed_expect("frame longer than permitted", 1);
		bed_replace();
	}
	bed_finish();
	bed_faults_recorded();
}

static void
lengths_of_messages(void **state)
{
	static const enum msg_type types[] = {MSG_DECISION, MSG_EVENT, MSG_OUTCOME, MSG_NOTE};
	static const char why[] = "message length outside its type's bounds";
	static struct frame f;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const struct msg_info *info = msg_info((uint16_t)types[i]);

		frame_zeros(&f, info->type, 1, 1, info->min - 1u);
		bed_fault_by(f.bytes, f.n, -1, why);
		frame_zeros(&f, info->type, 1, 1, info->max + 1u);
		bed_fault_by(f.bytes, f.n, -1, why);
		/* A good one before it does not help, and is not used. */
		frame_zeros(&f, info->type, 1, 2, info->min);
		frame_poke(&f, AT_MESSAGE + 2 + info->min, UINT16_MAX, 2);
		bed_fault_by(f.bytes, f.n, -1, "message runs past the frame");
	}
	bed_finish();
	bed_faults_recorded();
	assert_int_equal(
	    log_count_both(&bed.lg, "AUDIT_CATEGORY_EVALUATION", "\"evaluator\":1,"), 20);
}

/* Types that are not for it to send, and those that are, in a state where they may not be sent. */
static void
wrong_types_and_states(void **state)
{
	static struct frame f;
	const struct msg_info *table;
	size_t n;

	(void)state;
	table = msg_table(&n);
	for (size_t i = 0; i < n; i++) {
		frame_zeros(&f, table[i].type, 1, 1, table[i].min);
		if (!(table[i].from & PEER_EVALUATOR) || !(table[i].to & PEER_WRITER))
			bed_fault_by(f.bytes, f.n, -1, "message type not for this direction");
	}
	for (int type = MSG_DECISION; type <= MSG_NOTE; type++) {
		harness_expect(&bed.h, TAKEN, ++bed.generation);
		assert_int_equal(harness_await_cleared(&bed.h, TAKEN, bed.generation), 0);
		frame_zeros(&f, (uint16_t)type, 1, 1, msg_info((uint16_t)type)->min);
		bed_fault_by(f.bytes, f.n, -1, "message type not permitted now");
	}
	frame_zeros(&f, MSG_HELLO, 0, 1, 8); /* a second one */
	bed_fault_by(f.bytes, f.n, -1, "message type not permitted now");
	bed_finish();
	bed_faults_recorded();
}

/* HELLO: of another generation, of none, two at once, with a number, and the highest number there is. */
static void
hellos(void **state)
{
	const uint32_t wrong[] = {0, 1, 2, UINT32_MAX};
	static struct frame f;

	(void)state;
	for (unsigned i = 0; i < 4 + 3; i++) {
		harness_expect(&bed.h, TAKEN, ++bed.generation);
		assert_int_equal(harness_await_cleared(&bed.h, TAKEN, bed.generation), 0);
		frame_zeros(&f, MSG_HELLO, i == 4, i == 5 ? 2 : 1, 8);
		frame_poke(&f, AT_MESSAGE + 2,
		    i < 4    ? wrong[i]
		    : i == 6 ? bed.generation + 1
			     : bed.generation,
		    4);
		if (i == 0 || i == 4 || i == 5)
			bed_fault_by(f.bytes, f.n, -1, "malformed HELLO");
		else
			bed_fault_by(
			    f.bytes, f.n, -1, "HELLO of a generation that was not announced");
	}
	bed_finish();
	bed_faults_recorded();
}

/* Frames of before, once more; frames out of their order; numbers of nowhere. */
static void
replayed_and_interleaved(void **state)
{
	static const char why[] = "message numbers do not follow each other";
	const uint64_t wrong[] = {0, 1, 2, 4, UINT64_MAX, UINT64_C(1) << 32 | 3};
	static struct frame f, late;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		harness_decide(&bed.h, TAKEN, 2);
		frame_decision(&f);
		frame_poke(&f, AT_SEQUENCE, wrong[i], 8);
		bed_fault_by(f.bytes, f.n, -1, why);
	}
	frame_decision(&f); /* once, and then again and again */
	harness_send_raw(&bed.h, TAKEN, f.bytes, f.n, -1);
	bed.h.end[TAKEN].next++;
	harness_await_acks(&bed.h, TAKEN);
	for (unsigned n = 0; n < 5; n++) {
		bed_fault_by(f.bytes, f.n, -1, why);
		frame_poke(&f, AT_SEQUENCE, 7, 8);
	}
	frame_decision(&late); /* the second half of two comes first */
	frame_poke(&late, AT_SEQUENCE, bed.h.end[TAKEN].next + 1, 8);
	bed_fault_by(late.bytes, late.n, -1, why);
	/* An acknowledgement of the writer's, sent back to it. */
	harness_decide(&bed.h, TAKEN, 1);
	{
		struct pollfd p = {.fd = bed.h.end[TAKEN].fd, .events = POLLIN};
		ssize_t got;

		assert_int_equal(poll(&p, 1, 5000), 1);
		got = chan_recv(p.fd, f.bytes, LIMIT_FRAME, NULL);
		assert_true(got > 0);
		bed_fault_by(f.bytes, (size_t)got, -1, "message type not for this direction");
	}
	bed_finish();
	bed_faults_recorded();
	/* What was in order before the fault is on record, and no frame twice. */
	assert_int_equal(log_count_both(&bed.lg, "AUDIT_CATEGORY_EVALUATION", "\"evaluator\":1,"),
	    20 + 2 * ARRAY_SIZE(wrong) + 1 + 1);
	assert_int_equal(log_count_both(&bed.lg, "\"evaluator\":1,", "\"request_id\":\"x\""), 1);
}

/* --- descriptors ------------------------------------------------------------------------------- */

static void
send_attached(const struct frame *f, int n, bool credentials)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(253 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)f->bytes, f->n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room};
	struct cmsghdr *c = (struct cmsghdr *)control.room;

	if (n > 0) {
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		for (int i = 0; i < n; i++)
			memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int), &bed.h.end[TAKEN].fd,
			    sizeof(int));
		msg.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
	}
	if (credentials) {
		const struct ucred me = {getpid(), getuid(), getgid()};

		c = (struct cmsghdr *)(control.room + msg.msg_controllen);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_CREDENTIALS;
		c->cmsg_len = CMSG_LEN(sizeof(me));
		memcpy(CMSG_DATA(c), &me, sizeof(me));
		msg.msg_controllen += CMSG_SPACE(sizeof(me));
	}
	assert_int_equal(sendmsg(bed.h.end[TAKEN].fd, &msg, 0), f->n);
}

static void
descriptors(void **state)
{
	const int numbers[] = {1, 2, 3, 64, 253};
	int had = bed_writer_descriptors();
	static struct frame f;

	(void)state;
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(numbers); i++) {
		frame_decision(&f);
		send_attached(&f, numbers[i / 2], i % 2);
		bed_await_faulted();
		bed_expect("descriptor attached, or an empty frame", 1);
		bed_replace();
	}
	/* Credentials alone reach nobody who did not ask for them. */
	frame_decision(&f);
	send_attached(&f, 0, true);
	bed.h.end[TAKEN].next++;
	harness_await_acks(&bed.h, TAKEN);
	assert_int_equal(bed_writer_descriptors(), had);
	bed_finish();
	bed_faults_recorded();
	assert_int_equal(log_count_both(&bed.lg, "\"evaluator\":1,", "\"request_id\":\"x\""), 1);
}

/* --- records ----------------------------------------------------------------------------------- */

/* One message of these bytes, refused by itself: the channel stays open. */
static void
refused_for(enum msg_type type, const void *bytes, size_t n, const char *why)
{
	static struct frame f;
	uint64_t had = bed.h.end[TAKEN].refused[REFUSAL_INVALID];
	struct frame_out out;
	struct wire_out body;

	frame_begin(&out, f.bytes, LIMIT_FRAME, (uint16_t)type, bed.h.end[TAKEN].next++);
	body = frame_message(&out);
	wire_put_bytes(&body, (struct str){bytes, n});
	assert_int_equal(frame_commit(&out, &body), 0);
	frame_end(&out);
	harness_send_raw(&bed.h, TAKEN, f.bytes, out.n, -1);
	harness_await_acks(&bed.h, TAKEN);
	assert_int_equal(bed.h.end[TAKEN].refused[REFUSAL_INVALID], had + 1);
	bed_expect(why, 1);
}

/*
 * Number, time, session, channel, event id, host and hash have no tag at all: every tag that is none of
 * record.def's is refused.
 */
static void
what_only_the_writer_says(void **state)
{
	bool known[256] = {false};
	uint8_t bytes[32] = {0};

	(void)state;
#define FIELD(tag, member, json, form, categories, max) known[tag] = true;
#include "proto/record.def"
	known[0] = false; /* the mark of what has none: see below */
	for (unsigned tag = 0; tag < 256; tag++) {
		if (known[tag])
			continue;
		bytes[0] = (uint8_t)tag;
		bytes[1] = 13;
		refused_for(MSG_DECISION, bytes, 16,
		    tag == 0 ? "field repeated or out of order" : "unknown field");
	}
	bed_finish();
	bed_faults_recorded();
}

/* Of a good record, each byte in turn is set to values that are likely to hurt: refused or recorded. */
static void
spoilt_records(void **state)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, '"', '\n', '{'};
	static struct frame f;
	uint64_t sent = 0, refused;

	(void)state;
	frame_decision(&f);
	for (size_t at = AT_MESSAGE + 2; at < f.n; at++) {
		for (unsigned i = 0; i < ARRAY_SIZE(values); i++, sent++) {
			frame_decision(&f);
			f.bytes[at] = values[i];
			harness_send_raw(&bed.h, TAKEN, f.bytes, f.n, -1);
			bed.h.end[TAKEN].next++;
		}
		harness_await_acks(&bed.h, TAKEN);
	}
	refused = bed.h.end[TAKEN].refused[REFUSAL_INVALID];
	assert_true(refused > sent / 10);
	bed_finish();
	assert_int_equal(log_count_both(&bed.lg, "AUDIT_CATEGORY_EVALUATION", "\"evaluator\":1,"),
	    20 + sent - refused);
}

static const char *const evil[] = {
    "\n",
    "\"}\n{\"audit_event_id\":\"00000000-0000-8000-8000-000000000001\",\"seq\":1}\n",
    "\\\"},\\\"seq\\\":1",
    "\xff\xfe\xc0\xaf\xe0\x80\x80\xf8\x88",
    "\xed\xa0\x80\xed\xbf\xbf",
    "\xe2\x80\xa8\xe2\x80\xa9\xc2\x85",
    "\x01\x02\x1b]0;owned\x07\x1b[2J\x7f\r",
    "{\"a\":[",
    "\\u0000\\",
};

static void
put_evil_details(struct wire_out *out, const char *text)
{
	value_open_object(out);
	value_member_str(out, STR("seq"), STR("1"));
	value_member_str(out, STR("\"}\n{\"seq\":9"), str_from(text));
	value_put_key(out, STR("nested"));
	value_open_array(out);
	for (int i = 0; i < 20; i++)
		value_put_str(out, str_from(text));
	value_close_array(out);
	value_close_object(out);
}

/* Every string that there is; the log is read back line by line, and each is one line. */
static void
injection(void **state)
{
	static uint8_t details[4096];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(evil); i++) {
		struct str s = str_from(evil[i]);
		struct wire_out out = wire_out_over(details, sizeof(details));
		struct record r = harness_decision("x"), event = {.category = RECORD_EVENT};

		put_evil_details(&out, evil[i]);
		r.username = r.user_email = r.org_id = r.org_name = r.sandbox_id = r.agent = s;
		r.resource_id = r.client_name = r.action = r.policy_id = r.rule_id = s;
		r.policy_revision = r.request_id = s;
		r.decision = DECISION_DENY;
		r.reasons = RECORD_REASONS;
		for (unsigned k = 0; k < RECORD_REASONS; k++)
			r.deny_reason[k] = s;
		harness_send(&bed.h, TAKEN, MSG_DECISION, &r, 1);
		event.action_type = ACTION_APPLICATION_EVENT;
		event.level = LEVEL_ERROR;
		event.has_peer = true;
		event.event = event.actor = event.username = event.request_id = s;
		event.details = (struct str){(const char *)details, (size_t)(out.p - details)};
		harness_send(&bed.h, TAKEN, MSG_EVENT, &event, 1);
	}
	harness_await_acks(&bed.h, TAKEN);
	assert_int_equal(bed.h.end[TAKEN].refused[REFUSAL_NONE], 20 + 2 * ARRAY_SIZE(evil));
	bed_finish();
	bed_faults_recorded();
	assert_int_equal(
	    log_count_both(&bed.lg, "\"evaluator\":1,", "AUDIT_DECISION_DENY"), ARRAY_SIZE(evil));
	assert_int_equal(
	    log_count_both(&bed.lg, "\"evaluator\":1,", "AUDIT_CATEGORY_EVENT"), ARRAY_SIZE(evil));
}

/* Lines around 8 KiB: to the byte, those that fit are recorded and the others refused. */
static void
long_lines(void **state)
{
	static char long_text[LIMIT_RESOURCE + 1];
	uint64_t fit = 0, too_large;

	(void)state;
	memset(long_text, '\x01', LIMIT_RESOURCE);
	for (size_t n = 1000; n <= LIMIT_RESOURCE; n += 43) {
		struct record r = harness_decision("x");

		r.resource_id = (struct str){long_text, n}; /* six for one */
		harness_send(&bed.h, TAKEN, MSG_DECISION, &r, 1);
		fit++;
	}
	harness_await_acks(&bed.h, TAKEN);
	too_large = bed.h.end[TAKEN].refused[REFUSAL_TOO_LARGE];
	assert_true(too_large > 0 && too_large < fit);
	bed_finish();
	bed_faults_recorded();
	assert_int_equal(
	    log_count_both(&bed.lg, "\"evaluator\":1,", "\"request_id\":\"x\""), fit - too_large);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(malformed),
	    TEST(cut_and_stretched),
	    TEST(lengths_of_messages),
	    TEST(wrong_types_and_states),
	    TEST(hellos),
	    TEST(replayed_and_interleaved),
	    TEST(descriptors),
	    TEST(what_only_the_writer_says),
	    TEST(spoilt_records),
	    TEST(injection),
	    TEST(long_lines),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("taken_evaluator", tests, NULL, NULL);
}
