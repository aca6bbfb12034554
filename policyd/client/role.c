/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/client/role.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/jail.h"
#include "common/jail_seal.h"
#include "common/log.h"
#include "policyd/client/outbuf.h"

/* Beyond connections: 0 to 6, the event loop's own, a connection to be refused, a new image. */
#define SPARE_DESCRIPTORS 32

/*
 * A terminal's ^C and a service manager's SIGTERM go to the whole group: it is the supervisor who
 * decides, and says FINISH.
 */
static void
ignore_signals(void)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)sigaction(ignored[i], &ignore, NULL);
}

static uint32_t
raise_descriptors(uint32_t connections)
{
	rlim_t want = (rlim_t)connections + SPARE_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		fatal(errno, "RLIMIT_NOFILE");
	if (limit.rlim_cur < want && limit.rlim_max > limit.rlim_cur) {
		limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			fatal(errno, "RLIMIT_NOFILE");
	}
	if (limit.rlim_cur >= want)
		return connections;
	if (limit.rlim_cur <= SPARE_DESCRIPTORS)
		fatalx("too few descriptors allowed (RLIMIT_NOFILE)");
	return (uint32_t)(limit.rlim_cur - SPARE_DESCRIPTORS);
}

/*
 * What a connection needs for a while goes back to the kernel with it: each buffer has pages of its own,
 * in place of a heap that one survivor at its end keeps as large as it was. The C library takes a buffer
 * from the heap all the same where the heap has room, so the heap grows by no more than it needs.
 */
static void
give_memory_back(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, OUTBUF_FIRST);
	(void)mallopt(M_TOP_PAD, 0);
}

uint32_t
role_enter(uint32_t connections)
{
	const char *step;
	int error;

	ignore_signals();
	give_memory_back();
	connections = raise_descriptors(connections);
	error = jail_basic(&step);
	if (error < 0)
		fatal(error, "%s", step);
	return connections;
}

void
role_seal(const struct settings *s, const struct syscall_rule *calls, size_t n, int descriptors)
{
	const struct jail_plan plan = {
	    .calls = calls,
	    .n_calls = n,
	    .alone = true,
	    .landlock_optional = s->landlock_optional,
	    .descriptors = descriptors,
	};
	struct jail_state state;
	const char *step = "";
	int error = jail_seal(&plan, &state, &step);

	if (error < 0)
		fatal(error, "cannot go to jail: %s", step);
}

struct event_base *
role_event_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config &&
	    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
		base = event_base_new_with_config(config);
	if (!base)
		fatalx("cannot make an event loop");
	event_config_free(config);
	return base;
}

struct image *
role_first_image(void)
{
	struct image *image;
	const char *why;
	int error = image_open(&image, ROLE_FD_IMAGE, &why);

	if (error < 0)
		fatal(error, "policy image: %s", why);
	(void)close(ROLE_FD_IMAGE);
	return image;
}
