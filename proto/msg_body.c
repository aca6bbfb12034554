/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of the small messages: encode and decode side by side. */
#include <errno.h>

#include "proto/msg.h"

static const char *const refusals[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = "none",
    [REFUSAL_NO_SPACE] = "no space left",
    [REFUSAL_IO] = "input/output error",
    [REFUSAL_READ_ONLY] = "read-only file system",
    [REFUSAL_QUOTA] = "disk quota exceeded",
    [REFUSAL_TOO_LARGE] = "record too large",
    [REFUSAL_INVALID] = "record refused",
    [REFUSAL_FINISHING] = "shutting down",
};

const char *
refusal_text(enum refusal r)
{
	return (unsigned)r < REFUSAL_COUNT ? refusals[r] : "unknown cause";
}

const char *
storage_state_name(enum storage_state s)
{
	switch (s) {
	case STORAGE_OK:
		return "ok";
	case STORAGE_LOW:
		return "low";
	case STORAGE_FAILED:
		return "failed";
	}
	return "unknown";
}

void
msg_hello_put(struct wire_out *out, const struct msg_hello *m)
{
	wire_put_u32(out, m->generation);
	wire_put_u32(out, m->pid);
}

int
msg_hello_get(struct wire_in *in, struct msg_hello *ret)
{
	struct msg_hello m = {.generation = wire_get_u32(in), .pid = wire_get_u32(in)};

	if (!wire_in_done(in) || m.generation == 0)
		return -EPROTO;
	*ret = m;
	return 0;
}

void
msg_expect_put(struct wire_out *out, const struct msg_expect *m)
{
	wire_put_u32(out, m->channel);
	wire_put_u32(out, m->generation);
}

static struct msg_expect
expect_get(struct wire_in *in)
{
	struct msg_expect m = {.channel = wire_get_u32(in), .generation = wire_get_u32(in)};

	return m;
}

int
msg_expect_get(struct wire_in *in, struct msg_expect *ret)
{
	struct msg_expect m = expect_get(in);

	if (!wire_in_done(in) || m.channel == 0 || m.generation == 0)
		return -EPROTO;
	*ret = m;
	return 0;
}

void
msg_cleared_put(struct wire_out *out, const struct msg_cleared *m)
{
	msg_expect_put(out, &m->expect);
	wire_put_u32(out, (uint32_t)m->error);
}

int
msg_cleared_get(struct wire_in *in, struct msg_cleared *ret)
{
	struct msg_cleared m = {.expect = expect_get(in)};

	m.error = (int32_t)wire_get_u32(in);
	if (!wire_in_done(in) || m.expect.channel == 0 || m.expect.generation == 0 || m.error > 0)
		return -EPROTO;
	*ret = m;
	return 0;
}

static void
uuid_put(struct wire_out *out, const uint8_t uuid[UUID_BYTES])
{
	wire_put_bytes(out, (struct str){(const char *)uuid, UUID_BYTES});
}

static void
uuid_get(struct wire_in *in, uint8_t uuid[UUID_BYTES])
{
	struct str bytes = wire_get_bytes(in, UUID_BYTES);

	memset(uuid, 0, UUID_BYTES);
	memcpy(uuid, bytes.p, bytes.n);
}

void
msg_welcome_put(struct wire_out *out, const struct msg_welcome *m)
{
	wire_put_u32(out, m->generation);
	wire_put_u64(out, m->log_id);
	uuid_put(out, m->session);
	wire_put_u8(out, m->state);
	wire_put_u64(out, m->next_seq);
	wire_put_u64(out, m->max_unacked);
}

int
msg_welcome_get(struct wire_in *in, struct msg_welcome *ret)
{
	struct msg_welcome m;

	m.generation = wire_get_u32(in);
	m.log_id = wire_get_u64(in);
	uuid_get(in, m.session);
	m.state = wire_get_u8(in);
	m.next_seq = wire_get_u64(in);
	m.max_unacked = wire_get_u64(in);
	if (!wire_in_done(in) || m.state > STORAGE_FAILED || m.log_id >> 60 || m.max_unacked == 0)
		return -EPROTO;
	*ret = m;
	return 0;
}

void
msg_ack_put(struct wire_out *out, const struct msg_ack *m)
{
	wire_put_u64(out, m->through);
	wire_put_u8(out, m->state);
	wire_put_u16(out, m->runs);
	for (uint16_t i = 0; i < m->runs && i < ACK_RUNS_MAX; i++) {
		wire_put_u32(out, m->run[i].count);
		wire_put_u64(out, m->run[i].first_seq);
		wire_put_u8(out, m->run[i].refusal);
	}
}

static bool
ack_run_plausible(const struct ack_run *run)
{
	return run->count > 0 && run->refusal < REFUSAL_COUNT &&
	       (run->refusal == REFUSAL_NONE) == (run->first_seq > 0);
}

int
msg_ack_get(struct wire_in *in, struct msg_ack *ret)
{
	ret->through = wire_get_u64(in);
	ret->state = wire_get_u8(in);
	ret->runs = wire_get_u16(in);
	if (in->failed || ret->runs > ACK_RUNS_MAX || ret->state > STORAGE_FAILED)
		return -EPROTO;
	for (uint16_t i = 0; i < ret->runs; i++) {
		ret->run[i].count = wire_get_u32(in);
		ret->run[i].first_seq = wire_get_u64(in);
		ret->run[i].refusal = wire_get_u8(in);
		if (in->failed || !ack_run_plausible(&ret->run[i]))
			return -EPROTO;
	}
	return wire_in_done(in) ? 0 : -EPROTO;
}

void
msg_ready_put(struct wire_out *out, const struct msg_ready *m)
{
	wire_put_u64(out, m->log_id);
	uuid_put(out, m->session);
	wire_put_u64(out, m->next_seq);
	wire_put_u32(out, m->pid);
	wire_put_u64(out, m->records_recovered);
}

int
msg_ready_get(struct wire_in *in, struct msg_ready *ret)
{
	struct msg_ready m;

	m.log_id = wire_get_u64(in);
	uuid_get(in, m.session);
	m.next_seq = wire_get_u64(in);
	m.pid = wire_get_u32(in);
	m.records_recovered = wire_get_u64(in);
	if (!wire_in_done(in) || m.log_id >> 60 || m.next_seq == 0)
		return -EPROTO;
	*ret = m;
	return 0;
}

void
msg_result_put(struct wire_out *out, const struct msg_result *m)
{
	wire_put_u32(out, m->request);
	wire_put_u32(out, (uint32_t)m->error);
	wire_put_bytes(out, m->text);
}

int
msg_result_get(struct wire_in *in, struct msg_result *ret)
{
	struct msg_result m;

	m.request = wire_get_u32(in);
	m.error = (int32_t)wire_get_u32(in);
	m.text = wire_get_bytes(in, in->left);
	if (!wire_in_done(in) || m.error > 0)
		return -EPROTO;
	*ret = m;
	return 0;
}
