/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Everything that can be configured, from defaults, then sealwright.conf, then the command line.
 * The supervisor resolves it; evaluators and admin get it as bytes in a memfd (settings_put /
 * settings_get), so that they need no JSON reader and no file.
 */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "proto/record.h"
#include "proto/wire.h"

#define SETTINGS_TRUSTED 64
#define SETTINGS_EXCLUDED 64
#define SETTINGS_METADATA 16
#define SETTINGS_SOCKET_PATH 108 /* sun_path */

struct settings_pair {
	char key[128];
	char value[LIMIT_NAME];
};

struct settings {
	/* where */
	char audit_dir[PATH_MAX];
	char key_dir[PATH_MAX];
	char policy[PATH_MAX];
	char socket[SETTINGS_SOCKET_PATH];
	char admin_socket[SETTINGS_SOCKET_PATH];
	char user[LIMIT_NAME];        /* empty: stay who we are */
	char writer_user[LIMIT_NAME]; /* empty: same as user */

	/* how many, how safe */
	uint32_t evaluators;   /* 1 to LIMIT_EVALUATORS */
	bool commit;           /* durability: commit instead of sync */
	uint32_t rotate_seconds;
	uint32_t rotate_records;
	uint64_t rotate_bytes;
	uint32_t heartbeat_seconds; /* 0: none */
	uint64_t reserve_bytes;     /* open segment's preallocated tail plus standby */
	uint64_t low_bytes;         /* storage low below this much free space */

	/* limits towards clients; each evaluator enforces them for itself */
	uint32_t connections;         /* per evaluator */
	uint32_t connections_per_uid; /* per evaluator */
	uint32_t in_flight;           /* requests of one connection not yet answered */
	uint32_t line_bytes;          /* <= LIMIT_REQUEST_LINE */
	uint32_t line_seconds;        /* from the first to the last byte of a request */
	uint32_t idle_seconds;        /* 0: for ever */
	uint32_t records_per_second;  /* per uid; 0: unlimited */
	uint32_t answer_ms;           /* deadline of an answer */

	/* whom to believe */
	uint32_t n_trusted;
	uint32_t trusted[SETTINGS_TRUSTED]; /* uids of trusted enforcement points; never 65534 */

	/* what is recorded (category EVENT only) */
	enum record_level min_level;
	uint32_t n_excluded;
	char excluded[SETTINGS_EXCLUDED][LIMIT_NAME]; /* event names; "task.*" covers all below */
	uint32_t n_metadata;
	struct settings_pair metadata[SETTINGS_METADATA]; /* added to details */
};

void settings_defaults(struct settings *s);
/* The part that evaluators and admin need. */
void settings_put(struct wire_out *out, const struct settings *s);
int settings_get(struct wire_in *in, struct settings *ret);
