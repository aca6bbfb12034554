/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * auditd-writer/dir.c with a say in every call that changes the directory or a file: linked in its
 * place. Calls are counted from dir_fault_set() on. The plan is shared with processes forked later, so
 * that a test can change its mind while they run.
 */

#include <stdint.h>

enum dir_fault {
	DIR_FAULT_NONE,
	DIR_FAULT_FAIL,     /* the call fails with an errno, and does nothing */
	DIR_FAULT_SHORT,    /* a write writes half, then fails; other calls as FAIL */
	DIR_FAULT_FAIL_DIE, /* the call fails; at the next one the process ends, after a moment */
	DIR_FAULT_DIE,      /* the process ends there, by _exit(DIR_FAULT_STATUS) */
	DIR_FAULT_CUT,      /* the call is made; then the hook is called and the process ends */
};

#define DIR_FAULT_STATUS 77

/* From the at-th call (1 is the next) on, for `times` calls. */
void dir_fault_set(enum dir_fault fault, int at, int times, int error);
/* Only calls of this name ("fsync") count from now on; NULL: all. */
void dir_fault_only(const char *name);
/* What the file system says that it has free, in whole blocks; UINT64_MAX: what is true. */
void dir_fault_free(uint64_t bytes);
/* What DIR_FAULT_CUT calls, in processes forked from now on. */
void dir_fault_hook(void (*hook)(void));
/* How many calls there were since. */
int dir_fault_calls(void);
