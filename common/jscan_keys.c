/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Duplicate keys. Not too many go into a small hash table, in which a hostile text can make each
 * key meet all others, which are not too many. More than that, and keys with escapes, are sorted by
 * a hash: a merge sort over linked lists, whose links and hashes lie in the keys' own tokens (`count` means nothing for
 * a string, and `next` of a key is known), so that it needs no memory. The order of a merge sort
 * cannot be spoiled by a hostile text, hence the hash needs no secret; equal hashes only cost a
 * comparison of the bytes.
 */

#include "common/jscan_internal.h"

#define KEYS_SOME 64
#define KEYS_SLOT_BITS 7 /* of a table that KEYS_SOME fill half */
#define KEYS_RUNS 32     /* runs of 1, 2, 4 ... keys: more than there can be */

static int
key_order_bytes(const struct jscan_tape *tape, uint32_t a, uint32_t b)
{
	struct jscan_walk wa = jscan_walk_over(tape, a);
	struct jscan_walk wb = jscan_walk_over(tape, b);
	int ca, cb;

	do {
		ca = jscan_walk_next(&wa);
		cb = jscan_walk_next(&wb);
	} while (ca == cb && ca >= 0);
	return ca - cb;
}

static bool
key_equal(const struct jscan_tape *tape, uint32_t a, uint32_t b)
{
	const struct jscan_token *ta = &tape->tokens[a], *tb = &tape->tokens[b];

	if (ta->escaped || tb->escaped)
		return key_order_bytes(tape, a, b) == 0;
	return str_eq(jscan_written(tape, a), jscan_written(tape, b));
}

static uint32_t
key_next(const struct jscan_tape *tape, uint32_t key)
{
	return tape->tokens[key + 1].next;
}

/* A slot for a key as written, from its length and both ends: keys mostly differ there. */
static uint32_t
key_slot(struct str key)
{
	uint64_t first = 0, last = 0;

	if (key.n >= sizeof(first)) {
		memcpy(&first, key.p, sizeof(first));
		memcpy(&last, key.p + (key.n - sizeof(last)), sizeof(last));
	} else {
		for (size_t i = 0; i < key.n; i++)
			first = first << 8 | (unsigned char)key.p[i];
	}
	/* 2^64 by the golden ratio: the top bits depend on all others. */
	first = ((first << 9 | first >> 55) ^ last ^ key.n) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(first >> (64 - KEYS_SLOT_BITS));
}

/* Up to KEYS_SOME keys. *ret_escaped: there is no answer, a key is written with escapes. */
static uint32_t
duplicate_of_some(const struct jscan_tape *tape, uint32_t object, uint32_t count, bool *ret_escaped)
{
	const uint32_t mask = (1U << KEYS_SLOT_BITS) - 1;
	uint8_t table[1U << KEYS_SLOT_BITS] = {0}; /* numbers of keys, from 1 */
	uint32_t keys[KEYS_SOME + 1];

	for (uint32_t i = 1, key = object + 1; i <= count; i++) {
		uint32_t slot = key_slot(jscan_written(tape, key));

		*ret_escaped = tape->tokens[key].escaped;
		if (*ret_escaped)
			return 0;
		for (; table[slot]; slot = (slot + 1) & mask)
			if (key_equal(tape, keys[table[slot]], key))
				return key;
		table[slot] = (uint8_t)i;
		keys[i] = key;
		/* The last key of an open object may not have its value yet. */
		key = i < count ? key_next(tape, key) : 0;
	}
	return 0;
}

/* FNV-1a. */
static uint32_t
key_hash(const struct jscan_tape *tape, uint32_t key)
{
	struct jscan_walk w = jscan_walk_over(tape, key);
	uint32_t hash = UINT32_C(2166136261);

	for (int c = jscan_walk_next(&w); c >= 0; c = jscan_walk_next(&w))
		hash = (hash ^ (uint32_t)c) * UINT32_C(16777619);
	return hash;
}

/* Negative, 0 or positive as a sorts before b, equals it, sorts after it. */
static int
key_order(const struct jscan_tape *tape, uint32_t a, uint32_t b)
{
	uint32_t ha = tape->tokens[a].next, hb = tape->tokens[b].next;

	if (ha != hb)
		return ha < hb ? -1 : 1;
	return key_equal(tape, a, b) ? 0 : key_order_bytes(tape, a, b);
}

/* Merge two sorted lists; of equal keys those of a come first. */
static uint32_t
keys_merge(struct jscan_tape *tape, uint32_t a, uint32_t b)
{
	uint32_t head = 0;
	uint32_t *link = &head;

	while (a && b) {
		uint32_t *first = key_order(tape, a, b) <= 0 ? &a : &b;

		*link = *first;
		link = &tape->tokens[*first].count;
		*first = *link;
	}
	*link = a ? a : b;
	return head;
}

static uint32_t
keys_sort(struct jscan_tape *tape, uint32_t object, uint32_t count)
{
	uint32_t runs[KEYS_RUNS] = {0};
	uint32_t sorted = 0, key = object + 1;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t list = key;
		size_t r = 0;

		/* The last key of an open object may not have its value yet. */
		key = i + 1 < count ? key_next(tape, key) : 0;
		tape->tokens[list].next = key_hash(tape, list);
		tape->tokens[list].count = 0;
		for (; runs[r]; r++) {
			list = keys_merge(tape, runs[r], list);
			runs[r] = 0;
		}
		runs[r] = list;
	}
	for (size_t r = 0; r < KEYS_RUNS; r++)
		sorted = keys_merge(tape, runs[r], sorted);
	return sorted;
}

/* Of sorted keys, the first in the text that repeats one; puts the tokens in order again. */
static uint32_t
keys_take_duplicate(struct jscan_tape *tape, uint32_t sorted)
{
	uint32_t found = 0;

	while (sorted) {
		struct jscan_token *token = &tape->tokens[sorted];
		uint32_t after = token->count;

		if (after && (!found || after < found) && token->next == tape->tokens[after].next &&
		    key_equal(tape, sorted, after))
			found = after;
		token->count = 0;
		token->next = sorted + 1;
		sorted = after;
	}
	return found;
}

uint32_t
jscan_duplicate(struct jscan_tape *tape, uint32_t object)
{
	uint32_t count = tape->tokens[object].count;
	bool many = count > KEYS_SOME;
	uint32_t found = many ? 0 : duplicate_of_some(tape, object, count, &many);

	return many ? keys_take_duplicate(tape, keys_sort(tape, object, count)) : found;
}
