/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor puts on record, and what becomes of it. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/log.h"
#include "policyd/supervisor/supervisor.h"
#include "proto/value.h"

#define PAYLOAD_MAX 6000 /* record.def */
#define LIST_MAX 1500    /* bytes of one list in a payload; what is left out is counted */

/* --- sending ---------------------------------------------------------------------------------- */

static uint64_t
lost(struct supervisor *s, enum record_action_type type, const char *why)
{
	s->notes.lost++;
	log_error("a %s record could not be handed to the writer: %s",
	    record_action_type_name(type), why);
	return 0;
}

uint64_t
note_put(struct supervisor *s, enum record_action_type type, struct str payload)
{
	uint8_t buf[PAYLOAD_MAX + 64];
	struct record r = {.category = RECORD_MANAGEMENT, .action_type = type, .payload = payload};
	struct wire_out out = wire_out_over(buf, sizeof(buf));
	struct notes *n = &s->notes;
	uint32_t at = (n->first + n->n) % NOTES_MAX;
	int error;

	if (n->n == NOTES_MAX)
		return lost(s, type, "too many are not yet acknowledged");
	record_put(&out, &r);
	if (!wire_out_ok(&out))
		return lost(s, type, "too large");
	error = link_put(
	    &s->writer.link, MSG_NOTE, (struct str){(const char *)buf, sizeof(buf) - out.left}, -1);
	if (error < 0)
		return lost(s, type, strerrordesc_np(-error));
	n->note[at].number = s->writer.link.sent;
	n->note[at].type = type;
	n->n++;
	return n->note[at].number;
}

static uint64_t
put_payload(struct supervisor *s, enum record_action_type type, const uint8_t *buf,
    const struct wire_out *out)
{
	if (!wire_out_ok(out))
		return lost(s, type, "too large");
	return note_put(s, type, (struct str){(const char *)buf, (size_t)(out->p - buf)});
}

/* --- acknowledgements ------------------------------------------------------------------------- */

static void
settle_oldest(struct supervisor *s, enum refusal refusal)
{
	struct notes *n = &s->notes;
	enum record_action_type type = n->note[n->first].type;
	uint64_t number = n->note[n->first].number;

	n->first = (n->first + 1) % NOTES_MAX;
	n->n--;
	if (refusal != REFUSAL_NONE)
		log_error("a %s record was not written: %s", record_action_type_name(type),
		    refusal_text(refusal));
	load_recorded(s, number);
}

/* Runs are dealt to notes alone: no other message of ours asks for a record. */
int
note_acknowledged(struct supervisor *s, const struct msg_ack *ack)
{
	for (uint16_t i = 0; i < ack->runs; i++) {
		const struct ack_run *run = &ack->run[i];

		if (run->count > s->notes.n)
			return -EPROTO;
		for (uint32_t k = 0; k < run->count; k++)
			settle_oldest(s, (enum refusal)run->refusal);
	}
	return ack->through > s->writer.link.sent ? -EPROTO : 0;
}

/* --- configuration ---------------------------------------------------------------------------- */

static void
put_trusted(struct wire_out *out, const struct settings *s)
{
	value_put_key(out, STR("trusted_enforcement_points"));
	value_open_array(out);
	for (uint32_t i = 0; i < s->n_trusted; i++)
		value_put_int(out, s->trusted[i]);
	value_close_array(out);
}

static struct str
excluded_name(const struct settings *s, uint32_t i)
{
	return str_from(s->excluded[i]);
}

static struct str
metadata_key(const struct settings *s, uint32_t i)
{
	return str_from(s->metadata[i].key);
}

/* As many names as LIST_MAX holds, and how many there are. */
static void
put_names(struct wire_out *out, struct str key, struct str count_key, const struct settings *s,
    uint32_t n, struct str (*name)(const struct settings *s, uint32_t i))
{
	size_t used = 0;

	value_put_key(out, key);
	value_open_array(out);
	for (uint32_t i = 0; i < n && used + name(s, i).n <= LIST_MAX; i++) {
		value_put_str(out, name(s, i));
		used += name(s, i).n;
	}
	value_close_array(out);
	value_member_int(out, count_key, n);
}

static void
put_limits(struct wire_out *out, const struct settings *s)
{
	size_t n;
	const struct setting *f = settings_table(&n);

	value_put_key(out, STR("limits"));
	value_open_object(out);
	for (size_t i = 0; i < n; i++)
		if (f[i].limit)
			value_member_int(
			    out, str_from(f[i].key), (int64_t)setting_number(&f[i], s));
	value_close_object(out);
}

/* Values of metadata are on each record that they are added to; here the keys are enough. */
void
note_configuration(struct supervisor *s)
{
	const struct settings *c = &s->settings;
	uint8_t buf[PAYLOAD_MAX];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	value_open_object(&out);
	value_member_str(&out, STR("min_level"), str_from(record_level_name(c->min_level)));
	put_names(&out, STR("excluded"), STR("excluded_count"), c, c->n_excluded, excluded_name);
	put_names(&out, STR("metadata"), STR("metadata_count"), c, c->n_metadata, metadata_key);
	put_trusted(&out, c);
	value_member_str(&out, STR("durability"), c->commit ? STR("commit") : STR("sync"));
	value_member_int(&out, STR("evaluators"), c->evaluators);
	value_member_str(
	    &out, STR("landlock"), c->landlock_optional ? STR("optional") : STR("required"));
	put_limits(&out, c);
	value_close_object(&out);
	(void)put_payload(s, ACTION_CONFIGURATION, buf, &out);
}

/* --- processes -------------------------------------------------------------------------------- */

static void
put_end(struct wire_out *out, int status)
{
	char name[16] = "SIG";
	struct text t = text_over(name, sizeof(name));
	const char *abbreviation;

	if (!WIFSIGNALED(status)) {
		value_member_int(out, STR("exit"), WEXITSTATUS(status));
		return;
	}
	abbreviation = sigabbrev_np(WTERMSIG(status));
	text_put(&t, STR("SIG"));
	if (abbreviation)
		text_put(&t, str_from(abbreviation));
	else
		text_u64(&t, (uint64_t)WTERMSIG(status));
	value_member_str(out, STR("signal"), text_str(&t));
	if (WTERMSIG(status) == SIGSYS)
		value_member_bool(out, STR("sandbox_violation"), true);
}

void
note_compiler(struct supervisor *s, pid_t pid, int status)
{
	uint8_t buf[512];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	value_open_object(&out);
	value_member_str(&out, STR("role"), STR("compiler"));
	value_member_int(&out, STR("pid"), pid);
	put_end(&out, status);
	if (s->load.timed_out)
		value_member_str(&out, STR("cause"), STR("took too long"));
	value_member_int(&out, STR("generation"), s->load.run);
	value_close_object(&out);
	(void)put_payload(s, ACTION_PROCESS, buf, &out);
}

void
note_process(struct supervisor *s, const struct child *c, int status)
{
	uint8_t buf[512];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	value_open_object(&out);
	value_member_str(&out, STR("role"), str_from(child_role_name(c->role)));
	value_member_int(&out, STR("channel"), c->channel);
	value_member_int(&out, STR("pid"), c->pid);
	put_end(&out, status);
	if (c->fault)
		value_member_str(&out, STR("cause"), str_from(c->fault));
	value_member_int(&out, STR("generation"), c->generation);
	if (c->start_again != 0)
		value_member_int(&out, STR("restart_ms"), c->backoff_ms);
	value_close_object(&out);
	(void)put_payload(s, ACTION_PROCESS, buf, &out);
}
