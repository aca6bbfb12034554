/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/evaluator/details.h"

#include "policyd/evaluator/jvalue.h"
#include "proto/value.h"

bool
event_is_excluded(const struct settings *s, struct str event)
{
	for (uint32_t i = 0; i < s->n_excluded; i++) {
		struct str name = str_from(s->excluded[i]);

		if (str_eq(event, name))
			return true;
		if (str_ends(name, STR(".*")) &&
		    str_starts(event, (struct str){name.p, name.n - 1}))
			return true;
	}
	return false;
}

static bool
metadata_has(const struct settings *s, struct str key)
{
	for (uint32_t i = 0; i < s->n_metadata; i++)
		if (str_eq(key, str_from(s->metadata[i].key)))
			return true;
	return false;
}

/*
 * The client's members, in their order. One that has the name of configured metadata goes on record
 * as client.KEY: the operator's word stays the operator's, and the client's is not lost.
 */
static void
put_client_details(
    struct wire_out *out, const struct settings *s, const struct jscan_tape *tape, uint32_t object)
{
	char buf[VALUE_KEY], renamed[VALUE_KEY];
	uint32_t i = object + 1;

	for (uint32_t k = 0; k < tape->tokens[object].count; k++, i = tape->tokens[i + 1].next) {
		struct text t = text_over(renamed, sizeof(renamed));
		struct str key = STR("");

		if (jscan_string(tape, i, buf, sizeof(buf), &key) < 0)
			out->failed = true;
		else if (metadata_has(s, key)) {
			text_put(&t, STR(EVENT_RENAMED));
			text_put(&t, key);
			out->failed |= !text_ok(&t);
			key = text_str(&t);
		}
		value_put_key(out, key);
		jvalue_put(out, tape, i + 1);
	}
}

void
event_put_details(
    struct wire_out *out, const struct settings *s, const struct jscan_tape *tape, uint32_t details)
{
	value_open_object(out);
	if (details)
		put_client_details(out, s, tape, details);
	for (uint32_t i = 0; i < s->n_metadata; i++)
		value_member_str(out, str_from(s->metadata[i].key), str_from(s->metadata[i].value));
	value_close_object(out);
}

bool
event_wanted(const struct settings *s, const struct request *rq)
{
	return rq->level >= s->min_level && !event_is_excluded(s, rq->event);
}
