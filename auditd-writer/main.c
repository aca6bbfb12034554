/* SPDX-License-Identifier: Apache-2.0 */
/* auditd-writer: holds the audit log. Start order, loop, end; what it does is in the files beside. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auditd-writer/control.h"
#include "auditd-writer/dispatch.h"
#include "auditd-writer/jail.h"
#include "auditd-writer/ledger.h"
#include "auditd-writer/notes.h"
#include "auditd-writer/opening.h"
#include "auditd-writer/rotation.h"
#include "auditd-writer/space.h"
#include "auditd-writer/storage.h"
#include "auditd-writer/writer.h"
#include "common/fds.h"
#include "common/log.h"

#define CONTROL_FD 3
#define LOCK_US (10 * US_PER_S)
#define LAST_DRAIN_US (US_PER_S / 2) /* at the end, for what lies in the channels */
#define LAST_ACKS_US (US_PER_S / 5)

enum exit_code {
	EXIT_CLEAN = 0,
	EXIT_BROKEN = 1, /* also fatal()'s */
	EXIT_USAGE = 2,
	EXIT_STORAGE = 3,
};

/* --- command line ----------------------------------------------------------------------------- */

static _Noreturn void
say(const char *text, size_t n)
{
	int error = fd_write_all(STDOUT_FILENO, text, n);

	if (error < 0)
		fatal(error, "standard output");
	_exit(EXIT_CLEAN);
}

static void
read_options(int argc, char **argv, struct options *o)
{
	char text[4096];

	switch (options_parse(argc, argv, o, text, sizeof(text))) {
	case OPTIONS_RUN:
		return;
	case OPTIONS_HELP:
		say(text, options_help(text, sizeof(text)));
	case OPTIONS_VERSION:
		say("auditd-writer " SEALWRIGHT_VERSION "\n",
		    sizeof("auditd-writer " SEALWRIGHT_VERSION "\n") - 1);
	case OPTIONS_WRONG:
		break;
	}
	log_error("%s", text);
	log_error("try 'auditd-writer --help'");
	_exit(EXIT_USAGE);
}

/* --- start ------------------------------------------------------------------------------------ */

/* The supervisor ends us by message or by going away; a terminal's or a manager's signals do not. */
static void
ignore_signals(void)
{
	static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2,
	    SIGXFSZ}; /* beyond a limit of size a write shall fail, and be mended like any other */

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
}

static void
check_channel(int fd)
{
	int type = 0, error;
	socklen_t n = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_SEQPACKET)
		fatalx("descriptor %d is no channel: auditd-writer is started by policyd", fd);
	error = fd_set_cloexec(fd, true);
	if (error < 0)
		fatal(error, "descriptor %d", fd);
}

static void
take_channels(struct writer *w)
{
	int error;

	opening_take_secret(w);
	w->n_channels = (uint32_t)w->options.evaluators + 1;
	for (uint32_t i = 0; i <= w->n_channels; i++) {
		enum peer who = i == 0               ? PEER_SUPERVISOR
				: i == w->n_channels ? PEER_ADMIN
						     : PEER_EVALUATOR;

		check_channel(CONTROL_FD + (int)i);
		channel_init(&w->channels[i], CONTROL_FD + (int)i, i, who);
	}
	error = fds_close_from(CONTROL_FD + (int)w->n_channels + 1);
	if (error < 0)
		fatal(error, "close what else is open");
}

static void
take_directory(struct dir *d, const char *path, int fd)
{
	const char *why;
	int error = dir_open(d, path, &why);

	if (error == 0)
		error = dir_place(d, fd);

	if (error < 0 && why)
		fatalx("%s: %s", path, why);
	if (error < 0)
		fatal(error, "%s", path);
}

static void
lock_directory(const struct dir *d)
{
	const char *path = d->path;
	int error = dir_lock(d, LOCK_US);

	if (error == -EWOULDBLOCK)
		fatalx("%s: another writer holds it", path);
	if (error < 0)
		fatal(error, "%s: lock", path);
}

/* Before any byte of either directory is read. */
static void
enter_jail(struct writer *w)
{
	const struct writer_jail jail = {
	    .audit = &w->audit,
	    .keys = &w->keys,
	    .closer = &w->closer,
	    .channels = (int)w->n_channels + 1,
	    .landlock_optional = w->options.landlock_optional,
	};

	writer_jail_enter(&jail);
}

static void
prepare(struct writer *w)
{
	int error = identity_gather(&w->identity);

	if (error < 0)
		fatal(error, "a new session");
	(void)umask(0027);
	take_directory(&w->audit, w->options.audit_dir, WRITER_FD_AUDIT);
	take_directory(&w->keys, w->options.key_dir, WRITER_FD_KEYS);
	w->keys.look = O_RDWR;
	if (dir_same(&w->audit, &w->keys))
		fatalx("%s: audit and key directory are the same", w->keys.path);
	lock_directory(&w->audit);
	lock_directory(&w->keys);
	error = hash_init();
	if (error < 0)
		fatalx("libcrypto has no SHA-256");
	error = batch_init(&w->batch);
	if (error == 0)
		error = closer_init(&w->closer, &w->audit, &w->sealer);
	if (error < 0)
		fatal(error, "start");
	opening_prepare_keys(w);
	w->now = w->started = w->recorded_at = clock_monotonic();
}

