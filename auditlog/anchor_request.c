/* SPDX-License-Identifier: Apache-2.0 */

/* The request to stamp a checkpoint, and how to go on from there. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "auditlog/anchor.h"
#include "auditlog/apart.h"
#include "auditlog/checkpoint.h"
#include "auditlog/reader.h"
#include "auditlog/timestamp.h"
#include "common/cleanup.h"
#include "common/fds.h"

/* A word as a shell takes it. */
static void
put_word(const char *z)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "._/:@%+-";

	if (*z && strspn(z, plain) == strlen(z)) {
		cli_puts(z);
		return;
	}
	cli_puts("'");
	for (; *z; z++) {
		if (*z == '\'')
			cli_puts("'\\''");
		else
			cli_put_safe((struct str){z, 1});
	}
	cli_puts("'");
}

static void
show_commands(const struct anchor_order *o, const struct checkpoint *c)
{
	char line[96];

	(void)snprintf(line, sizeof(line),
	    ": asks for a timestamp of seal %" PRIu64 ", seq %" PRIu64 "\n", c->seals - 1, c->seq);
	cli_put_safe(str_from(o->tsq));
	cli_puts(line);
	cli_puts("send it to a timestamp service, for example so:\n"
		 "  curl -sS -H 'Content-Type: application/timestamp-query' --data-binary @");
	put_word(o->tsq);
	cli_puts(" -o REPLY.tsr URL\n"
		 "see what it says, and check it with the service's CA certificate:\n"
		 "  openssl ts -reply -in REPLY.tsr -text\n"
		 "  openssl ts -verify -queryfile ");
	put_word(o->tsq);
	cli_puts(" -in REPLY.tsr -CAfile CA.pem\n"
		 "take it in:\n"
		 "  auditlog anchor --add REPLY.tsr --checkpoint ");
	put_word(o->checkpoint);
	cli_puts(" --anchors ADIR --tsa-ca CA.pem DIR\n");
}

static size_t
make_request(struct str text, struct hash *h, uint8_t out[TIMESTAMP_REQUEST])
{
	uint8_t hash[HASH_SIZE];
	uint64_t nonce;
	size_t n = 0;

	hash_begin(h);
	hash_add(h, text);
	hash_end(h, hash);
	if (getrandom(&nonce, sizeof(nonce), 0) != sizeof(nonce))
		cli_fatal(errno, "getrandom");
	if (timestamp_request(hash, nonce, out, &n) < 0)
		cli_fatal(0, "anchor: libcrypto cannot make a request");
	return n;
}

int
anchor_request(const struct anchor_order *o)
{
	struct hash *h = hash_init() < 0 ? NULL : hash_new();
	uint8_t request[TIMESTAMP_REQUEST];
	char buf[CHECKPOINT_SIZE];
	struct checkpoint c;
	CLEANUP_FD int fd = -1;
	struct str text;
	const char *why;
	size_t n, at;
	int error;

	if (!h)
		cli_fatal(0, "anchor: no SHA-256");
	if (checkpoint_open(reader_file(o->checkpoint, buf, sizeof(buf)), &c, &text, &why, &at) < 0)
		cli_fatal(0, "%s: byte %zu: %s", o->checkpoint, at, why);
	n = make_request(text, h, request);
	fd = apart_create(o->tsq);
	error = fd_write_all(fd, request, n);
	if (error < 0) {
		(void)unlink(o->tsq);
		cli_fatal(error, "%s", o->tsq);
	}
	show_commands(o, &c);
	hash_free(h);
	return CLI_YES;
}
