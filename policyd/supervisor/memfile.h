/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Memory files that are handed to other processes: sealed, so that nobody can change them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Empty, open for writing, close-on-exec, may be sealed. name is for /proc listings. -errno. */
int memfile_new(const char *name);

/* Whether fd is a memory file that cannot be written, shrunk, grown or unsealed. */
bool memfile_is_sealed(int fd);

/*
 * A new, read-only descriptor for the same file, with an offset of its own. (A descriptor that is
 * open for writing cannot be mapped shared once the file is sealed.) -errno.
 */
int memfile_reopen(int fd);

/* A sealed file of these bytes. Returns a read-only descriptor or -errno. */
int memfile_of(const char *name, const void *bytes, size_t n);

/* Size in bytes. -errno. */
int memfile_size(int fd, uint64_t *ret);
