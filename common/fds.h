/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* File descriptors: flags, placement, whole reads and writes. Negative errno on failure. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

int fd_set_nonblock(int fd, bool on);
int fd_set_cloexec(int fd, bool on);

/*
 * Between fork and exec: place from[i] at descriptor first + i, without close-on-exec, for all
 * i < n, whatever the numbers were (first + n must stay below the soft RLIMIT_NOFILE), then close
 * every other descriptor from first on. from[i] == -1 leaves that place closed. At most
 * FDS_PLACE_MAX. Async-signal-safe.
 */
#define FDS_PLACE_MAX 128
int fds_place(const int *from, size_t n, int first);

/* Close every descriptor >= first. */
int fds_close_from(int first);
/* The same but for the n in keep; those that are below first, or twice there, do no harm. */
int fds_close_others(int first, const int *keep, size_t n);

/* Write all n bytes, through EINTR and short writes; -EIO when write(2) returns 0. */
int fd_write_all(int fd, const void *buf, size_t n);

/*
 * Read a whole file of at most cap bytes into a new buffer (NUL added after the n bytes; caller
 * frees). -EFBIG beyond cap, before more than cap + 1 bytes are read.
 */
int fd_read_file(int fd, size_t cap, char **ret_buf, size_t *ret_n);
