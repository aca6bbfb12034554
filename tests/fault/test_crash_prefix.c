/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One life of the built writer is traced; then the states are made that a file system may leave when
 * the power goes behind each of its calls (crashfs.h), and the writer is started on each. What was
 * acknowledged before that call is there; seals that could be seen have not become others.
 *
 * A random sample; SEALWRIGHT_FAULTS in the environment: how many, "all": each. SEALWRIGHT_STATE=
 * LIFE:STEP:NAMES:DATA: this one alone, as a failure names it (of another trace: the steps may differ);
 * SEALWRIGHT_LIFE: those of this life.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "tests/fault/crashfs.h"
#include "tests/fault/drive.h"
#include "tests/fault/life.h"
#include "tests/fault/trace.h"

#define SAMPLE 200
#define STATES_MAX 400000

enum {
	SYNC,
	COMMIT,
	RECOVERED,
	POISONED,
	TORN,
	SHORT,
	NAMELESS,
	UNPUBLISHED,
	UNERASED,
	UNSETTLED,
	PILED,
	UNNAMED,
	UNSYNCED,
	LIVES
};

static const char *const sync_options[] = {"--rotate-records=9", "--reserve-bytes=65536", NULL};
static const char *const commit_options[] = {
    "--rotate-records=30", "--reserve-bytes=65536", "--durability=commit", NULL};
static const char *const long_options[] = {"--reserve-bytes=65536", NULL};

static const struct living lives[LIVES] = {
    [SYNC] = {sync_options, 4, 1, 2},
    [COMMIT] = {commit_options, 5, 1, 2},
    [RECOVERED] = {sync_options, 3, 2, 2},
    [POISONED] = {long_options, 8, 1, 2},
    [TORN] = {long_options, 3, 2, 2},
    [SHORT] = {long_options, 4, 1, 2},
    [NAMELESS] = {sync_options, 4, 1, 2},
    [UNPUBLISHED] = {sync_options, 4, 1, 2},
    [UNERASED] = {sync_options, 4, 1, 2},
    [UNSETTLED] = {long_options, 2, 2, 2},
    [PILED] = {long_options, 2, 2, 2},
    [UNNAMED] = {sync_options, 2, 1, 2},
    [UNSYNCED] = {long_options, 2, 2, 2},
};
/* What goes wrong in them; in those that begin on what another life has left, in that one. */
static const struct upset {
	enum plan_what what;
	enum plan_kind kind;
	enum plan_call call;
	int at, times, error;
	bool before, killed, rested, keeps_failed;
	const char *told;
} upsets[LIVES] = {
    [RECOVERED] = {PLAN_ANY, PLAN_KILL_AFTER, PLAN_pwrite, 12, 1, .before = true},
    [POISONED] = {PLAN_SEGMENT, PLAN_ERROR, PLAN_fdatasync, 5, 1, EIO,
	.told = "its records are written again"},
    [TORN] = {PLAN_SEGMENT, PLAN_TORN, PLAN_pwrite, 5, 1, EIO, .before = true, .rested = true},
    [SHORT] = {PLAN_SEGMENT, PLAN_SHORT, PLAN_pwrite, 4, 1, EIO,
	.told = "its records are written again"},
    [NAMELESS] = {PLAN_AUDIT_DIR, PLAN_ERROR, PLAN_fsync, 4, 1, .error = EIO},
    [UNPUBLISHED] = {PLAN_AUDIT_DIR, PLAN_ERROR, PLAN_fsync, 5, 1, .error = EIO},
    [UNERASED] = {PLAN_KEYS_FILE, PLAN_ERROR, PLAN_fdatasync, 4, 1, EIO, .keeps_failed = true},
    [UNSETTLED] = {PLAN_KEYS_FILE, PLAN_KILL, PLAN_fdatasync, 3, 1, .before = true},
    [PILED] = {PLAN_KEYS_FILE, PLAN_ERROR, PLAN_pwrite, 3, 1000, EIO, .before = true,
	.killed = true},
    [UNSYNCED] = {PLAN_KEYS_FILE, PLAN_ERROR, PLAN_fdatasync, 3, 1000, EIO, .before = true,
	.killed = true},
    [UNNAMED] = {PLAN_KEYS_DIR, PLAN_KILL, PLAN_fsync, 1, 1, .before = true},
};
static const struct living before = {sync_options, 5, 1, 1};

