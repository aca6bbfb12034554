/* SPDX-License-Identifier: Apache-2.0 */
/* From start to end: what happens when, and how long each step may take. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/jail.h"
#include "common/log.h"
#include "policyd/supervisor/memfile.h"
#include "policyd/supervisor/supervisor.h"

void
phase_enter(struct supervisor *s, enum phase phase, int64_t for_us)
{
	s->phase = phase;
	s->phase_deadline = for_us == INT64_MAX ? INT64_MAX : clock_monotonic() + for_us;
}

static void
enter_done(struct supervisor *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->listener); i++)
		listener_close(&s->listener[i]);
	phase_enter(s, PHASE_DONE, INT64_MAX);
}

/* --- towards serving -------------------------------------------------------------------------- */

/* What needed privilege is done: the rest of our life runs without any. */
static void
drop_privileges(const struct supervisor *s)
{
	const char *step = "";
	int error = 0;

	if (s->user.change)
		error = jail_become(s->user.uid, s->user.gid, &step);
	if (error == 0)
		error = jail_basic(&step);
	if (error < 0)
		fatal(error, "cannot give up privileges: %s", step);
}

/* After the change of account, so that the file belongs to the one that opens it again. */
static void
make_settings_file(struct supervisor *s)
{
	static uint8_t buf[SETTINGS_BYTES];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	settings_put(&out, &s->settings);
	if (!wire_out_ok(&out))
		fatalx("the settings do not fit into %u bytes", SETTINGS_BYTES);
	s->settings_file = memfile_of("policyd-settings", buf, sizeof(buf) - out.left);
	if (s->settings_file < 0)
		fatal(s->settings_file, "cannot make the settings file");
}

void
phase_writer_ready(struct supervisor *s)
{
	drop_privileges(s);
	make_settings_file(s);
	supervisor_jail(s);
	phase_enter(s, PHASE_POLICY, FIRST_LOAD_US);
	/* Answered before the policy is on record: then they can be started at once. */
	for (uint32_t i = 0; i < s->n_clients; i++)
		child_announce(s, &s->client[i]);
	note_configuration(s);
	load_begin(s);
}

static void
serve(struct supervisor *s)
{
	static const char line[] = "policyd: ready\n";
	char status[80];
	ssize_t written;

	phase_enter(s, PHASE_SERVING, INT64_MAX);
	for (uint32_t i = 0; i < s->n_clients; i++)
		child_start(s, &s->client[i]);
	(void)snprintf(
	    status, sizeof(status), "serving with %" PRIu32 " evaluators", s->n_clients - 1);
	(void)notify_ready(&s->notify, status);
	/* Scripts wait for exactly this line, so no journal priority stands before it. */
	written = write(STDERR_FILENO, line, sizeof(line) - 1);
	(void)written;
}

void
phase_policy_done(struct supervisor *s, bool loaded)
{
	if (loaded) {
		serve(s);
		return;
	}
	log_error("there is no policy to serve");
	s->exit_code = EXIT_NO_POLICY;
	phase_finish(s);
}

/* --- towards the end -------------------------------------------------------------------------- */

/* A writer that still waits for its locks hears of it only after that. */
static void
finish_log(struct supervisor *s)
{
	phase_enter(s, PHASE_LOG, s->phase == PHASE_WRITER ? WRITER_READY_US : FINISH_WRITER_US);
	route_send(s, &s->writer, MSG_FINISH, STR(""), -1);
}

/* New clients shall find no socket rather than one that nobody serves any more. */
static void
finish_clients(struct supervisor *s)
{
	phase_enter(s, PHASE_CLIENTS, s->settings.answer_ms * INT64_C(1000) + US_PER_S);
	for (size_t i = 0; i < ARRAY_SIZE(s->listener); i++)
		listener_close(&s->listener[i]);
	for (uint32_t i = 0; i < s->n_clients; i++) {
		s->client[i].start_again = 0;
		if (s->client[i].pid != 0)
			route_send(s, &s->client[i], MSG_FINISH, STR(""), -1);
	}
	phase_client_ended(s);
}