static void
start(struct writer *w)
{
	struct opening o = {0};
	uint64_t records;

	prepare(w);
	enter_jail(w);
	/* Before the helper has anything to do: scratch files and the sealer are the helper's then. */
	opening_take_log(w, &o);
	writer_jail_narrow(&w->audit);
	records = o.recovery.records;
	if (rotation_init(w) < 0)
		fatal(ENOMEM, "start");
	opening_begin_session(w, &o);
	control_tell_ready(w, records);
}

/* --- the loop --------------------------------------------------------------------------------- */

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
heartbeat_at(const struct writer *w)
{
	if (w->options.heartbeat_seconds == 0 || w->storage.state == STORAGE_FAILED)
		return INT64_MAX;
	return w->recorded_at + (int64_t)w->options.heartbeat_seconds * US_PER_S;
}

static int64_t
next_deadline(const struct writer *w)
{
	int64_t at = heartbeat_at(w);

	at = earlier(at, storage_deadline(w));
	at = earlier(at, rotation_deadline(w));
	at = earlier(at, space_deadline(w));
	return earlier(at, dispatch_deadline(w));
}

static short
events_of(const struct writer *w, const struct channel *c)
{
	bool waits = c->blocked || (c->number == 0 && w->outbox.n > 0);

	return waits ? POLLIN | POLLOUT : POLLIN;
}

/* Wait for channels, the closer or until (monotonic). Marks what each channel is ready for. */
static void
wait_until(struct writer *w, int64_t until)
{
	struct pollfd polls[LIMIT_EVALUATORS + 3];
	int64_t left = until == INT64_MAX ? 0 : until - clock_monotonic();
	struct timespec timeout = {0, 0};
	nfds_t n = w->n_channels + 1;

	for (uint32_t i = 0; i < n; i++)
		polls[i] = (struct pollfd){
		    .fd = channel_listens(&w->channels[i]) ? w->channels[i].fd : -1,
		    .events = events_of(w, &w->channels[i])};
	polls[n] = (struct pollfd){.fd = w->closer.event, .events = POLLIN};
	if (left > 0)
		timeout = (struct timespec){left / US_PER_S, left % US_PER_S * 1000};
	if (ppoll(polls, n + 1, until == INT64_MAX ? NULL : &timeout, NULL) < 0) {
		if (errno != EINTR)
			fatal(errno, "ppoll");
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		w->channels[i].readable = (polls[i].revents & ~POLLOUT) != 0 ||
					  w->channels[i].clearing != 0;
		if (polls[i].revents & POLLOUT)
			w->channels[i].blocked = false;
	}
	if (polls[n].revents)
		closer_clear(&w->closer);
}

static void
turn(struct writer *w)
{
	w->now = clock_monotonic();
	space_try_again(w);
	rotation_reap(w);
	storage_retry(w, false);
	(void)dispatch_drain(w);
	w->now = clock_monotonic();
	if (w->now >= heartbeat_at(w)) {
		ledger_tick(w);
		note_heartbeat(w);
	}
	dispatch_tell_faults(w, false);
	ledger_flush(w);
	channels_flush(w);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Everything that lies in the channels gets its record. */
static void
drain_rest(struct writer *w)
{
	int64_t until = clock_monotonic() + LAST_DRAIN_US;
	bool any = true;

	while (any && clock_monotonic() < until) {
		for (uint32_t i = 0; i <= w->n_channels; i++)
			w->channels[i].readable = w->channels[i].fd >= 0;
		any = dispatch_drain(w);
		ledger_flush(w);
		channels_flush(w);
	}
}

/* What the supervisor still has to hear, as far as it listens. */
static void
send_rest(struct writer *w)
{
	int64_t until = clock_monotonic() + LAST_ACKS_US;

	channels_flush(w);
	while (w->channels[0].fd >= 0 && w->outbox.n > 0 && clock_monotonic() < until) {
		wait_until(w, until);
		channels_flush(w);
	}
}

static enum exit_code
finish(struct writer *w)
{
	int error;

	drain_rest(w);
	w->now = clock_monotonic();
	storage_retry(w, true);
	rotation_settle(w);
	ledger_tick(w);
	dispatch_tell_faults(w, true);
	note_stop(w);
	error = rotation_end(w);
	send_rest(w);
	if (error < 0) {
		log_error("ended with records or segments that could not be brought to disk: %s",
		    strerrordesc_np(-error));
		return EXIT_STORAGE;
	}
	return w->ending_badly ? EXIT_BROKEN : EXIT_CLEAN;
}

int
main(int argc, char **argv)
{
	static struct writer w;

	log_init("auditd-writer");
	writer_jail_prepare();
	read_options(argc, argv, &w.options);
	ignore_signals();
	take_channels(&w);
	start(&w);
	channels_flush(&w);
	while (!w.ending) {
		wait_until(&w, next_deadline(&w));
		turn(&w);
	}
	_exit((int)finish(&w));
}
