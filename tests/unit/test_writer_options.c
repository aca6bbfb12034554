/* SPDX-License-Identifier: Apache-2.0 */
/* auditd-writer's command line, and the secret that it is handed. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auditd-writer/options.h"
#include "auditd-writer/secret.h"

#define HASH "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"

static struct options o;
static char why[512];

static enum options_result
parse(const char *name, const char *value)
{
	const char *argv[] = {"auditd-writer", "--audit-dir", "/a", "--key-dir=/k", "--evaluators",
	    "2", name, value, NULL};

	memset(why, 0, sizeof(why));
	return options_parse(
	    name ? value ? 8 : 7 : 6, (char **)(uintptr_t)argv, &o, why, sizeof(why));
}

static void
is_wrong(const char *name, const char *value)
{
	assert_int_equal(parse(name, value), OPTIONS_WRONG);
	assert_non_null(strstr(why, name));
}

static void
nothing_more_is_needed(void **state)
{
	(void)state;
	assert_int_equal(parse(NULL, NULL), OPTIONS_RUN);
	assert_string_equal(o.audit_dir, "/a");
	assert_string_equal(o.key_dir, "/k");
	assert_int_equal(o.evaluators, 2);
	assert_int_equal(o.rotate_records, 1000);
	assert_int_equal(o.secret_fd, 0);
	assert_null(o.origin);
	assert_false(str_given(o.succeeds.origin));
}

static void
origins(void **state)
{
	char longest[130];

	(void)state;
	assert_int_equal(parse("--origin", "example.com/Log_1:x@y-z"), OPTIONS_RUN);
	assert_string_equal(o.origin, "example.com/Log_1:x@y-z");
	is_wrong("--origin", "");
	is_wrong("--origin", "two words");
	is_wrong("--origin", "plus+sign");
	is_wrong("--origin", "quote\"");
	is_wrong("--origin", "h\xc3\xb6st");
	is_wrong("--origin", "line\n");
	memset(longest, 'x', sizeof(longest));
	longest[129] = '\0';
	is_wrong("--origin", longest);
	longest[128] = '\0';
	assert_int_equal(parse("--origin", longest), OPTIONS_RUN);
}

static void
predecessors(void **state)
{
	static const uint8_t hash[4] = {0x00, 0x11, 0x22, 0x33};

	(void)state;
	assert_int_equal(parse("--succeeds", "old/log 9007199254740991:" HASH), OPTIONS_RUN);
	assert_true(str_eq(o.succeeds.origin, STR("old/log")));
	assert_int_equal(o.succeeds.index, INT64_C(9007199254740991));
	assert_memory_equal(o.succeeds.seal, hash, 4);
	assert_int_equal(o.succeeds.seal[31], 0xef);
	assert_int_equal(parse("--succeeds", "old:log 0:" HASH), OPTIONS_RUN);
	assert_int_equal(o.succeeds.index, 0);
	is_wrong("--succeeds", "");
	is_wrong("--succeeds", " 0:" HASH);
	is_wrong("--succeeds", "old/log");
	is_wrong("--succeeds", "old/log 0");
	is_wrong("--succeeds", "old/log :" HASH);
	is_wrong("--succeeds", "old/log 00:" HASH);
	is_wrong("--succeeds", "old/log 01:" HASH);
	is_wrong("--succeeds", "old/log -1:" HASH);
	is_wrong("--succeeds", "old/log  1:" HASH);
	is_wrong("--succeeds", "old log 1:" HASH);
	is_wrong("--succeeds", "old/log 9007199254740992:" HASH);
	is_wrong("--succeeds", "old/log 99999999999999999999:" HASH);
	is_wrong("--succeeds", "old/log 1:" HASH "0");
	is_wrong("--succeeds", "old/log 1:" HASH "\n");
	is_wrong("--succeeds", "old/log 1:0011");
	is_wrong("--succeeds",
	    "old/log 1:00112233445566778899AABBCCDDEEFF0123456789abcdef0123456789abcdef");
	is_wrong("--succeeds",
	    "old/log 1:g0112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef");
}

/* A name is of one log. */
static void
nobody_succeeds_himself(void **state)
{
	static const char old[] = "--succeeds=old/log 7:" HASH;
	const char *argv[] = {"auditd-writer", "--audit-dir=/a", "--key-dir=/k", "--evaluators=1",
	    "--origin=old/log", old, NULL};

	(void)state;
	assert_int_equal(
	    options_parse(6, (char **)(uintptr_t)argv, &o, why, sizeof(why)), OPTIONS_WRONG);
	assert_non_null(strstr(why, "another name"));
	argv[4] = "--origin=old/log2";
	assert_int_equal(
	    options_parse(6, (char **)(uintptr_t)argv, &o, why, sizeof(why)), OPTIONS_RUN);
}

