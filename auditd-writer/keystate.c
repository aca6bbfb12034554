/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/keystate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditd-writer/keyslot.h"
#include "auditd-writer/repair.h"

#define SLOTS 2
#define FILE_SIZE ((int64_t)SLOTS * KEYSTATE_SLOT)

void
keystate_wipe(struct keystate *s)
{
	explicit_bzero(s->seed, sizeof(s->seed));
}

int
keyfile_init(struct keyfile *k, const struct dir *keys, struct hash *sum, const uint8_t *secret)
{
	*k = (struct keyfile){.dir = keys, .fd = -1, .sum = sum};
	k->room = calloc(1, KEYSTATE_SLOT);
	if (!k->room)
		return -ENOMEM;
	if (!secret)
		return 0;
	k->wrap = keywrap_new(secret);
	return k->wrap ? 0 : -EIO;
}

/* After an error nothing is known of what a descriptor has brought to disk. */
static void
distrust(struct keyfile *k)
{
	if (k->fd >= 0)
		(void)close(k->fd);
	k->fd = -1;
}

/* What room holds becomes this slot, durably. */
static int
slot_write(struct keyfile *k, unsigned slot)
{
	int error = dir_write(k->fd, (const char *)k->room, KEYSTATE_SLOT, slot * KEYSTATE_SLOT);

	if (error == 0)
		error = dir_sync_data(k->fd);
	if (error < 0)
		distrust(k);
	return error;
}

static int
slot_erase(struct keyfile *k, unsigned slot)
{
	explicit_bzero(k->room, KEYSTATE_SLOT);
	return slot_write(k, slot);
}

static int
slot_read(struct keyfile *k, unsigned slot)
{
	ssize_t n = dir_read(k->fd, (char *)k->room, KEYSTATE_SLOT, slot * KEYSTATE_SLOT);

	if (n < 0)
		return (int)n;
	return n == KEYSTATE_SLOT ? 0 : -ENODATA;
}

/* --- open ------------------------------------------------------------------------------------- */

static int
complain(struct text *why, const char *what, int error)
{
	text_put(why, STR("the key state "));
	text_put(why, str_from(what));
	text_put(why, STR(KEYSTATE_WAY_OUT));
	return error;
}

static int
complain_size(struct text *why, int64_t size)
{
	text_put(why, STR("the key state is damaged: it has "));
	text_i64(why, size);
	text_put(why, STR(" bytes instead of "));
	text_i64(why, FILE_SIZE);
	text_put(why, STR(KEYSTATE_WAY_OUT));
	return -EBADMSG;
}

static int
file_open(struct keyfile *k, struct text *why)
{
	int64_t size;

	k->fd = dir_open_keystate(k->dir);
	if (k->fd == -EKEYREJECTED)
		return complain(why, "may be read or written by group or others", k->fd);
	if (k->fd == -EINVAL || k->fd == -ELOOP || k->fd == -EISDIR)
		return complain(why, "is not a regular file", -EBADMSG);
	if (k->fd < 0)
		return k->fd;
	size = dir_size(k->fd);
	if (size < 0)
		return (int)size;
	return size == FILE_SIZE ? 0 : complain_size(why, size);
}

/* Which slot is the newest whole one, and what the other one holds. */
static int
choose(struct keyfile *k, enum keyslot_kind *ret_other, struct text *why)
{
	enum keyslot_kind kind[SLOTS];
	uint64_t generation[SLOTS];

	for (unsigned i = 0; i < SLOTS; i++) {
		int error = slot_read(k, i);

		if (error < 0)
			return error;
		kind[i] = keyslot_look(k->room, k->sum, &generation[i]);
	}
	if (kind[0] != KEYSLOT_WHOLE && kind[1] != KEYSLOT_WHOLE)
		return complain(why, "is damaged: neither of its two slots is whole", -EBADMSG);
	if (kind[0] == kind[1] && generation[0] == generation[1])
		return complain(why, "is damaged: both slots are of one generation", -EBADMSG);
	k->slot = kind[0] != KEYSLOT_WHOLE ||
		  (kind[1] == KEYSLOT_WHOLE && generation[1] > generation[0]);
	k->generation = generation[k->slot];
	*ret_other = kind[!k->slot];
	return 0;
}

