/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One file of a directory, replaced as a whole or not at all, by one program at a time. Mode, owner
 * and group stay; no symbolic link is followed. A power cut, or being killed at any moment, leaves
 * the old file or the new one (and perhaps a temporary one, which the next run removes).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/str.h"

#define REPLACE_TMP ".policyctl.tmp"

struct replace {
	int dir; /* locked, as long as it is open */
	const char *name;
	bool exists;
	struct stat st; /* of the directory's file, when it exists; of the directory otherwise */
};

/*
 * Open and lock the directory, waiting at most this long for another program, and look at the file.
 * Negative errno with *ret_why what it means (static text, NULL: what the errno says); -ENOTDIR: path
 * is no directory. Released by replace_close() after success.
 */
int replace_open(struct replace *r, const char *path, const char *name, int64_t patience_us,
    const char **ret_why);
void replace_close(struct replace *r);

/*
 * Put text in the place of the file. Negative errno with *ret_step what failed; then nothing has
 * changed, unless *ret_done, when only making it durable failed. -ESTALE: the file is another one than
 * it was when r was opened.
 */
int replace_write(const struct replace *r, struct str text, const char **ret_step, bool *ret_done);
