/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The record reader on any bytes, a line at a time. Three read the same ends of a line: the members
 * one by one (record_read), by comparison with what must follow (record_check after a known line),
 * and the writer's own reader (facts_parse, which knows no JSON). They must not disagree.
 */

#include <stdio.h>
#include <stdlib.h>

#include "auditlog/record.h"
#include "common/limits.h"
#include "proto/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                           \
	do {                                                                      \
		if (!(condition)) {                                               \
			fprintf(stderr, "fuzz_record: broken: %s\n", #condition); \
			abort();                                                  \
		}                                                                 \
	} while (0)

static struct record_reader reader;

static void
init(void)
{
	static struct hash *hash;

	if (hash)
		return;
	MUST(hash_init() == 0);
	hash = hash_new();
	MUST(hash && record_reader_init(&reader, hash) == 0);
}

static void
check_fault(struct str line, const struct fault *f)
{
	MUST(f->kind == FAULT_BROKEN && f->what[0]);
	MUST(f->offset <= line.n);
	MUST(memchr(f->what, '\0', sizeof(f->what)) && memchr(f->expected, '\0', FAULT_TEXT) &&
	     memchr(f->found, '\0', FAULT_TEXT));
}

/* What comes before a line, so that it follows, with a time that nothing is earlier than. */
static struct record_chain
before(uint64_t log_id, uint64_t seq, const uint8_t *prev_hash, int64_t time)
{
	struct record_chain c = {
	    .seq = seq,
	    .line = 41,
	    .has_head = true,
	    .has_time = true,
	    .has_log = true,
	    .time = time,
	    .log_id = log_id,
	};

	memcpy(c.head, prev_hash, LINE_HASH);
	return c;
}

static void
must_fail(struct str line, struct record_chain c)
{
	const struct record_chain kept = c;
	struct fault f;

	MUST(!record_check(&reader, line, &c, &f));
	MUST(f.line == kept.line + 1);
	MUST(c.seq == kept.seq && c.line == kept.line && c.time == kept.time &&
	     memcmp(c.head, kept.head, LINE_HASH) == 0);
	check_fault(line, &f);
}

/* A good line follows what it says it follows and nothing else. Returns its time. */
static int64_t
check_good(struct str line, const struct record_chain *read)
{
	struct record_chain first = *read,
			    c = before(read->log_id, read->seq, read->head, INT64_MIN);
	struct fault f;
	int64_t time;

	MUST(record_check(&reader, line, &first, &f));
	MUST(record_check(&reader, line, &c, &f));
	MUST(c.seq == read->seq + 1 && c.line == 42 && c.time == first.time &&
	     c.log_id == read->log_id && memcmp(c.head, first.head, LINE_HASH) == 0);
	time = c.time;
	c = before(read->log_id, read->seq, read->head, time);
	MUST(record_check(&reader, line, &c, &f));
	must_fail(line, before(read->log_id, read->seq + 1, read->head, INT64_MIN));
	must_fail(line, before(read->log_id ^ 1, read->seq, read->head, INT64_MIN));
	c = before(read->log_id, read->seq, read->head, INT64_MIN);
	c.head[LINE_HASH - 1] ^= 1;
	must_fail(line, c);
	return time;
}

static void
check_line(struct str line)
{
	struct record_chain read;
	struct facts facts;
	struct fault f;
	bool ours = facts_parse(line, &facts), good = record_read(&reader, line, &read, &f);

	if (!good)
		check_fault(line, &f);
	if (good) {
		int64_t time = check_good(line, &read);

		MUST(!ours ||
		     (facts.seq == read.seq && facts.log_id == read.log_id && facts.time == time &&
			 memcmp(facts.prev_hash, read.head, LINE_HASH) == 0));
	} else if (ours) {
		must_fail(line, before(facts.log_id, facts.seq, facts.prev_hash, INT64_MIN));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {size ? (const char *)data : "", size};

	init();
	while (rest.n > 0) {
		const char *newline = memchr(rest.p, '\n', rest.n);
		size_t n = newline ? (size_t)(newline - rest.p) + 1 : rest.n;

		check_line((struct str){rest.p, n});
		rest = str_skip(rest, n);
	}
	return 0;
}
