/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of texts: what matches one is taken by the scanner, with the same structure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/jform.h"
#include "common/text.h"

#define TOKENS 512
#define ROUNDS 200000

static const struct jscan_rules rules = {.max_depth = 8, .max_members = 80, .max_tokens = TOKENS};

struct scan {
	struct jscan_token tokens[TOKENS];
	struct jscan_tape tape;
};

static bool
scanned(struct scan *s, struct str text)
{
	struct jscan_fault fault;

	s->tape = (struct jscan_tape){.tokens = s->tokens, .cap = TOKENS};
	return jscan(text, &rules, &s->tape, &fault) == 0;
}

static void
learn(struct jforms *f, struct str text)
{
	static struct scan s;

	assert_true(scanned(&s, text));
	jforms_learn(f, &s.tape);
}

static struct jforms *
learned(const char *text)
{
	static struct jforms f;

	memset(&f, 0, sizeof(f));
	learn(&f, str_from(text));
	return &f;
}

#define LINE                                                                                   \
	"{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":7,\"h\":" \
	"\"ab\"}"

static void
matches(void **state)
{
	static const char *const same[] = {
	    LINE,
	    "{\"id\":\"\",\"a\":{\"n\":0,\"ok\":true},\"list\":[\"\",\"much longer than it was "
	    "before\"],"
	    "\"seq\":123456789012345,\"h\":\" ~!\"}",
	    "{\"id\":\"{}[]:,\",\"a\":{\"n\":9,\"ok\":true},\"list\":[\"'\",\",\"],\"seq\":"
	    "999999999999999,\"h\":"
	    "\"null\"}",
	};
	struct jforms *f = learned(LINE);

	(void)state;
	assert_int_equal(f->form[f->last].values, 6);
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		assert_true(jforms_match(f, str_from(same[i])));
}

static void
does_not_match(void **state)
{
	static const char *const others[] = {
	    "",
	    "{",
	    "{}",
	    LINE " ",
	    " " LINE,
	    LINE LINE,
	    /* keys, words, nesting, order, number of elements */
	    "{\"iD\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":7,\"h\":"
	    "\"ab\"}",
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":null},\"list\":[\"x\",\"\"],\"seq\":7,\"h\":"
	    "\"ab\"}",
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\"],\"seq\":7,\"h\":"
	    "\"ab\"}",
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\",\"\"],\"seq\":7,"
	    "\"h\":\"ab\"}",
	    "{\"id\":\"0123\",\"list\":[\"x\",\"\"],\"a\":{\"n\":12,\"ok\":true},\"seq\":7,\"h\":"
	    "\"ab\"}",
	    /* space */
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\": "
	    "7,\"h\":\"ab\"}",
	    /* numbers: too many digits, a leading zero, a sign, a fraction, an exponent, none */
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":"
	    "1234567890123456,\"h\":\"ab\"}",
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":07,\"h\":"
	    "\"ab\"}",
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":-7,\"h\":"
	    "\"ab\"}",
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":7.5,\"h\":"
	    "\"ab\"}",
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":7e1,\"h\":"
	    "\"ab\"}",
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":,\"h\":"
	    "\"ab\"}",
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":\"7\","
	    "\"h\":\"ab\"}",
	    /* strings that need a look: the scanner may take them */
	    "{\"id\":\"01\\n3\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":7,\"h\":"
	    "\"ab\"}",
	    "{\"id\":\"01\xc3\xa4\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":7,"
	    "\"h\":\"ab\"}",
	    "{\"id\":\"01\n3\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":7,\"h\":"
	    "\"ab\"}",
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":7,\"h\":"
	    "\"a\"b\"}",
	    "{\"id\":\"0123\",\"a\":{\"n\":12,\"ok\":true},\"list\":[\"x\",\"\"],\"seq\":7,\"h\":"
	    "\"ab}",
	};
	struct jforms *f = learned(LINE);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (jforms_match(f, str_from(others[i])))
			fail_msg("%s", others[i]);
	assert_false(jforms_match(f, STR_NONE));
}

/* Numbers that are not plain must be the same again, and so must words. */
static void
fixed_values(void **state)
{
	struct jforms *f = learned("[-1,2.5,1e3,1234567890123456,true,null,1]");

	(void)state;
	assert_int_equal(f->form[f->last].values, 1);
	assert_true(jforms_match(f, STR("[-1,2.5,1e3,1234567890123456,true,null,22]")));
	assert_false(jforms_match(f, STR("[-2,2.5,1e3,1234567890123456,true,null,1]")));
	assert_false(jforms_match(f, STR("[-1,2.5,1e3,1234567890123457,true,null,1]")));
	f = learned("{}");
	assert_int_equal(f->form[f->last].values, 0);
	assert_true(jforms_match(f, STR("{}")));
	assert_false(jforms_match(f, STR("{} ")));
	assert_false(jforms_match(f, STR("")));
	f = learned("\"a\"");
	assert_true(jforms_match(f, STR("\"bcd\"")));
	assert_false(jforms_match(f, STR("\"bcd")));
	f = learned("5");
	assert_true(jforms_match(f, STR("77")));
	assert_false(jforms_match(f, STR("7 ")));
	assert_false(jforms_match(f, STR("")));
}

