/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Who we are in this run, gathered before the jail: host, boot, and a fresh session. */

#include <stddef.h>
#include <stdint.h>

#include "proto/line.h"

struct identity {
	uint8_t session_bytes[UUID_BYTES];
	char session[UUID_TEXT + 1];
	char boot_id[UUID_TEXT + 1]; /* "unknown" when the kernel does not say */
	char hostname[LINE_HOSTNAME + 1];
};

/* 0 or a negative errno (no randomness). */
int identity_gather(struct identity *ret);

/* From the kernel. Negative errno. */
int identity_random(void *buf, size_t n);

/* A new log's id: 60 random bits, not 0. */
int identity_new_log(uint64_t *ret);
