/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leef: IBM's Log Event Extended Format 2.0, tabs between attributes. The form knows no escapes: what could end an
 * attribute or the line is \xhh.
 */

#include "auditlog/format.h"
#include "auditlog/outline.h"

static void
put_key(struct text *t, const char *key)
{
	text_put(t, str_from(key));
	text_char(t, '=');
}

static void
put_value(struct text *t, const char *key, const struct recordline_value *v)
{
	if (!v)
		return;
	text_char(t, '\t');
	put_key(t, key);
	format_value(t, v, format_safe);
}

static void
put_inner(struct text *t, const char *key, const struct recordline_value *object, struct str name)
{
	struct recordline_value v;

	if (path_step(object, name, &v))
		put_value(t, key, &v);
}

static void
put_header_text(struct text *t, struct str s)
{
	format_hexed(t, s, "|^", HEXED_TEXT);
}

static void
put_header(struct text *t, const struct recordline_value *v)
{
	if (v && v->n > 0)
		format_value(t, v, put_header_text);
	else
		text_char(t, '-');
	text_char(t, '|');
}

static unsigned
leef_severity(enum outline_severity severity)
{
	static const unsigned char levels[SEVERITIES] = {1, 2, 4, 6, 8};

	return levels[severity];
}

static void
put_host(struct text *t, const struct recordline *r)
{
	struct outline_host host;

	if (!outline_host(r, &host))
		return;
	text_char(t, '\t');
	put_key(t, host.address ? "dst" : "dstName");
	text_put(t, host.name);
	text_char(t, '\t');
	put_key(t, "dstPort");
	text_u64(t, host.port);
}

static void
put_target(struct text *t, const struct recordline *r, enum outline_kind kind)
{
	const struct recordline_value *resource = recordline_value(r, MEMBER_resource_id);

	put_value(t, "resource", resource);
	if (kind == OUTLINE_NETWORK || kind == OUTLINE_SSH) {
		put_host(t, r);
		put_inner(t, "proto", recordline_value(r, MEMBER_payload), STR("protocol"));
	} else if (kind == OUTLINE_HTTP) {
		put_value(t, "url", resource);
	}
}

/* Members whose key is another than their name, or that have their place before. */
static bool
is_mapped(unsigned m)
{
	switch (m) {
	case MEMBER_app_version:
	case MEMBER_action_type:
	case MEMBER_category:
	case MEMBER_username:
	case MEMBER_policy_id:
	case MEMBER_resource_id:
	case MEMBER_hostname:
	case MEMBER_peer:
	case MEMBER_payload:
		return true;
	default:
		return false;
	}
}

static void
put_members(struct text *t, const struct recordline *r)
{
	const struct recordline_value *peer = recordline_value(r, MEMBER_peer);

	put_value(t, "usrName", recordline_value(r, MEMBER_username));
	put_value(t, "policy", recordline_value(r, MEMBER_policy_id));
	put_value(t, "identHostName", recordline_value(r, MEMBER_hostname));
	put_inner(t, "peerUid", peer, STR("uid"));
	put_inner(t, "peerGid", peer, STR("gid"));
	put_inner(t, "peerPid", peer, STR("pid"));
	for (unsigned m = 0; m < MEMBER_COUNT; m++)
		if (!is_mapped(m))
			put_value(t, recordline_name(m), recordline_value(r, m));
	put_value(t, "payload", recordline_value(r, MEMBER_payload));
}

static void
leef_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	struct outline o = outline_of(r);
	int64_t ms;

	(void)use;
	(void)line;
	text_put(t, STR("LEEF:2.0|Sealwright|Sealwright|"));
	put_header(t, recordline_value(r, MEMBER_app_version));
	put_header(t, recordline_value(r, MEMBER_action_type));
	text_put(t, STR("x09|sev="));
	text_u64(t, leef_severity(o.severity));
	if (outline_ms(r, &ms)) {
		text_put(t, STR("\tdevTime="));
		text_i64(t, ms);
	}
	put_value(t, "cat", recordline_value(r, MEMBER_category));
	put_target(t, r, o.kind);
	put_members(t, r);
	text_char(t, '\n');
}

const struct format format_leef = {
    .name = "leef",
    .about = "IBM QRadar Log Event Extended Format 2.0",
    .record = leef_record,
};
