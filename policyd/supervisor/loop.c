/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting: for messages, signals and points in time. Signals arrive only inside ppoll(). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>

#include "common/log.h"
#include "policyd/supervisor/supervisor.h"

#define POLLED_MAX (CLIENTS_MAX + 2) /* clients, writer, the compiler's pipe */

static volatile sig_atomic_t told_to_end, told_to_load, child_changed;
static sigset_t waiting_mask; /* in force inside ppoll() */

static void
on_signal(int number)
{
	if (number == SIGCHLD)
		child_changed = 1;
	else if (number == SIGHUP)
		told_to_load = 1;
	else
		told_to_end = 1;
}

int
loop_prepare(void)
{
	static const int wanted[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t blocked;

	(void)sigemptyset(&blocked);
	(void)sigemptyset(&waiting_mask);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		(void)sigaddset(&blocked, wanted[i]);
		if (sigaction(wanted[i], &action, NULL) < 0)
			return -errno;
	}
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_SETMASK, &blocked, NULL) < 0)
		return -errno;
	return 0;
}

/* --- points in time --------------------------------------------------------------------------- */

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
next_time(const struct supervisor *s)
{
	int64_t next = earlier(s->phase_deadline, s->watchdog_at);

	next = earlier(next, ask_next_timeout(s));
	if (s->load.pid != 0)
		next = earlier(next, s->load.deadline);
	if (s->old_image >= 0)
		next = earlier(next, s->old_image_until);
	for (uint32_t i = 0; i < s->n_clients; i++)
		next = earlier(next, child_due(&s->client[i]));
	return next;
}

static void
watchdog(struct supervisor *s, int64_t now)
{
	if (now < s->watchdog_at)
		return;
	(void)notify_watchdog(&s->notify);
	s->watchdog_at = now + (int64_t)(s->notify.watchdog_us / 2);
}

static void
run_timers(struct supervisor *s)
{
	int64_t now = clock_monotonic();

	watchdog(s, now);
	ask_timeouts(s, now);
	if (s->load.pid != 0 && s->load.deadline <= now)
		load_timeout(s);
	if (s->old_image >= 0 && s->old_image_until <= now)
		load_forget_old(s);
	for (uint32_t i = 0; i < s->n_clients; i++)
		if (child_due(&s->client[i]) <= now)
			child_start(s, &s->client[i]);
	if (s->phase_deadline <= now)
		phase_timeout(s);
}

/* --- waiting ---------------------------------------------------------------------------------- */

struct polled {
	struct pollfd fd[POLLED_MAX];
	struct child *child[POLLED_MAX]; /* NULL: the compiler's pipe */
	nfds_t n;
};

static void
add_child(struct polled *p, struct child *c)
{
	if (c->link.fd < 0)
		return;
	p->fd[p->n] = (struct pollfd){.fd = c->link.fd, .events = POLLIN};
	if (link_waits(&c->link))
		p->fd[p->n].events |= POLLOUT;
	p->child[p->n++] = c;
}

static void
collect(struct polled *p, struct supervisor *s)
{
	p->n = 0;
	add_child(p, &s->writer);
	for (uint32_t i = 0; i < s->n_clients; i++)
		add_child(p, &s->client[i]);
	if (s->load.pipe >= 0) {
		p->fd[p->n] = (struct pollfd){.fd = s->load.pipe, .events = POLLIN};
		p->child[p->n++] = NULL;
	}
}

static int
wait_for(struct polled *p, int64_t until)
{
	struct timespec pause, *bound = NULL;
	int64_t left;
	int n;

	if (until != INT64_MAX) {
		left = until - clock_monotonic();
		left = left < 0 ? 0 : left;
		pause = (struct timespec){left / US_PER_S, (left % US_PER_S) * 1000};
		bound = &pause;
	}
	n = ppoll(p->fd, p->n, bound, &waiting_mask);
	if (n < 0 && errno != EINTR)
		fatal(errno, "cannot wait for events");
	return n;
}

/* A handler before may have closed this one and even opened another under its number. */
static bool
still_there(const struct supervisor *s, const struct polled *p, nfds_t i)
{
	int now = p->child[i] ? p->child[i]->link.fd : s->load.pipe;

	return now == p->fd[i].fd;
}

static void
handle_ready(struct supervisor *s, struct polled *p)
{
	for (nfds_t i = 0; i < p->n; i++) {
		if (p->fd[i].revents == 0 || !still_there(s, p, i))
			continue;
		if (!p->child[i]) {
			load_readable(s);
			continue;
		}
		if (p->fd[i].revents & POLLOUT)
			(void)link_flush(&p->child[i]->link); /* a lost peer shows as end of file */
		if (p->fd[i].revents & ~POLLOUT)
			route_readable(s, p->child[i]);
	}
}

/* --- signals ---------------------------------------------------------------------------------- */

/*
 * What a process said before it ended comes first: the writer's acknowledgements, above all, are
 * still in the channel.
 */
static void
drain(struct supervisor *s, pid_t pid)
{
	if (pid == s->writer.pid)
		while (s->writer.link.fd >= 0 && s->phase != PHASE_DONE)
			route_readable(s, &s->writer);
}

static void
reap(struct supervisor *s)
{
	siginfo_t info = {0};
	int status;

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
		drain(s, info.si_pid);
		if (waitpid(info.si_pid, &status, 0) == info.si_pid)
			child_ended(s, info.si_pid, status);
		info.si_pid = 0;
	}
}

static void
handle_signals(struct supervisor *s)
{
	if (child_changed) {
		child_changed = 0;
		reap(s);
	}
	if (told_to_end) {
		told_to_end = 0;
		log_info("told to end");
		phase_finish(s);
	}
	if (told_to_load) {
		told_to_load = 0;
		if (s->phase == PHASE_POLICY || s->phase == PHASE_SERVING)
			load_begin(s);
	}
}

void
loop_run(struct supervisor *s)
{
	struct polled p;

	while (s->phase != PHASE_DONE) {
		collect(&p, s);
		if (wait_for(&p, next_time(s)) > 0)
			handle_ready(s, &p);
		handle_signals(s);
		run_timers(s);
	}
}
