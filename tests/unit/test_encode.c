/* SPDX-License-Identifier: Apache-2.0 */
/* From records to chained lines and back to their facts; the time of records; who asked. */
#include <errno.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auditd-writer/encode.h"
#include "auditd-writer/outcomes.h"
#include "auditd-writer/timekeeper.h"
#include "common/clock.h"
#include "proto/facts.h"
#include "proto/segname.h"

#define LOG_ID UINT64_C(0xabcdef012345678)
#define SESSION "0b0e0000-0000-4000-8000-00000000000a"

static struct encoder e;
static char room[64 * 1024];
static struct text out;

static int
setup(void **state)
{
	static const uint8_t none[LINE_HASH];

	(void)state;
	if (hash_init() < 0)
		return -1;
	encode_init(&e, LOG_ID, SESSION, "host", 0, none, hash_new());
	e.stamp.time = INT64_C(1795000000000001);
	out = text_over(room, sizeof(room));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	hash_free(e.leaf);
	return 0;
}

static struct record
heartbeat(void)
{
	return (struct record){.category = RECORD_MANAGEMENT, .action_type = ACTION_HEARTBEAT};
}

static void
expect_hash(const char *line, size_t n, const uint8_t found[LINE_HASH])
{
	unsigned char digest[32];
	char copy[8193] = "";

	memcpy(copy + 1, line, n);
	(void)SHA256((unsigned char *)copy, n + 1, digest);
	assert_memory_equal(digest, found, 32);
}

/* --- lines ------------------------------------------------------------------------------------- */

static void
each_line_continues_the_one_before(void **state)
{
	const struct record r = heartbeat();
	uint8_t prev[LINE_HASH] = {0};

	(void)state;
	for (uint64_t seq = 1; seq <= 20; seq++) {
		size_t start = out.n;
		struct facts f;

		assert_int_equal(encode_line(&e, &out, &r, LINE_NO_CHANNEL, NULL), 0);
		assert_true(facts_parse((struct str){room + start, out.n - start}, &f));
		assert_int_equal(f.seq, seq);
		assert_int_equal(f.log_id, LOG_ID);
		assert_int_equal(f.time, INT64_C(1795000000000001));
		assert_memory_equal(f.prev_hash, prev, LINE_HASH);
		expect_hash(room + start, out.n - start, e.stamp.prev_hash);
		memcpy(prev, e.stamp.prev_hash, LINE_HASH);
	}
	assert_int_equal(encode_seq(&e), 20);
}

/* What does not fit leaves no trace: neither a number nor a hash. */
static void
what_is_too_long_changes_nothing(void **state)
{
	static char big[4096];
	struct record r = heartbeat();
	uint8_t prev[LINE_HASH];

	(void)state;
	assert_int_equal(encode_line(&e, &out, &r, LINE_NO_CHANNEL, NULL), 0);
	memcpy(prev, e.stamp.prev_hash, LINE_HASH);
	memset(big, '\n', sizeof(big));
	r = (struct record){.category = RECORD_EVALUATION,
	    .action_type = ACTION_PROCESS_EXEC,
	    .resource_id = {big, sizeof(big)},
	    .has_peer = true};
	{
		size_t n = out.n;

		assert_int_equal(encode_line(&e, &out, &r, 1, NULL), -EMSGSIZE);
		assert_int_equal(out.n, n);
		assert_false(out.full);
	}
	assert_int_equal(encode_seq(&e), 1);
	assert_memory_equal(prev, e.stamp.prev_hash, LINE_HASH);
	r.resource_id.n = 1000;
	assert_int_equal(encode_line(&e, &out, &r, 1, NULL), 0);
	assert_int_equal(encode_seq(&e), 2);
}

/* --- facts ------------------------------------------------------------------------------------- */

/* Any change to the ends of a line, and any control byte in it, makes it no line of ours. */
static void
facts_are_strict(void **state)
{
	const struct record r = heartbeat();
	struct facts f;
	char copy[1024];
	size_t n;

	(void)state;
	e.stamp.seq = 41;
	assert_int_equal(encode_line(&e, &out, &r, LINE_NO_CHANNEL, NULL), 0);
	n = out.n;
	assert_true(n < sizeof(copy));
	for (size_t cut = 0; cut < n; cut++)
		assert_false(facts_parse((struct str){room, cut}, &f));
	for (size_t at = 0; at < n; at++) {
		memcpy(copy, room, n);
		copy[at] = '\0';
		assert_false(facts_parse((struct str){copy, n}, &f));
		copy[at] = '\n';
		assert_true(facts_parse((struct str){copy, n}, &f) == (at == n - 1));
	}
	/* The number in the id and the one at the end are the same. */
	memcpy(copy, room, n);
	copy[19 + 35] ^= 1;
	assert_false(facts_parse((struct str){copy, n}, &f));
}

