/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The beginning of a log: its name (the origin), its random number, its first key; and the verifier
 * key of the first seal, which lies as origin.vkey beside the log for whoever pins it.
 */

#include "auditd-writer/catalog.h"
#include "auditd-writer/identity.h"
#include "auditd-writer/keystate.h"
#include "common/text.h"
#include "proto/note.h"

#define ORIGIN_VKEY "origin.vkey"

/*
 * Whether a new log may begin here, where there is no key state: 0, or -EEXIST with why when anything
 * of a log is there, be it a segment that nobody closed.
 */
int origin_may_begin(const struct dir *audit, const struct catalog *c, struct text *why);

/* A new log's first state. name: NULL: made of host name and log id. -EIO: no randomness. */
int origin_begin(struct keystate *ret, const char *name, const char *hostname);

/* The verifier key of the first seal, NUL-terminated. */
void origin_vkey(const struct keystate *s, struct hash *h, char out[NOTE_VKEY + 1]);

/*
 * origin.vkey is in the directory, durably, and the right one; made when it is not there. -EBADMSG
 * with why: another one is.
 */
int
origin_publish(const struct dir *audit, const struct keystate *s, struct hash *h, struct text *why);
