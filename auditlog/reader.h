/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a program that reads a log gives up before it looks at the first byte of it; its files. */

#include <stddef.h>

#include "common/str.h"
#include "proto/logdir.h"

/*
 * The jail of common/reading_jail.h, for good: afterwards only files beneath the directory (-1: none)
 * can be opened, for reading. Standard streams and what is in keep stay open. Before the first
 * thread. Ends the program when it cannot be done.
 */
void reader_seal(int directory, const int *keep, size_t n_keep);
/* The same for a log, and a file to write what was found (-1: none). */
void reader_jail(const struct logdir *d, int out);

/* Ends the program: why logdir_list() or what is built on it failed. */
_Noreturn void reader_failed(const char *path, int error);

/*
 * A small file named on the command line, or "-" for standard input, into buf. Ends the program with
 * a message when it cannot be read or is larger than cap.
 */
struct str reader_file(const char *path, char *buf, size_t cap);
