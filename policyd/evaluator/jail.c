/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policyd/client/role.h"
#include "policyd/evaluator/evaluator.h"

void
evaluator_jail(const struct settings *s)
{
	const struct syscall_rule calls[] = {
#include "policyd/evaluator/syscalls.def"
	};

	/* Several evaluators have a timer each, to share clients evenly. */
	role_seal(s, calls, ARRAY_SIZE(calls), ROLE_DESCRIPTORS + (s->evaluators > 1));
}
