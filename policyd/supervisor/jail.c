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

#define REACH_MAX 40

/* What Landlock leaves. */
struct reach {
	struct landlock_rule rule[REACH_MAX];
	size_t n;
};

/* For what is started: libraries and time zones; passwd and group, the loader's cache. */
static const char *const readable[] = {"/usr", "/lib", "/lib64", "/etc"};

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

/* The same of where links lead to. */
static int
open_above_real(const char *path)
{
	CLEANUP_FREE char *real = realpath(path, NULL);

	return real ? open_above(real) : -ENOENT;
}

static int
open_directory(const char *path)
{
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Only the sockets that were made here are removed at the end. */
static int
open_socket_place(const struct listener *l)
{
	return l->ours ? open_above(l->path) : -ENOENT;
}

/* Takes the descriptor; one that could not be opened is none to reach. */
static void
reach_add(struct reach *r, int fd, unsigned allow)
{
	if (fd >= 0 && r->n < REACH_MAX)
		r->rule[r->n++] = (struct landlock_rule){fd, allow};
	else if (fd >= 0)
		(void)close(fd);
}

/* Libraries may lie elsewhere. The program itself has no name here, the kernel's part no directory. */
static int
reach_library(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	if (info->dlpi_name && info->dlpi_name[0] == '/')
		reach_add(ctx, open_above_real(info->dlpi_name), LANDLOCK_READ);
	return 0;
}

/* A policy by its directory, as files are replaced; and where links to it lead now. */
static void
reach_policy(struct reach *r, const char *path)
{
	const unsigned allow = LANDLOCK_READ | LANDLOCK_LIST;

	reach_add(r, open_above(path), allow);
	reach_add(r, open_above_real(path), allow);
	reach_add(r, open_directory(path), allow);
}

/* A loader by its directory, so that one that an upgrade puts there still starts our programs. */
static void
reach_all(struct reach *r, const struct supervisor *s)
{
	const char *loader = NULL;

	(void)dl_iterate_phdr(find_loader, &loader);
	if (loader)
		reach_add(r, open_above_real(loader), LANDLOCK_READ | LANDLOCK_EXECUTE);
	reach_add(r, fcntl(s->program, F_DUPFD_CLOEXEC, 0), LANDLOCK_READ | LANDLOCK_EXECUTE);
	reach_add(r, open_socket_place(&s->listener[0]), LANDLOCK_REMOVE);
	reach_add(r, open_socket_place(&s->listener[1]), LANDLOCK_REMOVE);
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++)
		reach_add(r, open_directory(readable[i]), LANDLOCK_READ);
	reach_add(r, open_directory("/proc"), LANDLOCK_READ | LANDLOCK_LIST); /* itself */
	reach_add(r, open_above_real("/etc/passwd"), LANDLOCK_READ);
	reach_add(r, open_above_real("/etc/group"), LANDLOCK_READ);
	reach_policy(r, s->settings.policy);
	(void)dl_iterate_phdr(reach_library, r);
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
seal(const struct reach *reach, bool landlock_optional)
{
	const struct syscall_rule calls[] = {
#include "policyd/supervisor/syscalls.def"
	};
	const struct jail_plan plan = {
	    .calls = calls,
	    .n_calls = ARRAY_SIZE(calls),
	    .rules = reach->rule,
	    .n_rules = reach->n,
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
 * What it starts has to be able to load, to read a policy where it lies, and passwd and group; the
 * supervisor itself reads nothing.
 */
void
supervisor_jail(const struct supervisor *s)
{
	struct reach reach = {.n = 0};

	reach_all(&reach, s);
	seal(&reach, s->settings.landlock_optional);
	for (size_t i = 0; i < reach.n; i++)
		(void)close(reach.rule[i].fd);
}
