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
#include "policyd/compiler/compiler.h"
#include "tests/sandbox/sandbox.h"

static void
enter(void)
{
	compiler_jail(false);
}

/* The directory of the harness comes last: it fits. */
static const struct sandbox compiler = {"compiler", enter, COMPILER_DESCRIPTORS};

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
	    cmocka_unit_test(test_what_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
