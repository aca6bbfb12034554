/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/neighbour.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/chan.h"
#include "common/clock.h"

#define PATIENCE_MS 60000
#define PAUSE_US 500

/* --- its process: no assertion may leave it ---------------------------------------------------- */

static void
ask(const struct harness *h, const struct neighbour *me, uint64_t number)
{
	uint8_t buf[1024];
	char id[48];
	struct record r;
	struct frame_out f;
	struct wire_out out;

	(void)snprintf(id, sizeof(id), "n%u-%llu", me->channel, (unsigned long long)number);
	r = harness_decision(id);
	frame_begin(&f, buf, sizeof(buf), MSG_DECISION, number);
	out = frame_message(&f);
	record_put(&out, &r);
	if (frame_commit(&f, &out) < 0)
		_exit(10);
	frame_end(&f);
	if (chan_send(h->end[me->channel].fd, buf, f.n, -1) < 0)
		_exit(11);
}

static void
hear(const struct harness *h, struct neighbour *me, uint64_t number)
{
	static uint8_t buf[LIMIT_FRAME];
	static struct msg_ack ack;
	struct pollfd p = {.fd = h->end[me->channel].fd, .events = POLLIN};
	struct frame_in f;
	struct wire_in body;
	const char *why;
	ssize_t n;

	if (poll(&p, 1, PATIENCE_MS) != 1)
		_exit(12);
	n = chan_recv(p.fd, buf, sizeof(buf), NULL);
	if (n <= 0 ||
	    frame_open(&f, buf, (size_t)n, PEER_WRITER, PEER_EVALUATOR, CHAN_OPEN, false, &why) < 0)
		_exit(13);
	if (f.type != MSG_ACK || !frame_next(&f, &body) || msg_ack_get(&body, &ack) < 0)
		_exit(14);
	if (ack.through != number || ack.runs != 1 || ack.run[0].count != 1 ||
	    ack.run[0].refusal != REFUSAL_NONE || ack.run[0].first_seq <= me->last_seq)
		_exit(15);
	me->last_seq = ack.run[0].first_seq;
}

static _Noreturn void
live(const struct harness *h, struct neighbour *me)
{
	uint64_t number = h->end[me->channel].next;

	for (unsigned i = 0; i < h->evaluators + 2; i++)
		if (i != me->channel)
			(void)close(h->end[i].fd);
	for (; !me->enough; number++) {
		int64_t began = clock_monotonic();

		ask(h, me, number);
		hear(h, me, number);
		me->wait[me->waits % NEIGHBOUR_WAITS] = (uint32_t)(clock_monotonic() - began);
		me->waits++;
		me->answers++;
		(void)usleep(PAUSE_US);
	}
	_exit(0);
}

/* --- the test's side --------------------------------------------------------------------------- */

struct neighbours *
neighbours_start(const struct harness *h, unsigned first, unsigned last)
{
	struct neighbours *all = mmap(
	    NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(all != MAP_FAILED && last - first < HARNESS_MOST);
	for (unsigned channel = first; channel <= last; channel++) {
		struct neighbour *me = &all->each[all->n++];
		pid_t pid;

		me->channel = channel;
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			live(h, me);
		me->pid = pid;
	}
	return all;
}

void
neighbours_measure(struct neighbours *all)
{
	for (unsigned i = 0; i < all->n; i++)
		all->each[i].waits = 0;
}

static int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void
neighbours_tell(const struct neighbours *all, const char *what)
{
	static uint32_t wait[HARNESS_MOST * NEIGHBOUR_WAITS];
	size_t n = 0;

	for (unsigned i = 0; i < all->n; i++)
		for (unsigned k = 0; k < all->each[i].waits && k < NEIGHBOUR_WAITS; k++)
			wait[n++] = all->each[i].wait[k];
	if (n == 0)
		return;
	qsort(wait, n, sizeof(wait[0]), by_size);
	print_message("# neighbours, %s: %zu answers, p50 %u us, p99 %u us, longest %u us\n", what,
	    n, wait[n / 2], wait[n * 99 / 100], wait[n - 1]);
}

void
neighbours_expect(const struct neighbours *all, uint64_t answers)
{
	int64_t until = clock_monotonic() + 60 * US_PER_S;

	for (unsigned i = 0; i < all->n; i++) {
		uint64_t want = all->each[i].answers + answers;

		while (all->each[i].answers < want && clock_monotonic() < until)
			(void)usleep(1000);
		assert_true(all->each[i].answers >= want);
	}
}

void
neighbours_stop(struct neighbours *all, struct harness *h)
{
	for (unsigned i = 0; i < all->n; i++)
		all->each[i].enough = true;
	for (unsigned i = 0; i < all->n; i++) {
		struct neighbour *me = &all->each[i];
		int status;

		assert_int_equal(waitpid(me->pid, &status, 0), me->pid);
		assert_int_equal(status, 0);
		h->end[me->channel].next += me->answers;
		h->end[me->channel].acked = h->end[me->channel].next - 1;
		h->end[me->channel].last_seq = me->last_seq;
	}
	assert_int_equal(munmap(all, sizeof(*all)), 0);
}
