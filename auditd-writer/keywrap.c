/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/keywrap.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* The key schedule of each direction is made once; later only nonces change, and nothing is allocated. */
struct keywrap {
	EVP_CIPHER_CTX *close, *open;
};

static EVP_CIPHER_CTX *
context(const EVP_CIPHER *aes, const uint8_t *secret, int enc)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_CipherInit_ex2(ctx, aes, secret, NULL, enc, NULL) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

struct keywrap *
keywrap_new(const uint8_t secret[KEYWRAP_SECRET])
{
	EVP_CIPHER *aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	struct keywrap *w = calloc(1, sizeof(*w));

	if (aes && w) {
		w->close = context(aes, secret, 1);
		w->open = context(aes, secret, 0);
	}
	EVP_CIPHER_free(aes); /* the contexts hold it */
	if (w && w->close && w->open)
		return w;
	keywrap_free(w);
	return NULL;
}

void
keywrap_free(struct keywrap *w)
{
	if (!w)
		return;
	EVP_CIPHER_CTX_free(w->close);
	EVP_CIPHER_CTX_free(w->open);
	free(w);
}

int
keywrap_nonce(uint8_t out[KEYWRAP_NONCE])
{
	ssize_t n;

	do
		n = getrandom(out, KEYWRAP_NONCE, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == KEYWRAP_NONCE ? 0 : -EIO;
}

static bool
start(EVP_CIPHER_CTX *ctx, struct str beside, const uint8_t *nonce)
{
	int n;

	return EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, -1, NULL) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)beside.p, (int)beside.n) == 1;
}

int
keywrap_close(struct keywrap *w, struct str beside, const uint8_t nonce[KEYWRAP_NONCE],
    const uint8_t seed[ED25519_SEED], uint8_t out[KEYWRAP_SIZE])
{
	uint8_t *sealed = out + KEYWRAP_NONCE, *tag = sealed + ED25519_SEED;
	int n;

	memcpy(out, nonce, KEYWRAP_NONCE);
	if (!start(w->close, beside, nonce) ||
	    EVP_CipherUpdate(w->close, sealed, &n, seed, ED25519_SEED) != 1 ||
	    EVP_CipherFinal_ex(w->close, tag, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(w->close, EVP_CTRL_AEAD_GET_TAG, KEYWRAP_TAG, tag) != 1)
		return -EIO;
	return 0;
}

int
keywrap_open(struct keywrap *w, struct str beside, const uint8_t wrapped[KEYWRAP_SIZE],
    uint8_t seed[ED25519_SEED])
{
	const uint8_t *sealed = wrapped + KEYWRAP_NONCE;
	uint8_t tag[KEYWRAP_TAG];
	int n;

	memcpy(tag, sealed + ED25519_SEED, KEYWRAP_TAG);
	if (start(w->open, beside, wrapped) &&
	    EVP_CipherUpdate(w->open, seed, &n, sealed, ED25519_SEED) == 1 &&
	    EVP_CIPHER_CTX_ctrl(w->open, EVP_CTRL_AEAD_SET_TAG, KEYWRAP_TAG, tag) == 1 &&
	    EVP_CipherFinal_ex(w->open, tag, &n) == 1)
		return 0;
	explicit_bzero(seed, ED25519_SEED);
	return -EBADMSG;
}