static void
facts_of_other_lines(void **state)
{
	static const char *const lines[] = {
	    "\n",
	    "{}\n",
	    "\"}\n",
	    "{\"audit_event_id\":\"x\",\"seq\":1,\"prev_hash\":\"0\"}\n",
	    ",\"seq\":1,\"prev_hash\":\"\"}\n",
	};
	struct facts f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_false(facts_parse(str_from(lines[i]), &f));
}

/* --- names -------------------------------------------------------------------------------------- */

static void
names_there_and_back(void **state)
{
	char base[SEGNAME_SIZE], name[SEGNAME_SIZE];
	struct segname s;

	(void)state;
	segname_make(base, INT64_C(1795000000000001), SESSION, 7);
	assert_string_equal(base, "audit-20261118T110640Z-" SESSION "-000007.jsonl");
	for (int kind = 0; kind < SEGNAME_KINDS; kind++) {
		segname_with(name, base, (enum segname_kind)kind);
		assert_true(segname_parse(str_from(name), &s));
		assert_string_equal(s.base, base);
		assert_string_equal(s.session, SESSION);
		assert_int_equal(s.number, 7);
		assert_int_equal(s.kind, kind);
	}
	segname_make(base, 0, SESSION, SEGNAME_NUMBER_MAX);
	assert_true(segname_parse(str_from(base), &s));
	assert_int_equal(s.number, SEGNAME_NUMBER_MAX);
	segname_torn_again(name, base, 9);
	assert_false(segname_parse(str_from(name), &s));
}

/* --- time ---------------------------------------------------------------------------------------- */

#define NOW INT64_C(1795000000000000)
#define BOOT INT64_C(5000000000)

static void
time_goes_on(void **state)
{
	struct timekeeper t;
	struct clock_step step;

	(void)state;
	timekeeper_init(&t, INT64_MIN);
	assert_false(timekeeper_take(&t, NOW, BOOT, &step));
	assert_false(timekeeper_take(&t, NOW, BOOT, &step));
	assert_false(timekeeper_take(&t, NOW + 5, BOOT + 5, &step));
	/* A suspended machine: both clocks go on. */
	assert_false(timekeeper_take(&t, NOW + 3600 * US_PER_S, BOOT + 3600 * US_PER_S, &step));
	assert_int_equal(t.last, NOW + 3600 * US_PER_S);
	/* Small steps forward, below a second, are not told; together they are. */
	assert_false(
	    timekeeper_take(&t, NOW + 3600 * US_PER_S + 600000, BOOT + 3600 * US_PER_S, &step));
	assert_true(
	    timekeeper_take(&t, NOW + 3600 * US_PER_S + 1200000, BOOT + 3600 * US_PER_S, &step));
}

static void
time_steps(void **state)
{
	struct timekeeper t;
	struct clock_step step;

	(void)state;
	timekeeper_init(&t, INT64_MIN);
	assert_false(timekeeper_take(&t, NOW, BOOT, &step));
	/* Back by a microsecond. */
	assert_true(timekeeper_take(&t, NOW - 1, BOOT + 10, &step));
	assert_int_equal(step.expected, NOW + 10);
	assert_int_equal(step.now, NOW - 1);
	assert_int_equal(step.boottime, BOOT + 10);
	assert_int_equal(t.last, NOW - 1);
	assert_false(timekeeper_take(&t, NOW, BOOT + 11, &step));
	/* Forward by an hour. */
	assert_true(timekeeper_take(&t, NOW + 3600 * US_PER_S, BOOT + 20, &step));
	assert_int_equal(step.expected, NOW + 9); /* the clock as it was set last */
	assert_false(timekeeper_take(&t, NOW + 3600 * US_PER_S + 5, BOOT + 25, &step));
	/* Back by less than what has passed since the last record. */
	assert_true(timekeeper_take(&t, NOW + 3700 * US_PER_S, BOOT + 25 + 103 * US_PER_S, &step));
}

