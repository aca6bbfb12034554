/* SPDX-License-Identifier: Apache-2.0 */
#include "common/jail_seal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "common/jail.h"
#include "common/str.h"

#define STATUS_BYTES (1 << 20) /* of /proc/self/status; a list of groups can be long */

static int
step(const char **ret_step, const char *name, int error)
{
	*ret_step = name;
	return error;
}

/* --- resource limits -------------------------------------------------------------------------- */

static int
limit(int resource)
{
	const struct rlimit none = {0, 0};

	return setrlimit((__rlimit_resource_t)resource, &none) < 0 ? -errno : 0;
}

static int
set_limits(bool no_more)
{
	int error = limit(RLIMIT_MEMLOCK);

	if (error == 0)
		error = limit(RLIMIT_MSGQUEUE);
	if (error == 0 && no_more)
		error = limit(RLIMIT_NPROC);
	return error;
}

/* --- descriptors ------------------------------------------------------------------------------ */

static int
count_entries(const char *buf, size_t n)
{
	int entries = 0;

	for (size_t at = 0; at < n;) {
		const struct dirent64 *e = (const void *)(buf + at);

		entries += e->d_name[0] != '.';
		at += e->d_reclen;
	}
	return entries;
}

/* -errno, or how many are open; the one that it looks with does not count. */
static int
count_descriptors(void)
{
	_Alignas(struct dirent64) char buf[4096];
	CLEANUP_FD int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int entries = 0;
	ssize_t n;

	if (dir < 0)
		return -errno;
	while ((n = getdents64(dir, buf, sizeof(buf))) > 0)
		entries += count_entries(buf, (size_t)n);
	return n < 0 ? -errno : entries - 1;
}

static int
check_descriptors(int expected)
{
	int n = expected < 0 ? expected : count_descriptors();

	if (n < 0 && expected >= 0)
		return n;
	return n == expected ? 0 : -EMFILE;
}

/* --- what is in force ------------------------------------------------------------------------- */

/* No rule of ours lets anything be written in /dev. A missing file says nothing. */
int
jail_probe_files(void)
{
	CLEANUP_FD int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	return fd >= 0 ? -EPERM : 0;
}

/* Without our filter the kernel finds fault with the arguments, or knows the call as little. */
int
jail_probe_calls(void)
{
	return syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS ? 0 : -EPERM;
}

/* The line "KEY:\tVALUE" is there. */
static bool
status_is(const char *status, const char *line)
{
	const char *at = strstr(status, line);

	return at && (at == status || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static bool
status_good(const char *status, bool filter)
{
	static const char *const want[] = {
	    "NoNewPrivs:\t1",
	    "CapInh:\t0000000000000000",
	    "CapPrm:\t0000000000000000",
	    "CapEff:\t0000000000000000",
	    "CapAmb:\t0000000000000000",
	};

	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		if (!status_is(status, want[i]))
			return false;
	return !filter || status_is(status, "Seccomp:\t2");
}

static int
check_status(int fd, bool filter)
{
	CLEANUP_FREE char *status = NULL;
	size_t n = 0;
	int error = fd_read_file(fd, STATUS_BYTES, &status, &n);

	if (error < 0)
		return error;
	return status_good(status, filter) ? 0 : -EPERM;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int
restrict_files(const struct jail_plan *plan, struct jail_state *ret, const char **ret_step)
{
	int abi = landlock_restrict(plan->rules, plan->n_rules, plan->alone);
	int error;

	if (abi == -EOPNOTSUPP) {
		ret->no_landlock = landlock_absence();
		return plan->landlock_optional ? 0 : step(ret_step, ret->no_landlock, abi);
	}
	if (abi < 0)
		return step(ret_step, "restrict the files in reach (Landlock)", abi);
	ret->landlock = abi;
	error = jail_probe_files();
	return error < 0 ? step(ret_step, "check that Landlock is in force", error) : 0;
}

static int
restrict_calls(const struct jail_plan *plan, struct jail_state *ret, const char **ret_step)
{
	int error = seccomp_filter_install(plan->calls, plan->n_calls, ret_step);

	if (error == -ENOTSUP)
		return 0;
	if (error < 0)
		return step(ret_step,
		    **ret_step ? *ret_step : "restrict the system calls (seccomp)", error);
	ret->filter = true;
	error = jail_probe_calls();
	return error < 0 ? step(ret_step, "check that the system call filter is in force", error)
			 : 0;
}

static int
start_threads(const struct jail_plan *plan, const char **ret_step)
{
	int error = plan->threads ? plan->threads(plan->ctx) : 0;

	if (error < 0)
		return step(ret_step, "start what lives in the jail", error);
	error = set_limits(plan->alone && !plan->more_threads);
	return error < 0 ? step(ret_step, "set resource limits", error) : 0;
}

int
jail_seal(const struct jail_plan *plan, struct jail_state *ret, const char **ret_step)
{
	CLEANUP_FD int status = -1;
	int error = check_descriptors(plan->descriptors);

	*ret = (struct jail_state){0};
	if (error < 0)
		return step(ret_step, "check which descriptors are open", error);
	error = jail_basic(ret_step);
	if (error < 0)
		return error;
	status = open("/proc/self/status", O_RDONLY | O_CLOEXEC); /* later it is out of reach */
	if (status < 0)
		return step(ret_step, "open /proc/self/status", -errno);
	error = restrict_files(plan, ret, ret_step);
	if (error == 0)
		error = start_threads(plan, ret_step);
	if (error == 0)
		error = restrict_calls(plan, ret, ret_step);
	if (error < 0)
		return error;
	error = check_status(status, ret->filter);
	return error < 0 ? step(ret_step, "check the jail", error) : 0;
}

void
jail_describe(struct text *t, const struct jail_state *state)
{
	if (state->no_landlock)
		text_put(t, str_from(state->no_landlock));
	else
		landlock_describe(t, state->landlock);
	text_put(t, state->filter ? STR("; system call filter")
				  : STR("; no system call filter (built for a sanitizer)"));
}
