/* SPDX-License-Identifier: Apache-2.0 */
/* Seals: the text byte by byte, what comes back of it, and the names in it. What is refused is test_seal_refused.c's. */
#include <time.h>

#include "common/limits.h"
#include "tests/unit/seal_case.h"

static void
the_text(void **state)
{
	struct seal s = example();

	(void)state;
	assert_true(str_eq(formatted(&s), STR(EXAMPLE)));
}

static uint64_t
random_number(void)
{
	uint64_t v = (uint64_t)random() << 31 ^ (uint64_t)random();

	return v >> (random() % 60) & (uint64_t)(LIMIT_JSON_INT - 1);
}

static void
random_bytes(uint8_t out[32])
{
	for (size_t i = 0; i < 32; i++)
		out[i] = (uint8_t)random();
}

static struct seal
random_seal(void)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:@-";
	static char origin[SEAL_ORIGIN], name[SEGNAME_SIZE];
	struct seal s = example();
	size_t n = 1 + (size_t)random() % SEAL_ORIGIN;

	for (size_t i = 0; i < n; i++)
		origin[i] = allowed[(size_t)random() % (sizeof(allowed) - 1)];
	s.origin = (struct str){origin, n};
	s.index = random_number();
	segname_make(name, (int64_t)(random_number() >> 4), SESSION,
	    (uint32_t)(1 + random() % SEGNAME_NUMBER_MAX));
	s.file = str_from(name);
	s.bytes = random_number();
	s.first_seq = 1 + (random_number() >> 1);
	s.records = 1 + (random_number() >> 2);
	s.last_seq = s.first_seq + s.records - 1;
	s.first_time = (int64_t)random_number() * 20;
	s.last_time = -(int64_t)random_number();
	s.state = (enum seal_state)(random() % 3);
	s.torn_bytes = random_number();
	s.boot_id = random() % 2 ? STR("unknown") : STR(BOOT);
	random_bytes(s.sha256);
	random_bytes(s.head);
	random_bytes(s.root);
	random_bytes(s.prev_seal);
	random_bytes(s.key);
	random_bytes(s.next_key);
	return s;
}

/* Format, parse, format: the same bytes, the same seal. */
static void
random_seals_go_through(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	char text[SEAL_TEXT];

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 5000; i++) {
		struct seal s = random_seal(), back;
		struct str first = formatted(&s);
		const char *why = "";
		size_t at = 0;

		memcpy(text, first.p, first.n);
		if (seal_parse((struct str){text, first.n}, sum, &back, &why, &at) < 0)
			fail_msg("%s at %zu of %.*s", why, at, STR_ARG(first));
		assert_same(&s, &back);
		assert_true(str_eq(formatted(&back), (struct str){text, first.n}));
	}
}

/* Nothing outside of the room that the constants promise. */
static void
the_longest(void **state)
{
	char origin[SEAL_ORIGIN], name[SEGNAME_SIZE];
	struct seal s = example(), back;
	const char *why;
	struct str text;
	size_t at;

	(void)state;
	memset(origin, '/', sizeof(origin));
	s.origin = (struct str){origin, sizeof(origin)};
	segname_make(name, s.first_time, SESSION, SEGNAME_NUMBER_MAX);
	s.file = str_from(name);
	s.index = s.bytes = s.torn_bytes = (uint64_t)LIMIT_JSON_INT - 1;
	s.first_seq = (uint64_t)1 << 52;
	s.last_seq = (uint64_t)LIMIT_JSON_INT - 1;
	s.records = s.last_seq - s.first_seq + 1;
	s.state = SEAL_RECOVERED;
	assert_true(formatted(&s).n <= SEAL_TEXT);
	assert_true(sealed(&s).n <= SEAL_NOTE);
	assert_int_equal(seal_open(sealed(&s), sum, &back, &text, &why, &at), 0);
	assert_same(&s, &back);
}

static void
opened(void **state)
{
	struct seal s = example(), back;
	struct str file = sealed(&s), text;
	const char *why;
	size_t at;

	(void)state;
	assert_int_equal(seal_open(file, sum, &back, &text, &why, &at), 0);
	assert_true(str_eq(text, STR(EXAMPLE)));
	assert_ptr_equal(text.p, file.p);
	assert_same(&s, &back);
}

static void
origins(void **state)
{
	char longest[SEAL_ORIGIN + 1];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_true(seal_origin_ok((struct str){longest, SEAL_ORIGIN}));
	assert_false(seal_origin_ok((struct str){longest, SEAL_ORIGIN + 1}));
	assert_true(seal_origin_ok(STR("AZaz09._/:@-")));
	assert_false(seal_origin_ok(STR("")));
	assert_false(seal_origin_ok(STR_NONE));
	for (unsigned c = 0; c < 256; c++) {
		char one = (char)c;
		struct str s = {&one, 1};

		/* What it allows, a note allows, and JSON takes as it is. */
		if (seal_origin_ok(s))
			assert_true(
			    note_name_ok(s) && c > ' ' && c < 0x7f && c != '"' && c != '\\');
	}
}

static void
state_names(void **state)
{
	(void)state;
	assert_string_equal(seal_state_name(SEAL_CLEAN), "clean");
	assert_string_equal(seal_state_name(SEAL_RECOVERED), "recovered");
	assert_string_equal(seal_state_name(SEAL_POISONED), "poisoned");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_text),
	    cmocka_unit_test(random_seals_go_through),
	    cmocka_unit_test(the_longest),
	    cmocka_unit_test(opened),
	    cmocka_unit_test(origins),
	    cmocka_unit_test(state_names),
	};

	return cmocka_run_group_tests_name("seal", tests, setup, teardown);
}
