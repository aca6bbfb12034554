/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Want of memory while a policy is loaded, compiled and linted: every allocation fails once. The
 * answer is -ENOMEM, and everything that was taken is given back. Sanitizers have an allocator of
 * their own: there this is skipped.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "policy/zone.h"
#include "tests/unit/policy_fixture.h"

#ifdef SANITIZED

static void
test_skipped(void **state)
{
	(void)state;
	skip();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_skipped)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static long countdown = -1; /* allocations until one fails; negative: none does */
static long live;           /* blocks taken and not given back */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool
fails_now(void)
{
	if (countdown < 0 || countdown-- > 0)
		return false;
	errno = ENOMEM;
	return true;
}

static void *
taken(void *p)
{
	live += p != NULL;
	return p;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): theirs have reserved names */
void *
malloc(size_t n)
{
	return fails_now() ? NULL : taken(__libc_malloc(n));
}

void *
calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : taken(__libc_calloc(n, size));
}

void *
realloc(void *p, size_t n)
{
	if (fails_now())
		return NULL;
	return p ? __libc_realloc(p, n) : taken(__libc_malloc(n));
}

void *
reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : realloc(p, bytes);
}

void
free(void *p)
{
	live -= p != NULL;
	__libc_free(p);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

static const char document[] =
    "{\"schema\":\"sealwright-policy/1\",\"revision\":\"a\",\"org\":{\"id\":\"o\"},\"policies\":["
    "{\"id\":\"p\",\"source\":\"org\",\"scope\":{\"users\":[\"u*\"]},\"rules\":["
    "{\"id\":\"n\",\"name\":\"N\",\"actions\":[\"connect:tcp\"],\"resources\":[\"*.example:1-2\","
    "\"::1\"],"
    "\"decision\":\"allow\",\"when\":{\"time\":{\"days\":[\"mon\"],\"zone\":\"Europe/"
    "Berlin\"},\"client\":[\"c\"],\"context\":"
    "{\"k\":[\"v\"],\"l\":\"w\"}}},"
    "{\"id\":\"f\",\"actions\":[\"read\"],\"resources\":[\"/a/**\",\"/a/*/"
    "b\"],\"decision\":\"deny\"},"
    "{\"id\":\"h\",\"actions\":[\"request:get\"],\"resources\":[\"https://h.example/"
    "x\"],\"decision\":"
    "\"allow\"}]}],"
    "\"tests\":[{\"name\":\"t\",\"op\":{\"action\":\"fs:read\",\"resource\":\"fs:path:/a/b\"},"
    "\"subject\":{\"user\":\"u1\",\"groups\":[\"g\"],\"context\":{\"k\":\"v\"}},\"expect\":"
    "\"deny\"}]}";
static const char second[] = "{\"schema\":\"sealwright-policy/1\",\"revision\":\"b\"}";

static struct policy_text text[] = {
    {"one", {document, sizeof(document) - 1}}, {"two", {second, sizeof(second) - 1}}};
static struct policy_texts texts = {.v = text, .n = ARRAY_SIZE(text)};
static struct policy_report report;

/* With the accounts of /etc, or linted. */
static int
work(bool lint)
{
	static const struct policy_compile_options options = {
	    .accounts = true, .run_tests = true, .now = NOON};
	uint8_t *image = NULL;
	size_t size;
	int error;

	report = (struct policy_report){.n = 0};
	if (lint)
		return policy_lint(&texts, NOON, &report);
	error = policy_compile(&texts, &options, &image, &size, &report);
	free(image);
	return error;
}

static void
fail_each(bool lint)
{
	long n = 0, refused = 0, refused_image = 0, carried_on = 0, before;

	/* What libraries keep for ever is made now, also what they keep about errors. */
	ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
	ERR_clear_error();
	assert_int_equal(work(lint), 0);
	for (;; n++) {
		int error;

		before = live;
		countdown = n;
		error = work(lint);
		if (countdown >= 0) {
			countdown = -1;
			assert_int_equal(error, 0);
			break;
		}
		ERR_clear_error(); /* the library's notes about it, a ring of 16 */
		if (live != before)
			fail_msg("allocation %ld failed: %ld blocks were not given back", n,
			    live - before);
		/* Not always 0 or -ENOMEM: an image that cannot be checked is refused. */
		refused += error == -ENOMEM;
		refused_image += error == -EINVAL && report.n == 1;
		carried_on += error == 0;
	}
	print_message(
	    "# %ld allocations: %ld times -ENOMEM, %ld times refused, %ld times no matter\n", n,
	    refused, refused_image, carried_on);
	assert_int_equal(refused + refused_image + carried_on, n);
	assert_true(n > 50 && refused > n - 20);
}

static void
test_compile(void **state)
{
	(void)state;
	fail_each(false);
}

static void
test_lint(void **state)
{
	(void)state;
	fail_each(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_compile),
	    cmocka_unit_test(test_lint),
	};

	texts.zones.directory = open(ZONE_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	texts.zones.there = texts.zones.directory >= 0;

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
