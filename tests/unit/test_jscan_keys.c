/* SPDX-License-Identifier: Apache-2.0 */
/* Duplicate keys, few and many. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/jscan.h"
#include "common/text.h"

#define MANY 100000
#define MANY_BYTES (8u << 20)

static const struct jscan_rules plain = {.max_depth = 16, .max_members = 128, .max_tokens = 4096};

static struct jscan_token tokens[4096];

static int
scan(struct str text, const struct jscan_rules *rules, struct jscan_tape *ret_tape,
    struct jscan_fault *ret_fault)
{
	*ret_tape = (struct jscan_tape){.tokens = tokens, .cap = ARRAY_SIZE(tokens)};
	return jscan(text, rules, ret_tape, ret_fault);
}

static const struct jscan_rules large = {
    .max_depth = 4,
    .max_members = 1000000,
    .max_tokens = 3000000,
    .grow = true,
};

struct key_form {
	const char *before, *after; /* the number that makes it different */
};

static struct str
many_members(char *buf, size_t cap, const struct key_form *form, const char *last)
{
	struct text t = text_over(buf, cap);

	for (unsigned i = 0; i < MANY; i++) {
		text_char(&t, i ? ',' : '{');
		text_put(&t, str_from(form->before));
		text_u64(&t, i);
		text_put(&t, str_from(form->after));
	}
	text_put(&t, str_from(last));
	assert_true(text_ok(&t));
	return text_str(&t);
}

/* All the tape says of the object's keys is as it was before they were sorted. */
static void
check_keys(const struct jscan_tape *tape)
{
	uint32_t key = 1;

	for (uint32_t i = 0; i < tape->tokens[0].count; i++) {
		assert_true(tape->tokens[key].key);
		assert_int_equal(tape->tokens[key].next, key + 1);
		assert_int_equal(tape->tokens[key].count, 0);
		key = tape->tokens[key + 1].next;
	}
	assert_int_equal(key, tape->n);
}

static void
test_many_members(void **state)
{
	static const struct key_form forms[] = {
	    {"\"k", "\":0"},
	    {"\"", "-with-a-long-tail\":[]"},
	    {"\"\\u006b", "\":{}"},
	    {"\"\\ud83d\\ude00", "\":\"\""},
	};
	CLEANUP_FREE char *buf = malloc(MANY_BYTES);
	struct jscan_tape tape = {.tokens = NULL};
	struct jscan_fault fault;

	(void)state;
	assert_non_null(buf);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct str text = many_members(buf, MANY_BYTES, &forms[i], "}");
		int64_t start = clock_monotonic();

		assert_int_equal(jscan(text, &large, &tape, &fault), 0);
		/* Some 20 ms; comparing all pairs would take minutes. */
		assert_true(clock_monotonic() - start < 2 * US_PER_S);
		assert_int_equal(tape.tokens[0].count, MANY);
		check_keys(&tape);
		/* The same with one that is there already. */
		text = many_members(buf, MANY_BYTES, &forms[i], ",\"q\":1,\"q\":2}");
		assert_int_equal(jscan(text, &large, &tape, &fault), -EINVAL);
		assert_string_equal(fault.what, "duplicate key \"q\"");
		assert_int_equal(fault.at, text.n - 6);
		assert_int_equal(fault.line, 1);
		assert_int_equal(fault.column, text.n - 5);
		/* And when a later fault ends the scan before the object does. */
		text = many_members(buf, MANY_BYTES, &forms[i], ",\"q\":1,\"q\":2,\"r\":[tru");
		assert_int_equal(jscan(text, &large, &tape, &fault), -EINVAL);
		assert_string_equal(fault.what, "duplicate key \"q\"");
		text = many_members(buf, MANY_BYTES, &forms[i], ",\"q\":1,\"r\":[tru");
		assert_int_equal(jscan(text, &large, &tape, &fault), -EINVAL);
		assert_string_equal(fault.what, "expected true, found the end");
	}
	jscan_tape_free(&tape);
}

/* Keys whose hash is the same are told apart; keys that are the same are found. */
static void
test_equal_hashes(void **state)
{
	static const char few[] =
	    "{\"costarring\":0,\"liquid\":0,\"declinate\":0,\"macallums\":0,"
	    "\"altarage\":0,\"zinke\":0,\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,"
	    "\"g\":0,\"h\":0,\"i\":0,\"j\":0,\"k\":0,\"l\":0,\"m\":0,\"n\":0,"
	    "\"\\u006f\":0"; /* keys with escapes are sorted */
	static const char *const again[] = {
	    "costarring", "liquid", "zinke", "altarage", "\\u007ainke", "macallums", "a", "n"};
	struct jscan_fault fault;
	struct jscan_tape tape;
	char text[400];
	int n;

	(void)state;
	n = snprintf(text, sizeof(text), "%s}", few);
	assert_int_equal(scan((struct str){text, (size_t)n}, &plain, &tape, &fault), 0);
	check_keys(&tape);
	for (size_t i = 0; i < ARRAY_SIZE(again); i++) {
		n = snprintf(text, sizeof(text), "%s,\"%s\":1}", few, again[i]);
		assert_int_equal(
		    scan((struct str){text, (size_t)n}, &plain, &tape, &fault), -EINVAL);
		assert_int_equal(fault.at, sizeof(few));
	}
}

