/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seals of a log that a writer left: writer_harness.h, "the log". By text, and with nothing of the
 * writer's own code.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/fds.h"
#include "tests/unit/writer_harness.h"

#define NOTE_MAX 4096

struct note_text {
	char all[NOTE_MAX + 1];
	size_t n; /* of the text: the line with its newline */
};

static void
hex(const uint8_t *bytes, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* --- trees ------------------------------------------------------------------------------------ */

static void
node(const uint8_t left[32], const uint8_t right[32], uint8_t out[32])
{
	uint8_t both[65] = {1};

	memcpy(both + 1, left, 32);
	memcpy(both + 33, right, 32);
	(void)SHA256(both, sizeof(both), out);
}

/* RFC 6962, 2.1, as it is written there: recursive. */
static void
root_of(
    uint8_t (*leaves)[32], size_t n, uint8_t out[32]) /* NOLINT(misc-no-recursion): depth < 64 */
{
	uint8_t left[32], right[32];
	size_t k = 1;

	if (n == 1) {
		memcpy(out, leaves[0], 32);
		return;
	}
	while (2 * k < n)
		k *= 2;
	root_of(leaves, k, left);
	root_of(leaves + k, n - k, right);
	node(left, right, out);
}

/* Root and last leaf of a file's lines. */
static void
tree(const struct log *log, unsigned file, char root[65], char head[65])
{
	const struct log_file *f = &log->file[file];
	CLEANUP_FREE uint8_t(*leaves)[32] = calloc(f->lines, sizeof(*leaves));
	uint8_t found[32];
	size_t n = 0;

	assert_non_null(leaves);
	for (size_t i = 0; i < log->lines; i++) {
		const struct log_line *l = &log->line[i];
		CLEANUP_FREE uint8_t *entry = malloc(l->text.n + 1);

		if (l->file != file)
			continue;
		assert_non_null(entry);
		entry[0] = 0;
		memcpy(entry + 1, l->text.p, l->text.n);
		(void)SHA256(entry, l->text.n + 1, leaves[n++]);
	}
	assert_int_equal(n, f->lines);
	root_of(leaves, n, found);
	hex(found, 32, root);
	hex(leaves[n - 1], 32, head);
}

/* --- notes ------------------------------------------------------------------------------------ */

static void
load(struct note_text *t, const char *dir, const char *name)
{
	char path[512];
	CLEANUP_FREE char *bytes = NULL;
	CLEANUP_FD int fd = -1;
	const char *end;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s.seal", dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		fail_msg("%s has no seal", name);
	assert_int_equal(fd_read_file(fd, NOTE_MAX, &bytes, &n), 0);
	memcpy(t->all, bytes, n);
	t->all[n] = '\0';
	end = strchr(t->all, '\n');
	assert_true(end && end[1] == '\n');
	t->n = (size_t)(end - t->all) + 1;
}

/* What stands between the member's quotes. */
static void
member(const struct note_text *t, const char *name, char *out, size_t size)
{
	char key[32];
	const char *p, *end;

	(void)snprintf(key, sizeof(key), "\"%s\":\"", name);
	p = strstr(t->all, key);
	assert_non_null(p);
	p += strlen(key);
	end = strchr(p, '"');
	assert_true(end && (size_t)(end - p) < size);
	memcpy(out, p, (size_t)(end - p));
	out[end - p] = '\0';
}

static void
decode(const char *base64, uint8_t *out, size_t n)
{
	uint8_t room[256];
	size_t length = strcspn(base64, "\n");

	assert_true(length < 300);
	/* Counts the padding as bytes. */
	assert_int_equal(
	    EVP_DecodeBlock(room, (const uint8_t *)base64, (int)length), (n + 2) / 3 * 3);
	memcpy(out, room, n);
}

/* The signature line's, by the key that the text names. */
static void
check_signature(const struct note_text *t, uint8_t key[32])
{
	const char *line = strrchr(t->all, ' ');
	uint8_t named[33], signature[4 + 64];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *pkey;
	char vkey[256];

	member(t, "key", vkey, sizeof(vkey));
	/* name+id+key: the name has no '+', the key may. */
	decode(strchr(strchr(vkey, '+') + 1, '+') + 1, named, 33);
	assert_int_equal(named[0], 1);
	memcpy(key, named + 1, 32);
	decode(line + 1, signature, sizeof(signature));
	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey), 1);
	assert_int_equal(
	    EVP_DigestVerify(ctx, signature + 4, 64, (const uint8_t *)t->all, t->n), 1);
	EVP_PKEY_free(pkey);
	EVP_MD_CTX_free(ctx);
}

/* --- a log ------------------------------------------------------------------------------------ */

static void
expect_text(const struct note_text *t, const char *what)
{
	if (!strstr(t->all, what))
		fail_msg("not in the seal: %s\n%s", what, t->all);
}

static void
check_content(const struct log *log, unsigned file, const struct note_text *t, uint64_t first)
{
	const struct log_file *f = &log->file[file];
	char want[1024], root[65], head[65], sum[65];
	uint8_t digest[32];

	(void)SHA256((const uint8_t *)f->bytes, f->size, digest);
	hex(digest, 32, sum);
	tree(log, file, root, head);
	(void)snprintf(want, sizeof(want),
	    ",\"file\":\"%s\",\"bytes\":%zu,\"sha256\":\"%s\",\"records\":%zu,\"first_seq\":%llu,"
	    "\"last_seq\":%llu,",
	    f->name, f->size, sum, f->lines, (unsigned long long)first,
	    (unsigned long long)first + f->lines - 1);
	expect_text(t, want);
	(void)snprintf(want, sizeof(want), "\"head\":\"%s\",\"root\":\"%s\",", head, root);
	expect_text(t, want);
}

static uint64_t
index_of(const struct note_text *t)
{
	const char *p = strstr(t->all, ",\"index\":");

	assert_non_null(p);
	return strtoull(p + 9, NULL, 10);
}

/* What the seal before says of this one. */
struct before {
	bool any;
	uint64_t index;
	uint8_t next_key[32];
	char hash[65];
};

static void
check_chain(struct before *b, const struct note_text *t, const uint8_t key[32])
{
	uint8_t digest[32];
	char text[128];

	member(t, "prev_seal", text, sizeof(text));
	if (b->any && index_of(t) == b->index + 1) {
		assert_string_equal(text, b->hash);
		assert_memory_equal(key, b->next_key, 32);
	} else {
		/* Only the front of a log may be missing. */
		assert_false(b->any);
	}
	b->any = true;
	b->index = index_of(t);
	member(t, "next_key", text, sizeof(text));
	decode(text, b->next_key, 32);
	(void)SHA256((const uint8_t *)t->all, t->n, digest);
	hex(digest, 32, b->hash);
}

void
log_check_seals(const struct log *log, const char *dir)
{
	static struct note_text t;
	struct before before = {0};
	uint64_t seq = log->lines > 0 ? log->line[0].seq : 0;
	uint8_t key[32];

	for (unsigned i = 0; i < log->files; i++) {
		const struct log_file *f = &log->file[i];

		if (f->closed) {
			load(&t, dir, f->name);
			check_signature(&t, key);
			check_chain(&before, &t, key);
			check_content(log, i, &t, seq);
		}
		seq += f->lines;
	}
}

bool
log_seal_says(const char *dir, const char *name, const char *text)
{
	static struct note_text t;

	load(&t, dir, name);
	return strstr(t.all, text) != NULL;
}
