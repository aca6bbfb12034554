/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The jail of a command-line tool that reads what strangers may have written (common/jail_seal.h has
 * the parts). It keeps standard streams and what it has open already; from the one directory it may
 * open files for reading, and nothing else of the machine. For tools: a step that fails ends the
 * program with a message and CLI_ERROR.
 */

#include <stddef.h>

#include "common/seccomp.h"
#include "common/text.h"

struct reading_jail {
	const struct syscall_rule *calls;
	size_t n_calls;
	int directory;   /* read beneath it; -1: no file can be opened any more */
	const int *keep; /* what else stays open besides 0 to 2 and the directory */
	size_t n_keep;
};

/*
 * Before the first thread, and before the first byte is looked at. Root, for which what belongs to
 * another account would be out of reach without its capabilities, becomes the directory's owner, who
 * may read what is his own. So read the caller's own small files (keys, policies) before.
 *
 * A kernel without Landlock is no reason not to read: then the directory is the one descriptor that
 * files are opened by, the caller's table sees to that, but an absolute path gets by.
 */
void reading_jail_enter(const struct reading_jail *j);

/* What a jail entered now would consist of: "system calls: filtered; files: Landlock ABI 2: ..." */
void reading_jail_describe(struct text *t);
