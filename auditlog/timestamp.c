/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/timestamp.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/text.h"

#define CA_DEPTH 8
/* 112 bits: neither SHA-1 nor RSA below 2,048 bits in the chain of certificates. */
#define CA_LEVEL 2

/* --- certificates ---------------------------------------------------------------------------- */

struct timestamp_ca {
	X509_STORE *store;
};

void
timestamp_ca_free(struct timestamp_ca *ca)
{
	if (!ca)
		return;
	X509_STORE_free(ca->store);
	free(ca);
}

/* How many certificates were added; -EINVAL when one is damaged. */
static int
ca_add_all(X509_STORE *store, BIO *pem)
{
	int n = 0;
	X509 *x;

	ERR_clear_error();
	while ((x = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
		bool added = X509_STORE_add_cert(store, x) == 1;

		X509_free(x);
		if (!added)
			return -EINVAL;
		n++;
	}
	/* The end of the text is an error of its own kind. */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		n = -EINVAL;
	ERR_clear_error();
	return n;
}

/* What is named is trusted, whether it is a root or not. */
static bool
ca_rules(X509_STORE *store)
{
	X509_VERIFY_PARAM *rules = X509_STORE_get0_param(store);

	X509_VERIFY_PARAM_set_depth(rules, CA_DEPTH);
	X509_VERIFY_PARAM_set_auth_level(rules, CA_LEVEL);
	return X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN) == 1;
}

int
timestamp_ca_new(struct str pem, struct timestamp_ca **ret)
{
	struct timestamp_ca *ca = calloc(1, sizeof(*ca));
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	int error = -ENOMEM;

	if (ca)
		ca->store = X509_STORE_new();
	if (ca && ca->store && bio && ca_rules(ca->store))
		error = ca_add_all(ca->store, bio) > 0 ? 0 : -EINVAL;
	BIO_free(bio);
	if (error) {
		timestamp_ca_free(ca);
		return error;
	}
	*ret = ca;
	return 0;
}

/* --- request --------------------------------------------------------------------------------- */

static bool
imprint_fill(TS_MSG_IMPRINT *imprint, const uint8_t hash[HASH_SIZE])
{
	X509_ALGOR *algorithm = X509_ALGOR_new();
	uint8_t copy[HASH_SIZE];
	bool ok;

	memcpy(copy, hash, sizeof(copy));
	ok = imprint && algorithm &&
	     X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
	     TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
	     TS_MSG_IMPRINT_set_msg(imprint, copy, sizeof(copy)) == 1;
	X509_ALGOR_free(algorithm);
	return ok;
}

static bool
request_fill(TS_REQ *request, const uint8_t hash[HASH_SIZE], uint64_t nonce)
{
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	bool ok = request && number && imprint_fill(imprint, hash) &&
		  TS_REQ_set_version(request, 1) == 1 &&
		  TS_REQ_set_msg_imprint(request, imprint) == 1 &&
		  ASN1_INTEGER_set_uint64(number, nonce) == 1 &&
		  TS_REQ_set_nonce(request, number) == 1 && TS_REQ_set_cert_req(request, 1) == 1;

	ASN1_INTEGER_free(number);
	TS_MSG_IMPRINT_free(imprint);
	return ok;
}

int
timestamp_request(
    const uint8_t hash[HASH_SIZE], uint64_t nonce, uint8_t out[TIMESTAMP_REQUEST], size_t *ret_n)
{
	TS_REQ *request = TS_REQ_new();
	int n = -1;

	if (request_fill(request, hash, nonce))
		n = i2d_TS_REQ(request, NULL);
	if (n > 0 && n <= TIMESTAMP_REQUEST)
		n = i2d_TS_REQ(request, &out);
	TS_REQ_free(request);
	if (n <= 0 || n > TIMESTAMP_REQUEST)
		return -EIO;
	*ret_n = (size_t)n;
	return 0;
}

/* --- reply ----------------------------------------------------------------------------------- */

static int
say(struct timestamp *ret, int error, const char *why)
{
	(void)snprintf(ret->why, sizeof(ret->why), "%s", why);
	return error;
}

/* What libcrypto said last, which may name the fault of a certificate. */
static int
say_library(struct timestamp *ret, int error)
{
	const char *data = NULL, *reason;
	int flags = 0;

	reason = ERR_reason_error_string(ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags));
	(void)snprintf(ret->why, sizeof(ret->why), "%s%s%s", reason ? reason : "not verified",
	    data && *data && (flags & ERR_TXT_STRING) ? ": " : "",
	    data && (flags & ERR_TXT_STRING) ? data : "");
	ERR_clear_error();
	return error;
}

/* "20261121034657.5Z" to microseconds. RFC 3161 allows this form alone, always UTC. */
static bool
stamp_time(const ASN1_GENERALIZEDTIME *stated, int64_t *ret)
{
	const char *p = stated ? (const char *)ASN1_STRING_get0_data(stated) : NULL;
	int n = stated ? ASN1_STRING_length(stated) : 0;
	char buf[48];
	struct text t = text_over(buf, sizeof(buf));

	if (!p || n < 15 || n > 24)
		return false;
	for (int i = 0; i < n; i++) {
		if (i == 4 || i == 6)
			text_char(&t, '-');
		if (i == 8)
			text_char(&t, 'T');
		if (i == 10 || i == 12)
			text_char(&t, ':');
		text_char(&t, p[i]);
	}
	return str_ends(text_str(&t), STR("Z")) && clock_parse(text_str(&t), ret) == 0;
}

