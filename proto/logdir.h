/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An audit directory as a reader sees it: which segments have which files, and files of it opened so
 * that nothing named like one of ours can harm (no symbolic link is followed, no FIFO waited for, no
 * device opened). Everything is opened relative to the one descriptor, read-only.
 *
 * A directory that is written to while it is read moves names under us: a listing alone proves
 * nothing, a look-up of one name does (see sealchain.h).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/str.h"
#include "proto/segname.h"

#define LOGDIR_DEFAULT "/var/log/sealwright/audit"
#define LOGDIR_SEGMENTS (UINT32_C(1) << 22) /* of one directory at most */
#define LOGDIR_VKEY "origin.vkey"

/* Bits of segment.kinds. */
#define LOGDIR_CLOSED (1U << SEGNAME_CLOSED)
#define LOGDIR_TMP (1U << SEGNAME_TMP)
#define LOGDIR_SEAL (1U << SEGNAME_SEAL)

struct logdir_segment {
	char base[SEGNAME_SIZE];
	unsigned kinds; /* at least one of the bits */
};

struct logdir {
	int fd;
	/* As of the last logdir_list(), by base name. */
	struct logdir_segment *segments;
	size_t n, cap;
	uint64_t torn;    /* files: .torn, .torn.2 and so on */
	uint64_t ignored; /* files that are none of ours */
	bool has_vkey;    /* origin.vkey is there */
};

/* Negative errno. Released by logdir_close() after success. */
int logdir_open(struct logdir *d, const char *path);
void logdir_close(struct logdir *d);

/* List anew. -E2BIG: more than LOGDIR_SEGMENTS; -ENOMEM; what readdir(3) says. */
int logdir_list(struct logdir *d);

/* The segment of this base name; NULL when there is none. */
const struct logdir_segment *logdir_find(const struct logdir *d, const char *base);

/* Whether a file of this name is there now, of whatever type. 1, 0 or a negative errno. */
int logdir_has(const struct logdir *d, const char *name);

/*
 * Open a regular file for reading. Returns a descriptor, which is the caller's. -ENOENT; -ENXIO:
 * there is something else of this name (directory, symbolic link, FIFO, device, socket).
 * ret_bytes may be NULL.
 */
int logdir_file(const struct logdir *d, const char *name, uint64_t *ret_bytes);

/*
 * A segment's lines: its .jsonl, or its .jsonl.tmp, whichever is there now, though the writer may
 * be renaming it. ret_name: which it was. Otherwise as logdir_file().
 */
int logdir_lines(
    const struct logdir *d, const char *base, char ret_name[SEGNAME_SIZE], uint64_t *ret_bytes);

/* A whole small file. -EFBIG beyond cap bytes; otherwise as logdir_file(). */
int logdir_read(const struct logdir *d, const char *name, char *buf, size_t cap, struct str *ret);
