/* SPDX-License-Identifier: Apache-2.0 */

/*
 * syslog: messages of RFC 5424, one line each. All members are parameters of one element of structured data; what
 * follows it is a summary in ASCII. The element's name has the enterprise number that RFC 5612 sets aside for
 * examples, as Sealwright has none.
 */

#include "auditlog/format.h"
#include "auditlog/outline.h"
#include "common/clock.h"

#define SYSLOG_AUDIT 13 /* facility: log audit */
#define SYSLOG_NAME 255 /* characters of a HOSTNAME */
#define SYSLOG_MSGID 32

static unsigned
syslog_severity(enum outline_severity severity)
{
	static const unsigned char levels[SEVERITIES] = {7, 6, 5, 4, 3};

	return levels[severity];
}

/* A header field: graphic ASCII of at most so many; "-" for anything else. */
static void
put_header(struct text *t, const struct recordline_value *v, size_t most)
{
	struct str s = v && !v->escaped ? (struct str){v->p, v->n} : STR_NONE;
	bool good = s.n > 0 && s.n <= most && v->type == RECORDLINE_STRING;

	for (size_t i = 0; good && i < s.n; i++)
		good = s.p[i] > ' ' && s.p[i] < 0x7f;
	text_char(t, ' ');
	text_put(t, good ? s : STR("-"));
}

/* Only a time of our form is one of RFC 5424. */
static void
put_time(struct text *t, const struct recordline_value *v)
{
	int64_t us;
	bool good = v && v->type == RECORDLINE_STRING && v->n == RFC3339_SIZE - 1 &&
		    clock_parse((struct str){v->p, v->n}, &us) == 0;

	text_char(t, ' ');
	text_put(t, good ? (struct str){v->p, v->n} : STR("-"));
}

static void
put_param_text(struct text *t, struct str s)
{
	size_t from = t->n;

	format_safe(t, s);
	format_guard(t, from, "\"\\]");
}

static void
put_param(struct text *t, struct str name, const struct recordline_value *v)
{
	if (!v)
		return;
	text_char(t, ' ');
	text_put(t, name);
	text_put(t, STR("=\""));
	format_value(t, v, put_param_text);
	text_char(t, '"');
}

/* One parameter for each element. */
static void
put_params(struct text *t, struct str name, const struct recordline_value *array)
{
	struct recordline_walk w = recordline_walk(array);
	struct recordline_value key, element;

	while (recordline_next(&w, &key, &element))
		put_param(t, name, &element);
}

static void
put_peer(struct text *t, const struct recordline_value *peer)
{
	static const struct str names[] = {{"uid", 3}, {"gid", 3}, {"pid", 3}};
	struct recordline_value v;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (path_step(peer, names[i], &v))
			put_param(t, names[i], &v);
}

static void
put_data(struct text *t, const struct recordline *r)
{
	text_put(t, STR(" [sealwright@32473"));
	for (unsigned m = 0; m < MEMBER_COUNT; m++) {
		const struct recordline_value *v = recordline_value(r, m);
		const char *name = recordline_name(m);

		if (m == MEMBER_peer)
			put_peer(t, v);
		else if (v && v->type == RECORDLINE_ARRAY)
			put_params(t, str_from(name), v);
		else
			put_param(t, name ? str_from(name) : STR("payload"), v);
	}
	text_char(t, ']');
}

static void
put_ascii(struct text *t, struct str s)
{
	format_hexed(t, s, "", HEXED_ASCII);
}

static void
put_word(struct text *t, const struct recordline_value *v)
{
	if (!v)
		return;
	text_char(t, ' ');
	format_value(t, v, put_ascii);
}

static void
put_message(struct text *t, const struct recordline *r, const struct outline *o)
{
	static const char *const outcomes[] = {
	    " recorded", " allowed", " denied", " succeeded", " failed"};

	text_put(t, str_from(outcomes[o->outcome]));
	put_word(t, recordline_value(r, MEMBER_action_type));
	put_word(t, recordline_value(r, MEMBER_event));
	put_word(t, recordline_value(r, MEMBER_action));
	put_word(t, recordline_value(r, MEMBER_resource_id));
}

static void
syslog_record(
    const struct format_use *use, struct text *t, const struct recordline *r, struct str line)
{
	struct outline o = outline_of(r);

	(void)use;
	(void)line;
	text_char(t, '<');
	text_u64(t, SYSLOG_AUDIT * 8 + syslog_severity(o.severity));
	text_put(t, STR(">1"));
	put_time(t, recordline_value(r, MEMBER_timestamp));
	put_header(t, recordline_value(r, MEMBER_hostname), SYSLOG_NAME);
	text_put(t, STR(" sealwright -"));
	put_header(t, recordline_value(r, MEMBER_action_type), SYSLOG_MSGID);
	put_data(t, r);
	put_message(t, r, &o);
	text_char(t, '\n');
}

const struct format format_syslog = {
    .name = "syslog",
    .about = "RFC 5424, one message a line, all members as structured data",
    .record = syslog_record,
};
