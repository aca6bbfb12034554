/* SPDX-License-Identifier: Apache-2.0 */
/* The start: settings, identities, directories, sockets, channels, the writer. */
#include "policyd/supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/activation.h"
#include "common/chan.h"
#include "common/jail.h"
#include "common/log.h"
#include "policyd/accounts.h"
#include "policyd/options.h"
#include "policyd/supervisor/places.h"

#define RECORD_SNDBUF (1 << 20)
#define GROUP_CLIENTS "sealwright"
#define GROUP_ADMIN "sealwright-admin"
#define CREDENTIAL "sealwright.wrap"
#define WRITER_BESIDE_US "../libexec/sealwright/auditd-writer"

static struct supervisor supervisor;

static _Noreturn void
die_usage(const char *what)
{
	log_error("%s", what);
	_exit(EXIT_USAGE);
}

/* --- what we inherited ------------------------------------------------------------------------ */

/* 0 and 1 are of no use to a daemon; 2 must be something, else the next file opened would be it. */
static void
prepare_standard_files(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		fatal(errno, "cannot make /dev/null standard input and output");
	if (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0)
		fatal(errno, "cannot replace standard error");
	if (null > STDERR_FILENO)
		(void)close(null);
}

/* --- who ---------------------------------------------------------------------------------------- */

static struct identity
find_identity(const char *option, const char *account)
{
	struct identity id = {.change = true};
	char what[LIMIT_NAME + 80];
	int error = account_find(account, &id.uid, &id.gid);

	if (error == -ENOENT) {
		(void)snprintf(
		    what, sizeof(what), "%s: there is no local account \"%s\"", option, account);
		die_usage(what);
	}
	if (error < 0)
		fatal(error, "cannot look up the account %s", account);
	return id;
}

static void
find_identities(struct supervisor *s)
{
	const struct settings *c = &s->settings;
	uid_t log_uid;

	if (c->user[0] != '\0')
		s->user = find_identity("user", c->user);
	s->writer_user = s->user;
	if (c->writer_user[0] != '\0')
		s->writer_user = find_identity("writer_user", c->writer_user);
	if ((s->user.change || s->writer_user.change) && !jail_can_become())
		die_usage("user and writer_user need root, or CAP_SETUID and CAP_SETGID");
	log_uid = s->writer_user.change ? s->writer_user.uid : geteuid();
	if (log_uid == (s->user.change ? s->user.uid : geteuid()))
		log_info("everything runs under uid %u: nothing but the sandbox keeps the other "
			 "processes "
			 "from the audit log (see writer_user)",
		    (unsigned)log_uid);
}

/* --- programs ----------------------------------------------------------------------------------- */

/* The writer that was installed with us, wherever that is. */
static void
writer_path(char buf[PATH_MAX])
{
	char self[PATH_MAX] = "";
	char *slash;
	int made;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		fatal(errno, "cannot find where policyd is (is /proc mounted?)");
	slash = strrchr(self, '/');
	made = snprintf(
	    buf, PATH_MAX, "%.*s/%s", (int)(slash ? slash - self : 0), self, WRITER_BESIDE_US);
	if (made < 0 || made >= PATH_MAX)
		fatal(-ENAMETOOLONG, "cannot find auditd-writer beside %s", self);
}

static void
open_programs(struct supervisor *s)
{
	char path[PATH_MAX];

	s->program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (s->program < 0)
		fatal(errno, "cannot open /proc/self/exe");
	writer_path(path);
	s->writer_program = open(path, O_PATH | O_CLOEXEC);
	if (s->writer_program < 0)
		fatal(errno, "cannot open %s", path);
}

/* --- credential --------------------------------------------------------------------------------- */

/*
 * What the service manager keeps for us, decrypted, while we run (systemd.exec(5), "Credentials"): the
 * secret that the writer stores its private key under. It is opened here and read there.
 */
static void
open_credential(struct supervisor *s)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];
	int n;

	s->secret = -1;
	if (!directory || directory[0] == '\0')
		return;
	n = snprintf(path, sizeof(path), "%s/%s", directory, CREDENTIAL);
	if (n < 0 || (size_t)n >= sizeof(path))
		fatal(-ENAMETOOLONG, "cannot open the credential %s", CREDENTIAL);
	s->secret = open(path, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (s->secret < 0 && errno != ENOENT)
		fatal(errno, "cannot open the credential %s", path);
}

/* --- sockets ------------------------------------------------------------------------------------ */

static const char *
activation_fault(int error)
{
	switch (error) {
	case -E2BIG:
		return "too many sockets";
	case -EINVAL:
		return "LISTEN_PID or LISTEN_FDS is not a number";
	case -EPROTOTYPE:
		return "not a UNIX stream socket";
	case -EDESTADDRREQ:
		return "a socket does not listen";
	case -ENOTUNIQ:
		return "two sockets for one purpose";
	case -ENXIO:
		return "a socket that is neither \"policyd\" nor \"admin\"";
	default:
		return strerrordesc_np(-error);
	}
}

