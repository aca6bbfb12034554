/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into the program under test: plan.h. Makes no call of its own once the program runs. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "auditd-writer/jail.h"
#include "proto/segname.h"
#include "tests/fault/plan.h"

#define DELAY_NS 30000000
#define DESCRIPTORS 1024
#define LONG_READ 1000

static void mark_begin(void);

static struct plan *plan;
static void *real[PLAN_CALLS];
static pthread_mutex_t tracing = PTHREAD_MUTEX_INITIALIZER;

/* policyd gives its writer no environment: then the plan lies beside the program. */
static int
open_plan(void)
{
	char path[PATH_MAX];
	const char *name = getenv(PLAN_VARIABLE);
	ssize_t n;

	if (name)
		return open(name, O_RDWR | O_CLOEXEC);
	n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(PLAN_BESIDE));
	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n <= 0)
		return -1;
	memcpy(path + n, PLAN_BESIDE, sizeof(PLAN_BESIDE));
	return open(path, O_RDWR | O_CLOEXEC);
}

static void __attribute__((constructor)) faulty_begin(void)
{
	int fd = open_plan();

#define X(name) real[PLAN_##name] = dlsym(RTLD_NEXT, #name);
	PLAN_CALL_LIST
#undef X
	if (fd < 0)
		return;
	plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (plan == MAP_FAILED)
		abort();
	(void)close(fd);
	mark_begin();
}

/* Without a call that a sandbox might not know. */
static void
spend(int64_t ns)
{
	struct timespec from, now;

	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	do
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - from.tv_sec) * 1000000000 + now.tv_nsec - from.tv_nsec < ns);
}

/* As a disk would: the processor is for others. Every writer may make this call. */
static void
rest(int ms)
{
	int (*call)(
	    struct pollfd *, nfds_t, const struct timespec *, const sigset_t *) = real[PLAN_ppoll];
	const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};

	(void)call(NULL, 0, &time, NULL);
}

static void
take_long(void)
{
	if (plan->delay_ms > 0)
		rest(plan->delay_ms);
	else
		spend(DELAY_NS);
}

/* --- what a descriptor is --------------------------------------------------------------------- */

static _Atomic uint8_t file_kind[DESCRIPTORS];
static atomic_int scratch = -1; /* the last one made in the audit directory */

static enum plan_what
what_is(int fd)
{
	if (fd == WRITER_FD_AUDIT)
		return PLAN_AUDIT_DIR;
	if (fd == WRITER_FD_KEYS)
		return PLAN_KEYS_DIR;
	return fd >= 0 && fd < DESCRIPTORS ? (enum plan_what)file_kind[fd] : PLAN_OTHER;
}

static bool
is_open_segment(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && strcmp(name + n - 4, ".tmp") == 0;
}

/* The first segment of a life was a scratch file. */
static void
note_rename(const char *from, const char *to)
{
	if (scratch >= 0 && strcmp(from, SEGNAME_SCRATCH) == 0 && is_open_segment(to))
		file_kind[scratch] = PLAN_SEGMENT;
}

static void
note_file(int dir, const char *name, int flags, int fd)
{
	if (fd < 0 || fd >= DESCRIPTORS)
		return;
	if (dir == WRITER_FD_AUDIT && (flags & O_CREAT) && strcmp(name, SEGNAME_SCRATCH) == 0)
		scratch = fd;
	if (dir == WRITER_FD_KEYS)
		file_kind[fd] = PLAN_KEYS_FILE;
	else if ((flags & O_CREAT) && is_open_segment(name))
		file_kind[fd] = PLAN_SEGMENT;
	else
		file_kind[fd] = PLAN_OTHER;
}

/* --- the plan --------------------------------------------------------------------------------- */

/* Set by before() for after(): this thread's call is the one that the plan is about. */
static _Thread_local bool chosen;

/* Whether this call is one that goes wrong. */
static bool
is_due(enum plan_call call, int fd)
{
	int n = atomic_fetch_add(&plan->made[call], 1) + 1;

	if (plan->kind == PLAN_NONE || plan->call != (int)call)
		return false;
	if (plan->what != PLAN_ANY) {
		if (plan->what != (int)what_is(fd))
			return false;
		n = atomic_fetch_add(&plan->seen, 1) + 1;
	}
	return n >= plan->at && n - plan->at < plan->times;
}

/* True: the call is not made, errno is set. */
static bool
before_on(enum plan_call call, int fd)
{
	int kind;

	chosen = false;
	if (!plan || !is_due(call, fd))
		return false;
	kind = plan->kind;
	chosen = true;
	(void)atomic_fetch_add(&plan->hit, 1);
	if (kind == PLAN_KILL || (kind == PLAN_TORN && call != PLAN_pwrite))
		_exit(PLAN_STATUS);
	if (kind == PLAN_DELAY)
		take_long();
	if (kind != PLAN_ERROR && kind != PLAN_SHORT && kind != PLAN_TORN)
		return false;
	errno = plan->error;
	return true;
}

