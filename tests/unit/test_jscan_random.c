/* SPDX-License-Identifier: Apache-2.0 */
/* Random texts near to good ones: the scanner against json-c's strict reader. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "common/jscan.h"

#define ROUNDS 300000
#define TEXT_MAX 512

static const struct jscan_rules plain = {.max_depth = 16, .max_members = 64, .max_tokens = 512};

static const struct seed {
	const char *text;
	size_t n;
	bool good;
} seeds[] = {
#define ACCEPT(text) {text, sizeof(text) - 1, true},
#define REJECT(text, at, what) {text, sizeof(text) - 1, false},
#include "tests/unit/jscan_cases.def"
};

static const struct seed bits[] = {
#define BIT(text)                             \
	{                                     \
		text, sizeof(text) - 1, false \
	}
    BIT("\""),
    BIT("\\"),
    BIT("{"),
    BIT("}"),
    BIT("["),
    BIT("]"),
    BIT(":"),
    BIT(","),
    BIT("\"a\":"),
    BIT(",\"a\":1"),
    BIT("\\u0061"),
    BIT("\\ud800"),
    BIT("\\udc00"),
    BIT("\\n"),
    BIT("0"),
    BIT("-"),
    BIT("9"),
    BIT("."),
    BIT("e"),
    BIT("E+1"),
    BIT("9007199254740991"),
    BIT("true"),
    BIT("null"),
    BIT(" "),
    BIT("\n"),
    BIT("\t"),
    BIT("\0"),
    BIT("\x7f"),
    BIT("\xc3\xa4"),
    BIT("\xed\xa0\x80"),
    BIT("\xff"),
    BIT("'"),
    BIT("/**/"),
    BIT("//"),
    BIT("NaN"),
};

struct mutant {
	char text[TEXT_MAX + 1]; /* and a NUL, which json-c wants to see after a number */
	size_t n;
};

static size_t
below(size_t n)
{
	return n ? (size_t)random() % n : 0;
}

static void
mutant_remove(struct mutant *m, size_t at, size_t n)
{
	memmove(m->text + at, m->text + at + n, m->n - at - n);
	m->n -= n;
}

static void
mutant_insert(struct mutant *m, size_t at, const char *p, size_t n)
{
	char copy[TEXT_MAX];

	if (n > TEXT_MAX - m->n)
		return;
	memcpy(copy, p, n);
	memmove(m->text + at + n, m->text + at, m->n - at);
	memcpy(m->text + at, copy, n);
	m->n += n;
}

static void
mutate(struct mutant *m)
{
	size_t at = below(m->n + 1), n = below(m->n - at + 1);
	const struct seed *bit = &bits[below(ARRAY_SIZE(bits))];
	const struct seed *other = &seeds[below(ARRAY_SIZE(seeds))];

	switch (random() % 8) {
	case 0:
	case 1:
	case 2:
		mutant_insert(m, at, bit->text, bit->n);
		break;
	case 3:
		mutant_remove(m, at, n < 3 ? n : 1);
		break;
	case 4:
		mutant_remove(m, at, n);
		break;
	case 5:
		mutant_insert(m, below(m->n + 1), m->text + at, n);
		break;
	case 6:
		mutant_insert(m, at, other->text, other->n);
		break;
	default:
		if (at < m->n)
			m->text[at] = (char)random();
	}
}

static void
mutant_make(struct mutant *m)
{
	const struct seed *seed;

	do
		seed = &seeds[below(ARRAY_SIZE(seeds))];
	while (!seed->good);
	memcpy(m->text, seed->text, seed->n);
	m->n = seed->n;
	for (long i = random() % 3; i >= 0; i--)
		mutate(m);
	m->text[m->n] = '\0';
}

static bool
json_c_takes(struct json_tokener *tokener, const struct mutant *m)
{
	struct json_object *tree;
	bool taken;

	json_tokener_reset(tokener);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	tree = json_tokener_parse_ex(tokener, m->text, (int)m->n + 1);
	taken = json_tokener_get_error(tokener) == json_tokener_success &&
		json_tokener_get_parse_end(tokener) >= m->n;
	(void)json_object_put(tree);
	return taken;
}

/* Beyond what RFC 8259 wants, or where json-c's strict reader is less strict than RFC 8259. */
static bool
is_stricter(const char *what)
{
	static const char *const ours[] = {
	    "duplicate key",
	    "lone surrogate",
	    "number too large",
	    "NUL in a string",
	    "control byte in a string",
	    "invalid UTF-8 in a string", /* json-c looks at the first byte and counts */
	    "number with a leading zero",
	    "expected a digit",            /* "1.", "-Infinity" */
	    "expected a value, found 'N'", /* NaN */
	    "expected a value, found 'I'", /* Infinity */
	    "expected a key in double quotes, found '''",
	    "nested deeper than 16",
	};

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (str_starts(str_from(what), str_from(ours[i])))
			return true;
	return false;
}

static void
show(const struct mutant *m, const char *what, size_t at)
{
	fprintf(stderr, "text of %zu bytes:", m->n);
	for (size_t i = 0; i < m->n; i++)
		fprintf(stderr, m->text[i] >= ' ' && m->text[i] < 127 ? "%c" : "\\x%02x",
		    (unsigned char)m->text[i]);
	fail_msg("%s at %zu", what, at);
}

static void
test_against_json_c(void **state)
{
	struct json_tokener *tokener = json_tokener_new_ex(40);
	size_t both = 0, neither = 0, stricter = 0;

	(void)state;
	assert_non_null(tokener);
	for (int round = 0; round < ROUNDS; round++) {
		struct jscan_token tokens[512];
		struct jscan_tape tape = {.tokens = tokens, .cap = ARRAY_SIZE(tokens)};
		struct jscan_fault fault;
		struct mutant m;
		bool ours, theirs;

		mutant_make(&m);
		ours = jscan((struct str){m.text, m.n}, &plain, &tape, &fault) == 0;
		theirs = json_c_takes(tokener, &m);
		if (ours && !theirs)
			show(&m, "only the scanner takes it", 0);
		if (!ours && theirs && !is_stricter(fault.what))
			show(&m, fault.what, fault.at);
		both += ours && theirs;
		neither += !ours && !theirs;
		stricter += !ours && theirs;
	}
	json_tokener_free(tokener);
	printf("# taken by both: %zu, by neither: %zu, refused by the scanner alone: %zu\n", both,
	    neither, stricter);
	assert_true(both > ROUNDS / 50);
	assert_true(neither > ROUNDS / 50);
	assert_true(stricter > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_json_c),
	};
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	printf("# SEED=%u\n", seed);
	srandom(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
