/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * After a crash: every segment that an earlier run left open is closed with the whole lines that
 * continue the log as the key state knows it, under a seal that says so; a file of which anything else
 * is left over is kept as .torn. Works through the files in the order of their first record.
 * Idempotent: whatever it is interrupted at, the next start goes on (docs/FORMAT.md, "After a crash").
 *
 * Where two files hold the same records (a storage error made the writer write them again), the one
 * that goes on further is believed from its first line on; the chain shows that they agree.
 */

#include <stddef.h>
#include <stdint.h>

#include "auditd-writer/catalog.h"
#include "auditd-writer/sealer.h"
#include "common/hash.h"
#include "common/text.h"

struct recovered {
	char base[SEGNAME_SIZE];
	uint64_t records;    /* that its .jsonl now holds; 0: there is none */
	uint64_t torn_bytes; /* behind them, up to the last byte that is not NUL */
};

struct recovery {
	struct recovered *closed; /* in order */
	size_t n_closed;
	char (*empty)[SEGNAME_SIZE]; /* base names of .tmp files without a byte of content */
	size_t n_empty;
	uint64_t records;
};

/*
 * s has published what the last run committed, and c was read after that. 0 or a negative errno with
 * why. Release with recovery_deinit().
 */
int recover_all(struct recovery *ret, struct sealer *s, const struct dir *d,
    const struct catalog *c, struct hash *h, struct text *why);
void recovery_deinit(struct recovery *r);
