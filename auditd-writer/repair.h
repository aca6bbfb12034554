/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Good copies of files that are not trusted any more: what recovery at start and the closing of a
 * poisoned segment share. The writer cannot delete, so a copy is made under a scratch name and
 * renamed to its place; a scratch that an interruption left behind is replaced by the next one.
 */

#include <stdint.h>

#include "auditd-writer/dir.h"
#include "common/hash.h"
#include "proto/segname.h"

/*
 * A new scratch file, empty: its descriptor. Later repair_place() renames it. One at a time in the
 * whole process.
 */
int repair_scratch(const struct dir *d);
/* The same, for what nobody else may read. */
int repair_scratch_secret(const struct dir *d);

/*
 * Copy the first `length` bytes of an open file to a new scratch and make it durable. sum (with h)
 * must be their SHA-256 unless NULL: -EBADMSG. *ret_step: what failed.
 */
int repair_copy(const struct dir *d, int from, int64_t length, struct hash *h,
    const uint8_t sum[LINE_HASH], const char **ret_step);

/* The scratch becomes `name`. */
int repair_place(const struct dir *d, const char *name, bool replace);

/* base.tmp becomes base.torn, or base.torn.1 to 9 where that name is taken; which one, in torn. */
int repair_set_aside(const struct dir *d, const char *base, char torn[SEGNAME_SIZE]);
