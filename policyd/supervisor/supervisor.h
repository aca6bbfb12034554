/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The supervisor: makes sockets and channels, starts and restarts the other processes, and passes
 * messages between them. It reads no byte of a client, no admin request, no policy and no record.
 *
 * Files: supervisor.c (start), loop.c (waiting, timers, signals), phase.c (from start to end),
 * child.c (the processes), load.c (policy loads), route.c (messages), note.c (records),
 * ask.c (requests of the admin process), jail.c, listen.c, places.c (sockets and directories).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/notify.h"
#include "policyd/compiler/compiler.h"
#include "policyd/settings.h"
#include "policyd/supervisor/link.h"
#include "policyd/supervisor/listen.h"
#include "policyd/supervisor/spawn.h"
#include "proto/msg.h"
#include "proto/record.h"

#define CLIENTS_MAX (LIMIT_EVALUATORS + 1) /* evaluators and admin */
#define SOURCE_WRITER UINT32_C(0)          /* of a STATUS */
#define SOURCE_SUPERVISOR UINT32_MAX

/* How long each step may take, in microseconds. */
#define WRITER_READY_US (15 * US_PER_S) /* it may wait 10 s for a predecessor's locks */
#define COMPILE_US (60 * US_PER_S)
#define OLD_IMAGE_US (10 * US_PER_S)    /* a policy is kept after it is not in force any more */
#define FIRST_LOAD_US (75 * US_PER_S)   /* compilation and its record */
#define FINISH_WRITER_US (5 * US_PER_S) /* it gives itself a little less */
#define FAILING_US (1 * US_PER_S)       /* for clients' processes to see the end of file */
#define ORPHAN_US (6 * US_PER_S)        /* for the writer after that */
#define ROTATION_US (30 * US_PER_S)
#define COUNTERS_US (1 * US_PER_S)
/* The admin process lets a request of a kind through once a second; this is for one that does not. */
#define ASK_PAUSE_US (US_PER_S * 9 / 10)

/* Restarting a process that died. */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define BACKOFF_FORGET_US (30 * US_PER_S) /* a life this long starts over at BACKOFF_FIRST_MS */

/* Besides 0: ended as asked, and 1: failed. */
#define EXIT_USAGE 2     /* wrong command line or configuration: nothing was started */
#define EXIT_NO_POLICY 3 /* the first policy was refused */

enum phase {
	PHASE_WRITER, /* the writer opens, locks and recovers its directories */
	PHASE_POLICY, /* the first policy is compiled and recorded */
	PHASE_SERVING,
	PHASE_CLIENTS, /* evaluators and admin finish what is in flight */
	PHASE_LOG,     /* the writer closes its segment */
	PHASE_FAILING, /* the writer is gone: nothing may be answered any more */
	PHASE_DONE,
};

enum role {
	ROLE_WRITER,
	ROLE_EVALUATOR,
	ROLE_ADMIN,
};

/* A process that lives as long as we do, and is started again when it dies. */
struct child {
	enum role role;
	uint32_t channel;    /* evaluators from 1, then admin; the writer: 0 */
	pid_t pid;           /* 0: not running */
	uint32_t generation; /* of the one that runs or ran last */
	uint32_t announced;  /* of the next one, to the writer; 0: not yet */
	bool cleared;        /* the writer waits for that one */
	struct link link;
	int record[2]; /* of a client: the writer's end and its own, open for our whole life */
	int64_t started;
	int64_t
	    start_again; /* 0: not waiting for it; the writer must have cleared the channel, too */
	uint32_t backoff_ms;
	const char *fault; /* why we killed it; NULL: we did not */
};

/* One run of the compiler, or none (pid 0 and memfile -1). */
struct load {
	uint32_t run; /* counts the runs */
	pid_t pid;    /* 0: none, or already ended */
	bool timed_out;
	int status;        /* of waitpid() once it has ended */
	int memfile, pipe; /* -1: closed; the pipe closes at its end of file */
	int64_t deadline;
	size_t n;
	uint8_t payload[COMPILER_PAYLOAD + 1];
	bool again; /* once more when this one is through */
	/* compiled and sealed, waiting for its record */
	int image;
	uint64_t size;
	uint64_t recorded_by; /* number of the note */
};

enum ask_kind {
	ASK_NONE,
	ASK_ROTATION,
	ASK_LOAD,
	ASK_COUNTERS,
	ASK_KINDS,
};

/* A request of the admin process that is under way. */
#define ASKS_MAX 16
struct ask {
	enum ask_kind kind;
	uint32_t admin_request;
	uint32_t admin_generation; /* an answer to a predecessor's request is dropped */
	uint32_t number;           /* our own towards writer and evaluators */
	uint32_t run;              /* ASK_LOAD: which run of the compiler answers it */
	int64_t deadline;          /* INT64_MAX: bounded by what it waits for */
	bool waits[CLIENTS_MAX];   /* ASK_COUNTERS: by source, 0 the writer */
};

/* Notes sent and not yet acknowledged, oldest first. */
#define NOTES_MAX 1024
struct notes {
	uint32_t first, n;
	struct {
		uint64_t number;
		enum record_action_type type;
	} note[NOTES_MAX];
	uint64_t lost; /* could not be sent */
};

