/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/line.h"

#include <errno.h>

#include "common/ascii.h"
#include "proto/value.h"

#define SEQ_BITS 62
#define LOG_ID_BITS 60

/* --- event ids ------------------------------------------------------------------------------- */

static void
hex_put(char *out, uint64_t v, size_t digits)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = digits; i > 0; i--, v >>= 4)
		out[i - 1] = hex[v & 15];
}

/*
 * RFC 9562 section 5.8: custom_a (48) | ver=8 (4) | custom_b (12) | var=0b10 (2) | custom_c (62).
 * custom_a and custom_b are the log id, custom_c is seq.
 */
void
line_event_id(uint64_t log_id, uint64_t seq, char out[UUID_TEXT + 1])
{
	uint64_t tail = UINT64_C(2) << SEQ_BITS | (seq & ((UINT64_C(1) << SEQ_BITS) - 1));

	hex_put(out, log_id >> 28, 8);
	hex_put(out + 9, log_id >> 12, 4);
	hex_put(out + 14, UINT64_C(0x8000) | (log_id & 0xfff), 4);
	hex_put(out + 19, tail >> 48, 4);
	hex_put(out + 24, tail, 12);
	out[8] = out[13] = out[18] = out[23] = '-';
	out[UUID_TEXT] = '\0';
}

int
line_event_id_parse(struct str s, uint64_t *ret_log_id, uint64_t *ret_seq)
{
	uint64_t half[2] = {0, 0};
	size_t digits = 0;

	if (s.n != UUID_TEXT)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		int v = ascii_hex(s.p[i]);

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s.p[i] != '-')
				return -EINVAL;
			continue;
		}
		if (v < 0)
			return -EINVAL;
		half[digits / 16] = half[digits / 16] << 4 | (uint64_t)v;
		digits++;
	}
	if ((half[0] >> 12 & 15) != 8 || half[1] >> SEQ_BITS != 2)
		return -EINVAL;
	*ret_log_id = half[0] >> 16 << 12 | (half[0] & 0xfff);
	*ret_seq = half[1] & ((UINT64_C(1) << SEQ_BITS) - 1);
	return 0;
}

void
line_uuid_text(const uint8_t bytes[UUID_BYTES], char out[UUID_TEXT + 1])
{
	size_t o = 0;

	for (size_t i = 0; i < UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[o++] = '-';
		hex_put(out + o, bytes[i], 2);
		o += 2;
	}
	out[o] = '\0';
}

/* --- fields ---------------------------------------------------------------------------------- */

/* For values that need no escape: enums, UUIDs, times, hex. */
static void
put_plain(struct text *t, struct str key, const char *value)
{
	if (!value)
		return;
	text_put(t, key);
	text_char(t, '"');
	text_put(t, str_from(value));
	text_char(t, '"');
}

static void
put_string(struct text *t, struct str key, struct str s)
{
	if (!str_given(s))
		return;
	text_put(t, key);
	text_json(t, s);
}

static void
put_reasons(struct text *t, struct str key, const struct record *r)
{
	if (r->reasons == 0)
		return;
	text_put(t, key);
	for (uint16_t i = 0; i < r->reasons; i++) {
		text_char(t, i == 0 ? '[' : ',');
		text_json(t, r->deny_reason[i]);
	}
	text_char(t, ']');
}

static void
put_value(struct text *t, struct str key, struct str value)
{
	if (!str_given(value))
		return;
	text_put(t, key);
	value_to_json(t, value);
}

/* The object named as action_type; for outcomes with what the writer found out about the sender. */
static void
put_payload(struct text *t, const struct record *r, const struct line_stamp *stamp)
{
	if (!str_given(r->payload))
		return;
	text_put(t, STR(",\""));
	text_put(t, str_from(record_action_type_name(r->action_type)));
	text_put(t, STR("\":"));
	value_to_json(t, r->payload);
	if (r->category != RECORD_EXECUTION || !stamp->evaluation_peer || t->full)
		return;
	t->n--; /* the closing brace */
	if (t->p[t->n - 1] != '{')
		text_char(t, ',');
	text_put(t, STR("\"evaluation_peer\":\""));
	text_put(t, str_from(stamp->evaluation_peer));
	text_put(t, STR("\"}"));
}

static void
put_peer(struct text *t, struct str key, const struct record *r)
{
	if (!r->has_peer)
		return;
	text_put(t, key);
	text_put(t, STR("{\"uid\":"));
	text_u64(t, r->peer.uid);
	text_put(t, STR(",\"gid\":"));
	text_u64(t, r->peer.gid);
	text_put(t, STR(",\"pid\":"));
	text_u64(t, r->peer.pid);
	text_char(t, '}');
}

/* --- what the writer stamps ------------------------------------------------------------------ */

static void
stamp_audit_event_id(
    struct text *t, struct str key, const struct record *r, const struct line_stamp *stamp)
{
	char id[UUID_TEXT + 1];

