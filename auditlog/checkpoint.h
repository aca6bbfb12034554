/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an anchor is about (docs/FORMAT.md, "Checkpoints"): how many seals a log has and the root of
 * the Merkle tree over their texts, in the form of C2SP tlog-checkpoint:
 *     <origin>
 *     <number of seals>
 *     <root, base64>
 *     seal <index of the newest> <SHA-256 of its text, hex>
 *     seq <its last_seq> <its last_time>
 * The first three lines are what any witness knows; the others say the same to a person, and let a
 * log whose first seals are missing be compared.
 *
 * Format and parse stand side by side: a checkpoint has exactly one text.
 */

#include <stdint.h>

#include "common/hash.h"
#include "common/str.h"
#include "common/text.h"
#include "proto/seal.h"

#define CHECKPOINT_TEXT 512  /* bytes of the text at most */
#define CHECKPOINT_SIZE 4096 /* bytes of a file at most: the text, or a note around it */

struct checkpoint {
	struct str origin;
	uint64_t seals; /* more than 0 */
	uint8_t root[HASH_SIZE];
	uint8_t seal[HASH_SIZE]; /* SHA-256 of the newest seal's text */
	uint64_t seq;            /* last_seq of the newest seal */
	int64_t time;            /* its last_time, us since 1970 */
};

void checkpoint_format(struct text *t, const struct checkpoint *c);

/*
 * Exactly one text of that form. -EINVAL with *ret_why (static: which line and what) and *ret_at
 * (byte offset). origin points into text.
 */
int checkpoint_parse(struct str text, struct checkpoint *ret, const char **ret_why, size_t *ret_at);

/*
 * A file: the text alone, or a signed note around it, whose signatures nobody looks at here.
 * ret_text: the text in it.
 */
int checkpoint_open(struct str file, struct checkpoint *ret, struct str *ret_text,
    const char **ret_why, size_t *ret_at);