/* A traced life. */
struct traced {
	char paths[2][80];
	struct peer_end said[LIFE_CHANNELS + 1];
	size_t n;
	uint8_t trace[PLAN_TRACE];
};

struct state {
	uint32_t step;
	uint16_t life, names, data;
};

static struct traced *traced; /* shared */
static struct state *states;
static size_t n_states;
static struct trial trial;
static struct crashfs fs;
static atomic_ulong *records; /* checked; shared */

/* --- the trace --------------------------------------------------------------------------------- */

static void
take(const struct traced *t, const struct plan_step *s, const uint8_t *data)
{
	const char *const paths[2] = {t->paths[0], t->paths[1]};

	crashfs_take(&fs, s, data, paths);
}

static void
plan_upset(const struct upset *u)
{
	trial_plan_on(&trial, u->what, u->kind, u->call, u->at, u->times, u->error);
}

/* Another life, and long after it the next one. */
static void
live_before(const struct upset *u)
{
	const struct plan_step rested = {.call = PLAN_RESTED};

	plan_upset(u);
	if (u->killed)
		trial_before_kill(&trial, &before);
	else
		trial_before(&trial, &before);
	if (!u->rested)
		return;
	memcpy(trial.plan->trace + trial.plan->trace_n, &rested, sizeof(rested));
	trial.plan->trace_n += sizeof(rested);
}

static void
keep_trace(struct traced *t)
{
	(void)snprintf(t->paths[0], sizeof(t->paths[0]), "%s", trial.h.audit);
	(void)snprintf(t->paths[1], sizeof(t->paths[1]), "%s", trial.h.keys);
	memcpy(t->said, trial.said, sizeof(t->said));
	t->n = trial.plan->trace_n;
	assert_true(t->n > 0 && trial.plan->trace_on);
	memcpy(t->trace, trial.plan->trace, t->n);
}

static void
trace_life(size_t life)
{
	const struct upset *u = &upsets[life];

	trial_begin(&trial);
	if (u->before)
		live_before(u);
	else
		plan_upset(u);
	trial_work(&trial, &lives[life]);
	trial_finish(&trial);
	assert_true(trial.clean);
	assert_true(u->kind == PLAN_NONE || u->before || trial.plan->hit > 0);
	assert_true(!u->told || harness_said(&trial.h, u->told));
	keep_trace(&traced[life]);
	trial_check(&trial);
	trial_end(&trial);
}

static bool
matters(const struct plan_step *s)
{
	return s->result >= 0 && s->call != PLAN_close && s->call != PLAN_dup3 &&
	       (s->call != PLAN_send || trace_is_ack(s, LIFE_CHANNELS));
}

static void
add_states(size_t life)
{
	struct plan_step s;
	uint32_t step = 0, prefixes = 0;

	crashfs_init(&fs);
	fs.keeps_failed = upsets[life].keeps_failed;
	for (size_t at = 0; at < traced[life].n; step++) {
		const uint8_t *data = trace_next(traced[life].trace, &at, &s);

		take(&traced[life], &s, data);
		if (!matters(&s))
			continue;
		prefixes++;
		for (unsigned n = 0; n < crashfs_name_ways(&fs); n++)
			for (unsigned d = 0; d < crashfs_data_ways(&fs); d++) {
				assert_true(n_states < STATES_MAX);
				states[n_states++] = (struct state){.life = (uint16_t)life,
				    .step = step,
				    .names = (uint16_t)n,
				    .data = (uint16_t)d};
			}
	}
	(void)printf("# life %zu: %u steps, %zu states up to here\n", life, step, n_states);
	(void)printf("# count prefixes %u\n", prefixes);
}

/* --- one state --------------------------------------------------------------------------------- */

static bool
ends_in_seal(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && strcmp(name + n - 5, ".seal") == 0;
}

static void
see(void *ctx, const char *name, const uint8_t *bytes, int64_t size)
{
	struct life_seals *s = ctx;

	if (!ends_in_seal(name))
		return;
	assert_true(s->n < LIFE_SEALS && (size_t)size < sizeof(s->seal[0].bytes));
	(void)snprintf(s->seal[s->n].name, sizeof(s->seal[0].name), "%s", name);
	memcpy(s->seal[s->n].bytes, bytes, (size_t)size);
	s->seal[s->n++].n = (size_t)size;
}

