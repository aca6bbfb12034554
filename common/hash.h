/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SHA-256 with contexts that are used again: after hash_init() and hash_new() nothing here allocates.
 * A failing hash is a broken library: it ends the process.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

#define HASH_SIZE 32 /* bytes of a SHA-256 */

struct hash; /* one running sum */

/* Once, before anything else here and before the jail. -EIO when the library has no SHA-256. */
int hash_init(void);

/* NULL without memory. The writer makes all it needs at start and frees none. */
struct hash *hash_new(void);
/* NULL is fine. */
void hash_free(struct hash *h);

void hash_begin(struct hash *h);
void hash_add(struct hash *h, struct str bytes);
void hash_end(struct hash *h, uint8_t out[HASH_SIZE]);

/* RFC 6962 leaf hash: SHA-256(0x00, line with its newline). */
void hash_leaf(struct hash *h, struct str line, uint8_t out[HASH_SIZE]);