struct supervisor {
	struct settings settings;
	enum phase phase;
	int64_t phase_deadline; /* INT64_MAX: none */
	int exit_code;
	int64_t started;
	struct notify notify;
	int64_t watchdog_at; /* INT64_MAX: no watchdog */
	struct identity user, writer_user;
	int program, writer_program; /* O_PATH */
	int secret;                  /* the credential, for the writer; -1: there is none */
	struct listener listener[2]; /* requests, admin */
	bool activated;
	struct child writer;
	uint32_t n_clients;
	struct child client[CLIENTS_MAX];
	int settings_file; /* sealed */
	int image;         /* the policy in force, -1: none yet */
	uint64_t image_size;
	int old_image; /* what was in force before, for a while; -1: none */
	int64_t old_image_until;
	struct load load;
	uint32_t next_number; /* of requests to writer and evaluators */
	struct ask ask[ASKS_MAX];
	int64_t asked[ASK_KINDS]; /* when a request of the kind was last taken */
	struct notes notes;
	uint64_t restarts;
	uint64_t loads_refused;
};

/* The supervisor's whole life; the exit code. */
int supervisor_main(int argc, char **argv);

/* --- jail.c ----------------------------------------------------------------------------------- */

/* Ends in jail, or does not return. Whatever needs privilege or another program must be over. */
void supervisor_jail(const struct supervisor *s);

/* --- phase.c ---------------------------------------------------------------------------------- */

void phase_enter(struct supervisor *s, enum phase phase, int64_t for_us);
/* Told to end: by whichever way the phase allows. */
void phase_finish(struct supervisor *s);
/* What we cannot go on without is broken: end with exit code 1. */
void phase_fail(struct supervisor *s);
void phase_writer_ready(struct supervisor *s);
/* The first policy is in force, or was refused. */
void phase_policy_done(struct supervisor *s, bool loaded);
void phase_writer_ended(struct supervisor *s, int status);
/* Some process of a client's side has ended. */
void phase_client_ended(struct supervisor *s);
void phase_timeout(struct supervisor *s);

/* --- child.c ---------------------------------------------------------------------------------- */

/* 0 or -errno. */
int child_start_writer(struct supervisor *s);
/* Tell the writer of the next process on this channel; it is started when the writer has answered. */
void child_announce(struct supervisor *s, struct child *c);
/* The writer's answer. -EPROTO: to something else. */
int child_cleared(struct supervisor *s, const struct msg_cleared *m);
/* Start an evaluator or admin as soon as that can be; when it fails, try again later. */
void child_start(struct supervisor *s, struct child *c);
/* When child_start() is due; INT64_MAX: it is not. */
int64_t child_due(const struct child *c);
/* waitpid() told that this process has ended. */
void child_ended(struct supervisor *s, pid_t pid, int status);
/* SIGKILL, because of fault (static text). */
void child_kill(struct child *c, const char *fault);
bool child_any_client(const struct supervisor *s);
const char *child_role_name(enum role role);

/* --- load.c ----------------------------------------------------------------------------------- */

/* Compile the policy: a new run (number load.run + 1), after the one under way if there is one. */
void load_begin(struct supervisor *s);
/* The pipe has something, or the deadline has passed, or the compiler has ended. */
void load_readable(struct supervisor *s);
void load_timeout(struct supervisor *s);
/* Nobody uses the policy before the one in force any more. */
void load_forget_old(struct supervisor *s);
bool load_ended(struct supervisor *s, pid_t pid, int status);
/* The note of this number is on record, or was refused. */
void load_recorded(struct supervisor *s, uint64_t number);
/* Kill and forget a run that is under way. */
void load_stop(struct supervisor *s);

/* --- route.c ---------------------------------------------------------------------------------- */

/* Take everything that has arrived from this process. */
void route_readable(struct supervisor *s, struct child *c);
/* Send one message; a process that cannot be reached is on its way out, which shows elsewhere. */
void route_send(
    struct supervisor *s, struct child *c, enum msg_type type, struct str body, int attached);

/* --- ask.c ------------------------------------------------------------------------------------ */

void ask_rotation(struct supervisor *s, uint32_t request);
void ask_load(struct supervisor *s, uint32_t request);
void ask_counters(struct supervisor *s, uint32_t request);
void ask_rotated(struct supervisor *s, const struct msg_result *result);
void ask_loaded(struct supervisor *s, uint32_t run, int error, struct str text);
/* Counters came from a source. */
void ask_counted(struct supervisor *s, uint32_t number, uint32_t source, struct str counters);
void ask_timeouts(struct supervisor *s, int64_t now);
int64_t ask_next_timeout(const struct supervisor *s);
/* The admin process is a new one: nobody waits any more for what the old one asked. */
void ask_forget(struct supervisor *s);

/* --- note.c ----------------------------------------------------------------------------------- */

/* Ask the writer to record. Returns the note's number, or 0 when it could not be sent (logged). */
uint64_t note_put(struct supervisor *s, enum record_action_type type, struct str payload);
void note_configuration(struct supervisor *s);
/* status is waitpid()'s. */
void note_process(struct supervisor *s, const struct child *c, int status);
/* A compiler that did not end by itself. */
void note_compiler(struct supervisor *s, pid_t pid, int status);
/* An acknowledgement: what was refused is logged. -EPROTO: of notes that were never sent. */
int note_acknowledged(struct supervisor *s, const struct msg_ack *ack);

/* --- loop.c ----------------------------------------------------------------------------------- */

/* Blocks the signals that the loop wants; before the first child. 0 or -errno. */
int loop_prepare(void);
/* Until PHASE_DONE. */
void loop_run(struct supervisor *s);
