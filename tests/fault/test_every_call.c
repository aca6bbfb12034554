/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built writer, with each system call that it makes going wrong: the Nth of each kind fails with
 * each error, once and from then on, takes half, takes long, or is where the process ends. life.h says
 * what must hold after each.
 *
 * A random sample; SEALWRIGHT_FAULTS in the environment: how many, "all": each. SEALWRIGHT_JOBS: how
 * many side by side. SEALWRIGHT_FAULT=SCENARIO:CALL:N:KIND:ERRNO:TIMES: this one alone, as a failure
 * names it; SEALWRIGHT_REPEAT: so often. SEALWRIGHT_ONLY: those whose names begin so.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "tests/fault/drive.h"
#include "tests/fault/life.h"

#define SAMPLE 180
#define FOREVER (1 << 20)
#define AND_KILLED (FOREVER + 1) /* while it goes on failing */
#define OFTEN 12
#define BEYOND 2 /* calls after the last that a measured life made */
#define POINTS_MAX 200000
#define KINDS (PLAN_TORN + 1)

/* --- what is tried ----------------------------------------------------------------------------- */

enum scenario {
	FRESH,
	COMMIT,
	BUSY,
	BUSY_COMMIT,
	CRASHED, /* one life before ended in a crash: records without a sync */
	TORN, /* ... in the middle of a write; there is a scratch file, and a .torn of somebody else */
	LOOK,  /* the same where the file system cannot refuse to replace a file */
	PILED, /* no segment could be sealed before the crash */
	SCENARIOS
};

static const char *const scenario_names[] = {
    "fresh", "commit", "busy", "busy-commit", "crashed", "torn", "look", "piled"};

static const char *const sync_options[] = {"--rotate-records=17", "--reserve-bytes=131072", NULL};
static const char *const commit_options[] = {
    "--rotate-records=17", "--reserve-bytes=131072", "--durability=commit", NULL};
static const char *const busy_options[] = {"--rotate-records=6", "--reserve-bytes=65536", NULL};

static const char *const busy_commit_options[] = {
    "--rotate-records=6", "--reserve-bytes=65536", "--durability=commit", NULL};

static const struct living lives[SCENARIOS] = {
    [FRESH] = {sync_options, 5, 1, 2},
    [COMMIT] = {commit_options, 5, 1, 2},
    [BUSY] = {busy_options, 14, 1, 2},
    [BUSY_COMMIT] = {busy_commit_options, 8, 1, 2},
    [CRASHED] = {sync_options, 4, 2, 2},
    [TORN] = {sync_options, 2, 2, 2},
    [LOOK] = {sync_options, 2, 2, 2},
    [PILED] = {sync_options, 2, 2, 2},
};

struct point {
	uint8_t scenario, call, kind;
	int at, error, times;
};

static struct point *points;
static size_t n_points;

static void
add(int scenario, int call, int at, enum plan_kind kind, int error, int times)
{
	assert_true(n_points < POINTS_MAX);
	points[n_points++] = (struct point){.scenario = (uint8_t)scenario,
	    .call = (uint8_t)call,
	    .kind = (uint8_t)kind,
	    .at = at,
	    .error = error,
	    .times = times};
}

/* Calls that storage answers: any of them may fail, and go on failing. */
static bool
is_storage(int call)
{
	switch (call) {
	case PLAN_read:
	case PLAN_write:
	case PLAN_ppoll:
	case PLAN_recvmsg:
	case PLAN_sendmsg:
	case PLAN_send:
	case PLAN_close:
	case PLAN_eventfd:
	case PLAN_dup3:
	case PLAN_getrandom:
		return false;
	default:
		return true;
	}
}

static bool
is_write(int call)
{
	return call == PLAN_pwrite || call == PLAN_fsync || call == PLAN_fdatasync ||
	       call == PLAN_renameat2 || call == PLAN_fallocate || call == PLAN_ftruncate;
}

static bool
is_talk(int call)
{
	return call == PLAN_ppoll || call == PLAN_recvmsg || call == PLAN_sendmsg ||
	       call == PLAN_send;
}

static void
add_call(int scenario, int call, int at)
{
	static const int errors[] = {EIO, ENOSPC, EDQUOT, EMFILE, EROFS};

	add(scenario, call, at, PLAN_KILL, 0, 1);
	add(scenario, call, at, PLAN_KILL_AFTER, 0, 1);
	add(scenario, call, at, PLAN_DELAY, 0, 1);
	if (is_storage(call) || is_talk(call))
		add(scenario, call, at, PLAN_ERROR, EINTR, 1);
	if (call == PLAN_pwrite) {
		add(scenario, call, at, PLAN_SHORT, EIO, 1);
		add(scenario, call, at, PLAN_SHORT, ENOSPC, 1);
		add(scenario, call, at, PLAN_TORN, EIO, 1);
	}
	if (!is_storage(call))
		return;
	add(scenario, call, at, PLAN_ERROR, EINTR, 3);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		add(scenario, call, at, PLAN_ERROR, errors[i], 1);
		add(scenario, call, at, PLAN_ERROR, errors[i], FOREVER);
	}
	if (is_write(call))
		add(scenario, call, at, PLAN_ERROR, EIO, AND_KILLED);
}

