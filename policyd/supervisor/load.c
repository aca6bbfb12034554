/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy loads. A run of the compiler ends in a sealed image and a payload that says what was
 * loaded or why it was refused. Either way the payload goes on record; only then does an image come
 * into force.
 */
#include <errno.h>
#include <fcntl.h>
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
#include "proto/payload.h"
#include "proto/value.h"

#define FIRST_MAX 2048 /* bytes of the first complaint on record */
#define RECORD_MAX (FIRST_MAX + 256)
#define UNSAID "the compiler did not say what it did"

/* --- a run ------------------------------------------------------------------------------------ */

static bool
running(const struct load *l)
{
	return l->pid != 0 || l->pipe >= 0;
}

static void
close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static int
start_compiler(struct supervisor *s)
{
	struct load *l = &s->load;
	char required[] = "required", optional[] = "optional";
	char *const argv[] = {(char[]){"policyd"}, (char[]){"--role"}, (char[]){"compiler"},
	    (char[]){"--policy"}, s->settings.policy, (char[]){"--landlock"},
	    s->settings.landlock_optional ? optional : required, NULL};
	CLEANUP_FD int memfile = memfile_new("policyd-policy");
	CLEANUP_FD int ours = -1;
	CLEANUP_FD int theirs = -1;
	int ends[2], fds[2];
	struct spawn spawning = {
	    .program = s->program, .argv = argv, .fds = fds, .n_fds = 2, .die_with_us = true};
	pid_t pid;

	if (memfile < 0)
		return memfile;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	/* Only ours: a pipe may hold less than the compiler has to say, then it waits for us. */
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	fds[0] = memfile;
	fds[1] = theirs;
	pid = spawn(&spawning);
	if (pid < 0)
		return pid;
	l->pid = pid;
	l->memfile = take_fd(&memfile);
	l->pipe = take_fd(&ours);
	return 0;
}

static void refused(struct supervisor *s, const char *why);

static void
start_run(struct supervisor *s)
{
	struct load *l = &s->load;
	char why[160];
	int error;

	l->run++;
	l->n = 0;
	l->timed_out = false;
	l->deadline = clock_monotonic() + COMPILE_US;
	if (s->phase == PHASE_SERVING)
		(void)notify_reloading(&s->notify);
	error = start_compiler(s);
	if (error == 0)
		return;
	(void)snprintf(why, sizeof(why), "cannot start the compiler: %s", strerrordesc_np(-error));
	refused(s, why);
}

void
load_begin(struct supervisor *s)
{
	if (running(&s->load) || s->load.image >= 0)
		s->load.again = true;
	else
		start_run(s);
}

void
load_stop(struct supervisor *s)
{
	struct load *l = &s->load;

	if (l->pid != 0)
		(void)kill(l->pid, SIGKILL);
	close_one(&l->pipe);
	close_one(&l->memfile);
	close_one(&l->image);
	l->again = false;
}

/* --- its outcome ------------------------------------------------------------------------------ */

/* The run is through: tell who asked for it what came of it, and begin the next if somebody wants one. */
static void
conclude(struct supervisor *s, int error, struct str account)
{
	struct load *l = &s->load;

	if (s->phase > PHASE_SERVING)
		return;
	ask_loaded(s, l->run, error, account);
	if (s->phase == PHASE_POLICY) {
		phase_policy_done(s, error == 0);
	} else {
		char status[80];

		(void)snprintf(status, sizeof(status), "serving with %" PRIu32 " evaluators",
		    s->n_clients - 1);
		(void)notify_ready(&s->notify, status);
	}
	if (l->again && s->phase == PHASE_SERVING) {
		l->again = false;
		start_run(s);
	}
}

/* What goes on record: of the complaints only the first, which always fits. */
static struct str
refusal(uint8_t *buf, size_t n, int64_t errors, struct str first)
{
	struct wire_out out = wire_out_over(buf, n);

	value_open_object(&out);
	value_member_str(&out, STR("result"), STR("refused"));
	value_member_int(&out, STR("errors"), errors);
	value_member_str(&out, STR("first"), first);
	value_close_object(&out);
	return (struct str){(const char *)buf, wire_out_ok(&out) ? n - out.left : 0};
}

/* account: what who asked is told, the payload of the compiler or the record's. */
static void
announce_refusal(struct supervisor *s, struct str account)
{
	struct str first = value_text(value_member(account, STR("first")));
	int64_t errors = value_int(value_member(account, STR("errors")), 1);
	const char *stays = s->phase == PHASE_SERVING ? ", the one in force stays" : "";

	s->loads_refused++;
	log_error("the policy was refused%s: %.*s%s", stays, STR_ARG(first),
	    errors > 1 ? " (and more, see above)" : "");
	conclude(s, -EINVAL, account);
}

/* Refused for a reason of ours, not the compiler's. */
static void
refused(struct supervisor *s, const char *why)
{
	uint8_t buf[512];
	struct str account = refusal(buf, sizeof(buf), 1, str_from(why));

	(void)note_put(s, ACTION_POLICY, account);
	announce_refusal(s, account);
}

/* Refused by the compiler, for reasons in the policy. */
static void
refused_by_compiler(struct supervisor *s, struct str payload)
{
	uint8_t buf[RECORD_MAX];
	struct str first = value_text(value_member(payload, STR("first"))), record;
	int64_t errors = value_int(value_member(payload, STR("errors")), 1);

	if (first.n > FIRST_MAX)
		first.n = FIRST_MAX;
	record = refusal(buf, sizeof(buf), errors, first);
	if (!payload_fits(ACTION_POLICY, record)) {
		refused(s, UNSAID);
		return;
	}
	(void)note_put(s, ACTION_POLICY, record);
	announce_refusal(s, payload);
}