static bool
before(enum plan_call call)
{
	return before_on(call, -1);
}

static void
after(void)
{
	int saved = errno;

	if (!chosen)
		return;
	if (plan->kind == PLAN_KILL_AFTER)
		_exit(PLAN_STATUS);
	if (plan->kind == PLAN_CUT) {
		plan->cut = 1;
		while (plan->cut != 2)
			;
		_exit(PLAN_STATUS);
	}
	errno = saved;
}

/* Calls that are traced are made one at a time, so that the trace has their order. */
static void
trace_begin(void)
{
	if (plan)
		(void)pthread_mutex_lock(&tracing);
}

static void
trace_end(struct plan_step step, const void *data)
{
	uint64_t at;

	if (!plan)
		return;
	at = plan->trace_n;
	/* A trace that has lost a call is none. */
	if (at + sizeof(step) + step.n > PLAN_TRACE) {
		plan->trace_on = 0;
	} else if (plan->trace_on && (step.result >= 0 || step.flags != 0)) {
		memcpy(plan->trace + at, &step, sizeof(step));
		if (step.n > 0)
			memcpy(plan->trace + at + sizeof(step), data, step.n);
		plan->trace_n = at + sizeof(step) + step.n;
	}
	(void)pthread_mutex_unlock(&tracing);
}

/* A sync or a write that fails by plan. */
static void
trace_failed(enum plan_call call, int fd)
{
	int saved = errno;

	trace_begin();
	trace_end(
	    (struct plan_step){.call = call, .fd = fd, .result = -1, .flags = (uint32_t)saved},
	    NULL);
	errno = saved;
}

/* A new process: no descriptor of the one before is open. */
static void
mark_begin(void)
{
	trace_begin();
	trace_end((struct plan_step){.call = PLAN_BEGIN}, NULL);
}

/* The C library names its parameters for itself. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

/* --- files and directories -------------------------------------------------------------------- */

int
openat(int dir, const char *name, int flags, ...)
{
	int (*call)(int, const char *, int, ...) = real[PLAN_openat];
	mode_t mode = 0;
	va_list args;
	int fd;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, mode_t);
	va_end(args);
	if (before_on(PLAN_openat, dir))
		return -1;
	trace_begin();
	fd = call(dir, name, flags, mode);
	note_file(dir, name, flags, fd);
	trace_end((struct plan_step){.call = PLAN_openat,
		      .fd = dir,
		      .result = fd,
		      .flags = fd < 0 ? 0 : (uint32_t)flags,
		      .n = (uint32_t)strlen(name) + 1},
	    name);
	after();
	return fd;
}

static void
trace_rename(
    enum plan_call call, int a, const char *from, int b, const char *to, unsigned flags, int result)
{
	char names[1024];
	size_t n = strlen(from) + 1, m = strlen(to) + 1;

	if (n + m > sizeof(names))
		abort();
	memcpy(names, from, n);
	memcpy(names + n, to, m);
	trace_end((struct plan_step){.call = call,
		      .fd = a,
		      .fd2 = b,
		      .result = result,
		      .flags = result < 0 ? 0 : flags,
		      .n = (uint32_t)(n + m)},
	    names);
}

int
renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	int (*call)(int, const char *, int, const char *, unsigned) = real[PLAN_renameat2];
	int result;

	if (before_on(PLAN_renameat2, a))
		return -1;
	if (plan && plan->no_flags) {
		errno = EINVAL;
		return -1;
	}
	trace_begin();
	result = call(a, from, b, to, flags);
	note_rename(from, to);
	trace_rename(PLAN_renameat2, a, from, b, to, flags, result);
	after();
	return result;
}

int
renameat(int a, const char *from, int b, const char *to)
{
	int (*call)(int, const char *, int, const char *) = real[PLAN_renameat];
	int result;

	if (before_on(PLAN_renameat, a))
		return -1;
	trace_begin();
	result = call(a, from, b, to);
	note_rename(from, to);
	trace_rename(PLAN_renameat, a, from, b, to, 0, result);
	after();
	return result;
}

static ssize_t
write_some(int fd, const void *buf, size_t n, off_t at)
{
	ssize_t (*call)(int, const void *, size_t, off_t) = real[PLAN_pwrite];
	ssize_t done;

	trace_begin();
	done = call(fd, buf, n, at);
	trace_end((struct plan_step){.call = PLAN_pwrite,
		      .fd = fd,
		      .result = (int32_t)done,
		      .offset = at,
		      .length = done,
		      .n = done > 0 ? (uint32_t)done : 0},
	    buf);
	return done;
}

