/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SipHash-1-3 (J.-P. Aumasson, D. J. Bernstein): a hash for tables whose keys strangers choose. Without the key nobody
 * can choose many that meet. For nothing else: it is too short to prove anything.
 */

#include <stdint.h>

#include "common/str.h"

struct siphash_key {
	uint64_t k[2];
};

/* From the kernel: a system call, so before a jail. Negative errno. */
int siphash_key_make(struct siphash_key *ret);

uint64_t siphash(const struct siphash_key *key, struct str s);
