/* SPDX-License-Identifier: Apache-2.0 */
/* What evaluator and admin keep of their clients: lines, replies, promises, rates. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "policyd/client/bucket.h"
#include "policyd/client/lines.h"
#include "policyd/client/outbuf.h"
#include "policyd/client/pending.h"

static void
assert_str(struct str got, struct str want)
{
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, got.n);
}

static size_t
dice(size_t n)
{
	return (size_t)random() % n;
}

/* --- rates ------------------------------------------------------------------------------------ */

static void
test_bucket_without_limit(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 0, 5);
	for (int i = 0; i < 1000; i++)
		assert_true(bucket_take(&b, 5));
	assert_true(bucket_has(&b, 5));
	assert_true(bucket_full(&b, 5));
	assert_int_equal(bucket_wait(&b, 10, 5), 0);
}

static void
test_bucket(void **state)
{
	struct bucket b;
	int64_t now = 1000000;

	(void)state;
	bucket_init(&b, 10, now);
	assert_true(bucket_full(&b, now));
	for (int i = 0; i < 10; i++)
		assert_true(bucket_take(&b, now));
	assert_false(bucket_has(&b, now));
	assert_false(bucket_take(&b, now));
	assert_int_equal(bucket_wait(&b, 1, now), 100000);
	assert_int_equal(bucket_wait(&b, 3, now), 300000);
	assert_int_equal(bucket_wait(&b, 1000, now), 1000000);
	assert_false(bucket_take(&b, now + 99999));
	assert_true(bucket_take(&b, now + 100000));
	assert_false(bucket_take(&b, now + 100000));
	/* A clock that goes back gives and takes nothing. */
	assert_false(bucket_take(&b, now - 5000000));
	assert_int_equal(bucket_wait(&b, 1, now - 5000000), 100000);
	/* However long it was idle, one second's worth. */
	now += INT64_C(3600) * 1000000;
	assert_true(bucket_full(&b, now));
	for (int i = 0; i < 10; i++)
		assert_true(bucket_take(&b, now));
	assert_false(bucket_take(&b, now));
}

/* Over any long time as many as the rate says, whatever the steps. */
static void
test_bucket_over_time(void **state)
{
	struct bucket b;
	int64_t now = 0, end = INT64_C(100) * 1000000;
	unsigned taken = 0;

	(void)state;
	bucket_init(&b, 333, now);
	while (now < end) {
		now += (int64_t)dice(20000);
		while (bucket_take(&b, now))
			taken++;
	}
	assert_in_range(taken, 333 * 99, 333 * 101 + 10);
}

static void
test_bucket_at_the_largest_rate(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, UINT32_MAX, 0);
	assert_true(bucket_take(&b, 0));
	assert_true(bucket_take(&b, INT64_MAX));
	assert_int_equal(bucket_wait(&b, UINT32_MAX, INT64_MAX), 1);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void
feed(struct lines *l, struct str s)
{
	while (s.n > 0) {
		char *p;
		size_t n;

		assert_int_equal(lines_space(l, &p, &n), 0);
		assert_true(n > 0);
		n = n < s.n ? n : s.n;
		memcpy(p, s.p, n);
		lines_added(l, n);
		s = str_skip(s, n);
	}
}

static void
test_lines(void **state)
{
	struct lines l;
	struct str line;

	(void)state;
	lines_init(&l, 1024);
	assert_false(lines_peek(&l, &line));
	feed(&l, STR("one\n\ntwo\nthr"));
	assert_true(lines_peek(&l, &line));
	assert_str(line, STR("one"));
	assert_true(lines_peek(&l, &line));
	assert_str(line, STR("one"));
	lines_take(&l, line);
	assert_true(lines_peek(&l, &line));
	assert_str(line, STR(""));
	lines_take(&l, line);
	assert_true(lines_peek(&l, &line));
	lines_take(&l, line);
	assert_false(lines_peek(&l, &line));
	assert_int_equal(lines_partial(&l), 3);
	feed(&l, STR("ee\n"));
	assert_true(lines_peek(&l, &line));
	assert_str(line, STR("three"));
	lines_take(&l, line);
	assert_int_equal(lines_partial(&l), 0);
	lines_deinit(&l);
}

