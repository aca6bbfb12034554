/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/seal_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "proto/facts.h"

#define SEALS 64

/* --- keys ------------------------------------------------------------------------------------- */

static void
begin(struct seal_fixture *s)
{
	struct keystate state = {.log_id = s->log_id};

	(void)snprintf(state.origin, sizeof(state.origin), "host/sealwright/%015llx",
	    (unsigned long long)s->log_id);
	assert_int_equal(identity_random(state.seed, sizeof(state.seed)), 0);
	assert_int_equal(ed25519_public(state.seed, state.first_key), 0);
	assert_int_equal(keyfile_init(&s->file, &s->dir, s->sum, NULL), 0);
	assert_int_equal(keyfile_create(&s->file, &state), 0);
	(void)close(s->file.fd);
	free(s->file.room);
	s->file = (struct keyfile){.fd = -1};
}

void
seal_fixture_init(struct seal_fixture *s, struct fixture *log, uint64_t log_id)
{
	const char *why;

	*s = (struct seal_fixture){.log = log, .log_id = log_id, .sum = hash_new()};
	(void)snprintf(s->top, sizeof(s->top), "%s", log->top);
	memcpy(strrchr(s->top, '/'), "/keys-XXXXXX", sizeof("/keys-XXXXXX"));
	assert_non_null(mkdtemp(s->top));
	assert_int_equal(dir_open(&s->dir, s->top, &why), 0);
	assert_int_equal(identity_gather(&s->identity), 0);
	begin(s);
}

static void
clear(struct seal_fixture *s)
{
	DIR *d = opendir(s->top);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			assert_int_equal(unlinkat(s->dir.fd, e->d_name, 0), 0);
	(void)closedir(d);
}

void
seal_fixture_deinit(struct seal_fixture *s)
{
	clear(s);
	(void)close(s->dir.fd);
	(void)rmdir(s->top);
	hash_free(s->sum);
}

void
seal_fixture_renew(struct seal_fixture *s)
{
	clear(s);
	begin(s);
}

int
seal_fixture_open(struct seal_fixture *s)
{
	char buf[512] = "";
	struct text why = text_over(buf, sizeof(buf) - 1);
	struct keystate state;
	int error = keyfile_init(&s->file, &s->dir, s->sum, NULL);

	assert_int_equal(error, 0);
	error = keyfile_open(&s->file, &state, &why);
	if (error == 0)
		error = sealer_init(&s->sealer, &s->log->dir, &s->file, &s->identity, &state);
	if (error < 0)
		free(s->file.room);
	return error;
}

void
seal_fixture_close(struct seal_fixture *s)
{
	sealer_deinit(&s->sealer);
	if (s->file.fd >= 0)
		(void)close(s->file.fd);
	free(s->file.room);
}

void
seal_fixture_state(struct seal_fixture *s, struct keystate *ret)
{
	char buf[512] = "";
	struct text why = text_over(buf, sizeof(buf) - 1);
	struct keyfile file;

	assert_int_equal(keyfile_init(&file, &s->dir, s->sum, NULL), 0);
	assert_int_equal(keyfile_open(&file, ret, &why), 0);
	(void)close(file.fd);
	free(file.room);
}

/* --- segments --------------------------------------------------------------------------------- */

struct tally_total
seal_fixture_total(const struct seal_fixture *s, unsigned first, unsigned last)
{
	struct tally_total total;
	struct tally t;

	assert_int_equal(tally_init(&t), 0);
	tally_begin(&t);
	for (unsigned i = first; i <= last; i++)
		tally_add(&t, s->log->line[i], &s->log->mark[i], 1);
	tally_end(&t, &total);
	tally_deinit(&t);
	return total;
}

void
seal_fixture_put(struct seal_fixture *s, const char *base, unsigned first, unsigned last)
{
	const struct tally_total total = seal_fixture_total(s, first, last);
	const struct sealing sealing = {.base = base, .total = &total, .state = SEAL_CLEAN};
	const char *step;

	fixture_put(s->log, base, ".jsonl.tmp", first, last, STR(""), 0);
	assert_int_equal(seal_fixture_open(s), 0);
	assert_int_equal(sealer_seal(&s->sealer, &sealing, 1, &step), 0);
	seal_fixture_close(s);
}

