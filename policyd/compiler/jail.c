/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/jail_seal.h"
#include "common/log.h"
#include "common/str.h"
#include "policy/zone.h"
#include "policyd/compiler/compiler.h"

/* openat is the last in the table: who has no directory to read has no use for it. */
void
compiler_jail(const struct policy_zones *zones, bool landlock_optional)
{
	const struct landlock_rule rule = {zones->directory, LANDLOCK_READ};
	const struct syscall_rule calls[] = {
#include "policyd/compiler/syscalls.def"
	};
	const struct jail_plan plan = {
	    .calls = calls,
	    .n_calls = ARRAY_SIZE(calls) - !zones->there,
	    .rules = &rule,
	    .n_rules = zones->there,
	    .alone = true,
	    .landlock_optional = landlock_optional,
	    .descriptors = COMPILER_DESCRIPTORS + zones->there,
	};
	struct jail_state state;
	const char *step = "";
	int error = jail_seal(&plan, &state, &step);

	if (error < 0)
		fatal(error, "policy compiler: cannot go to jail: %s", step);
}
