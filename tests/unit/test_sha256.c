/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of our own, with and without the processor's instructions, against libcrypto's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include <cmocka.h>

/* Inside, so that both ways can be taken. */
#include "common/sha256.c" // NOLINT(bugprone-suspicious-include)

#define LONGEST 9000
#define ROUNDS_OF_PIECES 300

static char bytes[LONGEST];

static int
setup(void **state)
{
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)random();
	return 0;
}

static void
expect(size_t n, uint8_t out[SHA256_SIZE])
{
	unsigned size = 0;

	assert_int_equal(EVP_Digest(bytes, n, out, &size, EVP_sha256(), NULL), 1);
	assert_int_equal(size, SHA256_SIZE);
}

static void
check(sha256_blocks_fn *blocks, size_t n)
{
	uint8_t ours[SHA256_SIZE], theirs[SHA256_SIZE];
	struct sha256 s;

	sha256_begin(&s);
	sha256_add_by(blocks, &s, (const uint8_t *)bytes, n);
	sha256_end_by(blocks, &s, ours);
	expect(n, theirs);
	assert_memory_equal(ours, theirs, sizeof(ours));
}

/* Of several blocks, and every way that the last can be filled. */
static void
test_lengths(void **state)
{
	(void)state;
	for (size_t n = 0; n <= (size_t)5 * SHA256_BLOCK; n++) {
		check(portable_blocks, n);
		if (sha256_has_instructions())
			check(sha256_blocks, n);
	}
}

static void
test_pieces(void **state)
{
	uint8_t ours[SHA256_SIZE], theirs[SHA256_SIZE];
	struct sha256 s;

	(void)state;
	for (int i = 0; i < ROUNDS_OF_PIECES; i++) {
		size_t n = (size_t)random() % LONGEST, most = 1 + (size_t)random() % 300;

		sha256_begin(&s);
		for (size_t at = 0, piece; at < n; at += piece) {
			piece = (size_t)random() % most + (most == 1);
			piece = piece < n - at ? piece : n - at;
			sha256_add(&s, (struct str){bytes + at, piece});
		}
		sha256_end(&s, ours);
		expect(n, theirs);
		assert_memory_equal(ours, theirs, sizeof(ours));
	}
}

/* The standard's own examples. */
static void
test_examples(void **state)
{
	static const struct {
		const char *text, *first; /* and the first bytes of its sum */
	} examples[] = {
	    {"", "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14"},
	    {"abc", "\xba\x78\x16\xbf\x8f\x01\xcf\xea"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"\x24\x8d\x6a\x61\xd2\x06\x38\xb8"},
	};
	uint8_t out[SHA256_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		sha256_sum(str_from(examples[i].text), out);
		assert_memory_equal(out, examples[i].first, strlen(examples[i].first));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_examples),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