/* --- what is there ----------------------------------------------------------------------------- */

struct found {
	char note[SEAL_NOTE + 1];
	struct seal seal;
	struct str text;
};

struct all {
	struct found found[SEALS];
	unsigned n, closed;
};

static void
take_seal(struct seal_fixture *s, const char *name, struct found *ret)
{
	CLEANUP_FD int fd = openat(s->log->dir.fd, name, O_RDONLY);
	ssize_t n = read(fd, ret->note, sizeof(ret->note));
	const char *why = "";
	size_t at;

	assert_true(n > 0);
	if (seal_open(
		(struct str){ret->note, (size_t)n}, s->sum, &ret->seal, &ret->text, &why, &at))
		fail_msg("%s: %s", name, why);
}

static void
take_all(struct seal_fixture *s, struct all *all)
{
	DIR *d = opendir(s->log->top);
	struct dirent *e;

	assert_non_null(d);
	all->n = all->closed = 0;
	while ((e = readdir(d)) != NULL) {
		all->closed += str_ends(str_from(e->d_name), STR(".jsonl"));
		if (!str_ends(str_from(e->d_name), STR(".seal")))
			continue;
		assert_true(all->n < SEALS);
		take_seal(s, e->d_name, &all->found[all->n++]);
	}
	(void)closedir(d);
}

static const struct found *
with_index(const struct all *all, uint64_t index)
{
	unsigned i = 0;

	while (i < all->n && all->found[i].seal.index != index)
		i++;
	if (i == all->n)
		fail_msg("no seal has index %llu", (unsigned long long)index);
	return &all->found[i];
}

static void
sha256(struct seal_fixture *s, struct str bytes, uint8_t out[HASH_SIZE])
{
	hash_begin(s->sum);
	hash_add(s->sum, bytes);
	hash_end(s->sum, out);
}

static void
check_segment(struct seal_fixture *s, const struct seal *seal)
{
	const unsigned first = (unsigned)seal->first_seq, last = (unsigned)seal->last_seq;
	const struct tally_total total = seal_fixture_total(s, first, last);
	char name[SEGNAME_SIZE];

	(void)snprintf(name, sizeof(name), "%.*s", STR_ARG(seal->file));
	fixture_expect_file(s->log, name, first, last);
	assert_int_equal(seal->bytes, total.bytes);
	assert_int_equal(seal->records, total.records);
	assert_int_equal(seal->first_time, total.first_time);
	assert_int_equal(seal->last_time, total.last_time);
	assert_memory_equal(seal->sha256, total.sha256, HASH_SIZE);
	assert_memory_equal(seal->root, total.root, HASH_SIZE);
	assert_memory_equal(seal->head, s->log->mark[last].leaf, HASH_SIZE);
}

unsigned
seal_fixture_expect(struct seal_fixture *s)
{
	static struct all all;
	uint8_t prev[HASH_SIZE] = {0};
	struct keystate state;
	const uint8_t *key;
	uint64_t next = 1;

	take_all(s, &all);
	seal_fixture_state(s, &state);
	assert_int_equal(all.n, all.closed);
	assert_int_equal(all.n, state.next_index);
	key = state.first_key;
	for (unsigned i = 0; i < all.n; i++) {
		const struct found *f = with_index(&all, i);

		assert_memory_equal(f->seal.key, key, ED25519_KEY);
		assert_memory_equal(f->seal.prev_seal, prev, HASH_SIZE);
		assert_int_equal(f->seal.first_seq, next);
		check_segment(s, &f->seal);
		sha256(s, f->text, prev);
		key = f->seal.next_key;
		next = f->seal.last_seq + 1;
	}
	assert_memory_equal(state.prev_seal, prev, HASH_SIZE);
	assert_int_equal(state.seq, next - 1);
	return all.n;
}
