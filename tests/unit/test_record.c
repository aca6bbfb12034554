/* SPDX-License-Identifier: Apache-2.0 */
/* The record reader: what a line must be, and what it must continue. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auditlog/record.h"
#include "common/limits.h"

#define LOG_ID UINT64_C(0x123456789abcdef)
#define NOON INT64_C(1795233600000000) /* 2026-11-21T04:00:00Z */
#define MIDDLE "\"schema_version\":\"1.0.0\",\"action_type\":\"session\",\"session\":{\"a\":1}"

static struct hash *hash;
static struct record_reader reader;

static int
setup(void **state)
{
	(void)state;
	if (hash_init() < 0)
		return -1;
	hash = hash_new();
	return hash ? record_reader_init(&reader, hash) : -1;
}

static int
teardown(void **state)
{
	(void)state;
	record_reader_free(&reader);
	hash_free(hash);
	return 0;
}

/* The line of this seq with anything between its ends. */
static struct str
make(uint64_t seq, int64_t time, const char *middle, const uint8_t prev[LINE_HASH])
{
	static char buf[2 * LIMIT_LINE];
	char id[UUID_TEXT + 1], at[RFC3339_SIZE], hex[2 * LINE_HASH + 1];
	struct text t = text_over(hex, sizeof(hex) - 1);
	int n;

	line_event_id(LOG_ID, seq, id);
	clock_format(time, at);
	text_hex(&t, prev, LINE_HASH);
	hex[t.n] = '\0';
	n = snprintf(buf, sizeof(buf),
	    "{\"audit_event_id\":\"%s\",\"timestamp\":\"%s\",%s,\"seq\":%llu,\"prev_hash\":\"%s\"}"
	    "\n",
	    id, at, middle, (unsigned long long)seq, hex);
	assert_true(n > 0 && (size_t)n < sizeof(buf));
	return (struct str){buf, (size_t)n};
}

/* A chain in which records up to seq - 1 have gone by. */
static struct record_chain
chain_at(uint64_t seq)
{
	struct record_chain c = {
	    .seq = seq,
	    .line = seq - 1,
	    .has_head = true,
	    .has_time = true,
	    .has_log = true,
	    .time = NOON,
	    .log_id = LOG_ID,
	};

	memset(c.head, 0x5a, sizeof(c.head));
	return c;
}

/* The part of a line that begins with this. */
static uint64_t
place(struct str line, const char *what)
{
	const char *p = memmem(line.p, line.n, what, strlen(what));

	assert_non_null(p);
	return (uint64_t)(p - line.p);
}

static void
assert_refused(struct str line, struct record_chain c, uint64_t at, const char *what)
{
	const struct record_chain kept = c;
	struct fault f;

	assert_false(record_check(&reader, line, &c, &f));
	assert_int_equal(f.kind, FAULT_BROKEN);
	assert_non_null(strstr(f.what, what));
	assert_int_equal(f.offset, at);
	assert_int_equal(f.line, kept.line + 1);
	assert_string_equal(f.file, "");
	assert_memory_equal(&c, &kept, sizeof(c));
}

static void
test_many_lines(void **state)
{
	struct record_chain c;
	struct fault f;
	int64_t time = NOON;

	(void)state;
	record_chain_begin(&c);
	/* Past 9, 99, 0xff and so on, in one second and over its end. */
	for (uint64_t seq = 1; seq <= 5000; seq++, time += (int64_t)(seq % 7 * 1009)) {
		struct str line = make(seq, time, MIDDLE, c.head);
		uint8_t leaf[HASH_SIZE];

		assert_true(record_check(&reader, line, &c, &f));
		hash_leaf(hash, line, leaf);
		assert_memory_equal(c.head, leaf, HASH_SIZE);
		assert_int_equal(c.seq, seq + 1);
		assert_int_equal(c.line, seq);
		assert_int_equal(c.time, time);
		assert_true(c.has_log && c.log_id == LOG_ID);
	}
}

