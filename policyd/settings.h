/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Everything that can be configured, from defaults, then sealwright.conf, then the command line.
 * The supervisor resolves it; evaluators and admin get it as bytes in a memfd (settings_put /
 * settings_get), so that they need no JSON reader and no file.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/str.h"
#include "common/text.h"
#include "proto/origin.h"
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

	/* of a new log: its name, empty: the writer makes one; which one it goes on from, empty: none */
	char origin[ORIGIN_MAX + 1];
	char succeeds[SUCCESSION_MAX + 1];

	/* how many, how safe */
	uint32_t evaluators;    /* 1 to LIMIT_EVALUATORS */
	bool commit;            /* durability: commit instead of sync */
	bool landlock_optional; /* landlock: go on where the kernel has none */
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

/* Bytes that settings_put() needs at most. */
#define SETTINGS_BYTES (64u << 10)

/*
 * Of the system when the effective uid is 0, else of the user: from XDG_STATE_HOME,
 * XDG_RUNTIME_DIR, XDG_CONFIG_HOME, HOME and passwd. A place that cannot be known stays empty.
 */
void settings_defaults(struct settings *s);
/* What evaluators and admin get. */
void settings_put(struct wire_out *out, const struct settings *s);
/* -EPROTO for bytes that settings_put() could not have made. */
int settings_get(struct wire_in *in, struct settings *ret);

/* --- one setting at a time (settings.def) ----------------------------------------------------- */

enum setting_form {
	SETTING_TEXT,
	SETTING_ORIGIN, /* this and the next are text, too */
	SETTING_SUCCEEDS,
	SETTING_U32,
	SETTING_U64,
	SETTING_DURABILITY, /* this and the next are one of two words; a bool: the second */
	SETTING_LANDLOCK,
};

struct setting {
	const char *key; /* "audit_dir" */
	enum setting_form form;
	bool limit; /* stands inside "limits", is no command-line option */
	size_t offset, size;
	uint64_t min, max;
	const char *argument, *text; /* for --help */
};

const struct setting *settings_table(size_t *ret_n);
const struct setting *settings_find(struct str key, bool limit);
/* 0, or -EINVAL with the reason in why ("must be 1 to 64"). */
int setting_set_text(const struct setting *f, struct settings *s, struct str v, struct text *why);
int setting_set_number(const struct setting *f, struct settings *s, int64_t v, struct text *why);
/* From a command line: text or decimal digits, as the form wants. */
int
setting_set_argument(const struct setting *f, struct settings *s, struct str v, struct text *why);
/* Value of a number. */
uint64_t setting_number(const struct setting *f, const struct settings *s);
