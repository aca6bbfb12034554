/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody has taken the admin process, or the supervisor: what each can do to the writer over its
 * channel. The admin's costs that channel alone. The supervisor's ends the writer, in order: every record
 * that was taken is there, the segment is closed and sealed.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/chan.h"
#include "proto/value.h"
#include "tests/unit/writer_harness.h"

#define ADMIN (HARNESS_EVALUATORS + 1)
#define ROUNDS 20

static struct harness h;
static struct log lg;

static int
setup(void **state)
{
	(void)state;
	harness_init(&h);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	log_free(&lg);
	harness_deinit(&h);
	return 0;
}

static void
begin(void)
{
	harness_start(&h, NULL);
	harness_decide(&h, 1, 30);
	harness_await_acks(&h, 1);
}

/* The log of a life that ended with this status: whole, closed, with a last word. */
static void
expect_log(int status, int wanted, const char *cause)
{
	assert_int_equal(status, wanted);
	log_read(&lg, h.audit);
	assert_int_equal(lg.closed, lg.files);
	assert_int_equal(lg.other, 0);
	assert_int_equal(lg.torn, 0);
	assert_true(log_count(&lg, "\"request_id\":\"c1-") >= 30);
	assert_int_equal(log_count_both(&lg, "\"event\":\"stop\"", cause), 1);
}

/* --- the admin --------------------------------------------------------------------------------- */

static struct record
admin_note(uint8_t *buf, size_t cap, const char *request)
{
	struct wire_out out = wire_out_over(buf, cap);

	value_open_object(&out);
	value_member_str(&out, STR("request"), str_from(request));
	value_close_object(&out);
	return (struct record){.category = RECORD_MANAGEMENT,
	    .action_type = ACTION_ADMIN,
	    .payload = {(const char *)buf, (size_t)(out.p - buf)}};
}

static void
records_of_others(void **state)
{
	uint64_t notes = 0, refused = 0;
	uint8_t buf[128];

	(void)state;
	begin();
	for (unsigned action = ACTION_SESSION; action <= ACTION_ORIGIN; action++) {
		struct record r = admin_note(buf, sizeof(buf), "status");

		r.action_type = (enum record_action_type)action;
		harness_send(&h, ADMIN, MSG_NOTE, &r, 1);
		notes += action == ACTION_ADMIN;
		refused += action != ACTION_ADMIN;
	}
	for (unsigned i = 0; i < 2; i++, refused++) { /* "shutdown" and nothing are no requests */
		struct record r = admin_note(buf, sizeof(buf), "shutdown");

		if (i == 1)
			r.payload = STR_NONE;
		harness_send(&h, ADMIN, MSG_NOTE, &r, 1);
	}
	harness_await_acks(&h, ADMIN);
	assert_int_equal(h.end[ADMIN].refused[REFUSAL_NONE], notes);
	assert_int_equal(h.end[ADMIN].refused[REFUSAL_INVALID], refused);
	expect_log(harness_finish(&h), 0, "\"cause\":\"finish\"");
	assert_int_equal(
	    log_count_both(&lg, "\"action_type\":\"admin\"", "\"request\":\"status\""), 1);
}

static size_t
one_message(uint8_t *buf, uint16_t type, uint64_t sequence, const void *bytes, size_t n)
{
	struct frame_out f;
	struct wire_out out;

	frame_begin(&f, buf, LIMIT_FRAME, type, sequence);
	out = frame_message(&f);
	wire_put_bytes(&out, (struct str){bytes, n});
	assert_int_equal(frame_commit(&f, &out), 0);
	frame_end(&f);
	return f.n;
}

/* Decisions above all, and everything that is between supervisor and writer. */
static void
messages_of_others(void **state)
{
	static uint8_t buf[LIMIT_FRAME];
	static const uint8_t zero[64];
	const struct msg_info *table;
	struct wire_in body;
	uint32_t generation = 1;
	size_t n, size;

	(void)state;
	begin();
	table = msg_table(&n);
	for (size_t i = 0; i < n; i++) {
		if ((table[i].from & PEER_ADMIN) && (table[i].to & PEER_WRITER))
			continue;
		size = one_message(buf, table[i].type, 1, zero, table[i].min);
		harness_send_raw(&h, ADMIN, buf, size, -1);
		harness_await_control(&h, MSG_FAULTED, buf, &body);
		assert_int_equal(wire_get_u32(&body), ADMIN);
		harness_open(&h, ADMIN, ++generation);
		harness_decide(&h, 2, 1);
		harness_await_acks(&h, 2);
	}
	expect_log(harness_finish(&h), 0, "\"cause\":\"finish\"");
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 30 + generation - 1);
	assert_int_equal(log_count(&lg, "\"event\":\"start\""), 1);
}

/* --- the supervisor ---------------------------------------------------------------------------- */

struct nonsense {
	const char *name;
	uint16_t type; /* 0: no frame */
	int ahead;     /* of the number that is next */
	struct str bytes;
	bool attached;
};

#define BYTES(literal)                         \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

