/* SPDX-License-Identifier: Apache-2.0 */
/* Against the examples of FIPS 180-4 and NIST's long message, and in all ways of cutting input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/sha256.h"
#include "common/str.h"

static void
expect(const struct sha256 *h, const char *want)
{
	struct sha256 copy = *h;
	uint8_t got[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	sha256_end(&copy, got);
	for (size_t i = 0; i < SHA256_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", got[i]);
	assert_string_equal(hex, want);
}

static void
test_examples(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmno"
	     "pqrlmno"
	     "pqrsmnopqrstnopqrstu",
		"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
	};
	struct sha256 h;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		sha256_init(&h);
		sha256_add(&h, cases[i].text, strlen(cases[i].text));
		expect(&h, cases[i].want);
	}
}

static void
test_million(void **state)
{
	char block[1000];
	struct sha256 h;

	(void)state;
	memset(block, 'a', sizeof(block));
	sha256_init(&h);
	for (int i = 0; i < 1000; i++)
		sha256_add(&h, block, sizeof(block));
	expect(&h, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every length over two blocks, cut at every place: the same as in one piece. */
static void
test_cuts(void **state)
{
	uint8_t bytes[130], whole[SHA256_BYTES], cut[SHA256_BYTES];
	struct sha256 h;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		sha256_init(&h);
		sha256_add(&h, bytes, n);
		sha256_end(&h, whole);
		for (size_t at = 0; at <= n; at++) {
			sha256_init(&h);
			sha256_add(&h, bytes, at);
			sha256_add(&h, bytes + at, n - at);
			sha256_end(&h, cut);
			assert_memory_equal(whole, cut, sizeof(whole));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_examples),
	    cmocka_unit_test(test_million),
	    cmocka_unit_test(test_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
