/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The files that hold the records asked for, in the order of the log: segments of a directory, or
 * files named on the command line. What a segment's name and seal say decides whether it is among
 * them: none that is not is ever opened. Seals are taken as they are (auditlog verify judges them).
 */

#include <stdbool.h>
#include <stdint.h>

#include "auditlog/filter.h"
#include "proto/logdir.h"
#include "proto/seal.h"

#define SOURCES_FILES 512 /* named on the command line, at most */

struct source {
	char base[SEGNAME_SIZE]; /* of a segment; empty: a file of its own */
	const char *path;        /* of that file, as named */
	int fd;                  /* of that file, -1 of a segment; the sources' */
	unsigned kinds;          /* of a segment, as of the listing */
	bool sealed;             /* what follows is known */
	bool bad_seal;           /* there is one, but it is none */
	enum seal_state state;
	uint64_t index, records, bytes, first_seq, last_seq;
	int64_t first_time, last_time;
};

struct sources {
	struct logdir dir; /* fd -1: none */
	struct source *all;
	size_t n;
};

/*
 * Open what is named: nothing (the default directory), one directory, or files ("-" is standard
 * input). Nothing is read. Ends the program when it cannot be.
 */
void sources_open(struct sources *s, const char *const *paths, size_t n);
void sources_close(struct sources *s);

/* Enter the jail. Before the first look at what there is. */
void sources_jail(const struct sources *s, const int *keep, size_t n_keep);

/*
 * List the directory (again) and read the seals. f may be NULL: all segments. Files on the command
 * line stay as they are. Negative errno.
 */
int sources_list(struct sources *s, const struct filter *f);

/* The seq of the first line of this segment of the directory; 0: none, or no record. */
uint64_t sources_peek(const struct sources *s, const char *base);

/* How many bytes there are to read, as seals say, else files; what is written to or cannot seek: 0. */
uint64_t sources_bytes(const struct sources *s);

/* Only what may hold this seq is left. */
void sources_choose_seq(struct sources *s, uint64_t seq);

/*
 * A descriptor, which source_done() takes back; name: of the file, for messages. Negative errno:
 * -ENOENT when it is gone.
 */
int source_open(const struct sources *s, const struct source *source, char name[SEGNAME_SIZE],
    const char **ret_name);
void source_done(const struct source *source, int fd);

/* Whether the file of this name may end in bytes that are no lines yet: an open segment's. */
bool source_is_open(const char *name);
