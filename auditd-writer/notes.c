/* SPDX-License-Identifier: Apache-2.0 */
#include "auditd-writer/notes.h"

#include "auditd-writer/ledger.h"
#include "auditd-writer/origin.h"
#include "auditd-writer/status.h"
#include "auditd-writer/writer.h"
#include "proto/value.h"

/* A payload that is being put together. */
struct payload {
	struct wire_out out;
	uint8_t buf[2048];
};

static void
note_open(struct payload *n)
{
	n->out = wire_out_over(n->buf, sizeof(n->buf));
	value_open_object(&n->out);
}

/* False: it is lost, and counted. */
static bool
note_close(struct writer *w, struct payload *n, enum record_action_type type)
{
	value_close_object(&n->out);
	if (!wire_out_ok(&n->out)) {
		w->counters.notes_lost++;
		return false;
	}
	return ledger_note(
	    w, type, (struct str){(const char *)n->buf, (size_t)(n->out.p - n->buf)});
}

static void
put_str(struct payload *n, struct str key, const char *v)
{
	value_member_str(&n->out, key, str_from(v));
}

static void
put_u64(struct payload *n, struct str key, uint64_t v)
{
	const uint64_t most = (uint64_t)LIMIT_JSON_INT - 1;

	value_member_int(&n->out, key, (int64_t)(v < most ? v : most));
}

static void
put_time(struct payload *n, struct str key, int64_t us)
{
	char time[RFC3339_SIZE];

	clock_format(us, time);
	put_str(n, key, time);
}

static void
put_error(struct payload *n, struct str key, int error)
{
	if (error < 0)
		put_str(n, key, strerrordesc_np(-error));
}

static void
put_succession(struct payload *n, const struct succession *s)
{
	char hex[2 * HASH_SIZE];
	struct text t = text_over(hex, sizeof(hex));

	text_hex(&t, s->seal, HASH_SIZE);
	value_put_key(&n->out, STR("succeeds"));
	value_open_object(&n->out);
	value_member_str(&n->out, STR("origin"), s->origin);
	put_u64(n, STR("index"), s->index);
	value_member_str(&n->out, STR("seal"), text_str(&t));
	value_close_object(&n->out);
}

void
note_origin(struct writer *w)
{
	const struct keystate *s = &w->sealer.state;
	char vkey[NOTE_VKEY + 1];
	struct payload n;

	origin_vkey(s, w->encoder.leaf, vkey);
	note_open(&n);
	put_str(&n, STR("event"), "genesis");
	put_str(&n, STR("origin"), s->origin);
	put_str(&n, STR("key"), vkey);
	if (str_given(w->options.succeeds.origin))
		put_succession(&n, &w->options.succeeds);
	(void)note_close(w, &n, ACTION_ORIGIN);
}

void
note_start(struct writer *w)
{
	const struct options *o = &w->options;
	struct payload n;

	note_open(&n);
	put_str(&n, STR("event"), "start");
	put_str(&n, STR("version"), SEALWRIGHT_VERSION);
	put_u64(&n, STR("evaluators"), o->evaluators);
	put_str(&n, STR("durability"), o->commit ? "commit" : "sync");
	put_u64(&n, STR("rotate_seconds"), o->rotate_seconds);
	put_u64(&n, STR("rotate_records"), o->rotate_records);
	put_u64(&n, STR("rotate_bytes"), o->rotate_bytes);
	put_u64(&n, STR("heartbeat_seconds"), o->heartbeat_seconds);
	put_str(&n, STR("boot_id"), w->identity.boot_id);
	(void)note_close(w, &n, ACTION_SESSION);
}

void
note_stop(struct writer *w)
{
	struct payload n;

	note_open(&n);
	put_str(&n, STR("event"), "stop");
	put_str(&n, STR("version"), SEALWRIGHT_VERSION);
	put_u64(&n, STR("evaluators"), w->options.evaluators);
	put_str(&n, STR("durability"), w->options.commit ? "commit" : "sync");
	put_str(&n, STR("cause"), w->ending);
	status_members(w, &n.out);
	(void)note_close(w, &n, ACTION_SESSION);
}

