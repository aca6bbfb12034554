/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 against the vectors of RFC 8032, section 7.1. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/ascii.h"
#include "common/ed25519.h"

#define TEXT_MAX 64

struct vector {
	const char *seed, *key, *text, *signature;
};

static const struct vector vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
	"f9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
	"f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
	"4dc6594a7c15e9716ed28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
	"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3"
	"feebbd454d4423643ce80e2a9ac94fa54ca49f",
	"dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c664"
	"31e0303dca179c138ac17ad9bef1177331a704"},
};

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(ascii_hex(hex[2 * i]) << 4 | ascii_hex(hex[2 * i + 1]));
	return n;
}

struct known {
	uint8_t seed[ED25519_SEED], key[ED25519_KEY], signature[ED25519_SIGNATURE];
	uint8_t bytes[TEXT_MAX];
	struct str text;
};

static struct known
known(const struct vector *v)
{
	struct known k;

	assert_int_equal(unhex(v->seed, k.seed), ED25519_SEED);
	assert_int_equal(unhex(v->key, k.key), ED25519_KEY);
	assert_int_equal(unhex(v->signature, k.signature), ED25519_SIGNATURE);
	k.text.n = unhex(v->text, k.bytes);
	return k;
}

static void
published_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct known k = known(&vectors[i]);
		uint8_t key[ED25519_KEY], signature[ED25519_SIGNATURE];

		k.text.p = (const char *)k.bytes;
		assert_int_equal(ed25519_public(k.seed, key), 0);
		assert_memory_equal(key, k.key, sizeof(key));
		assert_int_equal(ed25519_sign(k.seed, k.text, signature), 0);
		assert_memory_equal(signature, k.signature, sizeof(signature));
		assert_int_equal(ed25519_verify(k.key, k.text, k.signature), 0);
	}
}

/* A pair that is open says the same; closed, it is of no key. */
static void
pairs(void **state)
{
	uint8_t signature[ED25519_SIGNATURE];
	struct ed25519_pair p = {.private_key = NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct known k = known(&vectors[i]);

		k.text.p = (const char *)k.bytes;
		assert_false(ed25519_pair_is(&p, k.seed));
		assert_int_equal(ed25519_pair_open(&p, k.seed), 0);
		assert_true(ed25519_pair_is(&p, k.seed));
		assert_memory_equal(p.key, k.key, sizeof(k.key));
		for (int again = 0; again < 2; again++) {
			assert_int_equal(ed25519_pair_sign(&p, k.text, signature), 0);
			assert_memory_equal(signature, k.signature, sizeof(signature));
		}
		k.seed[31] ^= 1;
		assert_false(ed25519_pair_is(&p, k.seed));
		ed25519_pair_close(&p);
		ed25519_pair_close(&p);
	}
}

/* Every bit of key, text and signature counts. */
static void
one_bit_off(void **state)
{
	struct known k = known(&vectors[2]);

	(void)state;
	k.text.p = (const char *)k.bytes;
	for (size_t bit = 0; bit < sizeof(k.signature) * 8; bit++) {
		k.signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(ed25519_verify(k.key, k.text, k.signature), -EBADMSG);
		k.signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < sizeof(k.key) * 8; bit++) {
		k.key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(ed25519_verify(k.key, k.text, k.signature), -EBADMSG);
		k.key[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < k.text.n * 8; bit++) {
		k.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(ed25519_verify(k.key, k.text, k.signature), -EBADMSG);
		k.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(ed25519_verify(k.key, (struct str){k.text.p, 1}, k.signature), -EBADMSG);
	assert_int_equal(ed25519_verify(k.key, k.text, k.signature), 0);
}

/* RFC 8032, 5.1.7: S is below the order L. S + L is the same point, and would be a second signature. */
static void
no_second_form(void **state)
{
	static const char order[] =
	    "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
	struct known k = known(&vectors[1]);
	uint8_t l[32];
	unsigned carry = 0;

	(void)state;
	k.text.p = (const char *)k.bytes;
	assert_int_equal(unhex(order, l), sizeof(l));
	for (size_t i = 0; i < sizeof(l); i++) {
		carry += (unsigned)k.signature[32 + i] + l[i];
		k.signature[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(carry, 0);
	assert_int_equal(ed25519_verify(k.key, k.text, k.signature), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_vectors),
	    cmocka_unit_test(pairs),
	    cmocka_unit_test(one_bit_off),
	    cmocka_unit_test(no_second_form),
	};

	return cmocka_run_group_tests_name("ed25519", tests, NULL, NULL);
}
