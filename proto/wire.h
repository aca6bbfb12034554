/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cursors over message bytes: little-endian, explicit loads and stores, no struct casts. A cursor
 * that ran short stays failed: read everything, then ask wire_in_done() or wire_out_ok() once.
 * Reads of a failed cursor give 0 and empty slices.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/str.h"

struct wire_in {
	const uint8_t *p;
	size_t left;
	bool failed;
};

struct wire_out {
	uint8_t *p; /* next byte to write */
	size_t left;
	bool failed;
};

static inline struct wire_in
wire_in_over(const void *p, size_t n)
{
	return (struct wire_in){p, n, false};
}

static inline struct wire_out
wire_out_over(void *p, size_t n)
{
	return (struct wire_out){p, n, false};
}

/* Everything was there and nothing is left over. */
static inline bool
wire_in_done(const struct wire_in *in)
{
	return !in->failed && in->left == 0;
}

static inline bool
wire_out_ok(const struct wire_out *out)
{
	return !out->failed;
}

uint8_t wire_get_u8(struct wire_in *in);
uint16_t wire_get_u16(struct wire_in *in);
uint32_t wire_get_u32(struct wire_in *in);
uint64_t wire_get_u64(struct wire_in *in);
/* n bytes, as a slice of the message. */
struct str wire_get_bytes(struct wire_in *in, size_t n);
/* A u16 length and that many bytes. */
struct str wire_get_str(struct wire_in *in);

void wire_put_u8(struct wire_out *out, uint8_t v);
void wire_put_u16(struct wire_out *out, uint16_t v);
void wire_put_u32(struct wire_out *out, uint32_t v);
void wire_put_u64(struct wire_out *out, uint64_t v);
void wire_put_bytes(struct wire_out *out, struct str s);
/* A u16 length and the bytes; fails for more than 65,535. */
void wire_put_str(struct wire_out *out, struct str s);