void
phase_finish(struct supervisor *s)
{
	if (s->phase > PHASE_SERVING)
		return; /* it ends already */
	(void)notify_stopping(&s->notify, "finishing");
	load_stop(s);
	if (s->phase == PHASE_SERVING)
		finish_clients(s);
	else
		finish_log(s);
}

void
phase_client_ended(struct supervisor *s)
{
	if (child_any_client(s))
		return;
	if (s->phase == PHASE_CLIENTS)
		finish_log(s);
	else if (s->phase == PHASE_FAILING && s->writer.pid == 0)
		enter_done(s);
}

/*
 * Closing the control channels is what ends the others: evaluators and admin at once, the writer
 * once it has closed its segment.
 */
void
phase_fail(struct supervisor *s)
{
	s->exit_code = 1;
	if (s->phase >= PHASE_FAILING)
		return;
	(void)notify_stopping(&s->notify, "failed");
	load_stop(s);
	phase_enter(s, PHASE_FAILING, FAILING_US);
	for (size_t i = 0; i < ARRAY_SIZE(s->listener); i++)
		listener_close(&s->listener[i]);
	for (uint32_t i = 0; i < s->n_clients; i++) {
		s->client[i].start_again = 0;
		link_close(&s->client[i].link);
	}
	link_close(&s->writer.link);
	phase_client_ended(s);
}

static void
log_writer_end(int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		log_error("auditd-writer broke its sandbox and was killed: system call filter");
	else if (WIFSIGNALED(status))
		log_error("auditd-writer was killed by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		log_error("auditd-writer exited with status %d", WEXITSTATUS(status));
}

void
phase_writer_ended(struct supervisor *s, int status)
{
	s->writer.pid = 0;
	link_close(&s->writer.link);
	if (s->phase == PHASE_LOG && status == 0) {
		enter_done(s);
		return;
	}
	log_writer_end(status);
	if (s->phase == PHASE_LOG || s->phase == PHASE_FAILING) {
		s->exit_code = 1;
		phase_enter(s, PHASE_FAILING, FAILING_US);
		phase_client_ended(s);
		return;
	}
	phase_fail(s);
}

/* --- too late --------------------------------------------------------------------------------- */

static void
kill_clients(struct supervisor *s, const char *fault)
{
	for (uint32_t i = 0; i < s->n_clients; i++)
		if (s->client[i].pid != 0)
			child_kill(&s->client[i], fault);
}

/*
 * In the end we do not wait for a writer that does not end: it may hang in a system call on a dead
 * disk, and under another uid we may not even kill it.
 */
static void
failing_timeout(struct supervisor *s)
{
	if (child_any_client(s)) {
		kill_clients(s, "did not end");
		phase_enter(s, PHASE_FAILING, ORPHAN_US);
	} else if (s->writer.pid != 0 && s->writer.fault == NULL) {
		s->writer.fault = "did not end";
		phase_enter(s, PHASE_FAILING, ORPHAN_US);
	} else {
		if (s->writer.pid != 0)
			child_kill(&s->writer, "did not end");
		enter_done(s);
	}
}

void
phase_timeout(struct supervisor *s)
{
	switch (s->phase) {
	case PHASE_WRITER:
		log_error(
		    "auditd-writer was not ready within %d s", (int)(WRITER_READY_US / US_PER_S));
		phase_fail(s);
		break;
	case PHASE_POLICY:
		log_error(
		    "the policy was not on record within %d s", (int)(FIRST_LOAD_US / US_PER_S));
		phase_fail(s);
		break;
	case PHASE_CLIENTS:
		log_warn("not everything in flight was finished in time");
		kill_clients(s, "did not finish in time");
		s->phase_deadline = INT64_MAX; /* until waitpid() has told of each */
		break;
	case PHASE_LOG:
		log_error("auditd-writer did not finish in time");
		/* It was asked to; the next start closes what this one could not. */
		child_kill(&s->writer, "did not finish in time");
		phase_fail(s);
		break;
	case PHASE_FAILING:
		failing_timeout(s);
		break;
	case PHASE_SERVING:
	case PHASE_DONE:
		break;
	}
}
