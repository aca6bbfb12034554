/* SPDX-License-Identifier: Apache-2.0 */
#include "common/hash.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "common/log.h"

struct hash {
	EVP_MD_CTX *ctx;
};

static EVP_MD *sha256;

/* Without a configuration file: nothing outside decides which SHA-256 this is. */
int
hash_init(void)
{
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return -EIO;
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	return sha256 ? 0 : -EIO;
}

struct hash *
hash_new(void)
{
	struct hash *h = malloc(sizeof(*h));

	if (!h)
		return NULL;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx) {
		free(h);
		return NULL;
	}
	/* The first use allocates what later ones use again. */
	hash_begin(h);
	return h;
}

void
hash_free(struct hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void
hash_begin(struct hash *h)
{
	if (EVP_DigestInit_ex2(h->ctx, sha256, NULL) != 1)
		fatalx("SHA-256 failed to start");
}

void
hash_add(struct hash *h, struct str bytes)
{
	if (EVP_DigestUpdate(h->ctx, bytes.p, bytes.n) != 1)
		fatalx("SHA-256 failed");
}

void
hash_end(struct hash *h, uint8_t out[HASH_SIZE])
{
	if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
		fatalx("SHA-256 failed to finish");
}

void
hash_leaf(struct hash *h, struct str line, uint8_t out[HASH_SIZE])
{
	hash_begin(h);
	hash_add(h, (struct str){"\0", 1});
	hash_add(h, line);
	hash_end(h, out);
}
