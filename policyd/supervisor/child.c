/* SPDX-License-Identifier: Apache-2.0 */
/* The processes: starting, ending, starting again. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "policyd/supervisor/memfile.h"
#include "policyd/supervisor/supervisor.h"

#define ARGS_MAX 40
#define ARG_BYTES 24

const char *
child_role_name(enum role role)
{
	static const char *const names[] = {
	    [ROLE_WRITER] = "writer",
	    [ROLE_EVALUATOR] = "evaluator",
	    [ROLE_ADMIN] = "admin",
	};

	return names[role];
}

/* --- command lines ---------------------------------------------------------------------------- */

struct args {
	char *v[ARGS_MAX];
	size_t n;
	char number[ARGS_MAX][ARG_BYTES];
	size_t numbers;
};

/* exec wants char *, and changes nothing. */
static void
arg(struct args *a, const char *word)
{
	if (a->n + 1 < ARGS_MAX)
		a->v[a->n++] = (char *)(uintptr_t)word;
}

static void
arg_number(struct args *a, const char *option, uint64_t v)
{
	char *buf = a->number[a->numbers++];

	(void)snprintf(buf, ARG_BYTES, "%" PRIu64, v);
	arg(a, option);
	arg(a, buf);
}

static void
writer_args(struct args *a, const struct settings *s, int secret_fd)
{
	arg(a, "auditd-writer");
	arg(a, "--audit-dir");
	arg(a, s->audit_dir);
	arg(a, "--key-dir");
	arg(a, s->key_dir);
	arg_number(a, "--evaluators", s->evaluators);
	arg(a, "--durability");
	arg(a, s->commit ? "commit" : "sync");
	arg(a, "--landlock");
	arg(a, s->landlock_optional ? "optional" : "required");
	arg_number(a, "--rotate-seconds", s->rotate_seconds);
	arg_number(a, "--rotate-records", s->rotate_records);
	arg_number(a, "--rotate-bytes", s->rotate_bytes);
	arg_number(a, "--heartbeat-seconds", s->heartbeat_seconds);
	arg_number(a, "--reserve-bytes", s->reserve_bytes);
	arg_number(a, "--low-bytes", s->low_bytes);
	if (s->origin[0] != '\0') {
		arg(a, "--origin");
		arg(a, s->origin);
	}
	if (s->succeeds[0] != '\0') {
		arg(a, "--succeeds");
		arg(a, s->succeeds);
	}
	if (secret_fd >= 0)
		arg_number(a, "--secret-fd", (uint64_t)secret_fd);
}

static void
client_args(struct args *a, const struct child *c)
{
	arg(a, "policyd");
	arg(a, "--role");
	arg(a, child_role_name(c->role));
	arg_number(a, "--channel", c->channel);
	arg_number(a, "--generation", c->announced);
}

/* --- starting --------------------------------------------------------------------------------- */

static int
started(struct child *c, pid_t pid)
{
	if (pid < 0) {
		link_close(&c->link);
		return pid;
	}
	c->pid = pid;
	c->started = clock_monotonic();
	c->start_again = 0;
	c->fault = NULL;
	return 0;
}

int
child_start_writer(struct supervisor *s)
{
	struct args a = {0};
	int fds[CLIENTS_MAX + 2];
	CLEANUP_FD int secret = take_fd(&s->secret); /* the writer's alone */
	struct spawn spawning = {.program = s->writer_program,
	    .argv = a.v,
	    .fds = fds,
	    .n_fds = s->n_clients + 1,
	    .identity = s->writer_user};
	CLEANUP_FD int theirs = -1;
	int error = link_open(&s->writer.link, PEER_WRITER, &theirs);

	if (error < 0)
		return error;
	fds[0] = theirs;
	for (uint32_t i = 0; i < s->n_clients; i++)
		fds[i + 1] = s->client[i].record[0];
	if (secret >= 0)
		fds[spawning.n_fds++] = secret;
	writer_args(&a, &s->settings, secret < 0 ? -1 : SPAWN_FIRST_FD + (int)s->n_clients + 1);
	s->writer.generation++;
	return started(&s->writer, spawn(&spawning));
}

static int
start_client(struct supervisor *s, struct child *c)
{
	enum peer peer = c->role == ROLE_ADMIN ? PEER_ADMIN : PEER_EVALUATOR;
	CLEANUP_FD int theirs = -1;
	CLEANUP_FD int settings = memfile_reopen(s->settings_file);
	struct args a = {0};
	int fds[5];
	struct spawn spawning = {.program = s->program,
	    .argv = a.v,
	    .fds = fds,
	    .n_fds = ARRAY_SIZE(fds),
	    .die_with_us = true};
	int error = settings < 0 ? settings : link_open(&c->link, peer, &theirs);

	if (error < 0)
		return error;
	client_args(&a, c);
	fds[0] = theirs;
	fds[1] = c->record[1];
	fds[2] = s->listener[c->role == ROLE_ADMIN].fd;
	fds[3] = s->image;
	fds[4] = settings;
	error = started(c, spawn(&spawning));
	if (error < 0)
		return error;
	c->generation = c->announced;
	c->announced = 0;
	c->cleared = false;
	return 0;
}

