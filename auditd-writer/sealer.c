/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/sealer.h"

#include <errno.h>
#include <string.h>

#include "auditd-writer/repair.h"
#include "common/cleanup.h"

static int
failed(const char **ret_step, const char *step, int error)
{
	*ret_step = step;
	return error;
}

int
sealer_init(struct sealer *s, const struct dir *audit, struct keyfile *file,
    const struct identity *identity, const struct keystate *state)
{
	*s = (struct sealer){.dir = audit, .file = file, .identity = identity, .hash = hash_new()};
	/* Not in the above: the private key would be left in what that is put together in. */
	s->state = *state;
	return s->hash ? 0 : -ENOMEM;
}

void
sealer_deinit(struct sealer *s)
{
	hash_free(s->hash);
	ed25519_pair_close(&s->signer);
	keystate_wipe(&s->state);
	keystate_wipe(&s->next);
}

/* --- stage ------------------------------------------------------------------------------------ */

/* What the seal says, but for its keys. */
static struct seal
body(const struct sealer *s, const struct sealing *g)
{
	const struct keystate *k = &s->next;
	const struct tally_total *t = g->total;
	struct seal seal = {
	    .origin = str_from(k->origin),
	    .index = k->next_index,
	    .file = str_from(g->base),
	    .bytes = (uint64_t)t->bytes,
	    .records = t->records,
	    .first_seq = t->first_seq,
	    .last_seq = t->last_seq,
	    .first_time = t->first_time,
	    .last_time = t->last_time,
	    .state = g->state,
	    .torn_bytes = g->torn_bytes,
	    .session = str_from(s->identity->session),
	    .boot_id = str_from(s->identity->boot_id),
	};

	memcpy(seal.sha256, t->sha256, HASH_SIZE);
	memcpy(seal.head, t->head, HASH_SIZE);
	memcpy(seal.root, t->root, HASH_SIZE);
	memcpy(seal.prev_seal, k->prev_seal, HASH_SIZE);
	return seal;
}

/* The whole note. Signed, and read again as a stranger would. ret_sum: of its text. */
static int
write_note(struct sealer *s, const struct seal *seal, struct keystate_pending *p,
    uint8_t ret_sum[HASH_SIZE])
{
	struct text t = text_over(p->note, sizeof(p->note));
	uint8_t signature[ED25519_SIGNATURE];
	struct note_key key;
	struct str text;
	struct seal again;
	const char *why;
	size_t at;
	int error;

	seal_format(&t, seal, s->hash);
	error = ed25519_pair_sign(&s->signer, text_str(&t), signature);
	if (error < 0)
		return error;
	hash_begin(s->hash);
	hash_add(s->hash, text_str(&t));
	hash_end(s->hash, ret_sum);
	seal_key(seal, s->hash, &key);
	note_sign_put(&t, &key, signature);
	p->n = t.n;
	return text_ok(&t) ? seal_open(text_str(&t), s->hash, &again, &text, &why, &at) : -EINVAL;
}

/* Open s->signer with this seed, if that is not what it was left with. */
static int
open_signer(struct sealer *s, const uint8_t seed[ED25519_SEED])
{
	if (ed25519_pair_is(&s->signer, seed))
		return 0;
	ed25519_pair_close(&s->signer);
	return ed25519_pair_open(&s->signer, seed);
}

/* The state moves on behind this segment; its seed becomes that of the next seal. */
static int
stage_one(struct sealer *s, const struct sealing *g)
{
	struct keystate *k = &s->next;
	struct keystate_pending *p = &k->pending[k->n_pending];
	struct seal seal = body(s, g);
	struct ed25519_pair next = {.private_key = NULL};
	uint8_t seed[ED25519_SEED], sum[HASH_SIZE];
	int error = identity_random(seed, sizeof(seed));

	if (error == 0)
		error = open_signer(s, k->seed);
	if (error == 0)
		error = ed25519_pair_open(&next, seed);
	memcpy(seal.key, s->signer.key, ED25519_KEY);
	memcpy(seal.next_key, next.key, ED25519_KEY);
	if (error == 0)
		error = write_note(s, &seal, p, sum);
	if (error == 0) {
		ed25519_pair_close(&s->signer);
		s->signer = next;
		next = (struct ed25519_pair){.private_key = NULL};
		memcpy(p->base, g->base, strlen(g->base) + 1);
		s->files[k->n_pending] = g->file;
		memcpy(k->seed, seed, ED25519_SEED);
		memcpy(k->head, seal.head, HASH_SIZE);
		memcpy(k->prev_seal, sum, HASH_SIZE);
		k->n_pending++;
		k->next_index++;
		k->seq = seal.last_seq;
		k->last_time = seal.last_time;
	}
	ed25519_pair_close(&next);
	explicit_bzero(seed, sizeof(seed));
	return error;
}

