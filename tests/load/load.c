/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load on policyd's socket; talk.h says what it asks and keeps. Ends at its time or at SIGTERM: asks no
 * more, and those that read wait for what is owed to them. Prints its counts as one JSON object.
 *
 *     load SOCKET [connections=N] [window=N] [rate=N] [burst=MS] [seconds=S] [manner=reads|slowly|never|
 *          stops|leaves|rude] [again=1] [id=NAME] [fates=FILE] [uid=N] [first=N] [seed=N]
 *
 * rate: lines a second of all connections, on time whether answered or not; 0: as fast as window allows. burst:
 * nothing is due for so long, then what it would have been, and so on. first: number of the first connection.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "tests/load/talk.h"

#define TICK_US 5000
#define EVENTS 256
#define ENDING_US (30 * US_PER_S) /* what is owed then stays so */

enum option {
	CONNECTIONS,
	WINDOW,
	RATE,
	BURST,
	SECONDS,
	AGAIN,
	UID,
	FIRST,
	SEED,
	OPTIONS
};

static const char *const option_names[OPTIONS] = {
    "connections", "window", "rate", "burst", "seconds", "again", "uid", "first", "seed"};
static const char *const manner_names[MANNERS] = {
    "reads", "slowly", "never", "stops", "leaves", "rude"};

static unsigned long options[OPTIONS] = {[CONNECTIONS] = 1, [WINDOW] = 16, [SECONDS] = 1};
static struct load load = {.id = "l"};
static struct talk *talks;
static uint32_t *watched; /* events that epoll watches for each talk */
static int epoll_fd;
static volatile sig_atomic_t told_to_end;

/* --- options ----------------------------------------------------------------------------------- */

static void
take_number(const char *name, size_t n, const char *value)
{
	char *end;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (strlen(option_names[i]) != n || memcmp(name, option_names[i], n) != 0)
			continue;
		options[i] = strtoul(value, &end, 10);
		if (*end)
			fatalx("no number: %s", value);
		return;
	}
	fatalx("unknown: %s", name);
}

static enum manner
manner_of(const char *name)
{
	for (size_t i = 0; i < MANNERS; i++)
		if (strcmp(manner_names[i], name) == 0)
			return (enum manner)i;
	fatalx("no manner: %s", name);
}

static void
take_option(const char *arg)
{
	size_t n = strcspn(arg, "=");
	const char *value = arg + n + 1;

	if (arg[n] == '\0')
		fatalx("not NAME=VALUE: %s", arg);
	if (n == 2 && memcmp(arg, "id", n) == 0)
		load.id = value;
	else if (n == 5 && memcmp(arg, "fates", n) == 0)
		load.fates = fopen(value, "we");
	else if (n == 6 && memcmp(arg, "manner", n) == 0)
		load.manner = manner_of(value);
	else
		take_number(arg, n, value);
}

/* Descriptors for all; then another uid's. */
static void
enter(void)
{
	struct rlimit limit;
	gid_t id = (gid_t)options[UID];

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		fatal(errno, "RLIMIT_NOFILE");
	limit.rlim_cur = options[CONNECTIONS] + 16;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fatal(errno, "%lu descriptors", options[CONNECTIONS] + 16);
	if (id != 0 &&
	    (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0))
		fatal(errno, "uid %lu", options[UID]);
}

static void
prepare(void)
{
	if (load.window > TALK_WINDOW_MAX || options[CONNECTIONS] == 0)
		fatalx("window at most %d, connections at least 1", TALK_WINDOW_MAX);
	talks = calloc(options[CONNECTIONS], sizeof(*talks));
	watched = calloc(options[CONNECTIONS], sizeof(*watched));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!talks || !watched || epoll_fd < 0)
		fatal(ENOMEM, "connections");
	for (size_t i = 0; i < options[CONNECTIONS]; i++) {
		talks[i] = (struct talk){.load = &load, .fd = -1};
		if (load.window && !(talks[i].asked_at = calloc(load.window, sizeof(int64_t))))
			fatal(ENOMEM, "connections");
	}
}

/* --- the loop ---------------------------------------------------------------------------------- */

static void
watch(size_t i, int64_t now)
{
	struct talk *t = &talks[i];
	struct epoll_event e = {.data.u64 = i};

	if (t->fd < 0) {
		watched[i] = 0; /* closing took it out */
		return;
	}
	e.events = (talk_wants_out(t) ? EPOLLOUT : 0u) | (talk_wants_in(t, now) ? EPOLLIN : 0u);
	if (e.events == watched[i])
		return;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, t->fd, &e) < 0 &&
	    (errno != ENOENT || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, t->fd, &e) < 0))
		fatal(errno, "epoll");
	watched[i] = e.events;
}