ssize_t
pwrite(int fd, const void *buf, size_t n, off_t at)
{
	ssize_t done;

	if (before_on(PLAN_pwrite, fd)) {
		if (plan->kind == PLAN_TORN) {
			/* Not the half: lines may be of one length. */
			(void)write_some(fd, buf, n * 3 / 7, at);
			_exit(PLAN_STATUS);
		}
		if (plan->kind != PLAN_SHORT || n < 2) {
			trace_failed(PLAN_pwrite, fd);
			return -1;
		}
		/* The rest is asked for next: that one fails. */
		plan->at = (plan->what != PLAN_ANY ? plan->seen : plan->made[PLAN_pwrite]) + 1;
		plan->kind = PLAN_ERROR;
		return write_some(fd, buf, n / 2, at);
	}
	done = write_some(fd, buf, n, at);
	after();
	return done;
}

#define ON_FD(name, parameters, arguments, how)            \
	int name parameters                                \
	{                                                  \
		int(*call) parameters = real[PLAN_##name]; \
		int result;                                \
                                                           \
		if (before_on(PLAN_##name, fd)) {          \
			trace_failed(PLAN_##name, fd);     \
			return -1;                         \
		}                                          \
		trace_begin();                             \
		result = call arguments;                   \
		trace_end(how, NULL);                      \
		after();                                   \
		return result;                             \
	}

#define STEP(name, ...) \
	((struct plan_step){.call = PLAN_##name, .fd = fd, .result = result, __VA_ARGS__})

ON_FD(fsync, (int fd), (fd), STEP(fsync, .n = 0))
ON_FD(fdatasync, (int fd), (fd), STEP(fdatasync, .n = 0))
ON_FD(fallocate, (int fd, int mode, off_t from, off_t n), (fd, mode, from, n),
    STEP(fallocate, .offset = from, .length = n))
ON_FD(ftruncate, (int fd, off_t n), (fd, n), STEP(ftruncate, .length = n))
ON_FD(close, (int fd), (fd), STEP(close, .n = 0))
ON_FD(dup3, (int fd, int fd2, int flags), (fd, fd2, flags), STEP(dup3, .fd2 = fd2))

/* --- the others ------------------------------------------------------------------------------- */

#define PLAIN(type, failed, name, parameters, arguments)    \
	type name parameters                                \
	{                                                   \
		type(*call) parameters = real[PLAN_##name]; \
		type result;                                \
                                                            \
		if (before(PLAN_##name))                    \
			return failed;                      \
		result = call arguments;                    \
		after();                                    \
		return result;                              \
	}

PLAIN(int, -1, fstat, (int fd, struct stat *st), (fd, st))
PLAIN(int, -1, fstatat, (int fd, const char *restrict name, struct stat *restrict st, int flags),
    (fd, name, st, flags))
PLAIN(int, -1, fstatvfs, (int fd, struct statvfs *fs), (fd, fs))
PLAIN(int, -1, flock, (int fd, int how), (fd, how))
PLAIN(ssize_t, -1, getdents64, (int fd, void *buf, size_t n), (fd, buf, n))
PLAIN(struct dirent *, NULL, readdir, (DIR * d), (d))
PLAIN(ssize_t, -1, read, (int fd, void *buf, size_t n), (fd, buf, n))
PLAIN(ssize_t, -1, write, (int fd, const void *buf, size_t n), (fd, buf, n))
PLAIN(int, -1, ppoll, (struct pollfd * p, nfds_t n, const struct timespec *t, const sigset_t *m),
    (p, n, t, m))
PLAIN(ssize_t, -1, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
PLAIN(ssize_t, -1, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
PLAIN(ssize_t, -1, getrandom, (void *buf, size_t n, unsigned flags), (buf, n, flags))
PLAIN(int, -1, eventfd, (unsigned n, int flags), (n, flags))
/* Of a copy of records, not of the small things that are read. */
static void
misread(uint8_t *buf, ssize_t n)
{
	if (plan && plan->misread > 0 && plan->hit > 0 && n >= LONG_READ) {
		plan->misread--;
		buf[n / 2] ^= 1;
	}
}

ssize_t
pread(int fd, void *buf, size_t n, off_t at)
{
	ssize_t (*call)(int, void *, size_t, off_t) = real[PLAN_pread];
	ssize_t done;

	if (before(PLAN_pread))
		return -1;
	done = call(fd, buf, n, at);
	misread(buf, done);
	after();
	return done;
}

/* Traced: an acknowledgement has its place among the calls that it vouches for. */
ssize_t
send(int fd, const void *buf, size_t n, int flags)
{
	ssize_t (*call)(int, const void *, size_t, int) = real[PLAN_send];
	ssize_t done;

	if (before_on(PLAN_send, fd))
		return -1;
	trace_begin();
	done = call(fd, buf, n, flags);
	trace_end((struct plan_step){.call = PLAN_send,
		      .fd = fd,
		      .result = (int32_t)done,
		      .n = done > 0 ? (uint32_t)n : 0},
	    buf);
	after();
	return done;
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