/*
 * As many as one commit takes, in next. *ret_taken: how many of them are staged, or were sealed
 * before; an error is that of the one behind them.
 */
static int
stage(struct sealer *s, const struct sealing *group, unsigned n, unsigned *ret_taken,
    const char **ret_step)
{
	int error = 0;
	unsigned i = 0;

	s->next = s->state;
	s->next.n_pending = 0;
	for (; i < n && s->next.n_pending < KEYSTATE_PENDING; i++) {
		const struct tally_total *t = group[i].total;

		if (t->last_seq <= s->next.seq)
			continue;
		error = t->first_seq == s->next.seq + 1 ? stage_one(s, &group[i]) : -EBUSY;
		if (error < 0)
			break;
	}
	s->staged = s->next.n_pending > 0;
	if (!s->staged)
		keystate_wipe(&s->next);
	*ret_taken = i;
	if (error == -EBUSY)
		return failed(ret_step, "seal a segment before an earlier one", error);
	return error < 0 ? failed(ret_step, "make a seal", error) : 0;
}

static int
commit(struct sealer *s, const char **ret_step)
{
	int error = keyfile_commit(s->file, &s->next);

	if (error < 0)
		return failed(ret_step, "commit the key state", error);
	s->state = s->next;
	s->staged = s->published = false;
	s->n_placed = 0;
	keystate_wipe(&s->next);
	return 0;
}

/* --- publish ---------------------------------------------------------------------------------- */

/* 1: there is this seal under this name. 0: there is none. -EBADMSG: something else is there. */
static int
seal_is_there(const struct sealer *s, const char *name, const struct keystate_pending *p)
{
	char found[SEAL_NOTE + 1];
	CLEANUP_FD int fd = dir_open_read(s->dir, name);
	ssize_t n;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	n = dir_read(fd, found, sizeof(found), 0);
	if (n < 0)
		return (int)n;
	return (size_t)n == p->n && memcmp(found, p->note, p->n) == 0 ? 1 : -EBADMSG;
}

static int
write_seal(const struct sealer *s, const char *name, const struct keystate_pending *p)
{
	int fd = repair_scratch(s->dir);
	int error = fd < 0 ? fd : dir_write(fd, p->note, p->n, 0);

	if (error == 0)
		error = dir_sync_file(fd);
	return error < 0 ? error : repair_place(s->dir, name);
}

static int
publish_seal(const struct sealer *s, const struct keystate_pending *p, const char **ret_step)
{
	char name[SEGNAME_SIZE];
	int there;

	segname_with(name, p->base, SEGNAME_SEAL);
	there = seal_is_there(s, name, p);
	if (there < 0)
		return failed(ret_step, "compare a seal with what is there", there);
	if (there > 0)
		return 0;
	there = write_seal(s, name, p);
	return there < 0 ? failed(ret_step, "write a seal", there) : 0;
}

/* Whether that closed segment, if there is one, is exactly what its pending seal says. */
static bool
is_what_was_sealed(const struct sealer *s, int fd, const struct keystate_pending *p)
{
	uint8_t found[HASH_SIZE];
	char piece[4096];
	struct str text;
	struct seal seal;
	const char *why;
	size_t at;
	ssize_t n = 0;

	if (fd < 0 || seal_open((struct str){p->note, p->n}, s->hash, &seal, &text, &why, &at) < 0)
		return false;
	if (dir_size(fd) != (int64_t)seal.bytes)
		return false;
	hash_begin(s->hash);
	for (int64_t done = 0; (n = dir_read(fd, piece, sizeof(piece), done)) > 0; done += n)
		hash_add(s->hash, (struct str){piece, (size_t)n});
	hash_end(s->hash, found);
	return n == 0 && memcmp(found, seal.sha256, HASH_SIZE) == 0;
}

/* What somebody has put in its place is not what the seal says. */
static int
find_segment(const struct sealer *s, const char *tmp, const struct dir_file *file)
{
	int found = file->inode == 0 ? 1 : dir_leads_to(s->dir, tmp, file);

	return found == 0 ? -ENOENT : found;
}

/*
 * At start: what somebody has moved, and moved back when a copy of it was sealed, holds more than that. 1: its
 * beginning is closed. 0: there is nothing like that.
 */
