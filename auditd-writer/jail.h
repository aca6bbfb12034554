/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The writer's jail, for both of its threads: before it the directories are open and locked and the
 * closer is initialised, and nothing in them has been read; in it nothing is started any more. Starts
 * the closer's thread. A step that fails ends the process.
 */

#include "auditd-writer/closer.h"
#include "auditd-writer/dir.h"

/* Where the directories are, beyond any channel. */
enum writer_fd {
	WRITER_FD_AUDIT = 128,
	WRITER_FD_KEYS = 129, /* differs in the lowest bit alone: one mask names both */
};

struct writer_jail {
	const struct dir *audit, *keys;
	struct closer *closer;
	int channels; /* beside these, the standard ones and the closer's event nothing is open */
	bool landlock_optional;
};

/* The C library as the jail needs it: memory from one heap, without mappings. Before the first thread. */
void writer_jail_prepare(void);
void writer_jail_enter(const struct writer_jail *j);
/*
 * What only the taking over of a log needs is forbidden: no file is replaced from now on. Where the file
 * system cannot refuse that (audit->renames), plain renames stay, within the audit directory.
 */
void writer_jail_narrow(const struct dir *audit);
