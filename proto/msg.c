/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/msg.h"

#include <errno.h>

static const struct msg_info messages[] = {
#define MSG(name, number, from, to, min, max, descriptor, states, text) \
	{(number), #name, (from), (to), (states), (descriptor), (min), (max), (text)},
#include "proto/msg.def"
};

const struct msg_info *
msg_table(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(messages);
	return messages;
}

const struct msg_info *
msg_info(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
		if (messages[i].type == type)
			return &messages[i];
	return NULL;
}

/* --- writing --------------------------------------------------------------------------------- */

void
frame_begin(struct frame_out *f, uint8_t *buf, size_t cap, uint16_t type, uint64_t sequence)
{
	struct wire_out header = wire_out_over(buf, cap);

	*f = (struct frame_out){.buf = buf,
	    .cap = cap < LIMIT_FRAME ? cap : LIMIT_FRAME,
	    .n = FRAME_HEADER,
	    .type = type};
	wire_put_u32(&header, FRAME_MAGIC);
	wire_put_u16(&header, FRAME_VERSION);
	wire_put_u16(&header, type);
	wire_put_u32(&header, 0); /* frame_end() fills it in */
	wire_put_u64(&header, sequence);
	if (!wire_out_ok(&header))
		f->n = f->cap = 0;
}

struct wire_out
frame_message(struct frame_out *f)
{
	if (f->n == 0 || f->cap - f->n < 2)
		return (struct wire_out){f->buf, 0, true};
	return wire_out_over(f->buf + f->n + 2, f->cap - f->n - 2);
}

int
frame_commit(struct frame_out *f, const struct wire_out *out)
{
	struct wire_out length;
	size_t n;

	if (!wire_out_ok(out))
		return -EMSGSIZE;
	n = (size_t)(out->p - (f->buf + f->n + 2));
	if (n > UINT16_MAX)
		return -EMSGSIZE;
	length = wire_out_over(f->buf + f->n, 2);
	wire_put_u16(&length, (uint16_t)n);
	f->n += 2 + n;
	f->count++;
	return 0;
}

void
frame_end(struct frame_out *f)
{
	struct wire_out length = wire_out_over(f->buf + 8, 4);

	wire_put_u32(&length, (uint32_t)(f->n - FRAME_HEADER));
}

/* --- reading --------------------------------------------------------------------------------- */

static const char *
frame_check_header(struct frame_in *f, struct wire_in *in)
{
	uint32_t magic = wire_get_u32(in);
	uint16_t version = wire_get_u16(in);
	uint32_t length;

	f->type = wire_get_u16(in);
	length = wire_get_u32(in);
	f->sequence = wire_get_u64(in);
	if (in->failed)
		return "shorter than a frame header";
	if (magic != FRAME_MAGIC)
		return "wrong magic";
	if (version != FRAME_VERSION)
		return "unknown frame version";
	if (length != in->left)
		return "frame length does not match the datagram";
	f->info = msg_info(f->type);
	return f->info ? NULL : "unknown message type";
}

static const char *
frame_check_permission(
    const struct msg_info *info, enum peer from, enum peer to, enum chan_state state, bool attached)
{
	if (!(info->from & from) || !(info->to & to))
		return "message type not for this direction";
	if (!(info->states & state))
		return "message type not permitted now";
	if (attached != (info->descriptor == 1))
		return attached ? "descriptor attached where none is wanted" : "descriptor missing";
	return NULL;
}

static const char *
frame_check_messages(const struct frame_in *f)
{
	struct wire_in in = f->rest;
	size_t count = 0;

	for (; in.left > 0; count++) {
		uint16_t n = wire_get_u16(&in);

		(void)wire_get_bytes(&in, n);
		if (in.failed)
			return "message runs past the frame";
		if (n < f->info->min || n > f->info->max)
			return "message length outside its type's bounds";
	}
	if (count == 0)
		return "frame without a message";
	if (count > 1 && f->info->descriptor == 1)
		return "more than one message with a descriptor";
	return NULL;
}

int
frame_open(struct frame_in *f, const void *buf, size_t n, enum peer from, enum peer to,
    enum chan_state state, bool attached, const char **ret_why)
{
	struct wire_in in = wire_in_over(buf, n);
	struct frame_in opened = {0};
	const char *why = frame_check_header(&opened, &in);

	if (!why)
		why = frame_check_permission(opened.info, from, to, state, attached);
	opened.rest = in;
	if (!why)
		why = frame_check_messages(&opened);
	if (why) {
		*ret_why = why;
		return -EPROTO;
	}
	*f = opened;
	return 0;
}

bool
frame_next(struct frame_in *f, struct wire_in *ret_body)
{
	struct str body;

	if (f->rest.left == 0)
		return false;
	body = wire_get_str(&f->rest);
	if (f->rest.failed)
		return false;
	*ret_body = wire_in_over(body.p, body.n);
	return true;
}
