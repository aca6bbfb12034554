/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* New segments: allocated, synced, under their own names; what failed on the way is used by the next. */

#include "auditd-writer/dir.h"
#include "auditd-writer/job.h"

#define MAKING_EMPTIES 64
#define MAKING_BAD 4

/* An empty .tmp that was made and not handed out. */
struct making_empty {
	char base[SEGNAME_SIZE];
	int fd;
	bool bad; /* could not be emptied: not tried again while there are fewer than MAKING_BAD */
};

struct making {
	const struct dir *dir;
	struct making_empty empties[MAKING_EMPTIES];
	unsigned n_empties;
};

/* An empty .tmp and its descriptor, ours from now: the next segment is made of it. */
void making_use_up(struct making *m, const char *base, int fd);

/*
 * A JOB_MAKE. Its name is durable when the directory was synced. On error fd is -1, and what was made
 * is used up by the next.
 */
void making_make(struct making *m, struct job *job);
/* The directory could not be synced: what was made is not handed out. */
void making_unmake(struct making *m, struct job *job);