/* --- one trial --------------------------------------------------------------------------------- */

/* Shared by all that run points. */
struct counts {
	atomic_ulong records;
	atomic_uint tried[PLAN_CALLS][KINDS], reached[PLAN_CALLS][KINDS];
};

static struct trial trial;
static struct counts *counts;
static int *measured; /* calls of a life without a fault, by kind; shared */

/* Another life before. */
static void
live_before(enum scenario scenario)
{
	static const struct living before = {busy_options, 5, 1, 1}, torn = {sync_options, 5, 1, 1};

	trial.plan->no_flags = scenario == LOOK;
	if (scenario < CRASHED)
		return;
	if (scenario == PILED) {
		trial_plan_on(&trial, PLAN_KEYS_FILE, PLAN_ERROR, PLAN_pwrite, 3, FOREVER, EIO);
		trial_before_kill(&trial, &before);
		return;
	}
	if (scenario == CRASHED)
		trial_plan(&trial, PLAN_KILL_AFTER, PLAN_pwrite, 17, 1, 0);
	else
		trial_plan_on(&trial, PLAN_SEGMENT, PLAN_TORN, PLAN_pwrite, 3, 1, EIO);
	trial_before(&trial, scenario == CRASHED ? &before : &torn);
	if (scenario == CRASHED)
		return;
	trial_litter_scratch(&trial);
	trial_litter_torn(&trial);
}

static void
end_life(const struct point *p, const struct living *l)
{
	if (p->times > FOREVER) {
		trial_kill(&trial);
		return;
	}
	if (p->times > 1)
		trial_heal(&trial);
	if (is_storage(p->call))
		trial_expect_service(&trial, l);
	trial_finish(&trial);
}

static void
run_point(size_t i)
{
	const struct point *p = &points[i];
	const struct living *l = &lives[p->scenario];

	counts->tried[p->call][p->kind]++;
	trial_begin(&trial);
	live_before((enum scenario)p->scenario);
	trial_plan(
	    &trial, (enum plan_kind)p->kind, (enum plan_call)p->call, p->at, p->times, p->error);
	trial_work(&trial, l);
	end_life(p, l);
	counts->reached[p->call][p->kind] += trial.plan->hit > 0;
	trial_check(&trial);
	trial_end(&trial);
}

/* A life without a fault: the plan has its calls. */
static void
run_unharmed(size_t scenario)
{
	trial_begin(&trial);
	live_before((enum scenario)scenario);
	trial_plan(&trial, PLAN_NONE, PLAN_openat, 0, 0, 0);
	trial_work(&trial, &lives[scenario]);
	trial_finish(&trial);
	for (int i = 0; i < PLAN_CALLS; i++)
		measured[i] = trial.plan->made[i];
	trial.recovers = scenario >= TORN; /* a crash alone may leave nothing to recover */
	trial_check(&trial);
	trial_end(&trial);
}

static void
expect_clean(void)
{
	if (!trial.clean)
		fail_msg("it does not end well");
}

/* A segment whose sync failed is read back with an error that no call tells of: it is read again. */
static void
run_misread(size_t i)
{
	static const char *const long_options[] = {"--reserve-bytes=131072", NULL};
	static const struct living l = {long_options, 5, 1, 2};

	(void)i;
	trial_begin(&trial);
	trial_plan_on(&trial, PLAN_SEGMENT, PLAN_ERROR, PLAN_fdatasync, 4, 1, EIO);
	trial.plan->misread = 2; /* what is torn is measured first, then copied */
	trial_work(&trial, &l);
	trial_finish(&trial);
	expect_clean();
	if (trial.plan->misread > 0)
		fail_msg("a segment whose sync has failed is not copied");
	trial_check(&trial);
	trial_end(&trial);
}

/* What is acknowledged is not lost when somebody deletes the files that it is in, or replaces them. */
static void
run_deleted(size_t replaced)
{
	static const char *const long_options[] = {"--reserve-bytes=131072", NULL};
	static const struct living l = {long_options, 0, 1, 2};

	trial_begin(&trial);
	trial.plan->trace_on = 0; /* knows nothing of that */
	trial_work(&trial, &l);
	for (int n = 0; n < 6; n++) {
		if (n == 3 && replaced)
			trial_replace_open(&trial);
		else if (n == 3)
			trial_delete_open(&trial);
		trial_expect_service(&trial, &l);
	}
	trial_expect_closed(&trial);
	trial_kill(&trial);
	trial_check(&trial);
	trial_end(&trial);
}

