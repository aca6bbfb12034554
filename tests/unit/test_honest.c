/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Honest lives of the writer, killed at random moments: `auditlog verify` never says that something
 * is wrong, neither of what the kill left nor of what the next lives made of it.
 *
 * SEALWRIGHT_RUNS: how many, SEALWRIGHT_SEED: which; both are printed.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/writer_life.h"

#define RUNS 60
#define SHOT 2 /* lives of one log, each talks on a channel of its own; the next ends in peace */
#define KILL_US 12000 /* at most, from the start on */
#define FRAMES 40

static struct harness h;
static struct life_seals seals;

static unsigned long
number_of(const char *name, unsigned long usual)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 10) : usual;
}

static void
shoot(int signal)
{
	(void)signal;
	if (h.pid > 0)
		(void)kill(h.pid, SIGKILL);
}

static void
aim(suseconds_t us)
{
	const struct itimerval when = {.it_value = {.tv_usec = us + 1}};

	assert_int_equal(setitimer(ITIMER_REAL, &when, NULL), 0);
}

static void
hold_fire(void)
{
	const struct itimerval never = {.it_value = {.tv_usec = 0}};

	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
}

/* Frames as fast as they go, until the writer is gone or all are sent. */
static void
talk(unsigned channel)
{
	for (int i = 0; i < FRAMES && !h.gone; i++) {
		harness_decide(&h, channel, (unsigned)(random() % 12) + 1);
		if (random() % 4 == 0)
			harness_ask(&h, MSG_ROTATE, (uint32_t)i + 1);
		if (random() % 2)
			(void)harness_acks_within(&h, channel, 50);
	}
}

static void
life_until_shot(const char *const *options, unsigned channel)
{
	h.may_end = true;
	h.gone = false;
	aim(random() % KILL_US);
	harness_spawn(&h, options);
	for (int i = 0; i < 20 && !h.gone && !harness_take(&h, 0, 50); i++)
		;
	harness_expect(&h, channel, 1);
	(void)harness_take(&h, 0, 50);
	harness_hello(&h, channel, 1);
	(void)harness_take(&h, channel, 50);
	talk(channel);
	/* Shot here, if not before. */
	harness_reap(&h, 0);
	hold_fire();
}

static void
one_log(void)
{
	static struct peer_end said[SHOT + 1];
	char records[32];
	const char *const options[] = {records, "--reserve-bytes=65536", NULL};

	(void)snprintf(records, sizeof(records), "--rotate-records=%ld", random() % 30 + 2);
	harness_init(&h);
	for (unsigned life = 1; life <= SHOT; life++) {
		life_until_shot(options, life);
		said[life] = h.end[life];
		life_seals_take(&seals, &h);
		life_verify(&h, true);
	}
	/* Acknowledgements of all lives. */
	for (unsigned life = 1; life <= SHOT; life++)
		h.end[life] = said[life];
	life_check(&h);
	life_seals_expect(&seals, &h);
	life_verify(&h, false);
	harness_deinit(&h);
}

static void
killed_at_random(void **state)
{
	unsigned long runs = number_of("SEALWRIGHT_RUNS", RUNS);
	unsigned long seed = number_of("SEALWRIGHT_SEED", (unsigned long)time(NULL));
	struct sigaction action = {.sa_handler = shoot, .sa_flags = SA_RESTART};

	(void)state;
	print_message("# SEALWRIGHT_RUNS=%lu SEALWRIGHT_SEED=%lu\n", runs, seed);
	srandom((unsigned)seed);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	for (unsigned long i = 0; i < runs; i++)
		one_log();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(killed_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
