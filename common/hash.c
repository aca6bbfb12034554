/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's SHA-256 without what EVP puts before it, which takes 40 ns a sum: a tenth of a leaf, and as
 * much as the hashing itself of a Merkle node. OpenSSL 3 calls these functions deprecated.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "common/hash.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "common/log.h"

struct hash {
	SHA256_CTX ctx;
};

/*
 * Without a configuration file: nothing outside decides which SHA-256 this is. One is fetched so that
 * what libcrypto does when it is used first is done before the jail, for signatures, too.
 */
int
hash_init(void)
{
	EVP_MD *md;

	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return -EIO;
	md = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_free(md);
	return md ? 0 : -EIO;
}

struct hash *
hash_new(void)
{
	struct hash *h = malloc(sizeof(*h));

	if (h)
		hash_begin(h);
	return h;
}

void
hash_free(struct hash *h)
{
	free(h);
}

void
hash_begin(struct hash *h)
{
	if (SHA256_Init(&h->ctx) != 1)
		fatalx("SHA-256 failed to start");
}

void
hash_add(struct hash *h, struct str bytes)
{
	if (SHA256_Update(&h->ctx, bytes.p, bytes.n) != 1)
		fatalx("SHA-256 failed");
}

void
hash_end(struct hash *h, uint8_t out[HASH_SIZE])
{
	if (SHA256_Final(out, &h->ctx) != 1)
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