static bool
stamp_is_of(TS_TST_INFO *info, const uint8_t hash[HASH_SIZE])
{
	TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info);
	const ASN1_OBJECT *algorithm = NULL;
	ASN1_OCTET_STRING *sum;

	X509_ALGOR_get0(&algorithm, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
	sum = TS_MSG_IMPRINT_get_msg(imprint);
	return OBJ_obj2nid(algorithm) == NID_sha256 && ASN1_STRING_length(sum) == HASH_SIZE &&
	       memcmp(ASN1_STRING_get0_data(sum), hash, HASH_SIZE) == 0;
}

/* The hash that the service signed: no MD5 or SHA-1, whatever the library still takes. */
static bool
stamp_digest_ok(PKCS7 *token)
{
	STACK_OF(PKCS7_SIGNER_INFO) *signers = PKCS7_get_signer_info(token);
	const ASN1_OBJECT *algorithm = NULL;
	X509_ALGOR *digest = NULL;
	int nid;

	if (!signers || sk_PKCS7_SIGNER_INFO_num(signers) != 1)
		return false;
	PKCS7_SIGNER_INFO_get0_algs(sk_PKCS7_SIGNER_INFO_value(signers, 0), NULL, &digest, NULL);
	X509_ALGOR_get0(&algorithm, NULL, NULL, digest);
	nid = OBJ_obj2nid(algorithm);
	return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

/* A context that owns what it was given; NULL without memory. */
static TS_VERIFY_CTX *
verify_context(const uint8_t hash[HASH_SIZE], X509_STORE *store)
{
	TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
	uint8_t *copy = OPENSSL_memdup(hash, HASH_SIZE);

	if (!ctx || !copy || X509_STORE_up_ref(store) != 1) {
		OPENSSL_free(copy);
		TS_VERIFY_CTX_free(ctx);
		return NULL;
	}
	(void)TS_VERIFY_CTX_set_flags(
	    ctx, (int)(TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_IMPRINT));
#if OPENSSL_VERSION_NUMBER >= 0x30400000L
	(void)TS_VERIFY_CTX_set0_imprint(ctx, copy, HASH_SIZE);
	(void)TS_VERIFY_CTX_set0_store(ctx, store);
#else
	(void)TS_VERIFY_CTX_set_imprint(ctx, copy, HASH_SIZE);
	(void)TS_VERIFY_CTX_set_store(ctx, store);
#endif
	return ctx;
}

static int
stamp_verify(
    TS_RESP *reply, const uint8_t hash[HASH_SIZE], struct timestamp_ca *ca, struct timestamp *ret)
{
	X509_VERIFY_PARAM *rules = X509_STORE_get0_param(ca->store);
	TS_VERIFY_CTX *ctx = verify_context(hash, ca->store);
	bool good, untrusted;

	if (!ctx)
		return say(ret, -EIO, "out of memory");
	X509_VERIFY_PARAM_set_time(rules, (time_t)(ret->time / US_PER_S));
	ERR_clear_error();
	good = TS_RESP_verify_response(ctx, reply) == 1;
	TS_VERIFY_CTX_free(ctx);
	untrusted = ERR_GET_REASON(ERR_peek_last_error()) == TS_R_CERTIFICATE_VERIFY_ERROR;
	if (!good)
		return say_library(ret, untrusted ? -ENOKEY : -EBADMSG);
	ERR_clear_error();
	return 0;
}

static int
reply_check(
    TS_RESP *reply, const uint8_t hash[HASH_SIZE], struct timestamp_ca *ca, struct timestamp *ret)
{
	TS_TST_INFO *info = TS_RESP_get_tst_info(reply);

	if (!info)
		return say(ret, -EBADMSG, "the service refused to stamp");
	if (!stamp_is_of(info, hash))
		return say(ret, -EBADMSG, "a timestamp of something else");
	if (!stamp_time(TS_TST_INFO_get_time(info), &ret->time))
		return say(ret, -EBADMSG, "states no proper time");
	if (!stamp_digest_ok(TS_RESP_get_token(reply)))
		return say(ret, -EBADMSG, "not signed once, with SHA-256 or longer");
	if (!ca)
		return say(ret, -ENOKEY, "no certificate to judge it by was given");
	return stamp_verify(reply, hash, ca, ret);
}

int
timestamp_check(
    struct str reply, const uint8_t hash[HASH_SIZE], struct timestamp_ca *ca, struct timestamp *ret)
{
	const uint8_t *at = (const uint8_t *)reply.p;
	TS_RESP *r;
	int error;

	*ret = (struct timestamp){0};
	if (reply.n > TIMESTAMP_REPLY)
		return say(ret, -EINVAL, "longer than any reply");
	r = d2i_TS_RESP(NULL, &at, (long)reply.n);
	ERR_clear_error();
	if (!r)
		return say(ret, -EINVAL, "not an RFC 3161 reply");
	if (at != (const uint8_t *)reply.p + reply.n)
		error = say(ret, -EINVAL, "bytes behind the reply");
	else
		error = reply_check(r, hash, ca, ret);
	TS_RESP_free(r);
	return error;
}
