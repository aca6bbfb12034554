/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A seal, its text and the file that it becomes. Included by test programs only. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/seal.h"

#define SESSION "0d1e2f30-4152-4637-8849-5a6b7c8d9eaf"
#define BOOT "5f0c8e1e-7d0a-4f0e-9f6f-0123456789ab"
#define NAME "audit-20261121T034657Z-" SESSION "-000007.jsonl"
#define B4 "abababab"
#define HEX32(x) x x x x x x x x

static struct hash *sum;

/* Of 32 times the byte 1; and the next one's, of 32 times 2. */
static inline void
seed_of(uint64_t index, uint8_t seed[ED25519_SEED])
{
	memset(seed, (int)(index % 200) + 1, ED25519_SEED);
}

static inline struct seal
example(void)
{
	struct seal s = {
	    .origin = STR("host-1/sealwright/0123456789abcde"),
	    .index = 0,
	    .file = STR(NAME),
	    .bytes = 655360,
	    .records = 1000,
	    .first_seq = 1,
	    .last_seq = 1000,
	    .first_time = INT64_C(1795232817123456),
	    .last_time = INT64_C(1795232818000000),
	    .state = SEAL_CLEAN,
	    .session = STR(SESSION),
	    .boot_id = STR(BOOT),
	};
	uint8_t seed[ED25519_SEED];

	memset(s.sha256, 0xab, HASH_SIZE);
	memset(s.head, 0xcd, HASH_SIZE);
	memset(s.root, 0xef, HASH_SIZE);
	seed_of(0, seed);
	assert_int_equal(ed25519_public(seed, s.key), 0);
	seed_of(1, seed);
	assert_int_equal(ed25519_public(seed, s.next_key), 0);
	return s;
}

#define EXAMPLE                                                                                   \
	"{\"type\":\"sealwright-seal/v1\",\"origin\":\"host-1/sealwright/0123456789abcde\","      \
	"\"index\":0,\"file\":\"" NAME "\",\"bytes\":655360,\"sha256\":\"" HEX32(                 \
	    B4) "\","                                                                             \
		"\"records\":1000,\"first_seq\":1,\"last_seq\":1000,"                             \
		"\"first_time\":\"2026-11-21T03:46:57.123456Z\","                                 \
		"\"last_time\":\"2026-11-21T03:46:58.000000Z\",\"head\":\"" HEX32(                \
		    "cdcdcdcd") "\","                                                             \
				"\"root\":\"" HEX32("efefefef") "\",\"prev_seal\":\"" HEX32(      \
				    "00000000") "\","                                             \
						"\"state\":\"clean\",\"torn_bytes\":0,"           \
						"\"session\":\"" SESSION "\",\"boot_id\":\"" BOOT \
						"\",\"key\":\"host-1/sealwright/0123456789abcde+" \
						"d84df790+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/"     \
						"N0iAG0D29c\","                                   \
						"\"next_key\":\"gTl3Dqh9F19Wo1Rmw0x+"             \
						"zMuNipG07jeiXfYPW4/Js5Q=\"}\n"

static inline struct str
formatted(const struct seal *s)
{
	static char buf[SEAL_TEXT + 1];
	struct text t = text_over(buf, sizeof(buf));

	seal_format(&t, s, sum);
	assert_true(text_ok(&t));
	return text_str(&t);
}

/* The whole file, signed with the example's key. */
static inline struct str
sealed(const struct seal *s)
{
	static char buf[SEAL_NOTE + 1];
	uint8_t seed[ED25519_SEED], signature[ED25519_SIGNATURE];
	struct text t = text_over(buf, sizeof(buf));
	struct note_key key;

	seal_format(&t, s, sum);
	seed_of(0, seed);
	assert_int_equal(ed25519_sign(seed, text_str(&t), signature), 0);
	seal_key(s, sum, &key);
	note_sign_put(&t, &key, signature);
	assert_true(text_ok(&t));
	return text_str(&t);
}

static inline void
assert_same(const struct seal *a, const struct seal *b)
{
	assert_true(str_eq(a->origin, b->origin));
	assert_true(str_eq(a->file, b->file));
	assert_true(str_eq(a->session, b->session));
	assert_true(str_eq(a->boot_id, b->boot_id));
	assert_true(a->index == b->index && a->bytes == b->bytes && a->records == b->records);
	assert_true(a->first_seq == b->first_seq && a->last_seq == b->last_seq);
	assert_true(a->first_time == b->first_time && a->last_time == b->last_time);
	assert_true(a->state == b->state && a->torn_bytes == b->torn_bytes);
	assert_memory_equal(a->sha256, b->sha256, HASH_SIZE);
	assert_memory_equal(a->head, b->head, HASH_SIZE);
	assert_memory_equal(a->root, b->root, HASH_SIZE);
	assert_memory_equal(a->prev_seal, b->prev_seal, HASH_SIZE);
	assert_memory_equal(a->key, b->key, ED25519_KEY);
	assert_memory_equal(a->next_key, b->next_key, ED25519_KEY);
}

static inline int
setup(void **state)
{
	(void)state;
	if (hash_init() < 0)
		return -1;
	sum = hash_new();
	return sum ? 0 : -1;
}

static inline int
teardown(void **state)
{
	(void)state;
	hash_free(sum);
	return 0;
}
