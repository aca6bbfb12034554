/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The key state: what seals the next segment, and where the sealed log ends. One file, "state", in
 * the key directory: two slots of KEYSTATE_SLOT bytes, written in turn (docs/FORMAT.md, "The key
 * state"). A commit writes the other slot and syncs it, then overwrites the old slot, with the old
 * private key in it, with zeros and syncs that. So a torn commit leaves the old state, a complete one
 * leaves only the new state, and the private key of a seal exists nowhere once that seal is committed.
 *
 * A commit that failed may or may not be on disk: the caller repeats the same one until it works, and
 * never commits anything else before. Then no key signs two seals.
 *
 * All functions return 0 or a negative errno; *why gets a text for people where that says too little.
 */

#include <stdbool.h>
#include <stdint.h>

#include "auditd-writer/dir.h"
#include "auditd-writer/keywrap.h"
#include "common/ed25519.h"
#include "common/hash.h"
#include "common/text.h"
#include "proto/seal.h"

#define KEYSTATE_SLOT (32u << 10)
#define KEYSTATE_PENDING 8 /* seals of one commit at most */
#define KEYSTATE_SECRET KEYWRAP_SECRET
/* Ends every message about a key state that is refused. */
#define KEYSTATE_WAY_OUT "; what to do is in auditd-writer(8), \"The key state\""

/* A seal that is committed; it may not be in the audit directory yet. */
struct keystate_pending {
	char base[SEGNAME_SIZE]; /* of the segment */
	size_t n;
	char note[SEAL_NOTE]; /* the whole file, signature included */
};

struct keystate {
	char origin[SEAL_ORIGIN + 1];
	uint64_t log_id;
	uint8_t first_key[ED25519_KEY]; /* verifies seal 0: what reviewers pin */
	uint64_t next_index;            /* of the next seal; all below are used */
	uint8_t seed[ED25519_SEED];     /* signs the next seal */
	/* Of the newest sealed record and its seal; zeros before the first. */
	uint64_t seq;
	int64_t last_time;
	uint8_t head[HASH_SIZE];
	uint8_t prev_seal[HASH_SIZE];
	unsigned n_pending;
	struct keystate_pending pending[KEYSTATE_PENDING];
};

/* How far a commit has come that failed. */
enum keyfile_step {
	KEYFILE_RESTS,   /* there is none */
	KEYFILE_WRITING, /* the new slot may hold anything; the old one is whole */
	KEYFILE_ERASING, /* the new slot is durable; the old one may hold anything */
};

/* The open file. */
struct keyfile {
	const struct dir *dir;
	int fd;              /* -1: not open, or not to be trusted any more */
	unsigned slot;       /* that holds the newest committed state */
	uint64_t generation; /* of it */
	struct hash *sum;
	struct keywrap *wrap; /* NULL: the private key is stored as it is */
	uint8_t *room;        /* one slot */
	/* Of a commit that failed: the next try writes the same bytes. */
	enum keyfile_step step;
	uint8_t nonce[KEYWRAP_NONCE];
	uint8_t check[HASH_SIZE]; /* of these bytes */
};

/*
 * What keyfile_open() and keyfile_create() need: dir and a running sum outlive it; secret NULL when
 * the private key is stored as it is, else not needed later. Allocates; nothing later does. -ENOMEM;
 * -EIO: no AES-256-GCM.
 */
int
keyfile_init(struct keyfile *k, const struct dir *keys, struct hash *sum, const uint8_t *secret);

/*
 * Read the state; finish the commit and the erasure that an interruption left undone. -ENOENT: there
 * is no state. -EBADMSG: there is one, and neither slot is whole, or the wrapping key is missing, wrong
 * or not what it was written with (a state stored plain is taken with a secret, too: the next commit
 * wraps). -EKEYREJECTED: others may read it. After an error nothing was changed, unless it was one of writing.
 */
int keyfile_open(struct keyfile *k, struct keystate *ret, struct text *why);

/*
 * The first state of a new log, durable under its name when this returns. -EEXIST; -EINVAL: not a
 * state of good form.
 */
int keyfile_create(struct keyfile *k, const struct keystate *first);

/*
 * Make this the state: durable, and the one before erased. After an error only the same state may be
 * given again; the file is opened anew for that. -EINVAL: not a state of good form, or not the same.
 */
int keyfile_commit(struct keyfile *k, const struct keystate *next);

/* Overwrite the private key in memory. */
void keystate_wipe(struct keystate *s);
