/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "policyd/admin/state.h"
#include "policyd/client/reply.h"
#include "proto/line.h"
#include "proto/value.h"

#define SOURCE_WRITER UINT32_C(0)
#define SOURCE_SUPERVISOR UINT32_MAX

struct total {
	struct str name;
	size_t offset;
};
#define TOTAL(member)                                                           \
	{                                                                       \
		{#member, sizeof(#member) - 1}, offsetof(struct totals, member) \
	}

/* Counters of evaluators that are added up. */
static const struct total total_rows[] = {
    TOTAL(connections),
    TOTAL(accepted),
    TOTAL(refused),
    TOTAL(asked),
    TOTAL(answered),
    TOTAL(unanswered),
    TOTAL(waiting),
    TOTAL(allowed),
    TOTAL(denied),
    TOTAL(recorded),
    TOTAL(unrecorded),
    TOTAL(without_record),
    TOTAL(unrecorded_denials),
    TOTAL(notes),
    TOTAL(malformed),
    TOTAL(timeouts),
    TOTAL(unacked),
};

void
status_begin(struct status *s)
{
	s->writer = text_over(s->writer_buf, sizeof(s->writer_buf));
	s->supervisor = text_over(s->supervisor_buf, sizeof(s->supervisor_buf));
	s->evaluators = text_over(s->evaluators_buf, sizeof(s->evaluators_buf));
	s->totals = (struct totals){0};
}

static void
add_totals(struct totals *totals, struct str counters)
{
	for (size_t i = 0; i < ARRAY_SIZE(total_rows); i++) {
		uint64_t *sum = (uint64_t *)(void *)((char *)totals + total_rows[i].offset);
		int64_t v = value_int(value_member(counters, total_rows[i].name), 0);

		if (v > 0)
			*sum = (*sum + (uint64_t)v) % (uint64_t)LIMIT_JSON_INT;
	}
}

void
status_take(struct status *s, uint32_t source, struct str counters)
{
	if (value_check_object(counters) < 0)
		return;
	if (source == SOURCE_WRITER) {
		s->writer = text_over(s->writer_buf, sizeof(s->writer_buf));
		value_to_json(&s->writer, counters);
	} else if (source == SOURCE_SUPERVISOR) {
		s->supervisor = text_over(s->supervisor_buf, sizeof(s->supervisor_buf));
		value_to_json(&s->supervisor, counters);
	} else {
		if (s->evaluators.n > 0)
			text_char(&s->evaluators, ',');
		value_to_json(&s->evaluators, counters);
		add_totals(&s->totals, counters);
	}
}

void
status_put_totals(struct text *t, const struct totals *totals)
{
	for (size_t i = 0; i < ARRAY_SIZE(total_rows); i++) {
		const void *sum = (const char *)totals + total_rows[i].offset;

		text_char(t, i == 0 ? '{' : ',');
		text_json(t, total_rows[i].name);
		text_char(t, ':');
		text_u64(t, *(const uint64_t *)sum);
	}
	text_char(t, '}');
}

/* Who has not answered has no member, and is named in "missing". */
static void
put_part(struct text *t, const char *name, const struct text *part)
{
	if (part->n == 0)
		return;
	reply_key(t, name);
	if (part->full)
		t->full = true;
	text_put(t, text_str(part));
}

bool
status_end(struct admin *a, struct str missing, int64_t now)
{
	struct status *s = &a->status;
	struct text *t = &s->reply;
	char session[UUID_TEXT + 1];

	*t = text_over(s->reply_buf, sizeof(s->reply_buf));
	line_uuid_text(a->recorder.session, session);
	text_put(t, STR("{\"session\":"));
	text_json(t, str_from(session));
	reply_member(t, "revision", a->image->revision);
	put_part(t, "writer", &s->writer);
	put_part(t, "supervisor", &s->supervisor);
	text_put(t, STR(",\"evaluators\":["));
	if (s->evaluators.full)
		t->full = true;
	text_put(t, text_str(&s->evaluators));
	text_put(t, STR("],\"totals\":"));
	status_put_totals(t, &s->totals);
	if (missing.n > 0)
		reply_member(t, "missing", missing);
	text_char(t, '}');
	s->at = text_ok(t) ? now : 0;
	return text_ok(t);
}
