/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The audit line: one record and what the writer stamps on it, as JSON Lines (docs/FORMAT.md). The
 * writer makes lines with it; an evaluator measures with it before it sends, so that both agree on
 * what is too long.
 */

#include <stdint.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/str.h"
#include "common/text.h"
#include "proto/record.h"

#define LINE_SCHEMA_VERSION "1.0.0"
#define LINE_HASH HASH_SIZE /* bytes of a leaf hash */
#define UUID_TEXT 36        /* characters of a UUID */
#define LINE_HOSTNAME 64    /* bytes; [A-Za-z0-9._-] only */
#define LINE_NO_CHANNEL (-1)

struct line_stamp {
	uint64_t log_id; /* 60 bits, random, the same for all records of a log */
	uint64_t seq;    /* from 1, below 2^53 */
	int64_t time;    /* us since 1970 */
	char session[UUID_TEXT + 1];
	char hostname[LINE_HOSTNAME + 1];
	int channel; /* of the evaluator or admin that sent it, LINE_NO_CHANNEL otherwise */
	uint8_t prev_hash[LINE_HASH];
	/* EXECUTION: does the sender of the outcome match the asker: "same", "different", "unknown" */
	const char *evaluation_peer;
};

/* Append the line with its newline. -EMSGSIZE: over LIMIT_LINE or t's room (t is as before). */
int line_format(struct text *t, const struct record *r, const struct line_stamp *stamp);

/* Bytes of the longest line that any stamp could make of r; > LIMIT_LINE: too long to record. */
size_t line_measure(const struct record *r);

/* audit_event_id: UUIDv8 (RFC 9562) of 60 bits of log id, then 62 bits of seq. */
void line_event_id(uint64_t log_id, uint64_t seq, char out[UUID_TEXT + 1]);
/* Back; -EINVAL when it is none (case-insensitive hex, version 8, variant 2). */
int line_event_id_parse(struct str s, uint64_t *ret_log_id, uint64_t *ret_seq);

/* A UUID's text from its 16 bytes. */
void line_uuid_text(const uint8_t bytes[UUID_BYTES], char out[UUID_TEXT + 1]);
