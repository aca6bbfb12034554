/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from the rest of jail.h: only who starts others needs the calls that change accounts. */
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <unistd.h>

#include "common/jail.h"

static int
step(const char **ret_step, const char *name, int error)
{
	*ret_step = name;
	return error;
}

static bool
is_only(uid_t uid, gid_t gid)
{
	uid_t ru, eu, su;
	gid_t rg, eg, sg;

	if (getresuid(&ru, &eu, &su) < 0 || getresgid(&rg, &eg, &sg) < 0)
		return false;
	return ru == uid && eu == uid && su == uid && rg == gid && eg == gid && sg == gid &&
	       getgroups(0, NULL) == 0;
}

int
jail_become(uid_t uid, gid_t gid, const char **ret_step)
{
	int error = jail_drop_bounding(); /* after the change we may not */

	if (error < 0)
		return step(ret_step, "empty the capability bounding set", error);
	if (setgroups(0, NULL) < 0)
		return step(ret_step, "drop supplementary groups", -errno);
	if (setresgid(gid, gid, gid) < 0)
		return step(ret_step, "change group", -errno);
	if (setresuid(uid, uid, uid) < 0)
		return step(ret_step, "change user", -errno);
	error = jail_drop_capabilities(ret_step);
	if (error < 0)
		return error;
	if (!is_only(uid, gid))
		return step(ret_step, "check user and group", -EPERM);
	if ((uid != 0 && setresuid(0, 0, 0) == 0) || (gid != 0 && setresgid(0, 0, 0) == 0))
		return step(ret_step, "check that there is no way back", -EPERM);
	return 0;
}
