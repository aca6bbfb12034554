/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A checkpoint of the log. The log is read by a jailed child, which hands the text of the checkpoint
 * to its parent: the process that holds the caller's private key sees nothing else of the log.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "auditlog/anchor.h"
#include "auditlog/apart.h"
#include "auditlog/checkpoint.h"
#include "auditlog/reader.h"
#include "auditlog/trust.h"
#include "common/cleanup.h"
#include "common/fds.h"
#include "proto/merkle.h"

#define KEY_SIZE (16u << 10) /* bytes of a PEM file at most */

/* --- in the jail ----------------------------------------------------------------------------- */

static bool
chain_good(const struct sealchain *c, const char *dir)
{
	if (c->fault.kind != FAULT_NONE)
		log_error("anchor: %s: %s: %s", dir, c->fault.file, c->fault.what);
	else if (c->n == 0)
		log_error("anchor: %s: there is no seal", dir);
	else if (c->seals[0]->seal.index > 0)
		log_error("anchor: %s: the first %" PRIu64 " seals are missing: there is no tree "
			  "without them",
		    dir, c->seals[0]->seal.index);
	return c->fault.kind == FAULT_NONE && c->n > 0 && c->seals[0]->seal.index == 0;
}

static void
make_text(const struct sealchain *c, struct hash *h, struct text *t)
{
	const struct sealchain_seal *newest = c->seals[c->n - 1];
	struct checkpoint checkpoint = {
	    .origin = newest->seal.origin,
	    .seals = c->n,
	    .seq = newest->seal.last_seq,
	    .time = newest->seal.last_time,
	};
	struct merkle tree;

	merkle_init(&tree);
	for (size_t i = 0; i < c->n; i++)
		merkle_add(&tree, h, c->seals[i]->leaf);
	merkle_root(&tree, h, checkpoint.root);
	memcpy(checkpoint.seal, newest->hash, HASH_SIZE);
	checkpoint_format(t, &checkpoint);
}

static int
make_jailed(
    const struct anchor_order *o, struct logdir *d, struct trust *trust, struct hash *h, int out)
{
	char buf[CHECKPOINT_TEXT];
	struct text t = text_over(buf, sizeof(buf));
	struct sealchain c = {.n = 0};
	bool good;
	int error;

	reader_jail(d, out);
	trust_parse(trust, o->key, h);
	error = sealchain_load(&c, d);
	if (error < 0)
		cli_fatal(error, "anchor: the seals");
	trust_judge(trust, &c, h);
	good = chain_good(&c, o->dir);
	if (good)
		make_text(&c, h, &t);
	sealchain_free(&c);
	error = fd_write_all(out, buf, t.n);
	if (error < 0)
		cli_fatal(error, "anchor");
	return good ? CLI_YES : CLI_NO;
}

/* --- the caller's key ------------------------------------------------------------------------ */

/* A key behind a password is not asked for one. */
static int
no_password(char *buf, int size, int writing, void *context)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static void
key_read(const char *path, uint8_t seed[ED25519_SEED])
{
	static char pem[KEY_SIZE];
	struct str s = reader_file(path, pem, sizeof(pem));
	BIO *bio = BIO_new_mem_buf(s.p, (int)s.n);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	size_t n = ED25519_SEED;
	bool ok = key && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 &&
		  EVP_PKEY_get_raw_private_key(key, seed, &n) == 1 && n == ED25519_SEED;

	EVP_PKEY_free(key);
	BIO_free(bio);
	OPENSSL_cleanse(pem, sizeof(pem));
	if (!ok)
		cli_fatal(0, "%s: not an Ed25519 private key in PEM without a password", path);
}

/* Sign what is in t, and say by which verifier key. */
static void
sign_text(struct text *t, struct str name, const uint8_t seed[ED25519_SEED], struct hash *h)
{
	uint8_t signature[ED25519_SIGNATURE];
	struct note_key key = {.name = name, .algorithm = NOTE_ED25519};
	char buf[NOTE_VKEY];
	struct text vkey = text_over(buf, sizeof(buf));

	if (ed25519_public(seed, key.key) < 0 || ed25519_sign(seed, text_str(t), signature) < 0)
		cli_fatal(0, "anchor: cannot sign");
	note_key_identify(&key, h);
	note_sign_put(t, &key, signature);
	note_key_put(&vkey, &key);
	log_info("signed with %.*s", STR_ARG(text_str(&vkey)));
}

/* --- the command ----------------------------------------------------------------------------- */

static void
write_checkpoint(const char *path, struct str s)
{
	CLEANUP_FD int fd = -1;
	int error;

	if (!path) {
		cli_put(s);
		return;
	}
	fd = apart_create(path);
	error = fd_write_all(fd, s.p, s.n);
	if (error == 0 && fsync(fd) < 0)
		error = -errno;
	if (error == 0)
		return;
	(void)unlink(path);
	cli_fatal(error, "%s", path);
}

static int
make_finish(const struct anchor_order *o, int in, struct hash *h)
{
	char buf[CHECKPOINT_SIZE];
	struct text t = text_over(buf, sizeof(buf));
	uint8_t seed[ED25519_SEED];
	struct checkpoint c;
	const char *why;
	size_t at;
	ssize_t n = read(in, buf, CHECKPOINT_TEXT);

	t.n = n > 0 ? (size_t)n : 0;
	if (checkpoint_parse(text_str(&t), &c, &why, &at) < 0)
		cli_fatal(0, "anchor: no checkpoint came out of the check");
	if (o->sign) {
		key_read(o->sign, seed);
		sign_text(&t, o->name ? str_from(o->name) : c.origin, seed, h);
		OPENSSL_cleanse(seed, sizeof(seed));
	}
	if (!text_ok(&t))
		cli_fatal(0, "anchor: the checkpoint is too long");
	write_checkpoint(o->out, text_str(&t));
	return CLI_YES;
}

int
anchor_make(const struct anchor_order *o)
{
	static struct trust trust;
	struct hash *h = hash_init() < 0 ? NULL : hash_new();
	struct logdir d;
	int error, code, ends[2];

	if (!h)
		cli_fatal(0, "anchor: no SHA-256");
	if (o->name && !note_name_ok(str_from(o->name)))
		cli_fatal(0, "--name: not a name for a key: %s", o->name);
	trust_read(&trust, o->key);
	error = logdir_open(&d, o->dir);
	if (error < 0)
		cli_fatal(error, "%s", o->dir);
	if (pipe2(ends, O_CLOEXEC) < 0)
		cli_fatal(errno, "pipe");
	code = apart();
	if (code == APART_CHILD)
		code = make_jailed(o, &d, &trust, h, ends[1]);
	else if (code == CLI_YES)
		code = make_finish(o, ends[0], h);
	hash_free(h);
	logdir_close(&d);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return code;
}
