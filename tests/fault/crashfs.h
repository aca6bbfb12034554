/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Two directories as a file system may leave them when the power goes in the middle of a trace
 * (plan.h). What an fsync or fdatasync has covered is there: of a file its bytes and size, of a
 * directory its names. Of what came later anything may be there or not: writes whole, in part, with
 * a hole or a damaged sector; names made or renamed, in their order up to some point, or all but one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/fault/plan.h"

#define CRASHFS_FILES 512
#define CRASHFS_LATER 64
#define CRASHFS_NAME 128

struct crashfs_change { /* of a file, not covered by a sync */
	uint32_t call;
	int64_t offset, length;
	const uint8_t *data; /* in the trace */
};

struct crashfs_file {
	uint8_t *bytes; /* as covered */
	int64_t size, room;
	bool segment; /* and its name was durable once */
	bool torn;    /* crashfs_mark_torn() */
	struct crashfs_change later[CRASHFS_LATER];
	unsigned n_later;
};

struct crashfs_name {
	char name[CRASHFS_NAME];
	int file;
};

struct crashfs_move {            /* of a name, not covered by a sync of its directory */
	char from[CRASHFS_NAME]; /* "": the file is new */
	char to[CRASHFS_NAME];
	int file; /* new */
};

struct crashfs_dir {
	struct crashfs_name names[CRASHFS_FILES]; /* as covered */
	unsigned n;
	struct crashfs_move later[CRASHFS_LATER];
	unsigned n_later;
};

struct crashfs {
	struct crashfs_file file[CRASHFS_FILES];
	int n_files;
	struct crashfs_dir dir[2]; /* audit, keys */
	int open[1024];            /* by descriptor: a file; -1: none; -2, -3: the directories */
	bool
	    keeps_failed; /* what a sync that failed was for may yet get to disk; else it is lost */
};

void crashfs_init(struct crashfs *fs);
/* One step more; paths[2]: how audit and key directory were opened. */
void crashfs_take(struct crashfs *fs, const struct plan_step *step, const uint8_t *data,
    const char *const paths[2]);

/* How many ways there are to leave it now: of names, of contents. */
unsigned crashfs_name_ways(const struct crashfs *fs);
unsigned crashfs_data_ways(const struct crashfs *fs);
/* Whether these ways leave everything, as when only the process ends. */
bool crashfs_is_all(const struct crashfs *fs, unsigned names, unsigned data);
/* Put it into these directories, which are empty. */
void crashfs_leave(struct crashfs *fs, unsigned names, unsigned data, const char *const dirs[2]);

/* Which segments that once had a durable name are torn, everything done so far being there. */
void crashfs_mark_torn(struct crashfs *fs, size_t (*torn_bytes)(const char *bytes, size_t n));
/* After crashfs_leave(): each that was marked so, under whatever name or none. */
void crashfs_each_torn(
    const struct crashfs *fs, void (*each)(void *ctx, const char *bytes, size_t n), void *ctx);

/* Everything done so far, sync or not: each name's content, for `each`. */
void crashfs_see(struct crashfs *fs, unsigned dir,
    void (*each)(void *ctx, const char *name, const uint8_t *bytes, int64_t size), void *ctx);
