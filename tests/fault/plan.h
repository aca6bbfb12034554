/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a test and the writer under it share: which call is to go wrong and how, how often each was
 * made, and a trace of those that change a directory or a file. faulty.so, preloaded into the built
 * auditd-writer, stands between it and the C library; nothing of the program is changed for that.
 *
 * The plan is a file that both map: its name is in the environment (PLAN_VARIABLE), or else it is PLAN_BESIDE in the
 * directory of the program.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_VARIABLE "SEALWRIGHT_FAULT_PLAN"
#define PLAN_BESIDE "plan"
#define PLAN_TRACE ((size_t)8 << 20)
#define PLAN_STATUS 77 /* exit status of a process that ends by plan */

/* clang-format off */
#define PLAN_CALL_LIST \
	X(openat) X(renameat2) X(renameat) X(pwrite) X(pread) X(fsync) X(fdatasync) X(fallocate) \
	X(ftruncate) X(fstat) X(fstatat) X(fstatvfs) X(flock) X(getdents64) X(readdir) X(close) \
	X(read) X(write) X(ppoll) X(recvmsg) X(sendmsg) X(send) X(getrandom) X(eventfd) X(dup3)
/* clang-format on */

enum plan_call {
#define X(name) PLAN_##name,
	PLAN_CALL_LIST
#undef X
	    PLAN_CALLS,
	PLAN_BEGIN = PLAN_CALLS, /* in a trace: a process begins */
	PLAN_RESTED,             /* ... nothing was done for so long that everything is on disk */
};

enum plan_kind {
	PLAN_NONE,
	PLAN_ERROR,      /* the call does nothing and fails */
	PLAN_SHORT,      /* a write takes half; the next one fails. Other calls: as ERROR */
	PLAN_KILL,       /* the process ends in place of the call */
	PLAN_KILL_AFTER, /* ... behind it */
	PLAN_DELAY,      /* the call takes long */
	PLAN_CUT,        /* behind the call the process waits for the test to cut the power; ends */
	PLAN_TORN,       /* a write takes half, and the process ends. Other calls: as KILL */
};

/* What a call is made on: a plan may be about one kind alone. */
enum plan_what {
	PLAN_ANY,
	PLAN_AUDIT_DIR,
	PLAN_KEYS_DIR,
	PLAN_KEYS_FILE,
	PLAN_SEGMENT,
	PLAN_OTHER,
};

struct plan {
	atomic_int kind, call, what, at, times, error;
	atomic_int seen;     /* calls that the plan is about */
	atomic_int hit;      /* calls that went wrong */
	atomic_int no_flags; /* the file system knows no flag of a rename */
	atomic_int made[PLAN_CALLS];
	atomic_int delay_ms; /* that DELAY takes; 0: DELAY_NS of faulty.c */
	atomic_int misread;  /* so many long reads, once something went wrong, have one bit wrong */
	atomic_int cut;      /* 1: the process waits; 2: done */
	atomic_ulong records; /* that were acknowledged, and found: of the test alone */
	atomic_int trace_on;
	_Atomic uint64_t trace_n; /* bytes of it */
	uint8_t trace[PLAN_TRACE];
};

/*
 * One call in the trace, in the order in which they were done; then its names or data. Of those that
 * failed only syncs and writes that did so by plan are there.
 */
struct plan_step {
	uint32_t call;
	int32_t fd, fd2, result; /* openat: directory; renameat: of both; dup3: old, new */
	int64_t offset, length;  /* pwrite, fallocate, ftruncate */
	uint32_t flags;          /* openat, renameat2; of what failed: errno */
	uint32_t n;              /* bytes that follow: name, two names with NUL, or data */
};
