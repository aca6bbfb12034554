/* SPDX-License-Identifier: Apache-2.0 */
/* A real auditd-writer and processes at its channels that do wrong, die or do not read. */
#include "tests/unit/writer_case.h"

#define BREACHES 9

static void
expect_faulted(uint32_t channel)
{
	static uint8_t buf[LIMIT_FRAME];
	struct wire_in body;

	harness_await_control(&h, MSG_FAULTED, buf, &body);
	assert_int_equal(wire_get_u32(&body), channel);
	assert_true(wire_in_done(&body));
}

/* A frame that breaks the protocol of channel 1 in one of BREACHES ways, and its descriptor (-1: none). Its size. */
static size_t
breach(unsigned way, uint8_t *buf, int *ret_fd)
{
	uint64_t next = h.end[1].next;
	size_t n = zeros(buf, MSG_DECISION, next, 1, 16);

	*ret_fd = -1;
	switch (way) {
	case 0: /* no frame at all */
		memset(buf, 'x', n);
		return n;
	case 1: /* a message left out */
		return zeros(buf, MSG_DECISION, next + 1, 1, 16);
	case 2: /* a message replayed */
		harness_decide(&h, 1, 1);
		harness_await_acks(&h, 1);
		return n;
	case 3: /* a descriptor */
		*ret_fd = STDERR_FILENO;
		return n;
	case 4: /* bytes left over */
		return n + 1;
	case 5: /* not for evaluators */
		return zeros(buf, MSG_ROTATE, next, 1, 4);
	case 6: /* of the writer's own */
		return zeros(buf, MSG_WELCOME, next, 1, 45);
	case 7: /* more under way than permitted */
		return zeros(buf, MSG_DECISION, next, LIMIT_UNACKED + 1, 8);
	case 8: /* once more */
		return zeros(buf, MSG_HELLO, 0, 1, 8);
	default:
		fail();
		return 0;
	}
}

/* Break the protocol on channel 1 in one way after the other; channel 2 does not notice. */
static void
shuts_a_channel_that_breaks_the_protocol(void **state)
{
	static uint8_t buf[LIMIT_FRAME + 1];

	(void)state;
	harness_start(&h, NULL);
	for (unsigned way = 0; way < BREACHES; way++) {
		uint64_t next = h.end[1].next;
		int fd;
		size_t n = breach(way, buf, &fd);

		harness_send_raw(&h, 1, buf, n, fd);
		expect_faulted(1);
		/* Shut: dropped, not recorded, not acknowledged. */
		harness_send_raw(&h, 1, buf, zeros(buf, MSG_DECISION, next, 1, 16), -1);
		harness_decide(&h, 2, 3);
		harness_await_acks(&h, 2);
		harness_open(&h, 1, way + 2);
		harness_decide(&h, 1, 1);
		harness_await_acks(&h, 1);
	}
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), BREACHES * 4 + 1);
	/* The first at once, the others after a minute or at the end, each kind with its count. */
	assert_int_equal(log_count(&lg, "\"action_type\":\"channel\""), 8);
	assert_non_null(log_find(&lg, "\"fault\":\"wrong magic\",\"count\":1}"));
	assert_non_null(
	    log_find(&lg, "\"fault\":\"message numbers do not follow each other\",\"count\":2}"));
	/* Messages that were refused before it was one too many. */
	assert_non_null(log_find(&lg, "\"count\":4096}"));
	assert_non_null(log_find(&lg, "\"faults\":9,"));
}

static void
records_what_a_predecessor_left_behind(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	assert_int_equal(kill(h.pid, SIGSTOP), 0);
	harness_decide(&h, 1, 7);
	harness_expect(&h, 1, 5);
	assert_int_equal(kill(h.pid, SIGCONT), 0);
	assert_int_equal(harness_await_cleared(&h, 1, 5), 0);
	harness_hello(&h, 1, 5);
	harness_welcome(&h, 1, 5);
	harness_decide(&h, 1, 2);
	harness_await_acks(&h, 1);
	assert_int_equal(h.end[1].refused[REFUSAL_NONE], 2);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 9);
}

/*
 * A process that dies may have left a HELLO for its successor, and more: nothing of that counts, and
 * what it left of its own does.
 */
static void
takes_no_hello_of_a_predecessor(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	assert_int_equal(kill(h.pid, SIGSTOP), 0);
	harness_decide(&h, 1, 3);
	harness_hello(&h, 1, 2);
	harness_decide(&h, 1, 5);
	harness_expect(&h, 1, 2);
	assert_int_equal(kill(h.pid, SIGCONT), 0);
	assert_int_equal(harness_await_cleared(&h, 1, 2), 0);
	harness_hello(&h, 1, 2);
	harness_welcome(&h, 1, 2);
	harness_decide(&h, 1, 7);
	harness_await_acks(&h, 1);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 3 + 7);
	assert_int_equal(
	    log_count(&lg, "\"fault\":\"message type not permitted now\",\"count\":1}"), 1);
}

