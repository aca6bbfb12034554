/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/keystate_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "tests/unit/dir_faults.h"

struct keys_fixture fx;

const uint8_t keys_secret[KEYSTATE_SECRET] = "a secret of just thirty-two byte";
const uint8_t keys_other_secret[KEYSTATE_SECRET] = "another one of thirty-two bytes.";

int
keys_setup(void **state)
{
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR"), *why;
	int n = snprintf(
	    fx.top, sizeof(fx.top), "%s/keys-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");

	(void)state;
	dir_fault_only(NULL);
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	if (n < 0 || !mkdtemp(fx.top) || hash_init() < 0)
		return -1;
	fx.k.fd = -1;
	fx.sum = hash_new();
	return dir_open(&fx.dir, fx.top, &why);
}

void
keys_seed(void)
{
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	print_message("SEED=%u\n", seed);
	srandom(seed);
}

void
keys_forget(struct keyfile *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	keywrap_free(f->wrap);
	free(f->room);
	*f = (struct keyfile){.fd = -1};
}

void
keys_clear(void)
{
	DIR *d = opendir(fx.top);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			assert_int_equal(unlinkat(fx.dir.fd, e->d_name, 0), 0);
	(void)closedir(d);
}

int
keys_teardown(void **state)
{
	(void)state;
	dir_fault_set(DIR_FAULT_NONE, 0, 0, 0);
	keys_forget(&fx.k);
	keys_clear();
	(void)close(fx.dir.fd);
	(void)rmdir(fx.top);
	hash_free(fx.sum);
	return 0;
}

/* A state of its own for each i from 1 on: after seal i - 1, with so many pending. */
void
keys_make(struct keystate *s, unsigned i, unsigned n_pending)
{
	memset(s, 0, sizeof(*s));
	(void)snprintf(s->origin, sizeof(s->origin), "host.example/sealwright/%015llx",
	    (unsigned long long)KEYS_LOG_ID);
	s->log_id = KEYS_LOG_ID;
	memset(s->first_key, 0x11, sizeof(s->first_key));
	for (unsigned b = 0; b < ED25519_SEED; b++)
		s->seed[b] = (uint8_t)(i * 37 + b * 151 + 90);
	s->next_index = i;
	if (i == 0)
		return;
	s->seq = i * 1000;
	s->last_time = INT64_C(1795000000000000) + i;
	memset(s->head, (int)(0x20 + i % 16), sizeof(s->head));
	memset(s->prev_seal, (int)(0x30 + i % 16), sizeof(s->prev_seal));
	s->n_pending = n_pending;
	for (unsigned p = 0; p < n_pending; p++) {
		int n = snprintf(
		    s->pending[p].note, SEAL_NOTE, "{\"a\":%u}\n\n\u2014 key %u\n", i, p);

		(void)snprintf(s->pending[p].base, SEGNAME_SIZE,
		    "audit-20261121T034650Z-0b0e0000-0000-4000-8000-00000000000a-%06u.jsonl",
		    i + p);
		s->pending[p].n = (size_t)n;
	}
}

static bool
same_pending(const struct keystate *a, const struct keystate *b)
{
	if (a->n_pending != b->n_pending || a->n_pending > KEYSTATE_PENDING)
		return false;
	for (unsigned i = 0; i < a->n_pending; i++)
		if (memcmp(a->pending[i].base, b->pending[i].base, SEGNAME_SIZE) != 0 ||
		    a->pending[i].n != b->pending[i].n ||
		    memcmp(a->pending[i].note, b->pending[i].note, SEAL_NOTE) != 0)
			return false;
	return true;
}

bool
keys_same(const struct keystate *a, const struct keystate *b)
{
	return memcmp(a->origin, b->origin, sizeof(a->origin)) == 0 && a->log_id == b->log_id &&
	       memcmp(a->first_key, b->first_key, ED25519_KEY) == 0 &&
	       a->next_index == b->next_index && memcmp(a->seed, b->seed, ED25519_SEED) == 0 &&
	       a->seq == b->seq && a->last_time == b->last_time &&
	       memcmp(a->head, b->head, HASH_SIZE) == 0 &&
	       memcmp(a->prev_seal, b->prev_seal, HASH_SIZE) == 0 && same_pending(a, b);
}

void
keys_begin(struct keyfile *f, const uint8_t *secret)
{
	assert_int_equal(keyfile_init(f, &fx.dir, fx.sum, secret), 0);
}

/* Open it as a new process would. */
int
keys_open(struct keyfile *f, const uint8_t *secret)
{
	struct text why = text_over(fx.complaint, sizeof(fx.complaint) - 1);
	int error;

	memset(fx.complaint, 0, sizeof(fx.complaint));
	keys_begin(f, secret);
	error = keyfile_open(f, &fx.got, &why);
	if (error < 0)
		keys_forget(f);
	return error;
}

void
keys_expect(const struct keystate *s, const uint8_t *secret)
{
	struct keyfile f;

	assert_int_equal(keys_open(&f, secret), 0);
	assert_true(keys_same(s, &fx.got));
	keys_forget(&f);
}

void
keys_expect_refused(int error, const char *text, const uint8_t *secret)
{
	struct keyfile f;

	assert_int_equal(keys_open(&f, secret), error);
	assert_non_null(strstr(fx.complaint, text));
	assert_true(strstr(fx.complaint, "auditd-writer(8)") != NULL);
}

/* --- the file as bytes -------------------------------------------------------------------------- */

void
image_get(uint8_t image[KEYS_FILE])
{
	CLEANUP_FD int fd = openat(fx.dir.fd, DIR_KEYSTATE, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, image, KEYS_FILE, 0), KEYS_FILE);
}

void
image_put(const uint8_t *image, size_t n)
{
	CLEANUP_FD int fd = openat(
	    fx.dir.fd, DIR_KEYSTATE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, image, n, 0), (ssize_t)n);
}

bool
image_has_key(const uint8_t image[KEYS_FILE], const struct keystate *s)
{
	for (unsigned at = 0; at < ED25519_SEED; at += 8)
		if (memmem(image, KEYS_FILE, s->seed + at, 8))
			return true;
	return false;
}
