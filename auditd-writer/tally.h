/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a seal says about the lines of a segment, kept up while they become durable: each byte is
 * hashed once for the file, each line's leaf hash is the one that its successor carries anyway.
 */

#include <stdint.h>

#include "common/hash.h"
#include "common/str.h"
#include "proto/merkle.h"

/* One line, from when it is made until a tally has it. */
struct mark {
	uint64_t seq;
	int64_t time; /* us since 1970 */
	uint8_t leaf[HASH_SIZE];
};

struct tally_total {
	uint64_t records;
	/* Zeros while there are none: */
	int64_t bytes;
	uint64_t first_seq, last_seq;
	int64_t first_time, last_time;
	uint8_t head[HASH_SIZE]; /* leaf hash of the last line */
	uint8_t sha256[HASH_SIZE];
	uint8_t root[HASH_SIZE];
};

struct tally {
	struct hash *sum;         /* of the bytes, running */
	struct hash *node;        /* for the tree */
	struct tally_total total; /* but for sha256 and root */
	struct merkle tree;
};

/* Ready to begin. -ENOMEM; nothing later allocates. */
int tally_init(struct tally *t);
void tally_deinit(struct tally *t);

/* Of no line yet. */
void tally_begin(struct tally *t);
/* n whole lines and their marks, in order. */
void tally_add(struct tally *t, struct str lines, const struct mark *marks, uint64_t n);
/* What it comes to. Then only tally_begin() may follow. */
void tally_end(struct tally *t, struct tally_total *ret);