static void
test_large_seq(void **state)
{
	static const uint64_t seqs[] = {
	    9, 99, 999999999999, 0xffffffffff, 0xffffffffffff, 9007199254740990};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seqs); i++) {
		struct record_chain c = chain_at(seqs[i]);
		struct fault f;

		assert_true(record_check(&reader, make(seqs[i], NOON, MIDDLE, c.head), &c, &f));
		if (seqs[i] + 1 < (uint64_t)LIMIT_JSON_INT)
			assert_true(
			    record_check(&reader, make(seqs[i] + 1, NOON, MIDDLE, c.head), &c, &f));
	}
}

static void
test_what_it_continues(void **state)
{
	struct record_chain c = chain_at(42), other = c;
	struct str line = make(42, NOON, MIDDLE, c.head);
	struct fault f;

	(void)state;
	other.seq = 41;
	assert_refused(line, other, place(line, "42,\"prev"), "seq: does not follow");
	other = c;
	other.log_id ^= 1;
	assert_refused(line, other, place(line, "12345678"), "of another log");
	other = c;
	other.time++;
	assert_refused(line, other, place(line, "2026-"), "earlier than the record before");
	other = c;
	other.head[31] ^= 1;
	assert_refused(line, other, place(line, "5a5a"), "prev_hash: does not match line 41");
	other.line = 0;
	assert_refused(line, other, place(line, "5a5a"), "does not match the last line before it");
	assert_false(record_check(&reader, line, &other, &f));
	assert_string_equal(
	    f.found, "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
	assert_string_equal(
	    f.expected, "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5b");
	other = c;
	other.seq = 41;
	assert_false(record_check(&reader, line, &other, &f));
	assert_string_equal(f.expected, "41");
	assert_string_equal(f.found, "42");
	assert_true(record_check(&reader, line, &c, &f));
}

/* What is not known is taken at its word, and known from then on. */
static void
test_unknown(void **state)
{
	struct record_chain c = {.seq = 42};
	uint8_t any[HASH_SIZE] = {7};
	struct fault f;

	(void)state;
	assert_true(record_check(&reader, make(42, NOON - 5, MIDDLE, any), &c, &f));
	assert_true(c.has_head && c.has_log && c.has_time);
	assert_int_equal(c.time, NOON - 5);
	assert_true(record_check(&reader, make(43, NOON, MIDDLE, c.head), &c, &f));
}

static void
test_clock_step(void **state)
{
	struct record_chain c = chain_at(42);
	struct fault f;
	struct str line = make(42, NOON - 1, "\"action_type\":\"clock_step\"", c.head);

	(void)state;
	assert_true(record_check(&reader, line, &c, &f));
	assert_int_equal(c.time, NOON - 1);
	c = chain_at(42);
	line = make(42, NOON - 1, "\"x\":{\"action_type\":\"clock_step\"}", c.head);
	assert_refused(line, c, place(line, "2026-"), "earlier");
}

/* One place of a good line made something else. */
static void
bent(const char *old, const char *new, const char *at, const char *what)
{
	static char buf[2 * LIMIT_LINE];
	struct text t = text_over(buf, sizeof(buf));
	struct record_chain c = chain_at(42);
	struct str line = make(42, NOON, MIDDLE, c.head);
	size_t before = place(line, old);

	text_put(&t, (struct str){line.p, before});
	text_put(&t, str_from(new));
	text_put(&t, str_skip(line, before + strlen(old)));
	line = text_str(&t);
	assert_refused(line, c, at ? place(line, at) : 0, what);
}

static void
test_bent(void **state)
{
	(void)state;
	bent("\"schema_version\"", "\"schema_version", "1.0.0", "not strict JSON");
	bent(
	    "\"session\":{\"a\":1}", "\"session\":{\"a\":1,\"a\":2}", "\"a\":2", "not strict JSON");
	bent("\"a\":1", "\"a\":9007199254740992", "9007", "not strict JSON");
	bent("\"a\":1", "\"seq\":1},\"seq\":41,\"b\":{", "\"seq\":42", "not strict JSON");
	bent("1.0.0", "\xff", "\xff", "not strict JSON");
	bent("{\"audit", "[\"audit", ":", "not strict JSON");
	bent("{\"audit_event_id\"", "{\"x\":0,\"audit_event_id\"", "x", "the first member is not");
	bent("12345678", "1234567G", "1234", "not an id of ours");
	bent("-8", "-4", "1234", "not an id of ours");
	bent("abc", "ABC", "1234", "not an id of ours");
	bent("Z\"", "z\"", "2026", "timestamp");
	bent("2026-11-21", "2026-02-30", "2026", "timestamp");
	bent("04:00:00", "04:00:60", "2026", "timestamp");
	bent("\"timestamp\"", "\"time\"", "time\"", "the second member is not timestamp");
	bent("\"timestamp\"", "\"\\u0074imestamp\"", "\\u0074",
	    "the second member is not timestamp");
	bent(
	    "\"timestamp\"", "\"x\":0,\"timestamp\"", "x\":", "the second member is not timestamp");
	bent("\"seq\"", "\"sequence\"", "sequence", "the last member but one is not seq");
	bent("\"seq\":42", "\"seq\":42,\"x\":0", "x\":", "the last member but one is not seq");
	bent("\"seq\":42", "\"seq\":42.0", "42.0", "seq");
	bent("\"seq\":42", "\"seq\":-42", "-42", "seq");
	bent("\"seq\":42", "\"seq\":\"42\"", "42\"", "seq");
	bent("5a\"}", "5a\",\"z\":0}", "z", "the last member is not");
	bent("5a\"}", "5A\"}", "5a5a", "64 lower-case hex digits");
	bent("5a\"}", "\"}", "5a5a", "64 lower-case hex digits");
}

static void
test_not_lines(void **state)
{
	static char buf[2 * LIMIT_LINE];
	struct record_chain c = chain_at(42);
	struct str line;
	size_t n;

	(void)state;
	assert_refused(STR("{}\n"), c, 0, "with members");
	assert_refused(STR("[1]\n"), c, 0, "with members");
	assert_refused(STR("{\"audit_event_id\":0}\n"), c, 0, "with members");
	assert_refused(STR("{\n}\n"), c, 1, "more than one line");
	assert_refused(STR("{}\n\n"), c, 2, "more than one line");
	assert_refused(STR("\n"), c, 0, "not strict JSON");
	assert_refused(STR("{}"), c, 2, "does not end with a newline");
	assert_refused(STR(""), c, 0, "does not end with a newline");
	/* One of just the length that a line may have, and one byte more. */
	line = make(42, NOON, MIDDLE ",\"x\":\"\"", c.head);
	n = LIMIT_LINE - line.n;
	memcpy(buf, MIDDLE ",\"x\":\"", sizeof(MIDDLE ",\"x\":\"") - 1);
	memset(buf + sizeof(MIDDLE ",\"x\":\"") - 1, 'y', n);
	memcpy(buf + sizeof(MIDDLE ",\"x\":\"") - 1 + n, "\"", 2);
	line = make(42, NOON, buf, c.head);
	assert_int_equal(line.n, LIMIT_LINE);
	assert_true(record_check(&reader, line, &c, &(struct fault){.line = 0}));
	c = chain_at(42);
	memcpy(buf + sizeof(MIDDLE ",\"x\":\"") - 1 + n, "y\"", 3);
	assert_refused(make(42, NOON, buf, c.head), c, LIMIT_LINE, "longer than a record can be");
}

static void
test_read(void **state)
{
	struct record_chain c = chain_at(42), read;
	struct fault f;

	(void)state;
	assert_true(record_read(&reader, make(42, NOON, MIDDLE, c.head), &read, &f));
	assert_true(read.seq == 42 && read.log_id == LOG_ID && read.has_head && read.has_log);
	assert_false(read.has_time);
	assert_memory_equal(read.head, c.head, LINE_HASH);
	assert_false(record_read(&reader, STR("{}\n"), &read, &f));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_many_lines),
	    cmocka_unit_test(test_large_seq),
	    cmocka_unit_test(test_what_it_continues),
	    cmocka_unit_test(test_unknown),
	    cmocka_unit_test(test_clock_step),
	    cmocka_unit_test(test_bent),
	    cmocka_unit_test(test_not_lines),
	    cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
