/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/wire.h"

static const uint8_t *
wire_take(struct wire_in *in, size_t need)
{
	const uint8_t *p = in->p;

	if (in->failed || need > in->left) {
		in->failed = true;
		return NULL;
	}
	in->p += need;
	in->left -= need;
	return p;
}

static uint64_t
wire_get_int(struct wire_in *in, size_t bytes)
{
	const uint8_t *p = wire_take(in, bytes);
	uint64_t v = 0;

	if (!p)
		return 0;
	for (size_t i = bytes; i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

uint8_t
wire_get_u8(struct wire_in *in)
{
	return (uint8_t)wire_get_int(in, 1);
}

uint16_t
wire_get_u16(struct wire_in *in)
{
	return (uint16_t)wire_get_int(in, 2);
}

uint32_t
wire_get_u32(struct wire_in *in)
{
	return (uint32_t)wire_get_int(in, 4);
}

uint64_t
wire_get_u64(struct wire_in *in)
{
	return wire_get_int(in, 8);
}

struct str
wire_get_bytes(struct wire_in *in, size_t n)
{
	const uint8_t *p = wire_take(in, n);

	return p ? (struct str){(const char *)p, n} : (struct str){"", 0};
}

struct str
wire_get_str(struct wire_in *in)
{
	return wire_get_bytes(in, wire_get_u16(in));
}

static uint8_t *
wire_room(struct wire_out *out, size_t need)
{
	uint8_t *p = out->p;

	if (out->failed || need > out->left) {
		out->failed = true;
		return NULL;
	}
	out->p += need;
	out->left -= need;
	return p;
}

static void
wire_put_int(struct wire_out *out, uint64_t v, size_t bytes)
{
	uint8_t *p = wire_room(out, bytes);

	for (size_t i = 0; p && i < bytes; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

void
wire_put_u8(struct wire_out *out, uint8_t v)
{
	wire_put_int(out, v, 1);
}

void
wire_put_u16(struct wire_out *out, uint16_t v)
{
	wire_put_int(out, v, 2);
}

void
wire_put_u32(struct wire_out *out, uint32_t v)
{
	wire_put_int(out, v, 4);
}

void
wire_put_u64(struct wire_out *out, uint64_t v)
{
	wire_put_int(out, v, 8);
}

void
wire_put_bytes(struct wire_out *out, struct str s)
{
	uint8_t *p = wire_room(out, s.n);

	if (p && s.n > 0)
		memcpy(p, s.p, s.n);
}

void
wire_put_str(struct wire_out *out, struct str s)
{
	if (s.n > UINT16_MAX) {
		out->failed = true;
		return;
	}
	wire_put_u16(out, (uint16_t)s.n);
	wire_put_bytes(out, s);
}
