/* SPDX-License-Identifier: Apache-2.0 */
#include "common/reading_jail.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/cli.h"
#include "common/fds.h"
#include "common/jail.h"
#include "common/jail_seal.h"

#ifdef SANITIZED
/* Part of AddressSanitizer, where that is linked. */
#include <sanitizer/lsan_interface.h>
#pragma weak __lsan_do_leak_check
#endif

/* What the kernel shows for accounts that have no number here: nobody can become that. */
#define OVERFLOW_UID 65534

static bool
must_become(const struct stat *st)
{
	return geteuid() == 0 && st->st_uid != 0 && st->st_uid != OVERFLOW_UID && jail_can_become();
}

static int
become_owner(int directory, const char **ret_step)
{
	struct stat st;

	*ret_step = "look at the directory";
	if (directory < 0)
		return 0;
	if (fstat(directory, &st) < 0)
		return -errno;
	return must_become(&st) ? jail_become(st.st_uid, st.st_gid, ret_step) : 0;
}

static int
close_others(const struct reading_jail *j, const char **ret_step)
{
	CLEANUP_FREE int *keep = malloc((j->n_keep + 1) * sizeof(*keep));

	*ret_step = "close other descriptors";
	if (!keep)
		return -ENOMEM;
	if (j->n_keep > 0)
		memcpy(keep, j->keep, j->n_keep * sizeof(*keep));
	keep[j->n_keep] = j->directory;
	return fds_close_others(STDERR_FILENO + 1, keep, j->n_keep + 1);
}

static void *
no_work(void *arg)
{
	return arg;
}

/*
 * What the C library does when it is used first, and could not do later: look for the time zone, make
 * ready for threads. The thread is gone before the jail begins. With heaps for each thread it would
 * look into /proc before it gives memory back.
 */
static void
warm_up(void)
{
	time_t now = time(NULL);
	pthread_t thread;
	struct tm tm;

	(void)mallopt(M_ARENA_MAX, 1);
	(void)gmtime_r(&now, &tm);
	if (pthread_create(&thread, NULL, no_work, NULL) == 0)
		(void)pthread_join(thread, NULL);
}

static int
seal(const struct reading_jail *j, const char **ret_step)
{
	const struct landlock_rule rule = {j->directory, LANDLOCK_READ | LANDLOCK_LIST};
	const struct jail_plan plan = {
	    .calls = j->calls,
	    .n_calls = j->n_calls,
	    .rules = &rule,
	    .n_rules = j->directory >= 0,
	    .alone = true,
	    .more_threads = true,
	    .landlock_optional = true,
	    .descriptors = -1,
	};
	struct jail_state state;

	return jail_seal(&plan, &state, ret_step);
}

void
reading_jail_enter(const struct reading_jail *j)
{
	const char *step = "";
	int error = become_owner(j->directory, &step);

	if (error == 0)
		error = close_others(j, &step);
	warm_up();
#ifdef SANITIZED
	/* It reads /proc, so it has to be done before; it is not done at the end then. */
	if (__lsan_do_leak_check)
		__lsan_do_leak_check();
#endif
	if (error == 0)
		error = seal(j, &step);
	if (error < 0)
		cli_fatal(error, "jail: %s", step);
}

void
reading_jail_describe(struct text *t)
{
#ifdef SANITIZED
	text_put(t, STR("system calls: not filtered (built for a sanitizer); files: "));
#else
	text_put(t, STR("system calls: filtered; files: "));
#endif
	landlock_describe(t, landlock_abi());
}
