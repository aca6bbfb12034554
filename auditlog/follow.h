/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A log that is written to, read on and on: from segment to segment by the seq of the next record, so
 * that nothing is missed or seen twice while segments are sealed, renamed and begun.
 */

#include <stdbool.h>

#include "auditlog/query.h"

struct follow {
	struct query *query;
	struct scanner scanner;
	scan_take *take; /* of each record that matches */
	void *context;
	int watch;        /* that wakes; -1: looks again after a while */
	bool listed;      /* the sources' listing has all that is there, as far as is known */
	struct source at; /* what is read now */
	int fd;           /* of it; -1: nothing yet */
	char name[SEGNAME_SIZE];
	const char *shown; /* its name, for messages */
	uint64_t offset;   /* up to here it was read */
	uint64_t last_seq; /* of the record before; 0: none yet */
	int64_t
	    gap_since; /* when the next record was first not there but later ones were; 0: it is not so */
};

/*
 * What wakes a reader of this path, made before the jail: a descriptor, or -1 where there is none
 * (then it looks again after a while).
 */
int follow_watch(const char *path);

/* -ENOMEM. */
int follow_init(struct follow *f, struct query *q, int watch, scan_take *take, void *context);
void follow_deinit(struct follow *f);

/* Read this source from byte `from` on to its end. False: it cannot be opened (told). */
bool follow_source(struct follow *f, const struct source *source, uint64_t from);

/* Go on from there until output fails, or standard input has ended that is a pipe. */
void follow_on(struct follow *f);