static void
test_shown_key(void **state)
{
	static const char nines[] = "999999999999999999999999999999999999999999999999999999999999"
				    "999999999999999999999999999999999999999999999999999999999999";
	char text[600], what[200];
	struct jscan_fault fault;
	struct jscan_tape tape;
	int n;

	(void)state;
	n = snprintf(text, sizeof(text), "{\"%s\":1,\"%s\":2}", nines, nines);
	assert_int_equal(scan((struct str){text, (size_t)n}, &plain, &tape, &fault), -EINVAL);
	(void)snprintf(what, sizeof(what), "duplicate key \"%.72s...\"", nines);
	assert_string_equal(fault.what, what);
	/* Not cut inside of a character: 71 bytes and then one of two. */
	n = snprintf(text, sizeof(text), "{\"%.71s\xc3\xa4\":1,\"%.71s\xc3\xa4\":2}", nines, nines);
	assert_int_equal(scan((struct str){text, (size_t)n}, &plain, &tape, &fault), -EINVAL);
	(void)snprintf(what, sizeof(what), "duplicate key \"%.71s...\"", nines);
	assert_string_equal(fault.what, what);
	/* What is made harmless grows, and is cut as well. */
	n = snprintf(text, sizeof(text),
	    "{\"%.60s\\u0007\\u0007\\u0007\\u0007\":1,\"%.60s\\u0007\\u0007\\u0007\\u0007\":2}",
	    nines, nines);
	assert_int_equal(scan((struct str){text, (size_t)n}, &plain, &tape, &fault), -EINVAL);
	(void)snprintf(what, sizeof(what), "duplicate key \"%.60s\\x07\\x07\\x07...\"", nines);
	assert_string_equal(fault.what, what);
	/* Exactly as long as is shown: not cut. */
	n = snprintf(text, sizeof(text), "{\"%.72s\":1,\"%.72s\":2}", nines, nines);
	assert_int_equal(scan((struct str){text, (size_t)n}, &plain, &tape, &fault), -EINVAL);
	(void)snprintf(what, sizeof(what), "duplicate key \"%.72s\"", nines);
	assert_string_equal(fault.what, what);
}

/*
 * n keys of these forms, of which the one at `second` has the number of the one at `first`. The
 * offset of that in *ret_at.
 */
static struct str
pair_text(char *buf, size_t cap, const struct key_form *form, const struct key_form *again,
    unsigned n, unsigned first, unsigned second, size_t *ret_at)
{
	struct text t = text_over(buf, cap);

	for (unsigned i = 0; i < n; i++) {
		const struct key_form *f = i == second ? again : form;

		text_char(&t, i ? ',' : '{');
		if (i == second)
			*ret_at = t.n;
		text_put(&t, str_from(f->before));
		text_char(&t, 'A' + (char)((i == second ? first : i) / 10));
		text_char(&t, '0' + (char)((i == second ? first : i) % 10));
		text_put(&t, str_from(f->after));
	}
	text_char(&t, '}');
	assert_true(text_ok(&t));
	return text_str(&t);
}

static void
check_pairs(const struct key_form *form, const struct key_form *again, unsigned n)
{
	char text[3000];
	struct jscan_fault fault;
	struct jscan_tape tape;

	for (unsigned pair = 0; pair < n * n; pair++) {
		unsigned first = pair / n, second = pair % n;
		size_t at = 0;
		struct str s = pair_text(text, sizeof(text), form, again, n, first, second, &at);

		if (first == second) {
			assert_int_equal(scan(s, &plain, &tape, &fault), 0);
			check_keys(&tape);
			continue;
		}
		assert_int_equal(scan(s, &plain, &tape, &fault), -EINVAL);
		/* The later of the two, whichever was changed. */
		if (first < second)
			assert_int_equal(fault.at, at);
		else
			assert_true(fault.at > at);
	}
}

/*
 * Objects of every size around where sorting begins, each pair of keys made equal in turn: the
 * second written in the same way, or in another; keys that differ at an end, and keys that differ
 * only where no hash of their ends sees it.
 */
static void
test_every_pair(void **state)
{
	static const struct key_form short_keys = {"\"k", "\":[]"},
				     escaped = {"\"\\u006B", "\":[]"},
				     long_keys = {"\"the same first bytes", "the same last\":[]"};

	(void)state;
	for (unsigned n = 2; n < 70; n += n < 20 || (n >= 60 && n < 67) ? 1 : 7) {
		check_pairs(&short_keys, &short_keys, n);
		check_pairs(&short_keys, &escaped, n);
		check_pairs(&long_keys, &long_keys, n);
	}
}

/* Of many that repeat, the first in the text is named, wherever sorting puts it. */
static void
test_first_of_many(void **state)
{
	char text[4000];
	struct jscan_fault fault;
	struct jscan_tape tape;

	(void)state;
	for (unsigned first = 0; first < 30; first++) {
		struct text t = text_over(text, sizeof(text));
		size_t at = 0;

		for (unsigned i = 0; i < 60; i++) {
			text_char(&t, i ? ',' : '{');
			if (i == 30)
				at = t.n;
			text_put(&t, STR("\"k"));
			text_u64(&t, (i + (i < 30 ? 0 : first)) % 30);
			text_put(&t, STR("\":[]"));
		}
		/* 60 keys go into a table, 70 are sorted. */
		for (unsigned i = 0; first % 2 == 0 && i < 10; i++) {
			text_put(&t, STR(",\"more"));
			text_u64(&t, i);
			text_put(&t, STR("\":0"));
		}
		text_char(&t, '}');
		assert_true(text_ok(&t));
		assert_int_equal(scan(text_str(&t), &plain, &tape, &fault), -EINVAL);
		assert_int_equal(fault.at, at);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_many_members),
	    cmocka_unit_test(test_equal_hashes),
	    cmocka_unit_test(test_every_pair),
	    cmocka_unit_test(test_first_of_many),
	    cmocka_unit_test(test_shown_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
