/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ed25519.h"

#include <errno.h>
#include <openssl/evp.h>

/* libcrypto overwrites the private key in here when it is freed. */
static EVP_PKEY *
private_key(const uint8_t seed[ED25519_SEED])
{
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_SEED);
}

int
ed25519_public(const uint8_t seed[ED25519_SEED], uint8_t out[ED25519_KEY])
{
	EVP_PKEY *key = private_key(seed);
	size_t n = ED25519_KEY;
	bool ok = key && EVP_PKEY_get_raw_public_key(key, out, &n) == 1 && n == ED25519_KEY;

	EVP_PKEY_free(key);
	return ok ? 0 : -EIO;
}

int
ed25519_sign(const uint8_t seed[ED25519_SEED], struct str text, uint8_t out[ED25519_SIGNATURE])
{
	EVP_PKEY *key = private_key(seed);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = ED25519_SIGNATURE;
	bool ok = key && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestSign(ctx, out, &n, (const uint8_t *)text.p, text.n) == 1 &&
		  n == ED25519_SIGNATURE;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok ? 0 : -EIO;
}

int
ed25519_verify(
    const uint8_t key[ED25519_KEY], struct str text, const uint8_t signature[ED25519_SIGNATURE])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, ED25519_KEY);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int good = -1;

	if (pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1)
		good = EVP_DigestVerify(
		    ctx, signature, ED25519_SIGNATURE, (const uint8_t *)text.p, text.n);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	if (good == 1)
		return 0;
	return good == 0 ? -EBADMSG : -EIO;
}
