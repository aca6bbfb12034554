/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's jail, from the moment that the writer is ready: the writer was started before, all
 * others inherit it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/jail_seal.h"
#include "common/log.h"
#include "policyd/supervisor/supervisor.h"

/* What fork() asks of clone(): no thread, no namespace. */
#define FORK_FLAGS (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)

enum place {
	PLACE_EVERYWHERE,
	PLACE_PROGRAM,
	PLACE_LOADER,
	PLACE_SOCKET,
	PLACE_ADMIN_SOCKET,
	PLACES,
};

/* --- files ------------------------------------------------------------------------------------ */

/* The first is the program itself: the path of its dynamic loader, if it has one. */
static int
find_loader(struct dl_phdr_info *info, size_t size, void *ctx)
{
	const char **path = ctx;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*path = (const char *)(uintptr_t)(info->dlpi_addr +
							  info->dlpi_phdr[i].p_vaddr);
	return 1;
}

/* The directory that a file lies in. -ENOENT: it is not there, -errno. */
static int
open_above(const char *path)
{
	char copy[PATH_MAX], *slash;
	int fd;

	if (strlen(path) >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, path, strlen(path) + 1);
	slash = strrchr(copy, '/');
	if (slash)
		slash[slash == copy] = '\0';
	fd = open(slash ? copy : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* By its directory, so that a loader that an upgrade puts there still starts our programs. */
static int
open_loader(void)
{
	CLEANUP_FREE char *real = NULL;
	const char *path = NULL;

	(void)dl_iterate_phdr(find_loader, &path);
	real = path ? realpath(path, NULL) : NULL;
	return real ? open_above(real) : -ENOENT;
}

/* Only the sockets that were made here are removed at the end. */
static int
open_socket_place(const struct listener *l)
{
	return l->ours ? open_above(l->path) : -ENOENT;
}

static int
open_everywhere(void)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* --- all of it -------------------------------------------------------------------------------- */

static void
say(const struct jail_state *state)
{
	char buf[160];
	struct text t = text_over(buf, sizeof(buf));

	jail_describe(&t, state);
	log_info("in jail: %.*s", STR_ARG(text_str(&t)));
}

static void
seal(const struct landlock_rule *rules, size_t n, bool landlock_optional)
{
	const struct syscall_rule calls[] = {
#include "policyd/supervisor/syscalls.def"
	};
	const struct jail_plan plan = {
	    .calls = calls,
	    .n_calls = ARRAY_SIZE(calls),
	    .rules = rules,
	    .n_rules = n,
	    .landlock_optional = landlock_optional,
	    .descriptors = -1,
	};
	struct jail_state state;
	const char *step = "";
	int error = jail_seal(&plan, &state, &step);

	if (error < 0)
		fatal(error, "cannot go to jail: %s", step);
	say(&state);
}

/*
 * What it starts has to be able to load, to read a policy wherever it lies, and passwd and group; the
 * supervisor itself reads nothing.
 */
void
supervisor_jail(const struct supervisor *s)
{
	const struct landlock_rule all[PLACES] = {
	    [PLACE_EVERYWHERE] = {open_everywhere(), LANDLOCK_READ | LANDLOCK_LIST},
	    [PLACE_PROGRAM] = {s->program, LANDLOCK_EXECUTE},
	    [PLACE_LOADER] = {open_loader(), LANDLOCK_EXECUTE},
	    [PLACE_SOCKET] = {open_socket_place(&s->listener[0]), LANDLOCK_REMOVE},
	    [PLACE_ADMIN_SOCKET] = {open_socket_place(&s->listener[1]), LANDLOCK_REMOVE},
	};
	struct landlock_rule there[PLACES];
	size_t n = 0;

	for (size_t i = 0; i < PLACES; i++)
		if (all[i].fd >= 0)
			there[n++] = all[i];
	seal(there, n, s->settings.landlock_optional);
	for (size_t i = 0; i < PLACES; i++)
		if (i != PLACE_PROGRAM && all[i].fd >= 0)
			(void)close(all[i].fd);
}
