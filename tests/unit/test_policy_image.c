/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hostile images: whatever is in one, opening refuses it or every use stays within its bytes. The
 * checksum would hide that, so it is made right again after each change. Images lie between guard
 * pages: a read outside of one ends the test, with and without a sanitizer.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "policy/accounts.h"
#include "policy/document.h"
#include "policy/image.h"
#include "policy/image_check.h"
#include "tests/unit/policy_exercise.h"
#include "tests/unit/policy_fixture.h"

#define ROOM ((size_t)64 << 10) /* a multiple of the page size */

/* Everything that an image can hold. */
static const char document[] =
    "{\"schema\":\"sealwright-policy/1\",\"revision\":\"7\",\"org\":{\"id\":\"o\",\"name\":\"O\"},"
    "\"policies\":[{\"id\":\"p\",\"name\":\"P\",\"source\":\"org\",\"scope\":{\"users\":[\"al*\"],"
    "\"groups\":[\"dev\"],\"sandboxes\":[\"*\"],\"agents\":[\"coder\"]},\"rules\":["
    "{\"id\":\"net\",\"actions\":[\"connect:tcp\",\"connect:udp\",\"ssh:connect\"],\"resources\":["
    "\"*.example.com:80,443-444\",\"**.example\",\"x:22\",\"10.0.0.0/8\",\"2001:db8::/"
    "33\",\"**:99\"],"
    "\"decision\":\"allow\",\"when\":{\"time\":{\"from\":\"08:00\",\"to\":\"18:00\",\"zone\":\"-03:"
    "30\"},"
    "\"client\":[\"s*\"],\"context\":{\"branch\":[\"main\",\"topic/*\"],\"k\":\"v\"}},"
    "\"expires\":\"2026-12-31T00:00:00Z\"},"
    "{\"id\":\"fs\",\"name\":\"F\",\"actions\":[\"read\",\"write\"],\"resources\":[\"/data/**\","
    "\"/*/a/**/*.txt\",\"/\"],\"decision\":\"deny\",\"when\":{\"time\":{\"to\":\"06:00\",\"zone\":"
    "\"Europe/Berlin\"}}}]},"
    "{\"id\":\"q\",\"mode\":\"warn\",\"rules\":[{\"id\":\"exec\",\"actions\":[\"exec\"],"
    "\"resources\":["
    "\"cu*\",\"/usr/bin/*\"],\"decision\":\"deny\"},"
    "{\"id\":\"http\",\"actions\":[\"request:GET\",\"request:POST\"],\"resources\":["
    "\"https://api.example.com/v1/*\",\"[10.0.0.0/8]/x\"],\"decision\":\"deny\"},"
    "{\"id\":\"tool\",\"actions\":[\"invoke\"],\"resources\":[\"github/*\",\"x\"],\"decision\":"
    "\"allow\"}]}]}";

static uint8_t *image; /* what was compiled */
static size_t size;
static uint8_t *room; /* between guard pages */
static unsigned seed;

static unsigned
pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static int
with_accounts(const struct doc *doc)
{
	static char passwd[] = "root:x:0:0::/:\nalice:x:1000:100::/:\nbob:x:1001:100::/:\n";
	static char group[] = "root:x:0:\nusers:x:100:\ndev:x:101:alice,bob\n";
	FILE *p = fmemopen(passwd, sizeof(passwd) - 1, "r");
	FILE *g = fmemopen(group, sizeof(group) - 1, "r");
	struct accounts accounts;
	int error = accounts_read(&accounts, p, g);

	if (error == 0)
		error = image_build(doc, &accounts, &image, &size);
	accounts_free(&accounts);
	(void)fclose(p);
	(void)fclose(g);
	return error;
}