static void
too_large(void **state)
{
	static struct jforms f;
	char buf[JFORM_BYTES + 100];

	(void)state;
	assert_false(jforms_match(&f, STR("1")));
	for (unsigned n = JFORM_VALUES; n <= JFORM_VALUES + 1; n++) {
		struct text t = text_over(buf, sizeof(buf));

		for (unsigned i = 0; i < n; i++)
			text_put(&t, i ? STR(",1") : STR("[1"));
		text_char(&t, ']');
		learn(&f, text_str(&t));
		assert_int_equal(jforms_match(&f, text_str(&t)), n == JFORM_VALUES);
	}
	for (size_t n = JFORM_BYTES; n <= JFORM_BYTES + 1; n++) {
		memset(buf, ' ', n);
		buf[0] = '[';
		buf[n - 1] = ']';
		learn(&f, (struct str){buf, n});
		assert_int_equal(jforms_match(&f, (struct str){buf, n}), n == JFORM_BYTES);
	}
}

/* As many as are remembered, of which each pair begins alike up to another place, in any order. */
static void
many_forms(void **state)
{
	static struct jforms f;
	char text[JFORMS + 1][400];

	(void)state;
	for (unsigned i = 0; i <= JFORMS; i++) {
		struct text t = text_over(text[i], sizeof(text[i]) - 1);

		text_put(&t, STR("{\"first\":1"));
		/* Bit b of i decides whether member b is there once more. */
		for (unsigned b = 0; b < 5; b++) {
			for (unsigned twice = 0; twice <= (i >> b & 1); twice++) {
				text_put(&t, twice ? STR(",\"again") : STR(",\"k"));
				text_u64(&t, b);
				text_put(&t, STR("\":\"some text\""));
			}
		}
		text_put(&t, STR("}"));
		text[i][t.n] = '\0';
	}
	for (unsigned i = 0; i < JFORMS; i++)
		learn(&f, str_from(text[i]));
	for (int round = 0; round < 1000; round++)
		assert_true(jforms_match(&f, str_from(text[random() % JFORMS])));
	/* One more, and the oldest is forgotten. */
	assert_false(jforms_match(&f, str_from(text[JFORMS])));
	learn(&f, str_from(text[JFORMS]));
	assert_true(jforms_match(&f, str_from(text[JFORMS])));
	assert_false(jforms_match(&f, str_from(text[0])));
	for (unsigned i = 1; i <= JFORMS; i++)
		assert_true(jforms_match(&f, str_from(text[i])));
}

/* --- random neighbours ----------------------------------------------------------------------- */

static bool
same_structure(const struct jscan_tape *a, const struct jscan_tape *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct jscan_token *x = &a->tokens[i], *y = &b->tokens[i];

		if (x->type != y->type || x->key != y->key || x->next != y->next ||
		    x->count != y->count)
			return false;
		if (x->key && !str_eq((struct str){a->text.p + x->at, x->n},
				  (struct str){b->text.p + y->at, y->n}))
			return false;
	}
	return true;
}

static size_t
mutated(char *buf, size_t n, size_t cap)
{
	static const char bits[] = "\"\\{}[]:,0123456789-.eE \n\tabcnulltrue\xc3\xa4\x7f\x01";
	size_t changes = 1 + (size_t)random() % 4;

	while (changes-- > 0 && n > 0) {
		size_t at = (size_t)random() % n;
		char c = bits[(size_t)random() % (sizeof(bits) - 1)];

		switch (random() % 3) {
		case 0:
			buf[at] = c;
			break;
		case 1:
			memmove(buf + at, buf + at + 1, --n - at);
			break;
		default:
			if (n == cap)
				break;
			memmove(buf + at + 1, buf + at, n++ - at);
			buf[at] = c;
		}
	}
	return n;
}

/* Whether a form that was learned from this tape's text is known for what the other is. */
static bool
some_structure_is(const struct scan *seeds, size_t n, const struct jscan_tape *other)
{
	for (size_t i = 0; i < n; i++)
		if (same_structure(&seeds[i].tape, other))
			return true;
	return false;
}

static void
what_matches_is_strict(void **state)
{
	static const char *const seeds[] = {(LINE), "[1,\"a\",{\"b\":[]}]", "[1,\"a\",{\"b\":[1]}]",
	    "{\"a\":\"\",\"b\":\"\"}", "{\"a\":\"\",\"b\":1}", "{\"a\":\"\"}",
	    "{\"k\":1,\"\\u006b2\":\"\\n\",\"x\":-1.5e3}", " [ 1 , 2 ] ", " [ 1 , 2, 3 ] ", "\"s\"",
	    "12", "{\"a\":{\"a\":{\"a\":0}}}"};
	static struct scan first[ARRAY_SIZE(seeds)], second;
	static struct jforms f;
	unsigned seed = (unsigned)time(NULL), matched = 0;

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		assert_true(scanned(&first[i], str_from(seeds[i])));
		jforms_learn(&f, &first[i].tape);
	}
	for (int i = 0; i < ROUNDS; i++) {
		struct str from = str_from(seeds[(size_t)random() % ARRAY_SIZE(seeds)]);
		char buf[256];
		size_t n;

		memcpy(buf, from.p, from.n);
		n = mutated(buf, from.n, sizeof(buf));
		if (!jforms_match(&f, (struct str){buf, n}))
			continue;
		matched++;
		assert_true(scanned(&second, (struct str){buf, n}));
		assert_true(some_structure_is(first, ARRAY_SIZE(seeds), &second.tape));
	}
	print_message("%u matched\n", matched);
	assert_true(matched > ROUNDS / 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(matches),
	    cmocka_unit_test(does_not_match),
	    cmocka_unit_test(fixed_values),
	    cmocka_unit_test(too_large),
	    cmocka_unit_test(many_forms),
	    cmocka_unit_test(what_matches_is_strict),
	};

	return cmocka_run_group_tests_name("jform", tests, NULL, NULL);
}
