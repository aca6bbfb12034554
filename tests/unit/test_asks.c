/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody has taken the admin process: what the supervisor does of all that it asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policyd/supervisor/supervisor.h"

#define SECONDS 10
#define PER_SECOND 1000

static struct supervisor s;
static int64_t now;
static unsigned sent[64], loads; /* by message type */

/* --- what the supervisor would do -------------------------------------------------------------- */

int64_t
clock_monotonic(void)
{
	return now;
}

void
route_send(
    struct supervisor *sv, struct child *c, enum msg_type type, struct str body, int attached)
{
	(void)sv;
	(void)c;
	(void)body;
	assert_int_equal(attached, -1);
	sent[type]++;
}

void
load_begin(struct supervisor *sv)
{
	sv->load.run++;
	loads++;
}

static int
setup(void **state)
{
	(void)state;
	s = (struct supervisor){.phase = PHASE_SERVING, .n_clients = 3};
	now = US_PER_S;
	loads = 0;
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		sent[i] = 0;
	return 0;
}

/* --- cases ------------------------------------------------------------------------------------- */

/* A thousand of each in every second, each answered at once by whoever does it. */
static void
once_a_second(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < SECONDS * PER_SECOND; i++, now += US_PER_S / PER_SECOND) {
		const struct msg_result done = {.request = s.next_number + 1};

		ask_rotation(&s, i);
		ask_rotated(&s, &done);
		ask_load(&s, i);
		ask_loaded(&s, s.load.run, 0, STR("r"));
		ask_counters(&s, i);
		ask_timeouts(&s, now);
	}
	assert_in_range(sent[MSG_ROTATE], SECONDS - 1, SECONDS * 10 / 9 + 1);
	assert_in_range(loads, SECONDS - 1, SECONDS * 10 / 9 + 1);
	/* Of the writer and of each evaluator. */
	assert_in_range(sent[MSG_STATUS_ASK], 0, 3 * (SECONDS * 10 / 9 + 1));
	/* Every request has an answer, but for those under way. */
	assert_in_range(
	    sent[MSG_ASKED], 3 * SECONDS * PER_SECOND - 2 * ASKS_MAX, 3 * SECONDS * PER_SECOND);
}

/* What is never done is asked for no more often, and what waits is bounded. */
static void
nobody_answers(void **state)
{
	unsigned under_way = 0;

	(void)state;
	for (uint32_t i = 0; i < 60 * 10; i++, now += US_PER_S / 10)
		ask_rotation(&s, i);
	for (size_t i = 0; i < ASKS_MAX; i++)
		under_way += s.ask[i].kind != ASK_NONE;
	assert_int_equal(under_way, ASKS_MAX);
	assert_int_equal(sent[MSG_ROTATE], ASKS_MAX);
	assert_int_equal(sent[MSG_ASKED], 600 - ASKS_MAX);
	/* Given up in time; then there is room again. */
	now += ROTATION_US;
	ask_timeouts(&s, now);
	assert_int_equal(sent[MSG_ASKED], 600);
	ask_rotation(&s, 1000);
	assert_int_equal(sent[MSG_ROTATE], ASKS_MAX + 1);
}

/* Not before it serves and not when it ends. */
static void
only_while_it_serves(void **state)
{
	static const enum phase phases[] = {
	    PHASE_WRITER, PHASE_POLICY, PHASE_CLIENTS, PHASE_LOG, PHASE_FAILING};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		s.phase = phases[i];
		ask_rotation(&s, 1);
		ask_load(&s, 2);
		ask_counters(&s, 3);
		now += 2 * US_PER_S;
	}
	assert_int_equal(sent[MSG_ROTATE] + sent[MSG_STATUS_ASK] + loads, 0);
	assert_int_equal(sent[MSG_ASKED], 3 * ARRAY_SIZE(phases));
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(once_a_second),
	    TEST(nobody_answers),
	    TEST(only_while_it_serves),
	};

	return cmocka_run_group_tests_name("asks", tests, NULL, NULL);
}
