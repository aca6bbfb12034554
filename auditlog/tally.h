/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How often each text came, in bounded memory: what comes when it is full is counted together. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/siphash.h"
#include "common/str.h"

#define TALLY_KEY 256 /* bytes of a text that count */

struct tally_entry {
	uint64_t count; /* 0: free */
	uint32_t hash;
	uint32_t at, n; /* of the text, in bytes */
};

struct tally {
	const struct siphash_key *key;
	struct tally_entry *entry;
	char *bytes;
	size_t cap; /* entries; a power of two */
	size_t n, n_bytes;
	size_t most, most_bytes; /* entries and bytes of texts, at most */
	uint64_t others;         /* of texts that had no room */
};

/*
 * Nothing is allocated yet. The key is not copied; without knowing it nobody can choose texts that make the tally slow.
 */
void tally_init(struct tally *t, const struct siphash_key *key, size_t most, size_t most_bytes);
void tally_free(struct tally *t);

/*
 * Count it n times. False: there is no room for another text (or no memory), nothing is counted.
 * Whoever goes on without it adds to others.
 */
bool tally_add(struct tally *t, struct str key, uint64_t n);

/* How often it was counted as a text of its own. */
uint64_t tally_count(const struct tally *t, struct str key);

/* All of `from` into t, then `from` is empty. */
void tally_merge(struct tally *t, struct tally *from);

struct tally_row {
	struct str key;
	uint64_t count;
};
/* What there is, the most frequent first (by_key: in the order of the texts). Caller frees; NULL: no memory. */
struct tally_row *tally_rows(const struct tally *t, bool by_key);