/* Exactly at the limit, newline included, a line is good; a byte more is not. */
static void
test_line_limit(void **state)
{
	static const size_t limits[] = {1024, LINES_FIRST, LINES_FIRST + 1, 65536};
	static char text[65536];
	struct str line;

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		size_t max = limits[i];
		struct lines l;

		lines_init(&l, max);
		feed(&l, STR("a\n"));
		assert_true(lines_peek(&l, &line));
		lines_take(&l, line);
		feed(&l, (struct str){text, max - 1});
		assert_false(lines_peek(&l, &line));
		assert_false(lines_overlong(&l));
		feed(&l, STR("\n"));
		assert_true(lines_peek(&l, &line));
		assert_int_equal(line.n, max - 1);
		lines_take(&l, line);
		feed(&l, (struct str){text, max});
		assert_false(lines_peek(&l, &line));
		assert_true(lines_overlong(&l));
		lines_deinit(&l);
	}
}

/* Cut anywhere, taken anyhow: the same lines. */
static void
test_lines_in_any_pieces(void **state)
{
	static char text[200000];
	struct lines l;
	struct str line, rest = {text, sizeof(text)}, fed = {text, sizeof(text)};

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = dice(i % 7000 < 3000 ? 10 : 3000) ? (char)('a' + dice(26)) : '\n';
	text[sizeof(text) - 1] = '\n';
	lines_init(&l, 65536);
	while (fed.n > 0) {
		size_t piece = dice(20000) + 1;

		piece = piece < fed.n ? piece : fed.n;
		feed(&l, (struct str){fed.p, piece});
		fed = str_skip(fed, piece);
		for (size_t take = dice(50); take > 0 && lines_peek(&l, &line); take--) {
			assert_memory_equal(line.p, rest.p, line.n);
			assert_int_equal(rest.p[line.n], '\n');
			rest = str_skip(rest, line.n + 1);
			lines_take(&l, line);
		}
		while (l.end - l.begin > 40000 && lines_peek(&l, &line)) {
			rest = str_skip(rest, line.n + 1);
			lines_take(&l, line);
		}
	}
	while (lines_peek(&l, &line)) {
		assert_memory_equal(line.p, rest.p, line.n);
		rest = str_skip(rest, line.n + 1);
		lines_take(&l, line);
	}
	assert_int_equal(rest.n, 0);
	lines_deinit(&l);
}

static void
test_long_line_gives_memory_back(void **state)
{
	static char text[60000];
	struct lines l;
	struct str line;

	(void)state;
	memset(text, 'x', sizeof(text));
	lines_init(&l, 65536);
	feed(&l, STR("a"));
	assert_int_equal(l.cap, LINES_FIRST);
	feed(&l, (struct str){text, sizeof(text)});
	feed(&l, STR("\n"));
	assert_int_equal(l.cap, 65536);
	assert_true(lines_peek(&l, &line));
	lines_take(&l, line);
	feed(&l, STR("b"));
	assert_int_equal(l.cap, LINES_FIRST);
	lines_deinit(&l);
}

/* --- replies ---------------------------------------------------------------------------------- */

static void
test_outbuf(void **state)
{
	struct outbuf o = {0};

	(void)state;
	assert_int_equal(outbuf_unsent(&o).n, 0);
	assert_int_equal(outbuf_put(&o, STR(""), 100), 0);
	assert_int_equal(outbuf_put(&o, STR("hello "), 10), 0);
	assert_int_equal(outbuf_put(&o, STR("world"), 10), -ENOBUFS);
	assert_str(outbuf_unsent(&o), STR("hello "));
	outbuf_sent(&o, 4);
	assert_int_equal(outbuf_put(&o, STR("world"), 10), 0);
	assert_str(outbuf_unsent(&o), STR("o world"));
	outbuf_trim(&o);
	assert_str(outbuf_unsent(&o), STR("o world"));
	outbuf_sent(&o, 7);
	assert_int_equal(outbuf_unsent(&o).n, 0);
	outbuf_deinit(&o);
}

