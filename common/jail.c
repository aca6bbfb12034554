/* SPDX-License-Identifier: Apache-2.0 */
#include "common/jail.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int
step(const char **ret_step, const char *name, int error)
{
	*ret_step = name;
	return error;
}

static void
cleanup_cap(cap_t *cap)
{
	if (*cap)
		(void)cap_free(*cap);
}
#define CLEANUP_CAP __attribute__((cleanup(cleanup_cap)))

/*
 * The bounding set can be emptied only with CAP_SETPCAP. Without it there is nothing in our
 * permitted set that it could give back: no_new_privs holds that door.
 */
int
jail_drop_bounding(void)
{
	for (cap_value_t c = 0; cap_get_bound(c) >= 0; c++)
		if (cap_get_bound(c) == 1 && cap_drop_bound(c) < 0 && errno != EPERM)
			return -errno;
	return 0;
}

static int
check_no_capability(cap_t empty)
{
	CLEANUP_CAP cap_t now = cap_get_proc();

	if (!now)
		return -errno;
	if (cap_compare(now, empty) != 0)
		return -EPERM;
	for (cap_value_t c = 0; cap_get_bound(c) >= 0; c++)
		if (cap_get_ambient(c) > 0)
			return -EPERM;
	return 0;
}

int
jail_drop_capabilities(const char **ret_step)
{
	CLEANUP_CAP cap_t empty = cap_init();
	int error;

	if (!empty)
		return step(ret_step, "cap_init", -errno);
	error = jail_drop_bounding();
	if (error < 0)
		return step(ret_step, "empty the capability bounding set", error);
	if (cap_reset_ambient() < 0)
		return step(ret_step, "empty the ambient capabilities", -errno);
	if (cap_set_proc(empty) < 0)
		return step(ret_step, "drop capabilities", -errno);
	error = check_no_capability(empty);
	return error < 0 ? step(ret_step, "check that no capability is left", error) : 0;
}

static int
check_basic(void)
{
	struct rlimit core;

	if (getrlimit(RLIMIT_CORE, &core) < 0)
		return -errno;
	if (core.rlim_cur != 0 || core.rlim_max != 0)
		return -EPERM;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -EPERM;
	return 0;
}

int
jail_basic(const char **ret_step)
{
	const struct rlimit none = {0, 0};
	int error;

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return step(ret_step, "forbid core files", -errno);
	error = jail_drop_capabilities(ret_step);
	if (error < 0)
		return error;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return step(ret_step, "set no_new_privs", -errno);
	if (clearenv() != 0)
		return step(ret_step, "clear the environment", -ENOMEM);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return step(ret_step, "become undumpable", -errno);
	error = check_basic();
	return error < 0 ? step(ret_step, "check the jail", error) : 0;
}

static bool
has(cap_t caps, cap_value_t which)
{
	cap_flag_value_t v = CAP_CLEAR;

	return cap_get_flag(caps, which, CAP_EFFECTIVE, &v) == 0 && v == CAP_SET;
}

bool
jail_can_become(void)
{
	CLEANUP_CAP cap_t now = cap_get_proc();

	return now && has(now, CAP_SETUID) && has(now, CAP_SETGID);
}
