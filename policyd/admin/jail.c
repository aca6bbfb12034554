/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policyd/admin/admin.h"
#include "policyd/client/role.h"

void
admin_jail(const struct settings *s)
{
	const struct syscall_rule calls[] = {
#include "policyd/admin/syscalls.def"
	};

	role_seal(s, calls, ARRAY_SIZE(calls), ROLE_DESCRIPTORS);
}