static const struct nonsense nonsense[] = {
    {"no frame", 0, 0, BYTES("garbage"), false},
    {"an empty datagram", 0, 0, BYTES(""), false},
    {"a header and no more", 0, 0, BYTES("SWM1\x01\0\x11\0\0\0\0\0\1\0\0\0\0\0\0\0"), false},
    {"an unknown type", 250, 0, BYTES("\1\0\0\0"), false},
    {"a decision", MSG_DECISION, 0, BYTES("\1\0\0\0\0\0\0\0"), false},
    {"the writer's own word", MSG_FAULTED, 0, BYTES("\1\0\0\0"), false},
    {"a message left out", MSG_ROTATE, 1, BYTES("\1\0\0\0"), false},
    {"a message again", MSG_ROTATE, -1, BYTES("\1\0\0\0"), false},
    {"a request too short", MSG_ROTATE, 0, BYTES("\1\0\0"), false},
    {"a request too long", MSG_STATUS_ASK, 0, BYTES("\1\0\0\0\0"), false},
    {"a descriptor", MSG_ROTATE, 0, BYTES("\1\0\0\0"), true},
    {"channel 0 expected", MSG_EXPECT, 0, BYTES("\0\0\0\0\1\0\0\0"), false},
    {"a channel beyond the last", MSG_EXPECT, 0, BYTES("\4\0\0\0\1\0\0\0"), false},
    {"generation 0", MSG_EXPECT, 0, BYTES("\1\0\0\0\0\0\0\0"), false},
};

static void
talks_nonsense(void **state)
{
	static uint8_t buf[LIMIT_FRAME];

	(void)state;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		const struct nonsense *m = &nonsense[i];
		uint64_t number;
		size_t n = m->bytes.n;

		print_message("# %s\n", m->name);
		begin();
		number = h.end[0].next + (uint64_t)m->ahead;
		if (m->type)
			n = one_message(buf, m->type, number, m->bytes.p, m->bytes.n);
		else
			memcpy(buf, m->bytes.p, m->bytes.n);
		harness_send_raw(&h, 0, buf, n, m->attached ? STDERR_FILENO : -1);
		expect_log(harness_wait(&h), 1, "\"cause\":\"control channel broken\"");
		assert_true(harness_said(&h, "the supervisor broke the protocol"));
		(void)teardown(NULL);
		(void)setup(NULL);
	}
}

/* Asks without end and reads no answer: who asks for records is answered all the same. */
static void
asks_and_does_not_read(void **state)
{
	static uint8_t buf[LIMIT_FRAME];

	(void)state;
	begin();
	for (unsigned i = 0; i < 3000; i++) {
		const struct msg_expect expect = {i % 2 ? 1 : ADMIN, 2 + i}; /* not 2: it goes on */
		uint8_t body[8];
		struct wire_out out = wire_out_over(body, sizeof(body));
		enum msg_type type = i % 3 == 0   ? MSG_STATUS_ASK
				     : i % 3 == 1 ? MSG_EXPECT
						  : MSG_ROTATE;
		size_t n;

		msg_expect_put(&out, &expect);
		n = one_message(
		    buf, (uint16_t)type, h.end[0].next, body, type == MSG_EXPECT ? 8 : 4);
		if (chan_send(h.end[0].fd, buf, n, -1) == 0)
			h.end[0].next++;
		if (i % 100 == 0) {
			harness_decide(&h, 2, 1);
			harness_await_acks(&h, 2);
		}
	}
	harness_decide(&h, 2, 1);
	harness_await_acks(&h, 2);
	(void)close(h.end[0].fd);
	h.end[0].fd = -1;
	expect_log(harness_wait(&h), 0, "\"cause\":\"control channel closed\"");
	assert_int_equal(log_count(&lg, "\"request_id\":\"c2-"), 31);
}

/* Control frames that are nearly right, then its end. The writer ends well or at once, never otherwise. */
static void
nearly_right(void **state)
{
	static uint8_t buf[LIMIT_FRAME];
	static const uint16_t types[] = {
	    MSG_EXPECT, MSG_ROTATE, MSG_STATUS_ASK, MSG_NOTE, MSG_FINISH, MSG_HELLO};
	const char *given = getenv("SEALWRIGHT_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	(void)state;
	print_message("# seed %u\n", seed);
	srandom(seed);
	for (unsigned round = 0; round < ROUNDS; round++) {
		int status;

		begin();
		h.may_end = true;
		for (unsigned i = 0; i < 40 && !h.gone; i++) {
			uint16_t type = types[(size_t)random() % 5];
			uint8_t body[8] = {
			    (uint8_t)(random() % 4), 0, 0, 0, (uint8_t)(random() % 4)};
			size_t n = one_message(
			    buf, type, h.end[0].next++, body, msg_info(type)->min);

			if (random() % 10 == 0)
				buf[(size_t)random() % n] ^= (uint8_t)(1 << random() % 8);
			harness_send_raw(&h, 0, buf, n, -1);
			(void)harness_take(&h, 0, 0);
		}
		(void)close(h.end[0].fd);
		h.end[0].fd = -1;
		status = harness_wait(&h);
		expect_log(status, status == 0 ? 0 : 1, "\"cause\":");
		(void)teardown(NULL);
		(void)setup(NULL);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(records_of_others),
	    TEST(messages_of_others),
	    TEST(talks_nonsense),
	    TEST(asks_and_does_not_read),
	    TEST(nearly_right),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("taken_control", tests, NULL, NULL);
}
