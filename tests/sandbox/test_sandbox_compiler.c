/* SPDX-License-Identifier: Apache-2.0 */
/* The jail of the compiler: what parses policies. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/jail.h"
#include "common/str.h"
#include "policy/zone.h"
#include "policyd/compiler/compiler.h"
#include "tests/sandbox/sandbox.h"

/* The directory of the harness comes last: that is where the zones' fits. */
static void
enter(void)
{
	const struct policy_zones zones = {.there = true, .directory = SANDBOX_DIRECTORY};
	int directory = open(ZONE_DIRECTORY, O_PATH | O_DIRECTORY);

	if (directory < 0 || dup2(directory, SANDBOX_DIRECTORY) < 0 || close(directory) < 0)
		_exit(93);
	compiler_jail(&zones, false);
}

static const struct sandbox compiler = {"compiler", enter, COMPILER_DESCRIPTORS + 1};

static void
enter_without_zones(void)
{
	const struct policy_zones none = {.there = false};

	if (close(SANDBOX_DIRECTORY) < 0)
		_exit(93);
	compiler_jail(&none, false);
}

static const struct sandbox without_zones = {
    "compiler", enter_without_zones, COMPILER_DESCRIPTORS + 1};

static void
test_what_it_must_not(void **state)
{
	static const char *const refused[] = {"fork_by_clone3", NULL};

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	sandbox_try_all(&compiler, sandbox_attempts, sandbox_n_attempts, SANDBOX_KILLED, refused);
}

static long
seal_another_file(void)
{
	return fcntl(SANDBOX_FILE, F_ADD_SEALS, F_SEAL_WRITE);
}

static long
receive(void)
{
	char c;

	return recv(SANDBOX_PAIR, &c, 1, MSG_DONTWAIT);
}

static long
send_a_message(void)
{
	const struct msghdr empty = {0};

	return sendmsg(SANDBOX_PAIR, &empty, MSG_DONTWAIT);
}

static long
seek(void)
{
	return lseek(COMPILER_FD_IMAGE, 0, SEEK_SET);
}

static void
test_calls_of_others(void **state)
{
	static const struct sandbox_case cases[] = {
	    {"seal another file", seal_another_file},
	    {"receive", receive},
	    {"send a message", send_a_message},
	    {"seek", seek},
	};
	static const char *const none[] = {NULL};

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	sandbox_try_all(&compiler, cases, ARRAY_SIZE(cases), SANDBOX_KILLED, none);
}

/* --- time zones ------------------------------------------------------------------------------- */

static long
open_zone(void)
{
	return openat(SANDBOX_DIRECTORY, "Europe/Berlin", ZONE_OPEN);
}

static long
open_link_to_zone(void)
{
	return openat(SANDBOX_DIRECTORY, "Europe/../Europe/London", ZONE_OPEN);
}

static long
open_absolute(void)
{
	return openat(SANDBOX_DIRECTORY, "/etc/passwd", ZONE_OPEN);
}

static long
open_above(void)
{
	return openat(SANDBOX_DIRECTORY, "../../../etc/passwd", ZONE_OPEN);
}

static long
open_self(void)
{
	return openat(SANDBOX_DIRECTORY, "/proc/self/mem", ZONE_OPEN);
}

static long
list_zones(void)
{
	return openat(SANDBOX_DIRECTORY, "Europe", ZONE_OPEN);
}

static long
write_zone(void)
{
	return openat(SANDBOX_DIRECTORY, "Europe/Berlin", O_RDWR | O_CLOEXEC);
}

static long
create_zone(void)
{
	return openat(SANDBOX_DIRECTORY, "Europe/Sealwright", ZONE_OPEN | O_CREAT, 0600);
}

static long
open_elsewhere(void)
{
	return openat(AT_FDCWD, ZONE_DIRECTORY "/Europe/Berlin", ZONE_OPEN);
}

static const struct sandbox_case outside[] = {
    {"absolute", open_absolute},
    {"above", open_above},
    {"its own memory", open_self},
    {"a directory", list_zones},
};
static const struct sandbox_case other_calls[] = {
    {"for writing", write_zone},
    {"create", create_zone},
    {"from elsewhere", open_elsewhere},
};

/* Landlock keeps what is opened beneath the directory, the filter how it is opened. */
static void
test_zones(void **state)
{
	static const char *const none[] = {NULL};

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	assert_int_equal(sandbox_try(&compiler, open_zone), SANDBOX_ESCAPED);
	assert_int_equal(sandbox_try(&compiler, open_link_to_zone), SANDBOX_ESCAPED);
	sandbox_try_all(&compiler, outside, ARRAY_SIZE(outside), SANDBOX_REFUSED, none);
	sandbox_try_all(&compiler, other_calls, ARRAY_SIZE(other_calls), SANDBOX_KILLED, none);
}

static void
test_without_zones(void **state)
{
	static const struct sandbox_case any[] = {
	    {"a zone", open_zone},
	    {"absolute", open_absolute},
	};
	static const char *const none[] = {NULL};

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	sandbox_try_all(&without_zones, any, ARRAY_SIZE(any), SANDBOX_KILLED, none);
}

static long
use_memory(void)
{
	char *p = malloc(1 << 20);

	if (!p)
		return -1;
	free(p);
	return 0;
}

static long
end_honestly(void)
{
	abort();
}

static void
test_what_it_may(void **state)
{
	(void)state;
	assert_int_equal(sandbox_try(&compiler, use_memory), SANDBOX_ESCAPED);
	assert_int_equal(sandbox_try(&compiler, end_honestly), SANDBOX_ABORTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_it_must_not),
	    cmocka_unit_test(test_calls_of_others),
	    cmocka_unit_test(test_zones),
	    cmocka_unit_test(test_without_zones),
	    cmocka_unit_test(test_what_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