static void
descriptors(void **state)
{
	(void)state;
	assert_int_equal(parse("--secret-fd", "7"), OPTIONS_RUN);
	assert_int_equal(o.secret_fd, 7);
	is_wrong("--secret-fd", "0");
	is_wrong("--secret-fd", "2");
	is_wrong("--secret-fd", "1024");
	is_wrong("--secret-fd", "x");
	is_wrong("--secret-fd", "");
}

static void
what_is_none(void **state)
{
	(void)state;
	is_wrong("--origins", "x");
	assert_int_equal(parse("--origin", NULL), OPTIONS_WRONG);
	assert_non_null(strstr(why, "needs a value"));
}

static void
help_names_them_all(void **state)
{
	char text[4096];
	unsigned n = options_help(text, sizeof(text));

	(void)state;
	assert_true(n < sizeof(text) - 1);
	text[n] = '\0';
	assert_non_null(strstr(text, "--origin"));
	assert_non_null(strstr(text, "--succeeds"));
	assert_non_null(strstr(text, "--secret-fd"));
	assert_non_null(strstr(text, "exit status"));
}

/* --- the secret --------------------------------------------------------------------------------- */

static int
take(const char *bytes, size_t n, uint8_t out[KEYSTATE_SECRET])
{
	int fd = memfd_create("secret", MFD_CLOEXEC);
	const char *reason;
	int error;

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, 0), (ssize_t)n);
	error = secret_take(fd, out, &reason);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_true((error == -EINVAL) == (reason != NULL));
	return error;
}

static void
secrets(void **state)
{
	uint8_t raw[KEYSTATE_SECRET], out[KEYSTATE_SECRET];
	static const char digits[] =
	    "00112233445566778899AABBCCDDEEFF0123456789abcdef0123456789abcdef\n\n";

	(void)state;
	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(i * 7);
	assert_int_equal(take((const char *)raw, sizeof(raw), out), 0);
	assert_memory_equal(raw, out, sizeof(raw));
	assert_int_equal(take(digits, 64, out), 0);
	assert_int_equal(out[0], 0x00);
	assert_int_equal(out[15], 0xff);
	assert_int_equal(out[31], 0xef);
	memset(out, 0, sizeof(out));
	assert_int_equal(take(digits, 65, out), 0);
	assert_int_equal(out[15], 0xff);
}

static void
no_secrets(void **state)
{
	static const char much[4096] = "";
	uint8_t out[KEYSTATE_SECRET];
	const char *reason;

	(void)state;
	for (size_t n = 0; n < 80; n++)
		if (n != KEYSTATE_SECRET)
			assert_int_equal(take(much, n, out), -EINVAL);
	assert_int_equal(take(much, sizeof(much), out), -EINVAL);
	assert_int_equal(
	    take("00112233445566778899AABBCCDDEEFF0123456789abcdef0123456789abcdef\n\n", 66, out),
	    -EINVAL);
	assert_int_equal(
	    take("00112233445566778899AABBCCDDEEFF0123456789abcdef0123456789abcdeg", 64, out),
	    -EINVAL);
	assert_int_equal(secret_take(open("/", O_RDONLY | O_CLOEXEC), out, &reason), -EISDIR);
	assert_null(reason);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_more_is_needed),
	    cmocka_unit_test(origins),
	    cmocka_unit_test(predecessors),
	    cmocka_unit_test(nobody_succeeds_himself),
	    cmocka_unit_test(descriptors),
	    cmocka_unit_test(what_is_none),
	    cmocka_unit_test(help_names_them_all),
	    cmocka_unit_test(secrets),
	    cmocka_unit_test(no_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