static int
setup(void **state)
{
	static struct policy_report report;
	struct policy_text text = {"test", {document, sizeof(document) - 1}};
	struct policy_texts texts = {.v = &text, .n = 1};
	const char *given = getenv("TEST_SEED");
	struct doc doc;
	int error;

	texts.zones.directory = open(ZONE_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	texts.zones.there = texts.zones.directory >= 0;
	error = doc_load(&doc, &texts, &report);

	(void)state;
	seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	if (error == 0 && report.n == 0)
		error = with_accounts(&doc);
	else
		error = -1;
	doc_free(&doc);
	(void)close(texts.zones.directory);
	/* cppcheck-suppress invalidFunctionArg ; anonymous memory has no descriptor */
	room = mmap(NULL, 3 * ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (error || room == MAP_FAILED || mprotect(room + ROOM, ROOM, PROT_READ | PROT_WRITE))
		return -1;
	print_message("# %zu bytes, TEST_SEED=%u\n", size, seed);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(image);
	return munmap(room, 3 * ROOM);
}

/* A copy of n bytes that ends where the guard page begins, as far as alignment lets it. */
static uint8_t *
place(const uint8_t *bytes, size_t n)
{
	uint8_t *p = room + 2 * ROOM - ((n + 7) & ~(size_t)7);

	memcpy(p, bytes, n);
	return p;
}

/* By pieces of this budget: what the check says in the end. */
static int
check_in_pieces(struct policy_image *view, const uint8_t *p, size_t n, size_t budget,
    const char **ret_why, size_t *ret_pieces)
{
	struct policy_image_check c;
	int state = policy_image_check_begin(&c, p, n, ret_why);

	for (*ret_pieces = 0; state == 0; ++*ret_pieces)
		state = policy_image_check_step(&c, budget, view, ret_why);
	return state < 0 ? state : 0;
}

static bool
opens(const uint8_t *p, size_t n, bool use)
{
	struct policy_image view;
	const char *why = NULL;

	if (policy_image_open(&view, p, n, &why) < 0) {
		assert_non_null(why);
		return false;
	}
	if (use)
		(void)policy_exercise(&view);
	return true;
}

static void
test_whole(void **state)
{
	struct policy_image view;
	const char *why;
	uint8_t *p = place(image, size);

	(void)state;
	assert_true(opens(p, size, true));
	/* All sections are there, else the tests below would not look at them. */
	assert_int_equal(policy_image_open(&view, p, size, &why), 0);
	for (unsigned i = 0; i < IMAGE_SECTIONS; i++)
		assert_true(image_section(&view, (enum image_section)i).n > 0);
	assert_str(policy_image_user(&view, 1000), "alice");
}

/* Not aligned; of another size than it says. */
static void
test_wrong_base_and_size(void **state)
{
	uint8_t *p = place(image, size);

	(void)state;
	memmove(p - 4, p, size);
	assert_false(opens(p - 4, size, false));
	p = place(image, size);
	assert_false(opens(p, size - 1, false));
	memmove(p - 8, p, size);
	assert_false(opens(p - 8, size + 1, false));
	assert_false(opens(p, 0, false));
}

/* Any change of any byte is noticed, by the checksum if by nothing else. */
static void
test_checksum(void **state)
{
	uint8_t *p = place(image, size);

	(void)state;
	for (size_t i = 0; i < size; i++) {
		p[i] ^= (uint8_t)(1u << pick(8));
		assert_false(opens(p, size, false));
		p[i] = image[i];
	}
	assert_true(opens(p, size, false));
}

/* With a right checksum: every byte, all ways to change it that differ in kind. */
static void
test_flipped_bytes(void **state)
{
	static const uint8_t flips[] = {1, 2, 4, 8, 16, 32, 64, 128, 0xff, 0x7f};
	uint8_t *p = place(image, size);
	unsigned opened = 0;

	(void)state;
	for (size_t i = 0; i < size; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(flips); k++) {
			p[i] = image[i] ^ flips[k];
			image_seal(p, size);
			opened += opens(p, size, true);
		}
		p[i] = image[i];
	}
	print_message("# %u of %zu opened\n", opened, size * ARRAY_SIZE(flips));
	assert_true(opened > 0);
}

/* Every length, told truly in the header: never whole. */
static void
test_truncated(void **state)
{
	(void)state;
	for (size_t n = 0; n < size; n++) {
		uint8_t *p = place(image, n);
		uint64_t told = n;

		assert_false(opens(p, n, false));
		if (n < sizeof(struct image_header))
			continue;
		memcpy(p + offsetof(struct image_header, size), &told, sizeof(told));
		image_seal(p, n);
		assert_false(opens(p, n, true));
	}
}

/* Numbers where offsets, counts and enums lie, several at once. */
static void
test_hostile_numbers(void **state)
{
	static const uint32_t values[] = {0, 1, 2, 3, 7, 8, 16, 100, 1440, 1441, 0x7fffffff,
	    0x80000000, 0xfffffffe, 0xffffffff, 0xffff, 0x10000, 0x01010101, 0x40000000};
	unsigned opened = 0;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		uint8_t *p = place(image, size);
		unsigned changes = 1 + pick(3);

		while (changes-- > 0) {
			size_t at = (size_t)4 * pick((unsigned)(size / 4));
			uint32_t v = pick(2) ? values[pick(ARRAY_SIZE(values))]
					     : pick((unsigned)size + 9);

			memcpy(p + at, &v, sizeof(v));
		}
		image_seal(p, size);
		opened += opens(p, size, true);
	}
	print_message("# %u of 200000 opened\n", opened);
	assert_true(opened > 1000);
}

