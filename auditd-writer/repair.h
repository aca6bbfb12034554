/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Good copies of files that are not trusted any more: what recovery at start and the closing of a
 * poisoned segment share, and every other file that has to be whole under its name. It is written under
 * a scratch name and renamed. The writer cannot delete: a scratch whose use has failed is used again, one
 * that an earlier run has left is replaced at start, while files may still be replaced.
 */

#include <stdint.h>

#include "auditd-writer/dir.h"
#include "common/hash.h"
#include "proto/segname.h"

/*
 * A scratch file, empty: its descriptor, which stays here; repair_place() closes it. One at a time in the
 * whole process.
 */
int repair_scratch(const struct dir *d);
/* A new one that nobody else may read; its descriptor, the caller's. At start only. */
int repair_scratch_secret(const struct dir *d);

/*
 * Copy the first `length` bytes of an open file to a new scratch and make it durable. sum (with h)
 * must be their SHA-256 unless NULL: -EBADMSG. *ret_step: what failed.
 */
int repair_copy(const struct dir *d, int from, int64_t length, struct hash *h,
    const uint8_t sum[LINE_HASH], const char **ret_step);

/* The scratch becomes `name`: -EEXIST. */
int repair_place(const struct dir *d, const char *name);
/* The same; its descriptor, the caller's from then. */
int repair_place_open(const struct dir *d, const char *name);
/* The same, at start only: nothing that was discarded before is left. */
int repair_place_first(const struct dir *d, const char *name);

/* The scratch takes the place of `name`. At start only. */
int repair_replace(const struct dir *d, const char *name);
/*
 * The last that is replaced: an empty file, the scratch files of earlier runs and what has this name become
 * one empty file of this name; its descriptor, the caller's. From here on d knows what renames its file system has.
 */
int repair_settle(struct dir *d, const char *name);

/*
 * base in this kind (base.tmp) becomes base.torn, or base.torn.1 to 9 where that name is taken; which one, in
 * torn.
 */
int repair_set_aside(
    const struct dir *d, const char *base, enum segname_kind kind, char torn[SEGNAME_SIZE]);