/* When it is due again; each failure doubles the pause, a life of some length forgives. */
static void
start_later(struct child *c)
{
	int64_t now = clock_monotonic();

	if (c->backoff_ms == 0 || now - c->started >= BACKOFF_FORGET_US)
		c->backoff_ms = BACKOFF_FIRST_MS;
	else if (c->backoff_ms * 2 <= BACKOFF_MAX_MS)
		c->backoff_ms *= 2;
	else
		c->backoff_ms = BACKOFF_MAX_MS;
	c->start_again = now + c->backoff_ms * INT64_C(1000);
}

void
child_announce(struct supervisor *s, struct child *c)
{
	const struct msg_expect m = {
	    c->channel, c->generation == UINT32_MAX ? 1 : c->generation + 1};
	uint8_t buf[8];
	struct wire_out out = wire_out_over(buf, sizeof(buf));
	int error;

	msg_expect_put(&out, &m);
	error = link_put(
	    &s->writer.link, MSG_EXPECT, (struct str){(const char *)buf, sizeof(buf)}, -1);
	c->cleared = false;
	c->announced = error < 0 ? 0 : m.generation;
	if (error < 0)
		log_error("the writer could not be told of the next %s %" PRIu32 ": %s",
		    child_role_name(c->role), c->channel, strerrordesc_np(-error));
}

/* A channel that is of no use costs its process alone; the others go on. */
static void
lost_channel(struct child *c)
{
	c->start_again = 0;
	log_error("%s %" PRIu32 " is not started again: its record channel was shut down; "
		  "restart the service",
	    child_role_name(c->role), c->channel);
}

int
child_cleared(struct supervisor *s, const struct msg_cleared *m)
{
	struct child *c;

	if (m->expect.channel > s->n_clients)
		return -EPROTO;
	c = &s->client[m->expect.channel - 1];
	if (c->cleared || c->announced != m->expect.generation)
		return -EPROTO;
	if (m->error < 0)
		lost_channel(c);
	else
		c->cleared = true;
	return 0;
}

int64_t
child_due(const struct child *c)
{
	bool waits = c->announced != 0 && !c->cleared;

	return c->start_again == 0 || waits ? INT64_MAX : c->start_again;
}

void
child_start(struct supervisor *s, struct child *c)
{
	int error;

	c->start_again = clock_monotonic(); /* or when the writer has answered */
	if (c->announced == 0)
		child_announce(s, c);
	if (c->announced != 0 && !c->cleared)
		return;
	error = c->cleared ? start_client(s, c) : -EAGAIN;
	if (error == 0)
		return;
	start_later(c);
	log_error("cannot start %s %" PRIu32 ", next try in %" PRIu32 " ms: %s",
	    child_role_name(c->role), c->channel, c->backoff_ms, strerrordesc_np(-error));
}

/* --- ending ----------------------------------------------------------------------------------- */

void
child_kill(struct child *c, const char *fault)
{
	link_close(&c->link);
	if (c->pid == 0)
		return;
	if (!c->fault)
		c->fault = fault;
	if (kill(c->pid, SIGKILL) < 0)
		log_warn("cannot kill %s (pid %d): %s", child_role_name(c->role), (int)c->pid,
		    strerrordesc_np(errno));
}

static void
log_end(const struct child *c, int status)
{
	const char *cause = c->fault ? c->fault : "unexpected";

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		log_error("%s %" PRIu32
			  " (pid %d) broke its sandbox and was killed: system call filter",
		    child_role_name(c->role), c->channel, (int)c->pid);
	else if (WIFSIGNALED(status))
		log_error("%s %" PRIu32 " (pid %d) was killed by signal %d (%s): %s",
		    child_role_name(c->role), c->channel, (int)c->pid, WTERMSIG(status),
		    strsignal(WTERMSIG(status)), cause);
	else
		log_error("%s %" PRIu32 " (pid %d) exited with status %d: %s",
		    child_role_name(c->role), c->channel, (int)c->pid, WEXITSTATUS(status), cause);
}

static void
client_ended(struct supervisor *s, struct child *c, int status)
{
	bool serving = s->phase == PHASE_SERVING;

	link_close(&c->link);
	if (serving) {
		s->restarts++;
		start_later(c);
		child_announce(s, c);
	}
	if (serving || (s->phase == PHASE_CLIENTS && status != 0)) {
		log_end(c, status);
		note_process(s, c, status);
	}
	c->pid = 0;
	if (c->role == ROLE_ADMIN)
		ask_forget(s);
	phase_client_ended(s);
}

void
child_ended(struct supervisor *s, pid_t pid, int status)
{
	if (load_ended(s, pid, status))
		return;
	if (pid == s->writer.pid) {
		phase_writer_ended(s, status);
		return;
	}
	for (uint32_t i = 0; i < s->n_clients; i++)
		if (s->client[i].pid == pid)
			client_ended(s, &s->client[i], status);
}

bool
child_any_client(const struct supervisor *s)
{
	for (uint32_t i = 0; i < s->n_clients; i++)
		if (s->client[i].pid != 0)
			return true;
	return false;
}