/*
 * What an interruption left undone. With two whole slots nobody knows whether the newer one reached
 * the disk before a sync failed: it is written once more before the older one goes.
 */
static int
settle(struct keyfile *k, enum keyslot_kind other)
{
	int error = dir_sync(k->dir);

	if (error == 0 && other == KEYSLOT_WHOLE)
		error = slot_write(k, k->slot);
	return error < 0 ? error : slot_erase(k, !k->slot);
}

static int
read_state(struct keyfile *k, struct keystate *ret, struct text *why)
{
	enum keyslot_kind other = KEYSLOT_BLANK;
	const char *what = "";
	int error = choose(k, &other, why);

	if (error == 0)
		error = slot_read(k, k->slot);
	if (error < 0)
		return error;
	error = keyslot_decode(k->room, k->wrap, ret, &what);
	if (error < 0)
		return complain(why, what, error);
	return settle(k, other);
}

int
keyfile_open(struct keyfile *k, struct keystate *ret, struct text *why)
{
	int error = file_open(k, why);

	if (error == 0)
		error = read_state(k, ret, why);
	explicit_bzero(k->room, KEYSTATE_SLOT);
	if (error == 0)
		return 0;
	distrust(k);
	keystate_wipe(ret);
	return error;
}

/* --- create ----------------------------------------------------------------------------------- */

static int
first_write(struct keyfile *k)
{
	int error = slot_write(k, 0);

	return error < 0 ? error : slot_erase(k, 1);
}

static int
first_place(struct keyfile *k)
{
	int error = dir_sync_file(k->fd);

	if (error == 0)
		error = repair_place_first(k->dir, DIR_KEYSTATE);
	return error < 0 ? error : dir_sync(k->dir);
}

int
keyfile_create(struct keyfile *k, const struct keystate *first)
{
	int error = k->wrap ? keywrap_nonce(k->nonce) : 0;

	k->slot = 0;
	k->generation = 1;
	if (error == 0)
		error = keyslot_encode(k->room, first, 1, k->wrap, k->nonce, k->sum);
	if (error < 0)
		return error;
	k->fd = repair_scratch_secret(k->dir);
	error = k->fd < 0 ? k->fd : first_write(k);
	explicit_bzero(k->room, KEYSTATE_SLOT);
	if (error == 0)
		error = first_place(k);
	if (error < 0)
		distrust(k);
	return error;
}

/* --- commit ----------------------------------------------------------------------------------- */

/* The new slot's bytes into room: those of the try before, if there was one. */
static int
commit_encode(struct keyfile *k, const struct keystate *next)
{
	uint8_t check[HASH_SIZE];
	int error = k->step == KEYFILE_RESTS && k->wrap ? keywrap_nonce(k->nonce) : 0;

	if (error == 0)
		error = keyslot_encode(k->room, next, k->generation + 1, k->wrap, k->nonce, k->sum);
	if (error < 0)
		return error;
	hash_begin(k->sum);
	hash_add(k->sum, (struct str){(const char *)k->room, KEYSTATE_SLOT});
	hash_end(k->sum, check);
	if (k->step != KEYFILE_RESTS)
		return memcmp(check, k->check, HASH_SIZE) == 0 ? 0 : -EINVAL;
	memcpy(k->check, check, HASH_SIZE);
	return 0;
}

/*
 * A slot that is durable is not written again while the other one is being erased: a write that is
 * torn would leave nothing.
 */
static int
commit_write(struct keyfile *k)
{
	int error = 0;

	if (k->fd < 0)
		k->fd = dir_open_keystate(k->dir);
	if (k->fd < 0)
		return k->fd;
	if (k->step != KEYFILE_ERASING)
		error = slot_write(k, !k->slot);
	if (error < 0)
		return error;
	k->step = KEYFILE_ERASING;
	return slot_erase(k, k->slot);
}

int
keyfile_commit(struct keyfile *k, const struct keystate *next)
{
	int error = commit_encode(k, next);

	if (error == 0) {
		if (k->step == KEYFILE_RESTS)
			k->step = KEYFILE_WRITING;
		error = commit_write(k);
	}
	explicit_bzero(k->room, KEYSTATE_SLOT);
	if (error < 0)
		return error;
	k->slot = !k->slot;
	k->generation++;
	k->step = KEYFILE_RESTS;
	return 0;
}
