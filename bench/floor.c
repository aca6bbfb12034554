/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fds.h"
#include "proto/line.h"

#define FLOOR_BATCH 1024
#define FLOOR_FILE_MAX (INT64_C(1) << 30) /* start over at the front beyond this */

struct floor {
	int fd;
	EVP_MD *sha256;
	EVP_MD_CTX *ctx;
	struct line_stamp stamp;
	char *buf;
	off_t at;
};

struct record
floor_record(void)
{
	return (struct record){
	    .category = RECORD_EVALUATION,
	    .decision = DECISION_DENY,
	    .enforcement_mode = MODE_ENFORCE,
	    .username = STR("builder"),
	    .org_id = STR("org-1"),
	    .org_name = STR("Acme Inc"),
	    .resource_id = STR("www.example.com:443"),
	    .client_name = STR("bench"),
	    .reasons = 1,
	    .deny_reason = {STR("no applicable policies for op(action=net:connect:tcp, "
				"resource=net:domain:www.example.com:443)")},
	    .action_type = ACTION_NETWORK_EGRESS,
	    .payload = STR("{\"\x08\0protocol\"\x03\0tcp}"),
	    .action = STR("net:connect:tcp"),
	    .policy_revision = STR("2026-11-21.1"),
	    .has_peer = true,
	    .peer = {1000, 1000, 123456},
	    .request_id = STR("12345"),
	};
}

static int
floor_append(struct floor *f, struct text *t, const struct record *r)
{
	static const unsigned char leaf = 0;
	size_t start = t->n;

	f->stamp.seq++;
	f->stamp.time = clock_real();
	if (line_format(t, r, &f->stamp) < 0)
		return -EMSGSIZE;
	if (!EVP_DigestInit_ex2(f->ctx, f->sha256, NULL) || !EVP_DigestUpdate(f->ctx, &leaf, 1) ||
	    !EVP_DigestUpdate(f->ctx, t->p + start, t->n - start) ||
	    !EVP_DigestFinal_ex(f->ctx, f->stamp.prev_hash, NULL))
		return -EIO;
	return 0;
}

static int
floor_batch(struct floor *f, const struct record *r, unsigned batch, bool sync)
{
	struct text t = text_over(f->buf, FLOOR_BATCH * (size_t)LIMIT_LINE);

	for (unsigned i = 0; i < batch; i++)
		if (floor_append(f, &t, r) < 0)
			return -EIO;
	if (pwrite(f->fd, t.p, t.n, f->at) != (ssize_t)t.n)
		return -errno;
	f->at += (off_t)t.n;
	if (f->at > FLOOR_FILE_MAX)
		f->at = 0;
	return sync && fdatasync(f->fd) < 0 ? -errno : 0;
}

static int
floor_open(struct floor *f, const char *dir)
{
	char name[4096];
	int n = snprintf(name, sizeof(name), "%s/floor-XXXXXX", dir);

	*f = (struct floor){.fd = -1};
	if (n < 0 || (size_t)n >= sizeof(name))
		return -ENAMETOOLONG;
	f->fd = mkostemp(name, O_CLOEXEC);
	if (f->fd < 0)
		return -errno;
	(void)unlink(name);
	f->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	f->ctx = EVP_MD_CTX_new();
	f->buf = malloc(FLOOR_BATCH * (size_t)LIMIT_LINE);
	line_uuid_text((const uint8_t[UUID_BYTES]){1}, f->stamp.session);
	(void)snprintf(f->stamp.hostname, sizeof(f->stamp.hostname), "bench");
	f->stamp.channel = 1;
	return f->sha256 && f->ctx && f->buf ? 0 : -ENOMEM;
}

static void
floor_close(struct floor *f)
{
	free(f->buf);
	EVP_MD_CTX_free(f->ctx);
	EVP_MD_free(f->sha256);
	if (f->fd >= 0)
		(void)close(f->fd);
}

int
floor_measure(const char *dir, unsigned batch, bool sync, double seconds, struct floor_result *ret)
{
	struct record r = floor_record();
	int64_t start = clock_monotonic(), now = start;
	uint64_t bytes = 0, records = 0;
	struct floor f;
	int error = batch <= FLOOR_BATCH ? floor_open(&f, dir) : -E2BIG;

	while (error == 0 && (double)(now - start) < seconds * 1e6) {
		off_t before = f.at;

		error = floor_batch(&f, &r, batch, sync);
		bytes += f.at > before ? (uint64_t)(f.at - before) : 0;
		records += batch;
		now = clock_monotonic();
	}
	if (batch <= FLOOR_BATCH)
		floor_close(&f);
	if (error < 0)
		return error;
	ret->records_per_second = (double)records * 1e6 / (double)(now - start);
	ret->bytes_per_record = (double)bytes / (double)records;
	return 0;
}