void
note_clock_step(struct writer *w, const struct clock_step *step)
{
	struct payload n;

	note_open(&n);
	put_time(&n, STR("old"), step->expected);
	put_time(&n, STR("new"), step->now);
	put_str(&n, STR("boot_id"), w->identity.boot_id);
	put_u64(&n, STR("monotonic"), (uint64_t)step->boottime);
	(void)note_close(w, &n, ACTION_CLOCK_STEP);
}

void
note_recovery(struct writer *w, const struct recovered *r)
{
	struct payload n;

	note_open(&n);
	put_str(&n, STR("file"), r->base);
	put_u64(&n, STR("records"), r->records);
	put_u64(&n, STR("torn_bytes"), r->torn_bytes);
	(void)note_close(w, &n, ACTION_RECOVERY);
}

void
note_segments(struct writer *w, uint64_t first_seq)
{
	struct payload n;

	note_open(&n);
	put_u64(&n, STR("first_seq"), first_seq);
	(void)note_close(w, &n, ACTION_SEGMENTS);
}

void
note_space(struct writer *w, const char *state, const char *from)
{
	struct payload n;

	note_open(&n);
	put_str(&n, STR("state"), state);
	if (from)
		put_str(&n, STR("from"), from);
	put_u64(&n, STR("free_bytes"), w->storage.free_bytes);
	put_u64(&n, STR("low_bytes"), w->options.low_bytes);
	(void)note_close(w, &n, ACTION_STORAGE);
}

bool
note_storage_recovered(struct writer *w)
{
	struct payload n;

	note_open(&n);
	put_str(&n, STR("state"), "recovered");
	put_str(&n, STR("from"), "failed");
	put_error(&n, STR("cause"), w->storage.error);
	put_time(&n, STR("since"), w->storage.failed_since);
	put_u64(&n, STR("refused"), w->storage.refused);
	put_u64(&n, STR("notes_lost"), w->counters.notes_lost);
	return note_close(w, &n, ACTION_STORAGE);
}

void
note_poisoned(struct writer *w, const struct job *job)
{
	struct payload n;

	note_open(&n);
	put_str(&n, STR("state"), "poisoned");
	put_str(&n, STR("file"), job->base);
	if (job->torn[0])
		put_str(&n, STR("kept"), job->torn);
	put_error(&n, STR("cause"), job->cause);
	put_u64(&n, STR("records"), job->total.records);
	put_u64(&n, STR("records_moved"), job->moved);
	(void)note_close(w, &n, ACTION_STORAGE);
}

void
note_unclosed(struct writer *w, const struct job *job)
{
	struct payload n;

	note_open(&n);
	put_str(&n, STR("state"), "failed");
	put_str(&n, STR("file"), job->base);
	put_str(&n, STR("step"), job->step);
	put_error(&n, STR("cause"), job->error);
	(void)note_close(w, &n, ACTION_STORAGE);
}

void
note_channel(struct writer *w, const struct channel *c, const struct fault_count *fault)
{
	struct payload n;

	note_open(&n);
	put_u64(&n, STR("channel"), c->number);
	put_u64(&n, STR("generation"), c->generation);
	put_u64(&n, STR("pid"), c->pid);
	put_str(&n, STR("fault"), fault->why);
	put_u64(&n, STR("count"), fault->count);
	(void)note_close(w, &n, ACTION_CHANNEL);
}

void
note_heartbeat(struct writer *w)
{
	struct payload n;

	note_open(&n);
	status_members(w, &n.out);
	(void)note_close(w, &n, ACTION_HEARTBEAT);
}

void
note_counters(struct writer *w)
{
	struct payload n;

	note_open(&n);
	put_str(&n, STR("storage"), storage_state_name(w->storage.state));
	put_u64(&n, STR("free_bytes"), w->storage.free_bytes);
	put_u64(&n, STR("segment_records"), w->open.records);
	put_u64(&n, STR("segment_bytes"), (uint64_t)w->open.size);
	status_members(w, &n.out);
	(void)note_close(w, &n, ACTION_COUNTERS);
}
