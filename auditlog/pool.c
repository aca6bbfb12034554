/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <time.h>

#include "auditlog/bar.h"
#include "common/clock.h"

#define BAR_AFTER US_PER_S /* of work */
#define BAR_EVERY (US_PER_S / 10)

struct pool {
	void (*job)(void *context, unsigned worker, size_t i);
	void *context;
	size_t n;
	_Atomic(size_t) next;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t done;
	unsigned running;
};

struct pool_worker {
	struct pool *pool;
	pthread_t thread;
	unsigned number;
};

unsigned
pool_workers(size_t n)
{
	cpu_set_t mine;
	unsigned cores = 1;

	if (sched_getaffinity(0, sizeof(mine), &mine) == 0)
		cores = (unsigned)CPU_COUNT(&mine);
	if (cores > POOL_WORKERS)
		cores = POOL_WORKERS;
	return n < cores ? (n ? (unsigned)n : 1) : cores;
}

/* --- the bar --------------------------------------------------------------------------------- */

static struct timespec
bar_next(void)
{
	int64_t at = clock_monotonic() + BAR_EVERY;

	return (struct timespec){.tv_sec = at / US_PER_S, .tv_nsec = at % US_PER_S * 1000};
}

/* Until all workers are done. */
static void
pool_watch(struct pool *pool, const struct pool_progress *progress)
{
	bool bar = progress && progress->total > 0;
	int64_t start = clock_monotonic();

	(void)pthread_mutex_lock(&pool->lock);
	while (pool->running > 0) {
		struct timespec next = bar_next();

		if (!bar) {
			(void)pthread_cond_wait(&pool->done, &pool->lock);
			continue;
		}
		(void)pthread_cond_timedwait(&pool->done, &pool->lock, &next);
		if (pool->running == 0 || clock_monotonic() - start < BAR_AFTER)
			continue;
		bar_show(progress->what, atomic_load(&progress->done), progress->total);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	if (bar)
		bar_wipe();
}

/* --- work ------------------------------------------------------------------------------------ */

static void
pool_work(struct pool *pool, unsigned worker)
{
	for (;;) {
		size_t i = atomic_fetch_add(&pool->next, 1);

		if (i >= pool->n)
			return;
		pool->job(pool->context, worker, i);
	}
}

static void *
pool_thread(void *arg)
{
	struct pool_worker *w = arg;

	pool_work(w->pool, w->number);
	(void)pthread_mutex_lock(&w->pool->lock);
	w->pool->running--;
	(void)pthread_cond_signal(&w->pool->done);
	(void)pthread_mutex_unlock(&w->pool->lock);
	return NULL;
}

/* Returns how many run. */
static unsigned
pool_start(struct pool *pool, struct pool_worker *workers, unsigned n)
{
	unsigned started = 0;

	(void)pthread_mutex_lock(&pool->lock);
	for (; started < n; started++) {
		workers[started] = (struct pool_worker){.pool = pool, .number = started};
		if (pthread_create(
			&workers[started].thread, NULL, pool_thread, &workers[started]) != 0)
			break;
	}
	pool->running = started;
	(void)pthread_mutex_unlock(&pool->lock);
	return started;
}

/* Waits are measured by the clock that nobody sets. */
static void
pool_init(struct pool *pool)
{
	pthread_condattr_t attributes;

	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&pool->done, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_mutex_init(&pool->lock, NULL);
}

void
pool_run(size_t n, void (*job)(void *context, unsigned worker, size_t i), void *context,
    struct pool_progress *progress)
{
	struct pool pool = {.job = job, .context = context, .n = n};
	struct pool_worker workers[POOL_WORKERS];
	unsigned started;

	if (n == 0)
		return;
	pool_init(&pool);
	started = pool_start(&pool, workers, pool_workers(n));
	if (started == 0)
		pool_work(&pool, 0);
	pool_watch(&pool, progress);
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(workers[i].thread, NULL);
	(void)pthread_cond_destroy(&pool.done);
	(void)pthread_mutex_destroy(&pool.lock);
}
