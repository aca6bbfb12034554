/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/taken.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RSS_GROWTH_KIB 4096
#define KINDS 32

struct bed bed;
/* What must be on record of the channel's faults. */
static struct {
	const char *why;
	uint64_t count;
} expected[KINDS];
static unsigned kinds;
/* The log before the first attack. */
static char *before;
static size_t before_bytes, before_lines;
static long rss_before;

/* --- the writer, seen from outside ------------------------------------------------------------- */

static long
writer_rss(void)
{
	char path[64], line[256];
	long kib = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)bed.h.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (kib < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	(void)fclose(f);
	return kib;
}

/* -1: it may not be looked at. */
int
bed_writer_descriptors(void)
{
	char path[64];
	int n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)bed.h.pid);
	d = opendir(path);
	if (!d)
		return -1;
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static void
keep_log(void)
{
	size_t at = 0;

	log_read(&bed.lg, bed.h.audit);
	before_lines = bed.lg.lines;
	for (size_t i = 0; i < bed.lg.lines; i++)
		before_bytes += bed.lg.line[i].text.n;
	before = malloc(before_bytes);
	assert_non_null(before);
	for (size_t i = 0; i < bed.lg.lines; i++) {
		memcpy(before + at, bed.lg.line[i].text.p, bed.lg.line[i].text.n);
		at += bed.lg.line[i].text.n;
	}
	log_free(&bed.lg);
}

static void
expect_log_kept(void)
{
	size_t at = 0;

	assert_true(bed.lg.lines > before_lines);
	for (size_t i = 0; i < before_lines; i++) {
		assert_true(at + bed.lg.line[i].text.n <= before_bytes);
		assert_memory_equal(bed.lg.line[i].text.p, before + at, bed.lg.line[i].text.n);
		at += bed.lg.line[i].text.n;
	}
	assert_int_equal(at, before_bytes);
}

/* --- faults ------------------------------------------------------------------------------------ */

void
bed_expect(const char *why, uint64_t count)
{
	unsigned i = 0;

	while (i < kinds && strcmp(expected[i].why, why) != 0)
		i++;
	if (i == kinds) {
		assert_true(kinds < KINDS);
		expected[kinds++].why = why;
	}
	expected[i].count += count;
}

/* The supervisor kills the process and starts another. */
void
bed_replace(void)
{
	harness_open(&bed.h, TAKEN, ++bed.generation);
}

void
bed_await_faulted(void)
{
	static uint8_t buf[LIMIT_FRAME];
	struct wire_in body;

	harness_await_control(&bed.h, MSG_FAULTED, buf, &body);
	assert_int_equal(wire_get_u32(&body), TAKEN);
	bed.faulted++;
}

/* These bytes cost the channel, for this reason. */
void
bed_fault_by(const void *bytes, size_t n, int fd, const char *why)
{
	harness_send_raw(&bed.h, TAKEN, bytes, n, fd);
	bed_await_faulted();
	bed_expect(why, 1);
	bed_replace();
}

static uint64_t
recorded_count(const char *why, unsigned *ret_records)
{
	char text[128];
	uint64_t count = 0;

	(void)snprintf(text, sizeof(text), "\"fault\":\"%s\",\"count\":", why);
	for (size_t i = 0; i < bed.lg.lines; i++) {
		struct str line = bed.lg.line[i].text;
		const char *at = memmem(line.p, line.n, text, strlen(text));

		if (!at || !memmem(line.p, line.n, "\"channel\":{\"channel\":1,", 23))
			continue;
		count += strtoull(at + strlen(text), NULL, 10);
		(*ret_records)++;
	}
	return count;
}

/* Each kind once, but for the very first fault, which was told at once, and for what came after a minute. */
void
bed_faults_recorded(void)
{
	size_t all = log_count(&bed.lg, "\"action_type\":\"channel\"");
	unsigned records = 0;

	for (unsigned i = 0; i < kinds; i++) {
		uint64_t count = recorded_count(expected[i].why, &records);

		if (count != expected[i].count)
			fail_msg("\"%s\": %llu on record, %llu sent", expected[i].why,
			    (unsigned long long)count, (unsigned long long)expected[i].count);
	}
	assert_int_equal(records, all);
	assert_true(all <= 2 * kinds + 1);
}