/* One HELLO for one announcement; the highest number is a number like others, and 1 follows it. */
static void
takes_the_announced_generation_alone(void **state)
{
	const uint32_t wrong[] = {1, 2, 4, UINT32_MAX}, right[] = {3, UINT32_MAX, 1, 2};

	(void)state;
	harness_start(&h, NULL);
	for (unsigned i = 0; i < 4; i++) {
		harness_expect(&h, 1, right[i]);
		assert_int_equal(harness_await_cleared(&h, 1, right[i]), 0);
		if (wrong[i] == right[i])
			continue;
		harness_hello(&h, 1, wrong[i]);
		expect_faulted(1);
		harness_open(&h, 1, right[i]);
		harness_decide(&h, 1, 1);
		harness_await_acks(&h, 1);
		harness_hello(&h, 1, right[i]); /* once more */
		expect_faulted(1);
	}
	harness_decide(&h, 2, 1);
	harness_await_acks(&h, 2);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 5);
	assert_non_null(
	    log_find(&lg, "\"fault\":\"HELLO of a generation that was not announced\","));
}

/* As no evaluator of ours can: its filter has no shutdown(). */
static void
says_that_a_channel_was_shut_down(void **state)
{
	const int ways[] = {SHUT_WR, SHUT_RD, SHUT_RDWR};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		if (i > 0) {
			teardown(NULL);
			assert_int_equal(setup(NULL), 0);
		}
		harness_start(&h, NULL);
		assert_int_equal(shutdown(h.end[1].fd, ways[i]), 0);
		if (ways[i] == SHUT_RD)
			harness_decide(
			    &h, 1, 1); /* found when its acknowledgement cannot be sent */
		harness_decide(&h, 2, 1);
		harness_await_acks(&h, 2);
		harness_expect(&h, 1, 2);
		assert_int_equal(harness_await_cleared(&h, 1, 2), -EPIPE);
		harness_decide(&h, 2, 2);
		harness_await_acks(&h, 2);
		finish_and_read();
		assert_int_equal(
		    log_count(&lg, "\"fault\":\"channel was shut down\",\"count\":1}"), 1);
	}
}

/* Frames on a channel before its HELLO are a fault; its first HELLO opens it. */
static void
wants_hello_first(void **state)
{
	static uint8_t buf[LIMIT_FRAME];
	struct wire_in body;

	(void)state;
	harness_spawn(&h, NULL);
	harness_await_control(&h, MSG_READY, buf, &body);
	assert_int_equal(msg_ready_get(&body, &h.ready), 0);
	harness_decide(&h, 2, 1);
	expect_faulted(2);
	harness_open(&h, 2, 1);
	harness_decide(&h, 2, 1);
	harness_await_acks(&h, 2);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 1);
}

/* A peer that never reads its acknowledgements loses nothing and holds up nobody. */
static void
goes_on_beside_one_that_does_not_read(void **state)
{
	(void)state;
	harness_start(&h, NULL);
	for (unsigned i = 0; i < 4000; i++) {
		harness_decide(&h, 1, 1);
		if (i % 100 == 0) {
			harness_decide(&h, 2, 1);
			harness_await_acks(&h, 2);
		}
	}
	harness_await_acks(&h, 1);
	finish_and_read();
	assert_int_equal(log_count(&lg, "AUDIT_CATEGORY_EVALUATION"), 4040);
	assert_int_equal(log_count(&lg, "\"action_type\":\"channel\""), 0);
}

/* One channel's flood does not keep another's message waiting for long. */
static void
drains_fairly(void **state)
{
	(void)state;
	harness_start(&h, OPTIONS("--rotate-records=100000"));
	assert_int_equal(kill(h.pid, SIGSTOP), 0);
	for (int i = 0; i < 12; i++)
		harness_decide(&h, 1, 200);
	harness_decide(&h, 2, 1);
	assert_int_equal(kill(h.pid, SIGCONT), 0);
	harness_await_acks(&h, 2);
	/* It came last and did not have to wait for everything of the other. */
	assert_true(h.end[2].last_seq < 12 * 200);
	harness_await_acks(&h, 1);
	finish_and_read();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(shuts_a_channel_that_breaks_the_protocol),
	    TEST(records_what_a_predecessor_left_behind),
	    TEST(takes_no_hello_of_a_predecessor),
	    TEST(takes_the_announced_generation_alone),
	    TEST(says_that_a_channel_was_shut_down),
	    TEST(wants_hello_first),
	    TEST(goes_on_beside_one_that_does_not_read),
	    TEST(drains_fairly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
