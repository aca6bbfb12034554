/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/status.h"

#include "auditd-writer/writer.h"
#include "common/clock.h"
#include "proto/value.h"

struct row {
	const char *key;
	size_t offset; /* in struct counters */
};

#define ROW(member) .key = #member, .offset = offsetof(struct counters, member)

static const struct row rows[] = {
    {ROW(decisions)},
    {ROW(events)},
    {ROW(outcomes)},
    {ROW(notes)},
    {ROW(own)},
    {ROW(bytes)},
    {ROW(frames)},
    {ROW(writes)},
    {ROW(syncs)},
    {ROW(refused_storage)},
    {ROW(refused_too_large)},
    {ROW(refused_invalid)},
    {ROW(faults)},
    {ROW(closed)},
    {ROW(poisoned)},
    {ROW(notes_lost)},
    {ROW(next_seal)},
};

static void
put_count(struct wire_out *out, struct str key, uint64_t v)
{
	const uint64_t most = (uint64_t)LIMIT_JSON_INT - 1;

	value_member_int(out, key, (int64_t)(v < most ? v : most));
}

void
status_members(const struct writer *w, struct wire_out *out)
{
	put_count(out, STR("seq"), encode_seq(&w->encoder));
	put_count(out, STR("seconds"), (uint64_t)((w->now - w->started) / US_PER_S));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v;

		memcpy(&v, (const char *)&w->counters + rows[i].offset, sizeof(v));
		put_count(out, str_from(rows[i].key), v);
	}
}

void
status_put(const struct writer *w, struct wire_out *out)
{
	value_open_object(out);
	value_member_str(out, STR("session"), str_from(w->identity.session));
	value_member_str(out, STR("storage"), str_from(storage_state_name(w->storage.state)));
	if (w->storage.error < 0)
		value_member_str(out, STR("cause"), str_from(strerrordesc_np(-w->storage.error)));
	value_member_str(out, STR("durability"), w->options.commit ? STR("commit") : STR("sync"));
	put_count(out, STR("free_bytes"), w->storage.free_bytes);
	value_member_str(out, STR("segment"), str_from(w->open.base));
	put_count(out, STR("segment_records"), w->open.records);
	put_count(out, STR("segment_bytes"), (uint64_t)w->open.size);
	put_count(out, STR("waiting_segments"), w->rotation.waiting);
	status_members(w, out);
	value_close_object(out);
}