static void
test_outbuf_random(void **state)
{
	static char piece[5000];
	struct outbuf o = {0};
	unsigned char in = 0, out = 0;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		size_t n = dice(sizeof(piece));
		struct str unsent;

		for (size_t i = 0; i < n; i++)
			piece[i] = (char)(unsigned char)(in + i);
		if (outbuf_put(&o, (struct str){piece, n}, 60000) == 0)
			in = (unsigned char)(in + n);
		unsent = outbuf_unsent(&o);
		n = unsent.n ? dice(unsent.n + 1) : 0;
		for (size_t i = 0; i < n; i++)
			assert_int_equal((unsigned char)unsent.p[i], (unsigned char)(out + i));
		out = (unsigned char)(out + n);
		outbuf_sent(&o, n);
		if (dice(10) == 0)
			outbuf_trim(&o);
		assert_true(o.cap <= 131072);
	}
	outbuf_sent(&o, outbuf_unsent(&o).n);
	outbuf_trim(&o);
	assert_true(o.cap <= OUTBUF_FIRST);
	outbuf_deinit(&o);
}

/* --- promises --------------------------------------------------------------------------------- */

static void
test_pending(void **state)
{
	struct pending_queue q;
	struct pending *p;

	(void)state;
	assert_int_equal(pending_init(&q, 4096), 0);
	assert_null(pending_head(&q));
	assert_true(pending_room(&q, 1000));
	assert_false(pending_room(&q, 5000));
	p = pending_reserve(&q, 1000);
	assert_non_null(p);
	assert_null(pending_head(&q)); /* not before it is committed */
	memcpy(p->text, "abc", 3);
	p->n = 3;
	pending_commit(&q, p);
	assert_ptr_equal(pending_head(&q), p);
	assert_null(pending_next(&q, p));
	pending_pop(&q);
	assert_null(pending_head(&q));
	pending_deinit(&q);
}

/* Against a plain array: what comes out is what went in, in order, however it wraps. */
#define MODEL 4096
static struct {
	uint32_t n;
	unsigned char first;
} model[MODEL];

static void
check_entry(const struct pending *p, unsigned i)
{
	assert_non_null(p);
	assert_int_equal(p->n, model[i % MODEL].n);
	for (uint32_t k = 0; k < p->n; k++)
		assert_int_equal(
		    (unsigned char)p->text[k], (unsigned char)(model[i % MODEL].first + k));
}

static void
push(struct pending_queue *q, unsigned i)
{
	size_t reserved = dice(700), used = reserved ? dice(reserved) : 0;
	struct pending *p = pending_reserve(q, reserved);

	assert_non_null(p);
	if (!p)
		return;
	model[i % MODEL].n = (uint32_t)used;
	model[i % MODEL].first = (unsigned char)random();
	memset(p->text, 0xee, reserved);
	for (size_t k = 0; k < used; k++)
		p->text[k] = (char)(unsigned char)(model[i % MODEL].first + k);
	p->n = (uint32_t)used;
	pending_commit(q, p);
}

static void
test_pending_random(void **state)
{
	unsigned in = 0, out = 0, full = 0;
	struct pending_queue q;

	(void)state;
	assert_int_equal(pending_init(&q, 10000), 0);
	for (int round = 0; round < 20000; round++) {
		bool filling = (round / 50) % 2 == 0;

		if (dice(10) < (filling ? 8u : 2u)) {
			if (pending_room(&q, 700))
				push(&q, in++);
			else
				full++;
		} else if (out < in) {
			check_entry(pending_head(&q), out++);
			pending_pop(&q);
		}
		assert_int_equal(q.entries, in - out);
		if (dice(20) == 0) {
			const struct pending *p = pending_head(&q);

			for (unsigned i = out; i < in; i++, p = pending_next(&q, p))
				check_entry(p, i);
			assert_null(p);
		}
	}
	assert_true(full > 100);
	pending_deinit(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bucket_without_limit),
	    cmocka_unit_test(test_bucket),
	    cmocka_unit_test(test_bucket_over_time),
	    cmocka_unit_test(test_bucket_at_the_largest_rate),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_line_limit),
	    cmocka_unit_test(test_lines_in_any_pieces),
	    cmocka_unit_test(test_long_line_gives_memory_back),
	    cmocka_unit_test(test_outbuf),
	    cmocka_unit_test(test_outbuf_random),
	    cmocka_unit_test(test_pending),
	    cmocka_unit_test(test_pending_random),
	};
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	printf("# SEED=%u\n", seed);
	srandom(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
