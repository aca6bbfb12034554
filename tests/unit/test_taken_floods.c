/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody has taken an evaluator (taken.h): how much he can send, how little, until when, and anything at
 * random (SEALWRIGHT_SEED). What the neighbours had to wait is told, not judged.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/chan.h"
#include "common/clock.h"
#include "proto/value.h"
#include "tests/unit/taken.h"

/* --- floods ------------------------------------------------------------------------------------ */

/* Without waiting for room. */
static bool
push(const struct frame *f)
{
	return chan_send(bed.h.end[TAKEN].fd, f->bytes, f->n, -1) == 0;
}

static void
take_everything(void)
{
	while (harness_take(&bed.h, TAKEN, 0))
		;
}

/* As an evaluator may: as much as there is room for, acknowledged or not. */
static void
flood_of_records(int64_t until)
{
	static struct frame f;

	while (clock_monotonic() < until) {
		take_everything();
		if (bed.h.end[TAKEN].next - 1 - bed.h.end[TAKEN].acked > LIMIT_UNACKED - 1)
			continue;
		frame_decision(&f);
		if (push(&f))
			bed.h.end[TAKEN].next++;
	}
	harness_await_acks(&bed.h, TAKEN);
}

/* Every frame is refused by itself, none costs the channel. */
static void
flood_of_refusals(int64_t until)
{
	static struct frame f;

	while (clock_monotonic() < until) {
		take_everything();
		if (bed.h.end[TAKEN].next - 1 - bed.h.end[TAKEN].acked > LIMIT_UNACKED - 100)
			continue;
		frame_zeros(&f, MSG_EVENT, bed.h.end[TAKEN].next, 50, 8);
		if (!push(&f))
			continue;
		bed.h.end[TAKEN].next += 50;
		bed_expect("field repeated or out of order", 50);
	}
	harness_await_acks(&bed.h, TAKEN);
}

/* The first one costs the channel; the others cost the writer nothing. */
static void
flood_of_garbage(int64_t until)
{
	static struct frame f;

	memset(f.bytes, 'x', 512);
	f.n = 512;
	while (clock_monotonic() < until)
		(void)push(&f);
	bed_await_faulted();
	bed_expect("wrong magic", 1);
	bed_replace();
}

/* With a supervisor that replaces the process each time. */
static void
flood_of_hellos(int64_t until)
{
	static struct frame f;

	frame_zeros(&f, MSG_HELLO, 0, 1, 8);
	frame_poke(&f, AT_MESSAGE + 2, UINT32_MAX, 4);
	while (clock_monotonic() < until) {
		for (int i = 0; i < 20; i++)
			(void)push(&f);
		bed_await_faulted();
		bed_expect("message type not permitted now", 1);
		bed_replace();
	}
}

static void
floods(void **state)
{
	static const struct {
		const char *name;
		void (*run)(int64_t until);
	} flood[] = {
	    {"flood of records", flood_of_records},
	    {"flood of refusals", flood_of_refusals},
	    {"flood of garbage", flood_of_garbage},
	    {"flood of HELLOs", flood_of_hellos},
	};
	int64_t us = bed_milliseconds() * 1000;

	(void)state;
	neighbours_measure(bed.others);
	(void)usleep((useconds_t)us);
	neighbours_tell(bed.others, "no attack");
	for (unsigned i = 0; i < ARRAY_SIZE(flood); i++) {
		neighbours_measure(bed.others);
		flood[i].run(clock_monotonic() + us);
		neighbours_tell(bed.others, flood[i].name);
		neighbours_expect(bed.others, 3);
	}
	bed_finish();
	bed_faults_recorded();
}

/* More than it may have under way: the messages up to then are answered, the channel is shut. */
static void
too_many_under_way(void **state)
{
	static struct frame f;

	(void)state;
	frame_zeros(&f, MSG_DECISION, bed.h.end[TAKEN].next, LIMIT_UNACKED + 1, 8);
	bed_fault_by(f.bytes, f.n, -1, "more messages under way than permitted");
	bed_expect("field repeated or out of order", LIMIT_UNACKED);
	bed_finish();
	bed_faults_recorded();
}

/* Control messages that tell of the channel; false: none came. */
static bool
was_shut(int ms)
{
	static uint8_t buf[LIMIT_FRAME];
	struct pollfd p = {.fd = bed.h.end[0].fd, .events = POLLIN};
	const char *why = "";
	struct frame_in f;
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return false;
	n = chan_recv(p.fd, buf, sizeof(buf), NULL);
	assert_true(n > 0);
	assert_int_equal(
	    frame_open(&f, buf, (size_t)n, PEER_WRITER, PEER_SUPERVISOR, CHAN_OPEN, false, &why),
	    0);
	assert_int_equal(f.type, MSG_FAULTED);
	bed.faulted++;
	return true;
}

/*
 * Never reads an acknowledgement. As long as no more is under way than permitted, the writer keeps what
 * finds no room; who goes on sending breaks a rule when that is full.
 */
static void
never_reads(void **state)
{
	static struct frame f;
	uint64_t sent = 0;

	(void)state;
	while (sent < LIMIT_UNACKED) {
		frame_decision(&f);
		if (!push(&f))
			continue;
		bed.h.end[TAKEN].next++;
		sent++;
	}
	neighbours_expect(bed.others, 20);
	harness_await_acks(&bed.h, TAKEN);
	while (!was_shut(0)) {
		frame_decision(&f);
		bed.h.end[TAKEN].next += push(&f);
	}
	bed_expect("more messages under way than permitted", 1);
	bed_replace();
	bed_finish();
	bed_faults_recorded();
	assert_true(log_count_both(&bed.lg, "\"evaluator\":1,", "\"request_id\":\"x\"") > sent);
}