	(void)r;
	line_event_id(stamp->log_id, stamp->seq, id);
	put_plain(t, key, id);
}

static void
stamp_timestamp(
    struct text *t, struct str key, const struct record *r, const struct line_stamp *stamp)
{
	char time[RFC3339_SIZE];

	(void)r;
	clock_format(stamp->time, time);
	put_plain(t, key, time);
}

static void
stamp_schema_version(
    struct text *t, struct str key, const struct record *r, const struct line_stamp *stamp)
{
	(void)r;
	(void)stamp;
	put_plain(t, key, LINE_SCHEMA_VERSION);
}

static void
stamp_category(
    struct text *t, struct str key, const struct record *r, const struct line_stamp *stamp)
{
	(void)stamp;
	put_plain(t, key, record_category_name(r->category));
}

static void
stamp_audit_session_id(
    struct text *t, struct str key, const struct record *r, const struct line_stamp *stamp)
{
	(void)r;
	put_plain(t, key, stamp->session);
}

static void
stamp_os(struct text *t, struct str key, const struct record *r, const struct line_stamp *stamp)
{
	(void)r;
	(void)stamp;
	put_plain(t, key, "linux");
}

static void
stamp_app_version(
    struct text *t, struct str key, const struct record *r, const struct line_stamp *stamp)
{
	(void)r;
	(void)stamp;
	put_plain(t, key, SEALWRIGHT_VERSION);
}

static void
stamp_hostname(
    struct text *t, struct str key, const struct record *r, const struct line_stamp *stamp)
{
	(void)r;
	put_plain(t, key, stamp->hostname);
}

static void
stamp_evaluator(
    struct text *t, struct str key, const struct record *r, const struct line_stamp *stamp)
{
	(void)r;
	if (stamp->channel == LINE_NO_CHANNEL)
		return;
	text_put(t, key);
	text_i64(t, stamp->channel);
}

static void
stamp_seq(struct text *t, struct str key, const struct record *r, const struct line_stamp *stamp)
{
	(void)r;
	text_put(t, key);
	text_u64(t, stamp->seq);
}

static void
stamp_prev_hash(
    struct text *t, struct str key, const struct record *r, const struct line_stamp *stamp)
{
	(void)r;
	text_put(t, key);
	text_char(t, '"');
	text_hex(t, stamp->prev_hash, LINE_HASH);
	text_char(t, '"');
}

/* --- the line -------------------------------------------------------------------------------- */

static const char *
enum_name_decision(const struct record *r)
{
	return record_decision_name(r->decision);
}

static const char *
enum_name_enforcement_mode(const struct record *r)
{
	return record_mode_name(r->enforcement_mode);
}

static const char *
enum_name_level(const struct record *r)
{
	return record_level_name(r->level);
}

static const char *
enum_name_action_type(const struct record *r)
{
	return record_action_type_name(r->action_type);
}

#define KEY(json) STR(",\"" json "\":")
#define LINE_STAMP(member, json) stamp_##member(t, KEY(json), r, stamp);
#define LINE_STRING(member, json) put_string(t, KEY(json), r->member);
#define LINE_VALUE(member, json) put_value(t, KEY(json), r->member);
#define LINE_ENUM(member, json) put_plain(t, KEY(json), enum_name_##member(r));
#define LINE_PAYLOAD(member, json) put_payload(t, r, stamp);
#define LINE_PEER(member, json) put_peer(t, KEY(json), r);
#define LINE_REASONS(member, json) put_reasons(t, KEY(json), r);

/* Every field in the order of the table. Each brings its comma: the first one's becomes the brace. */
static void
line_fields(struct text *t, const struct record *r, const struct line_stamp *stamp)
{
#define FIELD(tag, member, json, form, categories, max) LINE_##form(member, json)
#include "proto/record.def"
	text_put(t, STR("}\n"));
}

int
line_format(struct text *t, const struct record *r, const struct line_stamp *stamp)
{
	size_t room = t->cap - t->n;
	struct text line = text_over(t->p + t->n, room < LIMIT_LINE ? room : LIMIT_LINE);

	line_fields(&line, r, stamp);
	if (!text_ok(&line))
		return -EMSGSIZE;
	line.p[0] = '{';
	t->n += line.n;
	return 0;
}

/* The widest that a writer could stamp. */
static const struct line_stamp widest = {
    .log_id = (UINT64_C(1) << LOG_ID_BITS) - 1,
    .seq = (uint64_t)LIMIT_JSON_INT - 1,
    .time = 0,
    .session = "00000000-0000-0000-0000-000000000000",
    .hostname = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    .channel = LIMIT_EVALUATORS + 1,
    .evaluation_peer = "different",
};

size_t
line_measure(const struct record *r)
{
	char buf[LIMIT_LINE];
	struct text t = text_over(buf, sizeof(buf));

	return line_format(&t, r, &widest) < 0 ? LIMIT_LINE + 1 : t.n;
}
