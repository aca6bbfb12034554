/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes on their way to a client that may read slowly. Grows up to a limit and keeps its room until
 * it is trimmed.
 */

#include <stddef.h>

#include "common/str.h"

#define OUTBUF_FIRST (4u << 10) /* bytes that the buffer starts with */

struct outbuf {
	char *buf;
	size_t cap;
	size_t begin, end; /* unsent bytes */
};

/* -ENOBUFS: would be more than max unsent bytes; -ENOMEM. Nothing is added then. */
int outbuf_put(struct outbuf *o, struct str s, size_t max);
/* n of the unsent bytes are sent. */
void outbuf_sent(struct outbuf *o, size_t n);
/* Give the memory back if nothing is unsent. */
void outbuf_trim(struct outbuf *o);
void outbuf_deinit(struct outbuf *o);

static inline struct str
outbuf_unsent(const struct outbuf *o)
{
	return o->buf ? (struct str){o->buf + o->begin, o->end - o->begin} : STR("");
}