/* Says nothing at all, before HELLO and after. */
static void
silent(void **state)
{
	(void)state;
	neighbours_expect(bed.others, 20);
	harness_expect(&bed.h, TAKEN, ++bed.generation);
	assert_int_equal(harness_await_cleared(&bed.h, TAKEN, bed.generation), 0);
	neighbours_expect(bed.others, 20);
	bed_finish();
	bed_faults_recorded();
}

/* --- ends -------------------------------------------------------------------------------------- */

/* Dies at any moment, with frames and halves of frames in the channel; its successor is another. */
static void
dies_at_any_moment(void **state)
{
	static struct frame f;
	unsigned whole = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		for (unsigned k = 0; k < i % 5; k++, whole++) {
			frame_decision(&f);
			harness_send_raw(&bed.h, TAKEN, f.bytes, f.n, -1);
			bed.h.end[TAKEN].next++;
		}
		if (i % 2) { /* a half, which comes when all else is taken */
			frame_decision(&f);
			harness_send_raw(&bed.h, TAKEN, f.bytes, f.n / 2, -1);
			bed_expect("frame length does not match the datagram", 1);
			bed.faulted++;
		}
		bed_replace(); /* no word of FAULTED: that process has ended by itself */
	}
	bed_finish();
	bed_faults_recorded();
	assert_int_equal(
	    log_count_both(&bed.lg, "\"evaluator\":1,", "\"request_id\":\"x\""), whole);
}

/* What only a process without our jail could do: the channel ends, and nothing else does. */
static void
shuts_its_channel(void **state)
{
	(void)state;
	harness_decide(&bed.h, TAKEN, 3);
	assert_int_equal(shutdown(bed.h.end[TAKEN].fd, SHUT_RDWR), 0);
	neighbours_expect(bed.others, 20);
	harness_expect(&bed.h, TAKEN, ++bed.generation);
	assert_int_equal(harness_await_cleared(&bed.h, TAKEN, bed.generation), -EPIPE);
	bed_expect("channel was shut down", 1);
	bed_finish();
	bed_faults_recorded();
	assert_int_equal(
	    log_count_both(&bed.lg, "\"evaluator\":1,", "AUDIT_CATEGORY_EVALUATION"), 23);
}

/* --- at random --------------------------------------------------------------------------------- */

static void
mutate(struct frame *f)
{
	for (long changes = random() % 4; changes > 0; changes--)
		f->bytes[(size_t)random() % f->n] = (uint8_t)random();
	switch (random() % 8) {
	case 0:
		f->n = (size_t)random() % f->n + 1;
		break;
	case 1:
		f->n += (size_t)random() % 60;
		break;
	case 2:
		frame_poke(f, AT_SEQUENCE, (uint64_t)random() % 8, 8);
		break;
	case 3:
		frame_poke(f, AT_TYPE, (uint64_t)random() % 50, 2);
		break;
	default:
		break;
	}
}

/* Until the writer answers: what it had to say before has come by then. */
static void
ask_once(void)
{
	static uint8_t buf[LIMIT_FRAME];
	const char *why = "";
	struct frame_in f = {0};

	harness_ask(&bed.h, MSG_STATUS_ASK, 1);
	while (f.type != MSG_STATUS) {
		struct pollfd p = {.fd = bed.h.end[0].fd, .events = POLLIN};
		ssize_t n;

		assert_int_equal(poll(&p, 1, 20000), 1);
		n = chan_recv(p.fd, buf, sizeof(buf), NULL);
		assert_true(n > 0);
		assert_int_equal(frame_open(&f, buf, (size_t)n, PEER_WRITER, PEER_SUPERVISOR,
				     CHAN_OPEN, false, &why),
		    0);
		bed.faulted += f.type == MSG_FAULTED;
	}
}

/*
 * Until the writer has taken all that was sent, or has shut the channel. Twice, because it may be asked
 * and find a fault in one turn, and then answers first.
 */
static void
settle(void)
{
	uint64_t before = bed.faulted;
	int unread = 1;

	while (unread > 0 && bed.faulted == before) {
		ask_once();
		ask_once();
		assert_int_equal(ioctl(bed.h.end[TAKEN].fd, SIOCOUTQ, &unread), 0);
	}
	ask_once();
	ask_once();
}

static void
at_random(void **state)
{
	const char *given = getenv("SEALWRIGHT_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	int64_t until = clock_monotonic() + 3 * bed_milliseconds() * 1000;
	static struct frame f;
	unsigned long sent = 0;

	(void)state;
	print_message("# seed %u\n", seed);
	srandom(seed);
	neighbours_measure(bed.others);
	while (clock_monotonic() < until) {
		frame_decision(&f);
		mutate(&f);
		if (push(&f))
			sent++;
		if (random() % 3 == 0) { /* nobody keeps count: what comes may be anything */
			static uint8_t dropped[LIMIT_FRAME];

			while (chan_recv(bed.h.end[TAKEN].fd, dropped, sizeof(dropped), NULL) > 0)
				;
		}
		if (was_shut(random() % 8 == 0))
			bed_replace();
		else
			bed.h.end[TAKEN].next += (uint64_t)random() % 2;
	}
	neighbours_tell(bed.others, "at random");
	print_message(
	    "# %lu frames, channel shut %llu times\n", sent, (unsigned long long)bed.faulted);
	settle();
	bed_finish();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(floods),
	    TEST(too_many_under_way),
	    TEST(never_reads),
	    TEST(silent),
	    TEST(dies_at_any_moment),
	    TEST(shuts_its_channel),
	    TEST(at_random),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("taken_floods", tests, NULL, NULL);
}
