/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dir_faults.h"

/* Every header of dir.c comes first: the names below must not touch their declarations. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define MOMENT_US 200000 /* enough for another thread to do what it should not */

struct plan {
	_Atomic enum dir_fault kind;
	atomic_int at, times, error, calls;
	char only[16]; /* "": every call; not changed while calls are made */
	_Atomic uint64_t free_bytes;
};

static struct plan *plan;
static void (*cut)(void);
static _Thread_local int number; /* of this thread's call */
/*
 * Held for reading by syncs, for writing by a cut: the ioctl that stands for it lets a sync that is under way
 * return success, and what it was to make durable is gone. A power cut that a sync outlives comes behind it.
 */
static pthread_rwlock_t syncing = PTHREAD_RWLOCK_INITIALIZER;

static void __attribute__((constructor)) plan_share(void)
{
	plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (plan == MAP_FAILED)
		abort();
	plan->free_bytes = UINT64_MAX;
}

void
dir_fault_set(enum dir_fault fault, int at, int times, int error)
{
	plan->kind = DIR_FAULT_NONE;
	plan->calls = 0;
	plan->at = at;
	plan->times = times;
	plan->error = error;
	plan->kind = fault;
}

void
dir_fault_only(const char *name)
{
	plan->kind = DIR_FAULT_NONE;
	(void)snprintf(plan->only, sizeof(plan->only), "%s", name ? name : "");
}

void
dir_fault_free(uint64_t bytes)
{
	plan->free_bytes = bytes;
}

void
dir_fault_hook(void (*hook)(void))
{
	cut = hook;
}

int
dir_fault_calls(void)
{
	return plan->calls;
}

/* Without sleeping: in the writer's jail there is no call for that. */
static void
moment(void)
{
	struct timespec now, end;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += MOMENT_US * 1000L;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	do
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
}

/* Whether this call is to fail. */
static bool
fault_now(const char *name)
{
	int n;

	number = 0;
	if (plan->only[0] && strcmp(plan->only, name) != 0)
		return false;
	n = number = atomic_fetch_add(&plan->calls, 1) + 1;
	if (plan->kind == DIR_FAULT_CUT)
		return false;
	if (plan->kind == DIR_FAULT_NONE || n < plan->at || n >= plan->at + plan->times)
		return false;
	if (plan->kind == DIR_FAULT_FAIL_DIE && n > plan->at) {
		moment();
		_exit(DIR_FAULT_STATUS);
	}
	if (plan->kind == DIR_FAULT_DIE)
		_exit(DIR_FAULT_STATUS);
	errno = plan->error;
	return true;
}

/* Behind each call, with its result. */
static ssize_t
after(ssize_t result)
{
	if (plan->kind != DIR_FAULT_CUT || number != plan->at)
		return result;
	(void)pthread_rwlock_wrlock(&syncing);
	cut();
	_exit(DIR_FAULT_STATUS);
}

/* after() of a sync. */
static int
synced(int (*sync)(int), int fd)
{
	bool may_cut = plan->kind == DIR_FAULT_CUT;
	int result;

	if (may_cut)
		(void)pthread_rwlock_rdlock(&syncing);
	result = sync(fd);
	if (may_cut)
		(void)pthread_rwlock_unlock(&syncing);
	return (int)after(result);
}

static int
faulty_openat(int dir, const char *name, int flags, ...)
{
	va_list args;
	mode_t mode = 0;

	if (fault_now("openat"))
		return -1;
	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, mode_t);
	va_end(args);
	return (int)after(openat(dir, name, flags, mode));
}

static int
faulty_renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	return fault_now("renameat2") ? -1 : (int)after(renameat2(a, from, b, to, flags));
}

static int
faulty_renameat(int a, const char *from, int b, const char *to)
{
	return fault_now("renameat") ? -1 : (int)after(renameat(a, from, b, to));
}

static ssize_t
faulty_pwrite(int fd, const void *buf, size_t n, off_t at)
{
	if (!fault_now("pwrite"))
		return after(pwrite(fd, buf, n, at));
	if (plan->kind == DIR_FAULT_SHORT && n > 1) {
		/* The rest is asked for next: that call fails. */
		plan->at = plan->calls + 1;
		plan->kind = DIR_FAULT_FAIL;
		return pwrite(fd, buf, n / 2, at);
	}
	return -1;
}

static int
faulty_fsync(int fd)
{
	return fault_now("fsync") ? -1 : synced(fsync, fd);
}

static int
faulty_fdatasync(int fd)
{
	return fault_now("fdatasync") ? -1 : synced(fdatasync, fd);
}

static int
faulty_fallocate(int fd, int mode, off_t from, off_t n)
{
	return fault_now("fallocate") ? -1 : (int)after(fallocate(fd, mode, from, n));
}

static int
faulty_ftruncate(int fd, off_t n)
{
	return fault_now("ftruncate") ? -1 : (int)after(ftruncate(fd, n));
}

/* None that is counted: it changes nothing. */
static int
faulty_fstatvfs(int fd, struct statvfs *ret)
{
	uint64_t free_bytes = plan->free_bytes;
	int result = fstatvfs(fd, ret);

	if (result == 0 && free_bytes != UINT64_MAX)
		ret->f_bavail = free_bytes / ret->f_frsize;
	return result;
}

#define openat faulty_openat
#define renameat faulty_renameat
#define renameat2 faulty_renameat2
#define pwrite faulty_pwrite
#define fsync faulty_fsync
#define fdatasync faulty_fdatasync
#define fallocate faulty_fallocate
#define ftruncate faulty_ftruncate
#define fstatvfs faulty_fstatvfs

#include "auditd-writer/dir.c"
