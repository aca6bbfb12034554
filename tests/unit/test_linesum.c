/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two sums over a log's lines, made with the processor's instructions where it has them, against
 * libcrypto's one by one; and libcrypto's way, which other processors take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Inside, so that both ways can be taken. */
#include "common/linesum.c" // NOLINT(bugprone-suspicious-include)

#define LONGEST 9000

static struct linesum *sum;
static struct hash *whole, *leaf;
static char bytes[2 * LONGEST];

static int
setup(void **state)
{
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)random();
	if (hash_init() < 0)
		return -1;
	sum = linesum_new();
	whole = hash_new();
	leaf = hash_new();
	return sum && whole && leaf ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	linesum_free(sum);
	hash_free(whole);
	hash_free(leaf);
	return 0;
}

static void
begin(bool ours)
{
	sum->ours = ours;
	linesum_begin(sum);
	hash_begin(whole);
}

static void
add(struct str line)
{
	uint8_t got[HASH_SIZE], want[HASH_SIZE];

	linesum_add(sum, line, got);
	hash_add(whole, line);
	hash_leaf(leaf, line, want);
	assert_memory_equal(got, want, HASH_SIZE);
}

static void
end(void)
{
	uint8_t got[HASH_SIZE], want[HASH_SIZE];

	linesum_end(sum, got);
	hash_end(whole, want);
	assert_memory_equal(got, want, HASH_SIZE);
}

/* Each length of the file before, each length of the line, around every boundary of blocks. */
static void
every_length(bool ours)
{
	for (size_t before = 0; before < 2 * SHA256_BLOCK; before++) {
		for (size_t n = 0; n < 6 * SHA256_BLOCK; n++) {
			begin(ours);
			add((struct str){bytes, before});
			add((struct str){bytes + n, n});
			end();
		}
	}
}

static void
random_lines(bool ours)
{
	for (int round = 0; round < 20; round++) {
		begin(ours);
		for (int i = 0; i < 100; i++) {
			size_t n = (size_t)random() % (random() % 8 == 0 ? LONGEST : 800);

			add((struct str){bytes + (size_t)random() % LONGEST, n});
		}
		end();
	}
}

static void
with_the_instructions(void **state)
{
	struct linesum *other = linesum_new();

	(void)state;
	assert_non_null(other);
	/* Nothing wrong was found when it was made. */
	assert_int_equal(other->ours, sha256_has_instructions());
	linesum_free(other);
	if (!sha256_has_instructions())
		skip();
	every_length(true);
	random_lines(true);
}

static void
without_them(void **state)
{
	(void)state;
	every_length(false);
	random_lines(false);
}

/* Of any number of pairs, in their place. */
static void
parents(void **state)
{
	uint8_t hashes[20][HASH_SIZE], want[10][HASH_SIZE];

	(void)state;
	for (int ours = 0; ours <= (sha256_has_instructions() ? 1 : 0); ours++) {
		sum->ours = ours;
		for (size_t n = 0; n <= ARRAY_SIZE(want); n++) {
			memcpy(hashes, bytes, sizeof(hashes));
			for (size_t i = 0; i < n; i++) {
				hash_begin(leaf);
				hash_add(leaf, STR("\x01"));
				hash_add(leaf, (struct str){(const char *)hashes[2 * i], 64});
				hash_end(leaf, want[i]);
			}
			linesum_parents(sum, hashes, n);
			assert_memory_equal(hashes, want, n * HASH_SIZE);
			assert_memory_equal(
			    hashes[n], bytes + n * HASH_SIZE, sizeof(hashes) - n * HASH_SIZE);
		}
	}
}

/* FIPS 180-4's example; a file of nothing; and it begins anew. */
static void
known_sums(void **state)
{
	static const uint8_t nothing[] = {0xe3, 0xb0, 0xc4, 0x42}, abc[] = {0xba, 0x78, 0x16, 0xbf},
			     leaf_of_nothing[] = {0x6e, 0x34, 0x0b, 0x9c};
	uint8_t got[HASH_SIZE];

	(void)state;
	for (int ours = 0; ours <= (sha256_has_instructions() ? 1 : 0); ours++) {
		sum->ours = ours;
		linesum_begin(sum);
		linesum_end(sum, got);
		assert_memory_equal(got, nothing, sizeof(nothing));
		linesum_begin(sum);
		linesum_add(sum, STR(""), got);
		assert_memory_equal(got, leaf_of_nothing, sizeof(leaf_of_nothing));
		linesum_add(sum, STR("abc"), got);
		linesum_end(sum, got);
		assert_memory_equal(got, abc, sizeof(abc));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(with_the_instructions),
	    cmocka_unit_test(without_them),
	    cmocka_unit_test(known_sums),
	    cmocka_unit_test(parents),
	};

	return cmocka_run_group_tests_name("linesum", tests, setup, teardown);
}