/* Why the image cannot be used; NULL and s->load.image set when it can. */
static const char *
take_image(struct load *l, int memfile)
{
	if (!memfile_is_sealed(memfile))
		return "the compiler did not seal the image";
	if (memfile_size(memfile, &l->size) < 0 || l->size == 0)
		return "the compiler left an empty image";
	l->image = memfile_reopen(memfile);
	return l->image < 0 ? "the image cannot be opened again" : NULL;
}

static void
loaded(struct supervisor *s, struct str payload, int memfile)
{
	struct load *l = &s->load;
	const char *fault = take_image(l, memfile);
	uint8_t buf[512];

	if (fault) {
		refused(s, fault);
		return;
	}
	l->recorded_by = note_put(s, ACTION_POLICY, payload);
	if (l->recorded_by != 0)
		return;
	close_one(&l->image);
	announce_refusal(
	    s, refusal(buf, sizeof(buf), 1, STR("the load could not be put on record")));
}

static const char *
compiler_fault(const struct load *l)
{
	static char buf[80];
	struct str account = {(const char *)l->payload, l->n};

	if (l->timed_out) {
		(void)snprintf(buf, sizeof(buf), "the compiler took over %d seconds",
		    (int)(COMPILE_US / US_PER_S));
		return buf;
	}
	if (WIFSIGNALED(l->status)) {
		(void)snprintf(buf, sizeof(buf), "the compiler was killed by signal %d%s",
		    WTERMSIG(l->status),
		    WTERMSIG(l->status) == SIGSYS ? " (it broke its sandbox)" : "");
		return buf;
	}
	if (l->n > COMPILER_PAYLOAD)
		return "the compiler said too much";
	if (value_check_object(account) < 0)
		return UNSAID;
	return NULL;
}

/* Both has come: the end of the pipe and the end of the process. The next run may begin in here. */
static void
run_through(struct supervisor *s)
{
	struct load *l = &s->load;
	CLEANUP_FD int memfile = take_fd(&l->memfile);
	struct str payload = {(const char *)l->payload, l->n};
	const char *fault = compiler_fault(l);
	/* What the writer would refuse would be in force without a record. */
	bool success = !fault && WEXITSTATUS(l->status) == 0 &&
		       str_eq(value_text(value_member(payload, STR("result"))), STR("loaded")) &&
		       payload_fits(ACTION_POLICY, payload);

	if (success)
		loaded(s, payload, memfile);
	else if (fault)
		refused(s, fault);
	else
		refused_by_compiler(s, payload);
}

void
load_readable(struct supervisor *s)
{
	struct load *l = &s->load;
	ssize_t n;

	do {
		n = read(l->pipe, l->payload + l->n, sizeof(l->payload) - l->n);
		if (n > 0)
			l->n += (size_t)n;
	} while (n > 0 && l->n < sizeof(l->payload));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close_one(&l->pipe);
	if (l->pid == 0)
		run_through(s);
}

bool
load_ended(struct supervisor *s, pid_t pid, int status)
{
	struct load *l = &s->load;

	if (pid != l->pid || pid == 0)
		return false;
	l->pid = 0;
	l->status = status;
	if (s->phase > PHASE_SERVING)
		return true;
	if (WIFSIGNALED(status))
		note_compiler(s, pid, status);
	if (l->pipe >= 0)
		load_readable(s);
	else
		run_through(s);
	return true;
}

void
load_timeout(struct supervisor *s)
{
	struct load *l = &s->load;

	l->deadline = INT64_MAX;
	l->timed_out = true;
	if (l->pid != 0)
		(void)kill(l->pid, SIGKILL);
}

/* --- into force ------------------------------------------------------------------------------- */

/*
 * Who lets go of an image last frees its memory: 20 ms for 600,000 rules. That is to be us, after the
 * evaluators, who have clients waiting.
 */
static void
retire_image(struct supervisor *s)
{
	close_one(&s->old_image);
	s->old_image = take_fd(&s->image);
	s->old_image_until = clock_monotonic() + OLD_IMAGE_US;
}

void
load_forget_old(struct supervisor *s)
{
	close_one(&s->old_image);
}

static void
distribute(struct supervisor *s)
{
	uint8_t buf[8];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	wire_put_u64(&out, s->image_size);
	for (uint32_t i = 0; i < s->n_clients; i++)
		if (s->client[i].pid != 0)
			route_send(s, &s->client[i], MSG_IMAGE,
			    (struct str){(const char *)buf, sizeof(buf)}, s->image);
}

/*
 * Refused notes count too: what the log cannot take now is already in the daemon's own log, and a
 * stricter policy must not wait for a disk to get well.
 */
void
load_recorded(struct supervisor *s, uint64_t number)
{
	struct load *l = &s->load;
	struct str payload = {(const char *)l->payload, l->n};

	if (l->image < 0 || number != l->recorded_by)
		return;
	retire_image(s);
	s->image = take_fd(&l->image);
	s->image_size = l->size;
	distribute(s);
	log_info("policy loaded: revision %.*s, %" PRId64 " rules, %" PRId64 " tests run",
	    STR_ARG(value_text(value_member(payload, STR("revision")))),
	    value_int(value_member(payload, STR("rules")), 0),
	    value_int(value_member(payload, STR("tests")), 0));
	conclude(s, 0, payload);
}
