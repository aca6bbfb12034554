/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What of a log could not be read, told on stderr with its place while the rest is read on. */

#include <stdatomic.h>
#include <stdint.h>

#define DAMAGE_TOLD 10 /* places that are named; of the others only how many there are */

struct damage {
	_Atomic(uint64_t) n;
};

/* A line that is no record. Any thread. file and why may hold any bytes. */
void damage_line(struct damage *d, const char *file, uint64_t at, const char *why);
/* A file that cannot be read (negative errno) or is none of ours. */
void damage_file(struct damage *d, const char *file, int error);

/* Says how many more there were. Returns code, or CLI_ERROR when there was any. */
int damage_finish(const struct damage *d, int code);