/* --- start and end ----------------------------------------------------------------------------- */

int
bed_setup(void **state)
{
	(void)state;
	bed.generation = 1;
	memset(expected, 0, sizeof(expected));
	kinds = 0;
	bed.faulted = 0;
	before_bytes = 0;
	harness_init(&bed.h);
	bed.h.evaluators = LAST_HONEST;
	harness_start(&bed.h,
	    (const char *const[]){"--rotate-records=100000", "--rotate-bytes=1000000000", NULL});
	bed.others = neighbours_start(&bed.h, FIRST_HONEST, LAST_HONEST);
	harness_decide(&bed.h, TAKEN, 20);
	harness_await_acks(&bed.h, TAKEN);
	neighbours_expect(bed.others, 5);
	keep_log();
	rss_before = writer_rss();
	return 0;
}

int
bed_teardown(void **state)
{
	(void)state;
	log_free(&bed.lg);
	free(before);
	before = NULL;
	harness_deinit(&bed.h);
	return 0;
}

/* After every attack. Leaves the log in bed.lg. */
void
bed_finish(void)
{
	char text[2][64];

	neighbours_expect(bed.others, 5);
#ifndef SANITIZED
	assert_true(writer_rss() < rss_before + RSS_GROWTH_KIB);
#endif
	neighbours_stop(bed.others, &bed.h);
	assert_int_equal(harness_finish(&bed.h), 0);
	log_read(&bed.lg, bed.h.audit);
	assert_int_equal(bed.lg.closed, bed.lg.files);
	expect_log_kept();
	for (unsigned i = FIRST_HONEST; i <= LAST_HONEST; i++) {
		(void)snprintf(text[0], sizeof(text[0]), "\"evaluator\":%u,", i);
		(void)snprintf(text[1], sizeof(text[1]), "\"request_id\":\"n%u-", i);
		assert_int_equal(log_count_both(&bed.lg, text[0], text[1]), bed.h.end[i].next - 1);
		assert_int_equal(log_count_both(&bed.lg, text[0], "\"request_id\":\"c1-"), 0);
	}
	(void)snprintf(
	    text[0], sizeof(text[0]), "\"faults\":%llu,", (unsigned long long)bed.faulted);
	assert_int_equal(log_count_both(&bed.lg, "\"event\":\"stop\"", text[0]), 1);
}

int64_t
bed_milliseconds(void)
{
	const char *given = getenv("SEALWRIGHT_TAKEN_MS");

	return given ? strtol(given, NULL, 10) : 300;
}

/* --- frames ------------------------------------------------------------------------------------ */

/* n messages of size zero bytes. */
void
frame_zeros(struct frame *f, uint16_t type, uint64_t sequence, unsigned n, size_t size)
{
	static const char zero[LIMIT_FRAME];
	struct frame_out out;

	frame_begin(&out, f->bytes, LIMIT_FRAME, type, sequence);
	for (unsigned i = 0; i < n; i++) {
		struct wire_out body = frame_message(&out);

		wire_put_bytes(&body, (struct str){zero, size});
		assert_int_equal(frame_commit(&out, &body), 0);
	}
	frame_end(&out);
	f->n = out.n;
}

static void
one_record(struct frame *f, enum msg_type type, const struct record *r)
{
	struct frame_out out;
	struct wire_out body;

	frame_begin(&out, f->bytes, LIMIT_FRAME, (uint16_t)type, bed.h.end[TAKEN].next);
	body = frame_message(&out);
	record_put(&body, r);
	assert_int_equal(frame_commit(&out, &body), 0);
	frame_end(&out);
	f->n = out.n;
}

void
frame_decision(struct frame *f)
{
	const struct record r = harness_decision("x");

	one_record(f, MSG_DECISION, &r);
}

void
frame_poke(struct frame *f, size_t at, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++, v >>= 8)
		f->bytes[at + i] = (uint8_t)v;
}
