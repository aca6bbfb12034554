/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a program that reads a log gives up before it looks at the first byte of it. */

#include <stddef.h>

#include "proto/logdir.h"
#include "common/str.h"

/*
 * Privileges, environment, core files, debuggers (common/jail.h), before the first thread. Root, for
 * which a log of another account would be out of reach without its capabilities, becomes that
 * account: it may read what is its own, and nothing else of the machine. So read small files of the
 * caller's own (keys) before. Ends the program when it cannot be done.
 */
void reader_jail(const struct logdir *d);

/* Ends the program: why logdir_list() or what is built on it failed. */
_Noreturn void reader_failed(const char *path, int error);

/*
 * A small file named on the command line, or "-" for standard input, into buf. Ends the program with
 * a message when it cannot be read or is larger than cap.
 */
struct str reader_file(const char *path, char *buf, size_t cap);
