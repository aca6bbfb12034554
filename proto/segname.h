/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of the files in the audit directory (docs/FORMAT.md):
 *     audit-<YYYYMMDDTHHMMSSZ>-<session uuid>-<number, 6 digits or more>.jsonl
 * and the same with .tmp, .torn or .seal behind it. A base name is the one that ends in .jsonl.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/str.h"
#include "proto/line.h"

#define SEGNAME_SIZE 96 /* any of them, with the NUL */
#define SEGNAME_NUMBER_MAX UINT32_C(999999999)

/* A copy while it is written, and once it is complete: renamed to its place at once. */
#define SEGNAME_SCRATCH "recover.scratch"
#define SEGNAME_COPY "recover.copy"

#define SEGNAME_TORN_AGAIN 9 /* further .torn files of one segment, at most */

enum segname_kind {
	SEGNAME_CLOSED, /* .jsonl */
	SEGNAME_TMP,    /* .jsonl.tmp */
	SEGNAME_TORN,   /* .jsonl.torn */
	SEGNAME_SEAL,   /* .jsonl.seal */
	SEGNAME_KINDS,
};

struct segname {
	char base[SEGNAME_SIZE];
	char session[UUID_TEXT + 1];
	uint32_t number;
	enum segname_kind kind;
	unsigned
	    again; /* a further .torn of its base: which; segname_parse() takes none of those */
};

/* False for every name that is not ours. */
bool segname_parse(struct str name, struct segname *ret);

/* The base name of a session's segment made now (us since 1970). */
void segname_make(char out[SEGNAME_SIZE], int64_t now, const char *session, uint32_t number);
/* base with the kind's ending. */
void segname_with(char out[SEGNAME_SIZE], const char *base, enum segname_kind kind);
/* base.torn.n, for a second torn file of the same segment. */
void segname_torn_again(char out[SEGNAME_SIZE], const char *base, unsigned n);