/* What is said of an image does not depend on how it is looked at. */
static void
assert_same_in_pieces(const uint8_t *p, size_t n)
{
	static const size_t budgets[] = {1, 100};
	struct policy_image view, piecewise;
	const char *why = "", *why_piecewise = "";
	int want = policy_image_open(&view, p, n, &why);
	size_t pieces;

	for (size_t i = 0; i < ARRAY_SIZE(budgets); i++) {
		assert_int_equal(
		    check_in_pieces(&piecewise, p, n, budgets[i], &why_piecewise, &pieces), want);
		assert_string_equal(why_piecewise, why);
		if (want == 0)
			assert_memory_equal(&piecewise, &view, sizeof(view));
	}
}

static void
test_whole_in_pieces(void **state)
{
	struct policy_image view;
	const char *why;
	size_t pieces;

	(void)state;
	assert_same_in_pieces(place(image, size), size);
	assert_int_equal(
	    check_in_pieces(&view, place(image, size), size, SIZE_MAX, &why, &pieces), 0);
	assert_int_equal(pieces, 1);
	/* One element at a time: each byte is summed by itself, and then there are the elements. */
	assert_int_equal(check_in_pieces(&view, place(image, size), size, 1, &why, &pieces), 0);
	assert_in_range(pieces, size, 2 * size);
	assert_int_equal(check_in_pieces(&view, place(image, size), size, 0, &why, &pieces), 0);
	assert_in_range(pieces, size, 2 * size);
	(void)policy_exercise(&view);
}

/* Every byte, with its wrong checksum and with a right one. */
static void
test_flipped_in_pieces(void **state)
{
	uint8_t *p = place(image, size);

	(void)state;
	for (size_t i = 0; i < size; i++) {
		p[i] = image[i] ^ (uint8_t)(1u << pick(8));
		assert_same_in_pieces(p, size);
		image_seal(p, size);
		assert_same_in_pieces(p, size);
		memcpy(p, image, sizeof(struct image_header));
		p[i] = image[i];
	}
	assert_same_in_pieces(p, size);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_wrong_base_and_size),
	    cmocka_unit_test(test_checksum),
	    cmocka_unit_test(test_flipped_bytes),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_hostile_numbers),
	    cmocka_unit_test(test_whole_in_pieces),
	    cmocka_unit_test(test_flipped_in_pieces),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
