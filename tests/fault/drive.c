/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/drive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"

#define JOBS 4
#define JOBS_MAX 64
#define TRIAL_S 120

struct outcome {
	atomic_size_t next, done, counted, failed;
	int64_t until; /* monotonic: none begins then */
};

unsigned long
drive_number(const char *name, unsigned long usual)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 10) : usual;
}

void
drive_seed(void)
{
	unsigned long seed = drive_number("SEALWRIGHT_SEED", (unsigned long)time(NULL));

	(void)printf("# SEALWRIGHT_SEED=%lu\n", seed);
	(void)fflush(stdout);
	srandom((unsigned)seed);
}

size_t
drive_wanted(size_t n, size_t usual)
{
	const char *value = getenv("SEALWRIGHT_FAULTS");
	size_t wanted = drive_number("SEALWRIGHT_FAULTS", usual);

	return (value && strcmp(value, "all") == 0) || wanted > n ? n : wanted;
}

void *
drive_share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

bool
drive_skips(const char *name)
{
	(void)printf("1..1\n");
	if (!getenv("SEALWRIGHT_SANITIZED"))
		return false;
	(void)printf("ok 1 - %s # SKIP a sanitizer wants to be loaded first\n", name);
	return true;
}

int
drive_tell(const char *name, bool good)
{
	(void)printf("%s 1 - %s\n", good ? "ok" : "not ok", name);
	return good ? 0 : 1;
}

/* --- one --------------------------------------------------------------------------------------- */

static size_t chosen;
static void (*task)(size_t i);

static void
test_of_it(void **state)
{
	(void)state;
	task(chosen);
}

/* Its last words, as comments. */
static void
show(FILE *said)
{
	char line[1024];

	rewind(said);
	while (fgets(line, sizeof(line), said))
		(void)printf("#   %s", line);
	(void)fflush(stdout);
}

static _Noreturn void
become(void (*run)(size_t i), size_t i, FILE *said)
{
	const struct CMUnitTest tests[] = {{.name = "trial", .test_func = test_of_it}};
	int failed;

	chosen = i;
	task = run;
	(void)alarm(TRIAL_S);
	if (dup2(fileno(said), 1) < 0 || dup2(fileno(said), 2) < 0)
		_exit(126);
	cmocka_set_message_output(CM_OUTPUT_STDOUT);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)fflush(NULL);
	_exit(failed);
}

int
drive_apart(void (*run)(size_t i), size_t i)
{
	FILE *said = tmpfile();
	int status = -1;
	pid_t pid;

	if (!said)
		return -1;
	pid = fork();
	if (pid == 0)
		become(run, i, said);
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	if (status != 0)
		show(said);
	(void)fclose(said);
	return status;
}

/* --- all --------------------------------------------------------------------------------------- */

static void
try_one(const struct drive *d, struct outcome *o, size_t i)
{
	char name[128];
	int status = drive_apart(d->run, i);

	(void)atomic_fetch_add(&o->done, 1);
	(void)atomic_fetch_add(&o->counted, !d->counts || d->counts());
	if (status == 0)
		return;
	(void)atomic_fetch_add(&o->failed, 1);
	d->name(i, name);
	(void)printf("# FAILED %s\n", name);
	(void)fflush(stdout);
}

/* Whether one more is to be tried: not once the first has failed, when that is all that is asked. */
static bool
goes_on(const struct outcome *o)
{
	bool first = getenv("SEALWRIGHT_FIRST") != NULL;

	return !(first && o->failed > 0) && clock_monotonic() < o->until;
}

static _Noreturn void
work_off(const struct drive *d, struct outcome *o, size_t n)
{
	size_t i;

	d->prepare();
	while (goes_on(o) && (i = atomic_fetch_add(&o->next, 1)) < n)
		try_one(d, o, i);
	d->put_away();
	_exit(0);
}

struct drive_result
drive_all(const struct drive *d, size_t n)
{
	struct outcome *o = drive_share(sizeof(*o));
	unsigned long jobs = drive_number("SEALWRIGHT_JOBS", JOBS);
	unsigned long minutes = drive_number("SEALWRIGHT_MINUTES", 0);
	struct drive_result r;

	o->until = minutes > 0 ? clock_monotonic() + (int64_t)minutes * 60 * US_PER_S : INT64_MAX;
	if (jobs < 1 || jobs > JOBS_MAX)
		jobs = JOBS;
	for (unsigned long i = 0; i < jobs; i++) {
		pid_t pid = fork();

		if (pid == 0)
			work_off(d, o, n);
		if (pid < 0)
			abort();
	}
	for (unsigned long i = 0; i < jobs; i++)
		(void)wait(NULL);
	r = (struct drive_result){.done = o->done, .counted = o->counted, .failed = o->failed};
	r.all = r.done == n || (minutes > 0 && r.failed == 0);
	(void)munmap(o, sizeof(*o));
	return r;
}