/* Starts that are cut short leave nothing that piles up. */
static void
run_often(size_t i)
{
	static const struct living none = {sync_options, 0, 2, 1};

	(void)i;
	trial_begin(&trial);
	for (int n = 0; n < OFTEN; n++)
		trial_before_kill(&trial, &none);
	trial_check(&trial);
	trial_end(&trial);
}

static void
add_calls(int scenario)
{
	for (int i = 0; i < PLAN_CALLS; i++)
		for (int at = 1; measured[i] > 0 && at <= measured[i] + BEYOND; at++)
			add_call(scenario, i, at);
}

/* --- all of them ------------------------------------------------------------------------------- */

static const char *const call_names[] = {
#define X(name) #name,
    PLAN_CALL_LIST
#undef X
};
static const char *const kind_names[] = {
    "none", "error", "short", "kill", "kill-after", "delay", "cut", "torn"};

static void
name_point(size_t i, char out[128])
{
	const struct point *p = &points[i];

	(void)snprintf(out, 128, "%s:%s:%d:%s:%d:%d", scenario_names[p->scenario],
	    call_names[p->call], p->at, kind_names[p->kind], p->error, p->times);
}

static void
prepare(void)
{
	trial_init(&trial);
}

static void
put_away(void)
{
	counts->records += trial.plan->records;
	trial_deinit(&trial);
}

static bool
came_to_it(void)
{
	return trial.plan->hit > 0;
}

static void
shuffle(void)
{
	for (size_t i = n_points; i > 1; i--) {
		size_t j = (size_t)random() % i;
		struct point p = points[i - 1];

		points[i - 1] = points[j];
		points[j] = p;
	}
}

static int
index_of(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	fail_msg("no such name: %s", name);
	return -1;
}

static void
choose_one(const char *text)
{
	char scenario[32], call[32], kind[32];
	struct point p = {0};

	assert_int_equal(sscanf(text, "%31[^:]:%31[^:]:%d:%31[^:]:%d:%d", scenario, call, &p.at,
			     kind, &p.error, &p.times),
	    6);
	p.scenario = (uint8_t)index_of(scenario_names, SCENARIOS, scenario);
	p.call = (uint8_t)index_of(call_names, PLAN_CALLS, call);
	p.kind = (uint8_t)index_of(kind_names, (int)ARRAY_SIZE(kind_names), kind);
	n_points = drive_number("SEALWRIGHT_REPEAT", 1);
	assert_true(n_points <= POINTS_MAX);
	for (size_t i = 0; i < n_points; i++)
		points[i] = p;
}

/* Only those whose names begin with this: SCENARIO[:CALL[:...]]. */
static void
keep_only(const char *beginning)
{
	size_t n = 0;
	char name[128];

	for (size_t i = 0; i < n_points; i++) {
		name_point(i, name);
		if (strncmp(name, beginning, strlen(beginning)) == 0)
			points[n++] = points[i];
	}
	n_points = n;
}

static void
choose(void)
{
	const char *one = getenv("SEALWRIGHT_FAULT"), *only = getenv("SEALWRIGHT_ONLY");

	trial_init(&trial);
	for (int i = 0; i < SCENARIOS; i++) {
		assert_int_equal(drive_apart(run_unharmed, (size_t)i), 0);
		add_calls(i);
	}
	assert_int_equal(drive_apart(run_misread, 0), 0);
	assert_int_equal(drive_apart(run_deleted, 0), 0);
	assert_int_equal(drive_apart(run_deleted, 1), 0);
	assert_int_equal(drive_apart(run_often, 0), 0);
	trial_deinit(&trial);
	shuffle();
	(void)printf("# %zu points\n", n_points);
	if (only)
		keep_only(only);
	if (one)
		choose_one(one);
	n_points = drive_wanted(n_points, SAMPLE);
}

/* For the table of all.py. */
static void
tell_counts(void)
{
	for (int call = 0; call < PLAN_CALLS; call++)
		for (int kind = 0; kind < KINDS; kind++)
			if (counts->tried[call][kind] > 0)
				(void)printf("# count point %s %s %u %u\n", call_names[call],
				    kind_names[kind], counts->tried[call][kind],
				    counts->reached[call][kind]);
	(void)printf("# count records %lu\n", counts->records);
}

/* Not by cmocka: whatever an assertion ends is a process of its own. */
int
main(void)
{
	const struct drive drive = {prepare, put_away, run_point, came_to_it, name_point};
	struct drive_result r;

	if (drive_skips("every_call"))
		return 0;
	drive_seed();
	points = calloc(POINTS_MAX, sizeof(*points));
	measured = drive_share(sizeof(int) * PLAN_CALLS);
	counts = drive_share(sizeof(*counts));
	if (!points)
		return 1;
	choose();
	(void)fflush(stdout);
	r = drive_all(&drive, n_points);
	(void)printf("# %zu trials, %zu of them came to their call, %zu failed\n", r.done,
	    r.counted, r.failed);
	tell_counts();
	return drive_tell("every_call", r.all && r.failed == 0);
}