static int
close_beginning(const struct sealer *s, const struct keystate_pending *p, const char **ret_step)
{
	char tmp[SEGNAME_SIZE];
	CLEANUP_FD int fd = -1;
	struct seal seal;
	struct str text;
	const char *why;
	size_t at;
	int error;

	segname_with(tmp, p->base, SEGNAME_TMP);
	fd = dir_open_read(s->dir, tmp);
	if (fd < 0 || seal_open((struct str){p->note, p->n}, s->hash, &seal, &text, &why, &at) < 0)
		return 0;
	if (dir_size(fd) <= (int64_t)seal.bytes)
		return 0;
	error = repair_copy(s->dir, fd, (int64_t)seal.bytes, s->hash, seal.sha256, ret_step);
	if (error == 0)
		error = repair_place(s->dir, p->base);
	if (error == -EBADMSG || error == -EEXIST)
		return 0;
	return error < 0 ? error : 1;
}

/* 1: it is closed, now or before. 0: it is not there, under neither name. */
static int
publish_segment(const struct sealer *s, const struct keystate_pending *p, const char **ret_step)
{
	const struct dir_file *file = &s->files[p - s->state.pending];
	char tmp[SEGNAME_SIZE];
	CLEANUP_FD int fd = -1;
	int error;

	segname_with(tmp, p->base, SEGNAME_TMP);
	error = find_segment(s, tmp, file);
	if (error < 0)
		return failed(ret_step, "find a segment", error);
	error = dir_rename(s->dir, tmp, p->base);
	if (error == 0)
		return 1;
	if (error != -ENOENT && error != -EEXIST)
		return failed(ret_step, "rename a segment", error);
	fd = dir_open_read(s->dir, p->base);
	/* It was closed before; what has come back beside it is for nobody. */
	if (error == -EEXIST && is_what_was_sealed(s, fd, p))
		return 1;
	if (error == -EEXIST)
		return failed(ret_step, "rename a segment", error);
	if (fd >= 0)
		return 1;
	return fd == -ENOENT ? 0 : failed(ret_step, "look for a segment", fd);
}

/* gone: NULL when none may be. */
static int
publish_one(
    const struct sealer *s, const struct keystate_pending *p, char *gone, const char **ret_step)
{
	int error = publish_seal(s, p, ret_step), there;

	if (error < 0)
		return error;
	there = gone ? close_beginning(s, p, ret_step) : 0;
	if (there == 0)
		there = publish_segment(s, p, ret_step);
	if (there < 0)
		return there;
	if (there == 0 && !gone)
		return failed(ret_step, "find a segment", -ENOENT);
	if (there == 0)
		memcpy(gone, p->base, SEGNAME_SIZE);
	return 0;
}

/* What is in place is not looked at again: whoever takes closed segments away may have been there. */
static int
publish(struct sealer *s, char *gone, const char **ret_step)
{
	int error;

	for (; s->n_placed < s->state.n_pending; s->n_placed++) {
		const struct keystate_pending *p = &s->state.pending[s->n_placed];

		s->at = p->base;
		error = publish_one(s, p, gone, ret_step);
		if (error < 0)
			return error;
	}
	s->at = NULL;
	error = dir_sync(s->dir);
	if (error < 0)
		return failed(ret_step, "sync the directory", error);
	s->published = true;
	s->published_seq = s->state.seq;
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* What is staged becomes committed, what is committed published. */
static int
settle(struct sealer *s, const char **ret_step)
{
	int error = s->staged ? commit(s, ret_step) : 0;

	if (error == 0 && !s->published)
		error = publish(s, NULL, ret_step);
	return error;
}

int
sealer_resume(struct sealer *s, char ret_gone[SEGNAME_SIZE], const char **ret_step)
{
	ret_gone[0] = '\0';
	return publish(s, ret_gone, ret_step);
}

bool
sealer_has_placed(const struct sealer *s, const char *base)
{
	for (unsigned i = 0; i < s->n_placed; i++)
		if (strcmp(s->state.pending[i].base, base) == 0)
			return true;
	return false;
}

/* A segment whose publishing has failed may have been copied since: it is another file by now. */
static void
look_at_files(struct sealer *s, const struct sealing *group, unsigned n)
{
	const struct keystate *k = s->staged ? &s->next : &s->state;

	for (unsigned i = 0; i < k->n_pending; i++)
		for (unsigned j = 0; j < n; j++)
			if (strcmp(k->pending[i].base, group[j].base) == 0)
				s->files[i] = group[j].file;
}

int
sealer_seal(struct sealer *s, const struct sealing *group, unsigned n, const char **ret_step)
{
	int error;

	look_at_files(s, group, n);
	error = settle(s, ret_step);
	while (error == 0 && n > 0) {
		unsigned taken;
		int refused = stage(s, group, n, &taken, ret_step);

		error = settle(s, ret_step);
		if (error == 0)
			error = refused;
		group += taken;
		n -= taken;
	}
	return error;
}
