/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Timestamps by RFC 3161, through libcrypto: the request for the hash of a text, and what a reply
 * is worth. No network: requests and replies are files.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/str.h"

#define TIMESTAMP_REQUEST 256           /* bytes of a request at most */
#define TIMESTAMP_REPLY (64u << 10)     /* bytes of a reply at most */
#define TIMESTAMP_CA_FILE (1024u << 10) /* bytes of a file of certificates at most */

/* Certificates that one trusts: of authorities, or of the timestamp service itself. */
struct timestamp_ca;

/*
 * From a PEM text with at least one certificate. -EINVAL: there is none, or one is damaged; -ENOMEM.
 * The caller frees.
 */
int timestamp_ca_new(struct str pem, struct timestamp_ca **ret);
/* NULL is fine. */
void timestamp_ca_free(struct timestamp_ca *ca);

/*
 * The request to stamp a SHA-256, DER: with this nonce, and the service's certificate wanted in the
 * reply. -EIO when libcrypto fails.
 */
int timestamp_request(
    const uint8_t hash[HASH_SIZE], uint64_t nonce, uint8_t out[TIMESTAMP_REQUEST], size_t *ret_n);

struct timestamp {
	int64_t time; /* us since 1970, as the service states it */
	char why[160];
};

/*
 * Whether a reply is a timestamp of this SHA-256 by a service that ca vouches for. Certificates are
 * judged as of the time of the stamp: that they expire later does not undo it. Not thread-safe for
 * one ca.
 *
 * 0: good. -ENOKEY: a timestamp of it, but whose is not known (no ca, or it does not vouch); time is
 * what the reply claims. -EBADMSG: of something else, refused by the service, or its signature is
 * wrong. -EINVAL: not a reply. -EIO: libcrypto failed. why says more on every failure.
 */
int timestamp_check(struct str reply, const uint8_t hash[HASH_SIZE], struct timestamp_ca *ca,
    struct timestamp *ret);