/* Whole lines that are due now; what is not given to anybody stays due. */
static uint64_t
due_since(int64_t start, int64_t now)
{
	int64_t burst = (int64_t)options[BURST] * 1000;
	static uint64_t given;
	uint64_t all, due;

	if (burst > 0)
		now -= (now - start) % burst;
	all = (uint64_t)(now - start) * options[RATE] / (uint64_t)US_PER_S;
	due = all - given;
	given = all;
	return due;
}

static void
give(uint64_t due)
{
	static size_t turn;
	size_t n = options[CONNECTIONS];

	for (size_t i = 0; i < n; i++)
		talks[i].due += due / n;
	for (uint64_t i = 0; i < due % n; i++)
		talks[turn++ % n].due++;
}

static void
tick(int64_t start, int64_t now)
{
	uint64_t due = options[RATE] && !load.ending ? due_since(start, now) : 0;

	give(due);
	for (size_t i = 0; i < options[CONNECTIONS]; i++) {
		if (!options[RATE])
			talks[i].due = UINT32_MAX;
		talk_tick(&talks[i], now);
		watch(i, now);
	}
}

static void
serve(const struct epoll_event *e, int64_t now)
{
	struct talk *t = &talks[e->data.u64];

	if (t->fd >= 0 && (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		talk_read(t, now);
	if (t->fd >= 0 && (e->events & EPOLLOUT))
		talk_write(t, now);
	watch(e->data.u64, now);
}

static bool
anybody_talks(void)
{
	for (size_t i = 0; i < options[CONNECTIONS]; i++)
		if (talks[i].fd >= 0)
			return true;
	return false;
}

/* Whoever does not read is not waited for. */
static void
end(int64_t now)
{
	load.ending = true;
	for (size_t i = 0; i < options[CONNECTIONS]; i++)
		if (load.manner != MANNER_READS && load.manner != MANNER_SLOWLY)
			talk_close(&talks[i], now);
}

static void
run(void)
{
	int64_t start = clock_monotonic(), now = start, ticked = 0;
	int64_t last = start + (int64_t)options[SECONDS] * US_PER_S;
	struct epoll_event events[EVENTS];

	while (!load.ending || (anybody_talks() && now < last + ENDING_US)) {
		int n = epoll_wait(epoll_fd, events, EVENTS, TICK_US / 1000);

		now = clock_monotonic();
		if (!load.ending && (now >= last || told_to_end)) {
			last = now;
			end(now);
		}
		for (int i = 0; i < n; i++)
			serve(&events[i], now);
		if (now - ticked >= TICK_US) {
			ticked = now;
			tick(start, now);
		}
	}
	for (size_t i = 0; i < options[CONNECTIONS]; i++) {
		load.broken += talks[i].fd >= 0;
		talk_close(&talks[i], now);
	}
}

/* --- begin ------------------------------------------------------------------------------------- */

static void
on_term(int signal)
{
	(void)signal;
	told_to_end = 1;
}

static void
report(void)
{
	const struct {
		const char *name;
		uint64_t count;
	} rows[] = {{"connected", load.connected}, {"failed", load.failed},
	    {"refused", load.refused}, {"broken", load.broken}, {"sent", load.sent},
	    {"answered", load.answered}, {"recorded", load.recorded},
	    {"unrecorded", load.unrecorded}, {"errors", load.errors}, {"wrong", load.wrong},
	    {"waited_us", load.waited_us}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("%s\"%s\":%llu", i ? "," : "{", rows[i].name,
		    (unsigned long long)rows[i].count);
	printf("}\n");
	if (fflush(stdout) != 0 || (load.fates && fclose(load.fates) != 0))
		fatal(errno, "output");
}

int
main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_term};

	log_init("load");
	if (argc < 2)
		fatalx("usage: load SOCKET [NAME=VALUE...]");
	load.path = argv[1];
	for (int i = 2; i < argc; i++)
		take_option(argv[i]);
	load.window = (uint32_t)options[WINDOW];
	load.next = (uint32_t)options[FIRST];
	load.again = options[AGAIN];
	srandom((unsigned)options[SEED]);
	if (sigaction(SIGTERM, &action, NULL) < 0)
		fatal(errno, "SIGTERM");
	enter();
	prepare();
	run();
	report();
	return 0;
}