/* What readers may rely on: behind a step that is not told as one back, nothing is a second earlier. */
static void
time_steps_back(void **state)
{
	struct timekeeper t;
	struct clock_step step;

	(void)state;
	timekeeper_init(&t, INT64_MIN);
	assert_false(timekeeper_take(&t, NOW, BOOT, &step));
	/* A leap second. */
	assert_true(timekeeper_take(&t, NOW - 900000, BOOT + 1, &step));
	assert_false(step.back);
	/* Small ones add up, whatever comes in between. */
	assert_false(timekeeper_take(&t, NOW - 500000, BOOT + 2, &step));
	assert_true(timekeeper_take(&t, NOW - 1100000, BOOT + 3, &step));
	assert_true(step.back);
	/* From there on anew; forward is not back. */
	assert_true(timekeeper_take(&t, NOW - 1200000, BOOT + 4, &step));
	assert_false(step.back);
	assert_true(timekeeper_take(&t, NOW + 3600 * US_PER_S, BOOT + 5, &step));
	assert_false(step.back);
	assert_true(timekeeper_take(&t, NOW + 3598 * US_PER_S, BOOT + 6, &step));
	assert_true(step.back);
	timekeeper_init(&t, NOW);
	assert_true(timekeeper_take(&t, NOW - 2 * US_PER_S, BOOT, &step));
	assert_true(step.back);
}

/* The last record of the run before is later than the clock of this one. */
static void
time_steps_between_runs(void **state)
{
	struct timekeeper t;
	struct clock_step step;

	(void)state;
	timekeeper_init(&t, NOW);
	assert_true(timekeeper_take(&t, NOW - 100, BOOT, &step));
	assert_int_equal(step.expected, NOW);
	assert_int_equal(step.now, NOW - 100);
	timekeeper_init(&t, NOW);
	assert_false(timekeeper_take(&t, NOW + 86400 * US_PER_S, BOOT, &step));
}

static void
clocks_are_read_together(void **state)
{
	int64_t real = 0, boottime = 0;

	(void)state;
	timekeeper_read(&real, &boottime);
	assert_true(real > NOW / 2 && boottime > 0);
	assert_true(clock_real() - real < US_PER_S && clock_boottime() - boottime < US_PER_S);
}

/* --- outcomes ------------------------------------------------------------------------------------ */

static const char *
compare(const struct outcomes *o, uint64_t seq, uint32_t uid, uint32_t gid, uint32_t pid)
{
	const struct record_peer peer = {uid, gid, pid};
	char id[UUID_TEXT + 1];

	line_event_id(LOG_ID, seq, id);
	return outcomes_compare(o, LOG_ID, str_from(id), &peer);
}

static void
outcomes_know_the_latest_evaluations(void **state)
{
	static struct outcomes o;
	const uint64_t n = OUTCOMES_KEPT + 1000;

	(void)state;
	assert_string_equal(compare(&o, 1, 1, 2, 3), "unknown");
	for (uint64_t i = 0; i < n; i++) /* every third record is an evaluation */
		outcomes_put(&o, 3 * i + 1, &(struct record_peer){(uint32_t)i, 2, 3});
	assert_string_equal(compare(&o, 3 * 999 + 1, 999, 2, 3), "unknown"); /* the oldest gone */
	for (uint64_t i = 1000; i < n; i += 97) {
		uint32_t uid = (uint32_t)i;

		assert_string_equal(compare(&o, 3 * i + 1, uid, 2, 3), "same");
		assert_string_equal(compare(&o, 3 * i + 1, uid + 1, 2, 3), "different");
		assert_string_equal(compare(&o, 3 * i + 1, uid, 0, 3), "different");
		assert_string_equal(compare(&o, 3 * i + 1, uid, 2, 0), "different");
		assert_string_equal(compare(&o, 3 * i + 2, uid, 2, 3), "unknown");
	}
	assert_string_equal(compare(&o, 3 * n + 1, 1, 2, 3), "unknown");
	assert_string_equal(
	    outcomes_compare(&o, LOG_ID, STR("no id"), &(struct record_peer){0}), "unknown");
}

static void
outcomes_of_another_log(void **state)
{
	static struct outcomes o;
	const struct record_peer peer = {1, 2, 3};
	char id[UUID_TEXT + 1];

	(void)state;
	outcomes_put(&o, 5, &peer);
	line_event_id(LOG_ID, 5, id);
	assert_string_equal(outcomes_compare(&o, LOG_ID, str_from(id), &peer), "same");
	assert_string_equal(outcomes_compare(&o, LOG_ID + 1, str_from(id), &peer), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(each_line_continues_the_one_before, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_too_long_changes_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(facts_are_strict, setup, teardown),
	    cmocka_unit_test(facts_of_other_lines),
	    cmocka_unit_test(names_there_and_back),
	    cmocka_unit_test(time_goes_on),
	    cmocka_unit_test(time_steps),
	    cmocka_unit_test(time_steps_back),
	    cmocka_unit_test(time_steps_between_runs),
	    cmocka_unit_test(clocks_are_read_together),
	    cmocka_unit_test(outcomes_know_the_latest_evaluations),
	    cmocka_unit_test(outcomes_of_another_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
