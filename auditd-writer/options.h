/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The command line (docs/man/auditd-writer.8). Bounds are those of policyd/settings.def. */

#include <stdbool.h>
#include <stdint.h>

#include "proto/origin.h"

struct options {
	const char *audit_dir, *key_dir; /* of argv */
	const char *origin;              /* of argv, checked; NULL: not given */
	struct succession succeeds;      /* slices of argv */
	uint64_t secret_fd; /* where the wrapping secret is read from; 0: there is none */
	uint64_t evaluators;
	bool landlock_optional; /* go on where the kernel has none */
	bool commit;            /* durability: acknowledge after write, sync soon after */
	uint64_t rotate_seconds;
	uint64_t rotate_records;
	uint64_t rotate_bytes;
	uint64_t heartbeat_seconds; /* 0: none */
	uint64_t reserve_bytes;     /* open segment's allocated tail and standby segment */
	uint64_t low_bytes;         /* storage is low below this much free space */
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_WRONG, /* why is filled in */
};

/* why: room for the reason, a line without newline. */
enum options_result
options_parse(int argc, char **argv, struct options *ret, char *why, unsigned why_size);

/* The text of --help. Returns bytes written to buf (cut at size). */
unsigned options_help(char *buf, unsigned size);
