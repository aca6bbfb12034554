/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Landlock (landlock(7)): from then on this thread, and every thread and process that it starts, can
 * open, make, rename and remove only what the rules name. Descriptors opened before stay usable. What
 * the kernel's ABI does not know cannot be denied: landlock_describe() says what is.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

/* What a rule allows beneath its directory (or to its file: then only the first four). */
enum landlock_allow {
	LANDLOCK_READ = 1,  /* open existing files for reading */
	LANDLOCK_WRITE = 2, /* open existing files for writing; cutting them is another right */
	LANDLOCK_TRUNCATE =
	    4,                /* cut them; below ABI 3 nothing but a system call filter denies it */
	LANDLOCK_EXECUTE = 8, /* start them */
	LANDLOCK_LIST = 16,   /* open directories */
	LANDLOCK_MAKE = 32,   /* make regular files */
	LANDLOCK_RENAME = 64, /* within one directory; makes and removes names of files */
	LANDLOCK_REMOVE = 128, /* names of whatever is no directory */
};

struct landlock_rule {
	int fd;         /* O_PATH is enough */
	unsigned allow; /* of enum landlock_allow */
};

/* What the kernel offers, 1 or more; 0: nothing. */
int landlock_abi(void);
/* Why it offers nothing, "" when it does: static text. Not in a jail, whose filter has no such call. */
const char *landlock_absence(void);

/*
 * Needs no_new_privs. apart: no signal to a process outside, no abstract socket of one (ABI 6), no TCP
 * (ABI 4). Returns the ABI in force, -EOPNOTSUPP when landlock_abi() is 0,
 * else -errno.
 */
int landlock_restrict(const struct landlock_rule *rules, size_t n, bool apart);

/* "Landlock ABI 2: files; not truncation, TCP, device ioctls, abstract sockets, signals" */
void landlock_describe(struct text *t, int abi);
