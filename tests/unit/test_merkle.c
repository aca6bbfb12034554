/* SPDX-License-Identifier: Apache-2.0 */
/* Merkle trees against published roots and paths, and against the definition of RFC 6962 itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/ascii.h"
#include "proto/merkle.h"

#define LEAVES 70

static struct hash *sum;

static void
unhex(const char *hex, uint8_t out[HASH_SIZE])
{
	for (size_t i = 0; i < HASH_SIZE; i++)
		out[i] = (uint8_t)(ascii_hex(hex[2 * i]) << 4 | ascii_hex(hex[2 * i + 1]));
}

static void
assert_hash(const uint8_t got[HASH_SIZE], const char *hex)
{
	uint8_t want[HASH_SIZE];

	unhex(hex, want);
	assert_memory_equal(got, want, HASH_SIZE);
}

/* --- the eight leaves of the Certificate Transparency project's own tests ---------------------- */

static const struct str ct_leaves[] = {
    {"", 0},
    {"\x00", 1},
    {"\x10", 1},
    {"\x20\x21", 2},
    {"\x30\x31", 2},
    {"\x40\x41\x42\x43", 4},
    {"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
    {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16},
};

static const char *const ct_roots[] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static void
published_roots(void **state)
{
	struct merkle m;
	uint8_t hash[HASH_SIZE];

	(void)state;
	merkle_init(&m);
	merkle_root(&m, sum, hash);
	assert_hash(hash, ct_roots[0]);
	for (size_t i = 0; i < ARRAY_SIZE(ct_leaves); i++) {
		hash_leaf(sum, ct_leaves[i], hash);
		merkle_add(&m, sum, hash);
		merkle_root(&m, sum, hash);
		assert_int_equal(m.size, i + 1);
		assert_hash(hash, ct_roots[i + 1]);
	}
}

static void
published_paths(void **state)
{
	static const struct {
		uint64_t index, size;
		const char *path[4];
	} paths[] = {
	    {0, 1, {NULL}},
	    {0, 8,
		{"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
		    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4", NULL}},
	    {5, 8,
		{"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
		    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
		    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7", NULL}},
	    {2, 3, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125", NULL}},
	    {1, 5,
		{"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", NULL}},
	};
	uint8_t leaves[ARRAY_SIZE(ct_leaves)][HASH_SIZE], path[MERKLE_DEPTH][HASH_SIZE];
	uint8_t root[HASH_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ct_leaves); i++)
		hash_leaf(sum, ct_leaves[i], leaves[i]);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		uint64_t size = paths[i].size, index = paths[i].index;
		int n = merkle_path(sum, leaves, size, index, path);

		assert_true(n >= 0);
		for (int k = 0; k < n; k++)
			assert_hash(path[k], paths[i].path[k]);
		assert_null(paths[i].path[n]);
		assert_int_equal(
		    merkle_climb(sum, leaves[index], size, index, path, (size_t)n, root), 0);
		assert_hash(root, ct_roots[size]);
	}
}

/* --- the definition -------------------------------------------------------------------------- */

static size_t
split(size_t n)
{
	size_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

/* RFC 6962, section 2.1, word for word. */
static void
naive_root(uint8_t (*leaves)[HASH_SIZE], size_t n, uint8_t out[HASH_SIZE])
{
	uint8_t node[1 + 2 * HASH_SIZE] = {0x01};
	size_t k = split(n);

	if (n == 1) {
		memcpy(out, leaves[0], HASH_SIZE);
		return;
	}
	naive_root(leaves, k, node + 1);
	naive_root(leaves + k, n - k, node + 1 + HASH_SIZE);
	hash_begin(sum);
	hash_add(sum, (struct str){(const char *)node, sizeof(node)});
	hash_end(sum, out);
}

/* RFC 6962, section 2.1.1, word for word. */
static size_t
naive_path(uint8_t (*leaves)[HASH_SIZE], size_t n, size_t m, uint8_t (*path)[HASH_SIZE])
{
	size_t k = split(n), length;

	if (n == 1)
		return 0;
	if (m < k) {
		length = naive_path(leaves, k, m, path);
		naive_root(leaves + k, n - k, path[length]);
	} else {
		length = naive_path(leaves + k, n - k, m - k, path);
		naive_root(leaves, k, path[length]);
	}
	return length + 1;
}

static uint8_t many[LEAVES][HASH_SIZE];

static void
random_leaves(void)
{
	unsigned seed = (unsigned)time(NULL);

	print_message("seed %u\n", seed);
	srandom(seed);
	for (size_t i = 0; i < LEAVES; i++)
		for (size_t b = 0; b < HASH_SIZE; b++)
			many[i][b] = (uint8_t)random();
}

/* What must not lead to the root: another place, another size, a path one longer or shorter. */
static void
check_others(size_t size, size_t index, uint8_t path[MERKLE_DEPTH][HASH_SIZE], size_t n,
    const uint8_t root[HASH_SIZE])
{
	uint8_t got[HASH_SIZE];

	for (size_t other = 0; other < size; other++) {
		if (other == index)
			continue;
		if (merkle_climb(sum, many[index], size, other, path, n, got) == 0)
			assert_memory_not_equal(got, root, HASH_SIZE);
	}
	if (n > 0)
		assert_int_equal(
		    merkle_climb(sum, many[index], size, index, path, n - 1, got), -EINVAL);
	assert_int_equal(merkle_climb(sum, many[index], size, index, path, n + 1, got), -EINVAL);
	for (size_t i = 0; i < n; i++) {
		path[i][7] ^= 1;
		assert_int_equal(merkle_climb(sum, many[index], size, index, path, n, got), 0);
		assert_memory_not_equal(got, root, HASH_SIZE);
		path[i][7] ^= 1;
	}
}

static void
every_path_up_to_70_leaves(void **state)
{
	uint8_t root[HASH_SIZE], got[HASH_SIZE];
	uint8_t path[MERKLE_DEPTH][HASH_SIZE], want[MERKLE_DEPTH][HASH_SIZE];
	struct merkle m;

	(void)state;
	random_leaves();
	merkle_init(&m);
	for (size_t size = 1; size <= LEAVES; size++) {
		merkle_add(&m, sum, many[size - 1]);
		merkle_root(&m, sum, got);
		naive_root(many, size, root);
		assert_memory_equal(got, root, HASH_SIZE);
		for (size_t index = 0; index < size; index++) {
			size_t n = naive_path(many, size, index, want);

			assert_int_equal(merkle_path(sum, many, size, index, path), n);
			for (size_t i = 0; i < n; i++)
				assert_memory_equal(path[i], want[i], HASH_SIZE);
			assert_int_equal(
			    merkle_climb(sum, many[index], size, index, path, n, got), 0);
			assert_memory_equal(got, root, HASH_SIZE);
			check_others(size, index, path, n, root);
		}
	}
}

/* --- edges ----------------------------------------------------------------------------------- */

static void
no_such_place(void **state)
{
	static uint8_t path[MERKLE_DEPTH + 1][HASH_SIZE];
	const uint64_t most = UINT64_C(1) << MERKLE_DEPTH;
	uint8_t root[HASH_SIZE];

	(void)state;
	assert_int_equal(merkle_path(sum, many, 0, 0, path), -EINVAL);
	assert_int_equal(merkle_path(sum, many, 5, 5, path), -EINVAL);
	assert_int_equal(merkle_path(sum, many, most + 1, 0, path), -EINVAL);
	assert_int_equal(merkle_climb(sum, many[0], 0, 0, path, 0, root), -EINVAL);
	assert_int_equal(merkle_climb(sum, many[0], 5, 5, path, 3, root), -EINVAL);
	assert_int_equal(merkle_climb(sum, many[0], most + 1, 0, path, 63, root), -EINVAL);
	assert_int_equal(merkle_climb(sum, many[0], UINT64_MAX, 0, path, 64, root), -EINVAL);
	/* The largest tree there is. */
	assert_int_equal(merkle_climb(sum, many[0], most, most - 1, path, 63, root), 0);
	assert_int_equal(merkle_climb(sum, many[0], most, 0, path, 63, root), 0);
	assert_int_equal(merkle_climb(sum, many[0], most, 0, path, 64, root), -EINVAL);
	assert_int_equal(merkle_climb(sum, many[0], most, 0, path, 62, root), -EINVAL);
}

/* Leaf 2^40 of 2^40 + 1 stands alone beside a full tree. */
static void
far_to_the_right(void **state)
{
	uint8_t path[1][HASH_SIZE], root[HASH_SIZE], want[HASH_SIZE];
	const uint64_t full = UINT64_C(1) << 40;

	(void)state;
	memset(path, 0x77, sizeof(path));
	merkle_node(sum, path[0], many[0], want);
	assert_int_equal(merkle_climb(sum, many[0], full + 1, full, path, 1, root), 0);
	assert_memory_equal(root, want, HASH_SIZE);
}

/* Leaves one by one, and as many at once as the size so far allows: the same tree. */
static void
trees_of_trees(void **state)
{
	uint8_t want[HASH_SIZE], got[HASH_SIZE], root[HASH_SIZE];
	struct merkle one, many_at_once, part;

	(void)state;
	random_leaves();
	for (unsigned height = 0; height <= 6; height++) {
		size_t step = (size_t)1 << height;

		merkle_init(&one);
		merkle_init(&many_at_once);
		for (size_t at = 0; at + step <= LEAVES; at += step) {
			merkle_init(&part);
			for (size_t i = at; i < at + step; i++) {
				merkle_add(&one, sum, many[i]);
				merkle_add(&part, sum, many[i]);
			}
			merkle_root(&part, sum, root);
			merkle_add_tree(&many_at_once, sum, height, root);
			assert_int_equal(many_at_once.size, at + step);
			merkle_root(&one, sum, want);
			merkle_root(&many_at_once, sum, got);
			assert_memory_equal(got, want, HASH_SIZE);
		}
	}
}

/* Output over an input is what merkle_add() does all the time. */
static void
node_in_place(void **state)
{
	uint8_t a[HASH_SIZE], b[HASH_SIZE], want[HASH_SIZE];

	(void)state;
	memset(a, 1, sizeof(a));
	memset(b, 2, sizeof(b));
	merkle_node(sum, a, b, want);
	merkle_node(sum, a, b, a);
	assert_memory_equal(a, want, HASH_SIZE);
	memset(a, 1, sizeof(a));
	merkle_node(sum, a, b, b);
	assert_memory_equal(b, want, HASH_SIZE);
}

static int
setup(void **state)
{
	(void)state;
	if (hash_init() < 0)
		return -1;
	sum = hash_new();
	return sum ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	hash_free(sum);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_roots),
	    cmocka_unit_test(published_paths),
	    cmocka_unit_test(every_path_up_to_70_leaves),
	    cmocka_unit_test(no_such_place),
	    cmocka_unit_test(far_to_the_right),
	    cmocka_unit_test(trees_of_trees),
	    cmocka_unit_test(node_in_place),
	};

	return cmocka_run_group_tests_name("merkle", tests, setup, teardown);
}