static void
keep_torn(void *ctx, const char *bytes, size_t n)
{
	size_t torn = trial_torn_bytes(bytes, n);

	if (torn > 0)
		trial_keep(ctx, bytes, torn);
}

/* Up to this step: what was done, and what was acknowledged. */
static void
replay(unsigned life, uint32_t step)
{
	const struct traced *t = &traced[life];
	struct plan_step s;
	size_t at = 0;

	crashfs_init(&fs);
	fs.keeps_failed = upsets[life].keeps_failed;
	for (unsigned c = 1; c <= LIFE_CHANNELS; c++)
		trial.h.end[c] = (struct peer_end){.fd = -1, .next = t->said[c].next};
	for (uint32_t i = 0; i <= step; i++) {
		const uint8_t *data = trace_next(t->trace, &at, &s);

		take(t, &s, data);
		if (trace_is_ack(&s, LIFE_CHANNELS))
			harness_feed(&trial.h, (unsigned)(s.fd - TRACE_CONTROL_FD), data, s.n);
	}
	for (unsigned c = 1; c <= LIFE_CHANNELS; c++)
		trial.said[c] = trial.h.end[c];
}

/* Without syncs an acknowledgement promises only that a crash of the writer loses nothing. */
static void
promise_less(const struct state *s)
{
	if (s->life != COMMIT || crashfs_is_all(&fs, s->names, s->data))
		return;
	for (unsigned c = 1; c <= LIFE_CHANNELS; c++)
		memset(trial.said[c].seq, 0, sizeof(trial.said[c].seq));
}

static void
run_state(size_t i)
{
	const struct state *s = &states[i];
	const char *const dirs[2] = {trial.h.audit, trial.h.keys};

	trial_begin(&trial);
	replay(s->life, s->step);
	promise_less(s);
	trial.seals.n = 0;
	crashfs_see(&fs, 0, see, &trial.seals);
	crashfs_mark_torn(&fs, trial_torn_bytes);
	crashfs_leave(&fs, s->names, s->data, dirs);
	crashfs_each_torn(&fs, keep_torn, &trial);
	trial_check_log(&trial);
	trial_end(&trial);
}

static void
name_state(size_t i, char out[128])
{
	const struct state *s = &states[i];

	(void)snprintf(out, 128, "%u:%u:%u:%u", s->life, s->step, s->names, s->data);
}

/* --- all of them ------------------------------------------------------------------------------- */

static void
prepare(void)
{
	trial_init(&trial);
}

static void
put_away(void)
{
	*records += trial.plan->records;
	trial_deinit(&trial);
}

static void
shuffle(void)
{
	for (size_t i = n_states; i > 1; i--) {
		size_t j = (size_t)random() % i;
		struct state s = states[i - 1];

		states[i - 1] = states[j];
		states[j] = s;
	}
}

static bool
choose(void)
{
	const char *one = getenv("SEALWRIGHT_STATE"), *only = getenv("SEALWRIGHT_LIFE");
	struct state s;
	bool good = true;

	trial_init(&trial);
	for (size_t i = 0; i < LIVES && good; i++) {
		if (only && strtoul(only, NULL, 10) != i)
			continue;
		good = drive_apart(trace_life, i) == 0;
		if (good)
			add_states(i);
	}
	trial_deinit(&trial);
	shuffle();
	if (one && sscanf(one, "%hu:%u:%hu:%hu", &s.life, &s.step, &s.names, &s.data) == 4) {
		states[0] = s;
		n_states = 1;
	}
	n_states = drive_wanted(n_states, SAMPLE);
	return good;
}

int
main(void)
{
	const struct drive drive = {prepare, put_away, run_state, NULL, name_state};
	struct drive_result r;
	bool good;

	if (drive_skips("crash_prefix"))
		return 0;
	drive_seed();
	traced = drive_share(LIVES * sizeof(*traced));
	records = drive_share(sizeof(*records));
	states = calloc(STATES_MAX, sizeof(*states));
	if (!states)
		return 1;
	good = choose();
	(void)fflush(stdout);
	r = drive_all(&drive, good ? n_states : 0);
	(void)printf("# %zu states, %zu failed\n", r.done, r.failed);
	(void)printf("# count records %lu\n# count states %zu\n", *records, r.done);
	return drive_tell("crash_prefix", good && r.all && r.failed == 0);
}
