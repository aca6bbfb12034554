/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of a segment's lines while they become durable, against what they are as a whole. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auditd-writer/batch.h"
#include "auditd-writer/tally.h"
#include "common/hash.h"
#include "tests/unit/log_fixture.h"

static struct fixture f;
static struct tally t;
static struct hash *sum;

static int
setup(void **state)
{
	(void)state;
	fixture_init(&f, FIXTURE_LOG_ID);
	sum = hash_new();
	return tally_init(&t);
}

static int
teardown(void **state)
{
	(void)state;
	tally_deinit(&t);
	hash_free(sum);
	fixture_deinit(&f);
	return 0;
}

static struct str
lines(unsigned first, unsigned last)
{
	return (struct str){
	    f.line[first].p, (size_t)(f.line[last].p + f.line[last].n - f.line[first].p)};
}

static void
add(unsigned first, unsigned last)
{
	tally_add(&t, lines(first, last), &f.mark[first], last - first + 1);
}

/* Of lines first to last, as RFC 6962 defines it: recursive. */
static void
root_of(unsigned first, unsigned last, uint8_t out[HASH_SIZE]) /* NOLINT(misc-no-recursion) */
{
	uint8_t left[HASH_SIZE], right[HASH_SIZE];
	unsigned k = 1;

	if (first == last) {
		hash_leaf(sum, f.line[first], out);
		return;
	}
	while (2 * k < last - first + 1)
		k *= 2;
	root_of(first, first + k - 1, left);
	root_of(first + k, last, right);
	hash_begin(sum);
	hash_add(sum, (struct str){"\x01", 1});
	hash_add(sum, (struct str){(const char *)left, HASH_SIZE});
	hash_add(sum, (struct str){(const char *)right, HASH_SIZE});
	hash_end(sum, out);
}

static void
expect(const struct tally_total *total, unsigned first, unsigned last)
{
	uint8_t wanted[HASH_SIZE];

	assert_int_equal(total->records, last - first + 1);
	assert_int_equal(total->bytes, lines(first, last).n);
	assert_int_equal(total->first_seq, first);
	assert_int_equal(total->last_seq, last);
	assert_int_equal(total->first_time, f.mark[first].time);
	assert_int_equal(total->last_time, f.mark[last].time);
	assert_memory_equal(total->head, f.mark[last].leaf, HASH_SIZE);
	hash_begin(sum);
	hash_add(sum, lines(first, last));
	hash_end(sum, wanted);
	assert_memory_equal(total->sha256, wanted, HASH_SIZE);
	root_of(first, last, wanted);
	assert_memory_equal(total->root, wanted, HASH_SIZE);
}

static void
marks_are_what_lines_are(void **state)
{
	uint8_t leaf[HASH_SIZE];

	(void)state;
	for (unsigned i = 1; i <= FIXTURE_LINES; i++) {
		hash_leaf(sum, f.line[i], leaf);
		assert_memory_equal(f.mark[i].leaf, leaf, HASH_SIZE);
		assert_int_equal(f.mark[i].seq, i);
	}
}

static void
counts_any_number_of_lines(void **state)
{
	struct tally_total total;

	(void)state;
	for (unsigned last = 1; last <= FIXTURE_LINES; last++) {
		tally_begin(&t);
		add(1, last);
		tally_end(&t, &total);
		expect(&total, 1, last);
	}
}

static void
counts_them_in_any_pieces(void **state)
{
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	struct tally_total total;

	(void)state;
	print_message("# SEED=%u\n", seed);
	srand(seed);
	for (int round = 0; round < 200; round++) {
		unsigned first = 1 + (unsigned)rand() % FIXTURE_LINES, next = first;
		unsigned last = first + (unsigned)rand() % (FIXTURE_LINES - first + 1);

		tally_begin(&t);
		while (next <= last) {
			unsigned piece = 1 + (unsigned)rand() % (last - next + 1);

			add(next, next + piece - 1);
			next += piece;
			assert_int_equal(t.total.records, next - first);
		}
		tally_end(&t, &total);
		expect(&total, first, last);
	}
}

static void
nothing_is_nothing(void **state)
{
	static const uint8_t zero[HASH_SIZE];
	struct tally_total total;

	(void)state;
	tally_begin(&t);
	tally_add(&t, STR(""), NULL, 0);
	tally_end(&t, &total);
	assert_int_equal(total.records, 0);
	assert_int_equal(total.bytes, 0);
	assert_int_equal(total.last_seq, 0);
	assert_memory_equal(total.head, zero, HASH_SIZE);
	/* What was counted before is forgotten. */
	tally_begin(&t);
	add(5, 9);
	tally_end(&t, &total);
	expect(&total, 5, 9);
}

/* --- marks on their way ------------------------------------------------------------------------ */

static void
put(struct batch *b, unsigned first, unsigned last)
{
	for (unsigned i = first; i <= last; i++) {
		text_put(&b->text, f.line[i]);
		batch_mark(b, &f.mark[i]);
	}
}

/* Written, written again elsewhere, synced in between: each line is counted once, with its own mark. */
static void
the_batch_keeps_marks_with_lines(void **state)
{
	struct tally_total total;
	struct batch b;

	(void)state;
	assert_int_equal(batch_init(&b), 0);
	put(&b, 1, 10);
	batch_mark_written(&b, 1);
	put(&b, 11, 14);
	batch_unwrite(&b); /* the first segment was bad */
	put(&b, 15, 15);
	batch_mark_written(&b, 2);
	put(&b, 16, 20);
	tally_begin(&t);
	tally_add(&t, batch_written(&b), batch_written_marks(&b), b.written_records);
	batch_drop_written(&b);
	assert_int_equal(b.records, 5);
	batch_mark_written(&b, 3);
	tally_add(&t, batch_written(&b), batch_written_marks(&b), b.written_records);
	batch_drop_written(&b);
	tally_end(&t, &total);
	expect(&total, 1, 20);
	batch_deinit(&b);
}

static void
the_batch_is_full_when_marks_are(void **state)
{
	struct batch b;

	(void)state;
	assert_int_equal(batch_init(&b), 0);
	while (!batch_full(&b)) {
		assert_true(batch_has_mark(&b));
		batch_mark(&b, &f.mark[1]);
	}
	/* Room for records of our own is left. */
	for (unsigned i = 0; i < BATCH_RECORDS_NOTES; i++) {
		assert_true(batch_has_mark(&b));
		batch_mark(&b, &f.mark[1]);
	}
	assert_false(batch_has_mark(&b));
	batch_deinit(&b);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(marks_are_what_lines_are),
	    TEST(counts_any_number_of_lines),
	    TEST(counts_them_in_any_pieces),
	    TEST(nothing_is_nothing),
	    TEST(the_batch_keeps_marks_with_lines),
	    TEST(the_batch_is_full_when_marks_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
