/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/life.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "tests/fault/told.h"
#include "tests/fault/trace.h"

#define PATIENCE_MS 60 /* for acknowledgements while things go wrong */
#define RESUME_US (20 * US_PER_S)
#define REFUSED_PAUSE_US 20000
#define END_MS 30000
#define EMPTY_MOST 8

/* --- the plan ---------------------------------------------------------------------------------- */

void
trial_init(struct trial *t)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	(void)snprintf(t->plan_path, sizeof(t->plan_path), "%s/plan-XXXXXX", tmp ? tmp : "/tmp");
	fd = mkstemp(t->plan_path);
	assert_true(fd >= 0 && ftruncate(fd, sizeof(*t->plan)) == 0);
	t->plan = mmap(NULL, sizeof(*t->plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(t->plan, MAP_FAILED);
	(void)close(fd);
}

void
trial_deinit(struct trial *t)
{
	(void)munmap(t->plan, sizeof(*t->plan));
	(void)unlink(t->plan_path);
}

void
trial_plan(struct trial *t, enum plan_kind kind, enum plan_call call, int at, int times, int error)
{
	trial_plan_on(t, PLAN_ANY, kind, call, at, times, error);
}

void
trial_plan_on(struct trial *t, enum plan_what what, enum plan_kind kind, enum plan_call call,
    int at, int times, int error)
{
	struct plan *p = t->plan;

	p->kind = PLAN_NONE;
	for (int i = 0; i < PLAN_CALLS; i++)
		p->made[i] = 0;
	p->hit = p->seen = 0;
	p->cut = 0;
	p->what = (int)what;
	p->call = (int)call;
	p->at = at;
	p->times = times;
	p->error = error;
	p->kind = (int)kind;
}

void
trial_heal(struct trial *t)
{
	t->plan->kind = PLAN_NONE;
}

/* --- the writer -------------------------------------------------------------------------------- */

static struct trial *current; /* for the new process */

static void
build_path(char out[4096], const char *what)
{
	const char *build = getenv("SEALWRIGHT_BUILD");
	ssize_t n;

	if (build) {
		(void)snprintf(out, 4096, "%s/%s", build, what);
		return;
	}
	/* BUILD/unit/test_x: two up. */
	n = readlink("/proc/self/exe", out, 4000);
	assert_true(n > 0);
	out[n] = '\0';
	for (int up = 0; up < 2; up++)
		*strrchr(out, '/') = '\0';
	(void)snprintf(out + strlen(out), 4096 - strlen(out), "/%s", what);
}

static int
enter(int argc, char **argv)
{
	char shim[4096];

	(void)argc;
	build_path(shim, "fault/faulty.so");
	if (setenv("LD_PRELOAD", shim, 1) < 0 || setenv(PLAN_VARIABLE, current->plan_path, 1) < 0)
		return 126;
	(void)execv(argv[0], argv);
	return 127;
}

static void
forget_kept(struct trial *t)
{
	while (t->n_kept > 0)
		free(t->kept[--t->n_kept].bytes);
}

void
trial_begin(struct trial *t)
{
	trial_plan(t, PLAN_NONE, PLAN_openat, 0, 0, 0);
	t->plan->trace_on = 1;
	t->plan->trace_n = 0;
	t->plan->no_flags = t->plan->misread = 0;
	memset(t->said, 0, sizeof(t->said));
	t->failed = t->resumed = t->clean = t->commit = t->recovers = false;
	forget_kept(t);
	harness_init(&t->h);
	current = t;
	t->h.enter = enter;
}

void
trial_end(struct trial *t)
{
	harness_deinit(&t->h);
}

/* --- work -------------------------------------------------------------------------------------- */

static void
listen(struct trial *t, unsigned channel)
{
	(void)harness_acks_within(&t->h, channel, PATIENCE_MS);
	t->failed |= t->h.end[channel].state == STORAGE_FAILED;
}

static void
arrive(struct trial *t, const struct living *l)
{
	struct harness *h = &t->h;

	for (int i = 0; i < 100 && !h->gone; i++)
		if (harness_take(h, 0, 200))
			break;
	for (unsigned c = l->from; c <= l->to; c++) {
		harness_expect(h, c, 1);
		(void)harness_take(h, 0, 2000); /* CLEARED */
		harness_hello(h, c, 1);
		(void)harness_take(h, c, 2000); /* WELCOME */
	}
}

void
trial_work(struct trial *t, const struct living *l)
{
	struct harness *h = &t->h;

	h->may_end = true;
	h->gone = false;
	for (unsigned i = 0; l->options[i]; i++)
		t->commit |= strcmp(l->options[i], "--durability=commit") == 0;
	harness_spawn(h, l->options);
	arrive(t, l);
	for (unsigned round = 0; round < l->rounds && !h->gone; round++) {
		for (unsigned c = l->from; c <= l->to; c++)
			harness_decide(h, c, c == 1 ? 7 : 3);
		for (unsigned c = l->from; c <= l->to; c++)
			listen(t, c);
		if (round == l->rounds / 2)
			harness_ask(h, MSG_ROTATE, 1);
	}
}

void
trial_expect_service(struct trial *t, const struct living *l)
{
	struct harness *h = &t->h;
	unsigned c = l->from;
	int64_t until = clock_monotonic() + RESUME_US;
	uint64_t had = h->end[c].last_seq;

	while (!h->gone && h->end[c].last_seq == had) {
		if (clock_monotonic() > until)
			fail_msg("%s: it does not serve again", h->top);
		if (h->end[c].acked + 1 == h->end[c].next)
			harness_decide(h, c, 1);
		listen(t, c);
		if (h->end[c].last_seq == had)
			(void)usleep(REFUSED_PAUSE_US);
	}
	/* What waited meanwhile has its answer, too. */
	while (!h->gone && h->end[c].acked + 1 < h->end[c].next) {
		if (clock_monotonic() > until)
			fail_msg("%s: an answer is missing", h->top);
		listen(t, c);
	}
	t->resumed = !h->gone;
}

static bool
any_closed(const struct trial *t)
{
	DIR *d = opendir(t->h.audit);
	const struct dirent *e;
	bool any = false;

	assert_non_null(d);
	while (!any && (e = readdir(d))) {
		const char *ending = strstr(e->d_name, ".jsonl");

		any = ending && strcmp(ending, ".jsonl") == 0;
	}
	(void)closedir(d);
	return any;
}

void
trial_expect_closed(struct trial *t)
{
	int64_t until = clock_monotonic() + RESUME_US;

	while (!any_closed(t)) {
		if (clock_monotonic() > until)
			fail_msg("%s: no segment is closed", t->h.top);
		(void)usleep(REFUSED_PAUSE_US);
	}
}

static void
ask_to_finish(struct harness *h)
{
	uint8_t buf[64];
	struct frame_out f;
	struct wire_out out;

	frame_begin(&f, buf, sizeof(buf), MSG_FINISH, h->end[0].next);
	out = frame_message(&f);
	(void)frame_commit(&f, &out);
	frame_end(&f);
	harness_send_raw(h, 0, buf, f.n, -1);
}

static void
await_end(struct trial *t)
{
	struct harness *h = &t->h;
	int status;

	for (int ms = 0; ms < END_MS; ms += 2) {
		if (waitpid(h->pid, &status, WNOHANG) == h->pid) {
			h->pid = -1;
			t->clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
			if (WIFSIGNALED(status))
				fail_msg(
				    "%s: the writer died of signal %d", h->top, WTERMSIG(status));
			return;
		}
		(void)usleep(2000);
	}
	fail_msg("%s: it does not end", h->top);
}

static void
keep_acknowledged(struct trial *t)
{
	for (unsigned c = 1; c <= LIFE_CHANNELS; c++)
		if (t->h.end[c].next > 1)
			t->said[c] = t->h.end[c];
}

void
trial_kill(struct trial *t)
{
	struct harness *h = &t->h;

	h->gone = false;
	for (unsigned c = 1; c <= LIFE_CHANNELS; c++)
		while (h->end[c].fd >= 0 && harness_take(h, c, 0))
			;
	keep_acknowledged(t);
	harness_kill(h);
}

void
trial_finish(struct trial *t)
{
	struct harness *h = &t->h;

	if (!h->gone)
		ask_to_finish(h);
	/* What came in time before the end counts, too. */
	for (unsigned c = 1; c <= LIFE_CHANNELS; c++)
		while (harness_take(h, c, h->gone ? 0 : PATIENCE_MS))
			;
	await_end(t);
	keep_acknowledged(t);
	harness_reap(h, 0);
}

/* What was heard in one life need not be told in another. */
static void
begin_again(struct trial *t)
{
	t->failed = false;
	trial_plan(t, PLAN_NONE, PLAN_openat, 0, 0, 0);
}

void
trial_before(struct trial *t, const struct living *l)
{
	trial_work(t, l);
	trial_finish(t);
	begin_again(t);
}

void
trial_before_kill(struct trial *t, const struct living *l)
{
	trial_work(t, l);
	trial_kill(t);
	begin_again(t);
}

/* --- what is torn ------------------------------------------------------------------------------ */

void
trial_keep(struct trial *t, const void *bytes, size_t n)
{
	struct trial_kept *k = &t->kept[t->n_kept++];

	assert_true(t->n_kept <= TRIAL_KEPT);
	*k = (struct trial_kept){.bytes = malloc(n), .n = n};
	assert_non_null(k->bytes);
	memcpy(k->bytes, bytes, n);
}

size_t
trial_torn_bytes(const char *bytes, size_t n)
{
	while (n > 0 && bytes[n - 1] == '\0')
		n--;
	return n > 0 && (bytes[n - 1] != '\n' || memchr(bytes, '\0', n)) ? n : 0;
}

/* Every file of the audit directory that nobody has closed, or was set aside; until each says true. */
static bool
each_open(const struct trial *t,
    bool (*each)(void *ctx, const char *name, const char *bytes, size_t n), void *ctx)
{
	DIR *d = opendir(t->h.audit);
	const struct dirent *e;
	bool found = false;

	assert_non_null(d);
	while (!found && (e = readdir(d))) {
		static char bytes[1 << 18]; /* no life here writes more */
		char path[512];
		CLEANUP_FD int fd = -1;
		ssize_t n;

		if (!strstr(e->d_name, ".jsonl.t"))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", t->h.audit, e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, bytes, sizeof(bytes));
		assert_true(n >= 0);
		found = each(ctx, e->d_name, bytes, (size_t)n);
	}
	(void)closedir(d);
	return found;
}

static bool
keep_torn(void *ctx, const char *name, const char *bytes, size_t n)
{
	struct trial *t = ctx;
	size_t torn = trial_torn_bytes(bytes, n);

	(void)name;
	if (torn > 0)
		trial_keep(t, bytes, torn);
	return false;
}

static bool
is_kept(void *ctx, const char *name, const char *bytes, size_t n)
{
	const struct trial_kept *k = ctx;

	(void)name;
	return n >= k->n && memcmp(bytes, k->bytes, k->n) == 0;
}

static void
expect_kept(struct trial *t)
{
	for (unsigned i = 0; i < t->n_kept; i++)
		if (!each_open(t, is_kept, &t->kept[i]))
			fail_msg(
			    "%s: what was torn is not kept: %.80s...", t->h.top, t->kept[i].bytes);
}

static bool
find_torn(void *ctx, const char *name, const char *bytes, size_t n)
{
	(void)snprintf(ctx, 128, "%s", name);
	return trial_torn_bytes(bytes, n) > 0 && !strstr(name, ".torn");
}

static bool
delete_open(void *ctx, const char *name, const char *bytes, size_t n)
{
	char path[512];

	(void)bytes;
	(void)n;
	(void)snprintf(path, sizeof(path), "%s/%s", (const char *)ctx, name);
	assert_int_equal(unlink(path), 0);
	return false;
}

void
trial_delete_open(struct trial *t)
{
	(void)each_open(t, delete_open, t->h.audit);
}

static void
put_readable(const struct trial *t, const char *name, const void *bytes, size_t n)
{
	char path[512];

	put_file(t->h.audit, name, bytes, n);
	(void)snprintf(path, sizeof(path), "%s/%s", t->h.audit, name);
	assert_int_equal(chmod(path, 0440), 0);
}

static bool
replace_open(void *ctx, const char *name, const char *bytes, size_t n)
{
	struct trial *t = ctx;
	char from[512], to[512];

	(void)bytes;
	(void)n;
	(void)snprintf(from, sizeof(from), "%s/%s", t->h.audit, name);
	(void)snprintf(to, sizeof(to), "%s/%s", t->h.top, name);
	assert_int_equal(rename(from, to), 0);
	put_readable(t, name, "no record\n", 10);
	return false;
}

void
trial_replace_open(struct trial *t)
{
	(void)each_open(t, replace_open, t);
}

void
trial_litter_scratch(struct trial *t)
{
	static char scratch[1 << 16];

	memset(scratch, 'x', sizeof(scratch));
	put_readable(t, "recover.scratch", scratch, sizeof(scratch));
}

void
trial_litter_torn(struct trial *t)
{
	static const char earlier[] = "{\"what an earlier start has set aside";
	char name[128], torn[132];

	/* On a busy machine all may have been written before the call that is cut in half. */
	if (!each_open(t, find_torn, name))
		return;
	(void)snprintf(torn, sizeof(torn), "%.*s.torn", (int)(strlen(name) - 4), name);
	put_readable(t, torn, earlier, sizeof(earlier) - 1);
	(void)each_open(t, keep_torn, t);
}

/* --- check ------------------------------------------------------------------------------------- */

void
trial_check(struct trial *t)
{
	if (t->plan->trace_on)
		trace_expect(t->plan->trace, t->plan->trace_n, LIFE_CHANNELS, t->commit);
	t->plan->trace_on = 0;
	life_seals_take(&t->seals, &t->h);
	trial_check_log(t);
}

static void
count_records(struct trial *t, unsigned channel)
{
	for (unsigned i = 0; i < HARNESS_TRACKED; i++)
		t->plan->records += t->said[channel].seq[i] != 0;
}

static void
expect_end(struct harness *h)
{
	int status = harness_finish(h);

	if (status != 0)
		harness_show_said(h);
	assert_int_equal(status, 0);
}

void
trial_check_log(struct trial *t)
{
	static struct log log;
	static const char *const little[] = {"--reserve-bytes=65536", NULL};
	struct harness *h = &t->h;

	trial_heal(t);
	(void)each_open(t, keep_torn, t);
	h->may_end = h->gone = false;
	harness_start(h, little);
	expect_end(h);
	log_read(&log, h->audit);
	assert_int_equal(log.closed, log.files);
	assert_true(log.empty <= EMPTY_MOST && log.other <= 2);
	assert_int_equal(log.line[0].seq, 1);
	assert_int_equal(log_count(&log, "\"origin\":{\"event\":\"genesis\""), 1);
	for (unsigned c = 1; c <= LIFE_CHANNELS; c++) {
		h->end[c] = t->said[c];
		log_expect_acked(&log, h, c);
		count_records(t, c);
	}
	told_expect(t, &log);
	expect_kept(t);
	log_free(&log);
	life_seals_expect(&t->seals, h);
	life_verify(h, false);
}
