/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* New segments: allocated, synced, under their own names, and empty files of earlier runs used up. */

#include "auditd-writer/dir.h"
#include "auditd-writer/job.h"

#define MAKING_EMPTIES 64

struct making {
	const struct dir *dir;
	char empties[MAKING_EMPTIES][SEGNAME_SIZE]; /* base names of empty .tmp files to use up */
	unsigned n_empties;
};

/* An empty .tmp that is left over: the next segment made takes its place. */
void making_use_up(struct making *m, const char *base);

/*
 * A JOB_MAKE. Its name is durable when the directory was synced. On error fd is -1, and what was made
 * is used up by the next.
 */
void making_make(struct making *m, struct job *job);
/* The directory could not be synced: what was made is not handed out. */
void making_unmake(struct making *m, struct job *job);
