/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ed25519.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

int
ed25519_pair_open(struct ed25519_pair *p, const uint8_t seed[ED25519_SEED])
{
	size_t n = ED25519_KEY;

	*p = (struct ed25519_pair){
	    .private_key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_SEED),
	};
	if (p->private_key && EVP_PKEY_get_raw_public_key(p->private_key, p->key, &n) == 1 &&
	    n == ED25519_KEY)
		return 0;
	ed25519_pair_close(p);
	return -EIO;
}

void
ed25519_pair_close(struct ed25519_pair *p)
{
	EVP_PKEY_free(p->private_key);
	*p = (struct ed25519_pair){.private_key = NULL};
}

bool
ed25519_pair_is(const struct ed25519_pair *p, const uint8_t seed[ED25519_SEED])
{
	uint8_t own[ED25519_SEED];
	size_t n = sizeof(own);
	bool same = p->private_key && EVP_PKEY_get_raw_private_key(p->private_key, own, &n) == 1 &&
		    n == sizeof(own) && CRYPTO_memcmp(own, seed, sizeof(own)) == 0;

	explicit_bzero(own, sizeof(own));
	return same;
}

int
ed25519_pair_sign(const struct ed25519_pair *p, struct str text, uint8_t out[ED25519_SIGNATURE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = ED25519_SIGNATURE;
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, p->private_key) == 1 &&
		  EVP_DigestSign(ctx, out, &n, (const uint8_t *)text.p, text.n) == 1 &&
		  n == ED25519_SIGNATURE;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

int
ed25519_public(const uint8_t seed[ED25519_SEED], uint8_t out[ED25519_KEY])
{
	struct ed25519_pair p;
	int error = ed25519_pair_open(&p, seed);

	if (error == 0)
		memcpy(out, p.key, ED25519_KEY);
	ed25519_pair_close(&p);
	return error;
}

int
ed25519_sign(const uint8_t seed[ED25519_SEED], struct str text, uint8_t out[ED25519_SIGNATURE])
{
	struct ed25519_pair p;
	int error = ed25519_pair_open(&p, seed);

	if (error == 0)
		error = ed25519_pair_sign(&p, text, out);
	ed25519_pair_close(&p);
	return error;
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
