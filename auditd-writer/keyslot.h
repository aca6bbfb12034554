/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bytes of one slot of the key state (docs/FORMAT.md, "The key state"). Encode and decode stand
 * side by side; both take only states of good form.
 */

#include <stdint.h>

#include "auditd-writer/keystate.h"
#include "auditd-writer/keywrap.h"
#include "common/hash.h"

enum keyslot_kind {
	KEYSLOT_BLANK, /* nothing but zeros: erased, or never used */
	KEYSLOT_TORN,  /* neither */
	KEYSLOT_WHOLE, /* its checksum is right */
};

/* *ret_generation: of a whole one, else 0. */
enum keyslot_kind
keyslot_look(const uint8_t slot[KEYSTATE_SLOT], struct hash *h, uint64_t *ret_generation);

/*
 * The whole slot, zeros behind what is used. With w (NULL: not) the private key is stored wrapped
 * with this nonce; the same arguments give the same bytes. -EINVAL: not a state of good form; -EIO.
 */
int keyslot_encode(uint8_t slot[KEYSTATE_SLOT], const struct keystate *s, uint64_t generation,
    struct keywrap *w, const uint8_t nonce[KEYWRAP_NONCE], struct hash *h);

/* A whole slot. -EBADMSG with *ret_why, static text that continues "the key state ...". */
int keyslot_decode(const uint8_t slot[KEYSTATE_SLOT], struct keywrap *w, struct keystate *ret,
    const char **ret_why);
