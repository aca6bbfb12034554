/* SPDX-License-Identifier: Apache-2.0 */
/* What a timestamp service may have sent as its reply, or anybody in its place. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "auditlog/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The authority of the service that stamped the corpus. */
static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
			  "MIIBSjCB8aADAgECAhQIkZRJH35wdBKmd8aLBuGnN9U1aDAKBggqhkjOPQQDAjAb\n"
			  "MRkwFwYDVQQDDBBBdXRob3JpdHkgb2YgZnRzMB4XDTI2MTEyMDExNTgxM1oXDTM2\n"
			  "MTExODExNTgxM1owGzEZMBcGA1UEAwwQQXV0aG9yaXR5IG9mIGZ0czBZMBMGByqG\n"
			  "SM49AgEGCCqGSM49AwEHA0IABBhQN31Pw5C5woxSmRvrglviPpxW5+zrMSO68uer\n"
			  "Jv5ZG0e1d7OhbS3H9ERTlLRtdEbjfNzyvUDO8HjKfVbzU7CjEzARMA8GA1UdEwEB\n"
			  "/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAKrDOM9BIGqZGZBlM809+KvODczc\n"
			  "N/RrjSmyZzVuLl3EAiAGnRBPiLXhr9aRUfAlmwNOCZuuy9brxUjZH6eLpWtvAg==\n"
			  "-----END CERTIFICATE-----\n";

static struct timestamp_ca *ca;
static uint8_t hash[HASH_SIZE]; /* of what the corpus has stamps of */

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
prepare(void)
{
	struct hash *h = hash_init() < 0 ? NULL : hash_new();

	require(h && timestamp_ca_new(STR(pem), &ca) == 0);
	hash_begin(h);
	hash_add(h, STR("fuzz"));
	hash_end(h, hash);
	hash_free(h);
}

/* Who is trusted changes what a reply is worth, not what it says. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str reply = {(const char *)data, size};
	struct timestamp trusted, untrusted;
	int with, without;

	if (!ca)
		prepare();
	with = timestamp_check(reply, hash, ca, &trusted);
	without = timestamp_check(reply, hash, NULL, &untrusted);
	require(without < 0 && untrusted.why[0] != '\0');
	require((with == 0) == (trusted.why[0] == '\0'));
	require(without != -ENOKEY || trusted.time == untrusted.time);
	if (with == 0 || with == -ENOKEY)
		require(without == -ENOKEY);
	else
		require(with == without || (with == -EBADMSG && without == -ENOKEY));
	return 0;
}