static void
take_activated(struct supervisor *s)
{
	const struct activation_want want[] = {
	    {"policyd", s->settings.socket},
	    {"admin", s->settings.admin_socket},
	};
	struct activation a;
	int fds[ARRAY_SIZE(want)] = {-1, -1};
	int error = activation_take(&a);

	if (error == 0)
		error = activation_assign(&a, want, ARRAY_SIZE(want), fds);
	if (error < 0)
		fatalx("sockets passed by the service manager: %s", activation_fault(error));
	s->activated = a.n > 0;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		s->listener[i] = (struct listener){.fd = fds[i], .path = want[i].path};
}

static void
make_listener(const struct supervisor *s, struct listener *l, const char *group)
{
	const struct listener_owner owner = {
	    .uid = s->user.change ? s->user.uid : (uid_t)-1,
	    .gid = s->user.change ? s->user.gid : (gid_t)-1,
	    .group = group,
	};
	int error;

	if (l->fd >= 0)
		return;
	error = listener_make(l, l->path, &owner);
	if (error == -EADDRINUSE)
		fatalx("%s: somebody answers on this socket: is another policyd running?", l->path);
	if (error == -ENOTSOCK)
		fatalx("%s: is there and is not a socket", l->path);
	if (error < 0)
		fatal(error, "cannot make the socket %s", l->path);
}

static void
make_places(struct supervisor *s)
{
	const char *what = "";
	int error = places_make(&s->settings, &s->user, &s->writer_user, &what);

	if (error < 0)
		fatal(error, "cannot make the directory for %s", what);
}

/* --- channels ----------------------------------------------------------------------------------- */

static void
make_channels(struct supervisor *s)
{
	s->n_clients = s->settings.evaluators + 1;
	s->writer = (struct child){.role = ROLE_WRITER, .link = LINK_CLOSED, .record = {-1, -1}};
	for (uint32_t i = 0; i < s->n_clients; i++) {
		struct child *c = &s->client[i];
		int error;

		*c = (struct child){.role = i + 1 < s->n_clients ? ROLE_EVALUATOR : ROLE_ADMIN,
		    .channel = i + 1,
		    .link = LINK_CLOSED};
		error = chan_pair(RECORD_SNDBUF, c->record);
		if (error < 0)
			fatal(error, "cannot make a channel");
	}
}

/* --- all of it ---------------------------------------------------------------------------------- */

static void
read_settings(struct supervisor *s, int argc, char **argv)
{
	enum options_wish wish;
	struct config_error fault = {""};
	int error;

	if (options_parse(argc, argv, &s->settings, &wish, &fault) < 0)
		die_usage(fault.text);
	if (wish == OPTIONS_RUN)
		return;
	error = wish == OPTIONS_HELP ? options_help(stdout) : 0;
	if (wish == OPTIONS_VERSION &&
	    (puts("policyd " SEALWRIGHT_VERSION) < 0 || fflush(stdout) != 0))
		error = -errno;
	if (error < 0)
		fatal(error, "cannot write to standard output");
	_exit(0);
}

static void
init(struct supervisor *s)
{
	int error;

	s->started = clock_monotonic();
	s->settings_file = s->image = s->old_image = -1;
	s->load = (struct load){.memfile = -1, .pipe = -1, .image = -1};
	error = notify_open(&s->notify);
	if (error < 0)
		log_warn("cannot reach the service manager at NOTIFY_SOCKET: %s",
		    strerrordesc_np(-error));
	s->watchdog_at = s->notify.watchdog_us ? s->started : INT64_MAX;
	(void)umask(0027);
}

int
supervisor_main(int argc, char **argv)
{
	struct supervisor *s = &supervisor;
	int error;

	read_settings(s, argc, argv);
	prepare_standard_files(); /* before anything else gets their numbers */
	error = loop_prepare();   /* now: being told to end must never leave a socket file behind */
	if (error < 0)
		fatal(error, "cannot set up signals");
	init(s);
	take_activated(s);
	find_identities(s);
	open_programs(s);
	open_credential(s);
	make_places(s);
	make_listener(s, &s->listener[0], GROUP_CLIENTS);
	make_listener(s, &s->listener[1], GROUP_ADMIN);
	make_channels(s);
	phase_enter(s, PHASE_WRITER, WRITER_READY_US);
	error = child_start_writer(s);
	if (error < 0)
		fatal(error, "cannot start auditd-writer");
	loop_run(s);
	return s->exit_code;
}
