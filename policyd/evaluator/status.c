/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "policyd/evaluator/state.h"
#include "proto/value.h"

static void
put_count(struct wire_out *out, struct str key, uint64_t v)
{
	value_member_int(out, key, (int64_t)(v % (uint64_t)LIMIT_JSON_INT));
}

void
status_put(struct evaluator *e, struct wire_out *out)
{
	const struct counters *n = &e->counters;
	const struct server *s = &e->server;

	value_open_object(out);
	put_count(out, STR("channel"), e->channel);
	put_count(out, STR("generation"), e->generation);
	put_count(out, STR("pid"), (uint64_t)getpid());
	value_member_str(out, STR("revision"), e->image->revision);
	value_member_str(out, STR("storage"), str_from(storage_state_name(e->recorder.storage)));
	put_count(out, STR("connections"), s->connections);
	put_count(out, STR("accepted"), s->accepted);
	put_count(out, STR("refused"), s->refused);
	put_count(out, STR("asked"), n->asked);
	put_count(out, STR("answered"), s->answered);
	put_count(out, STR("unanswered"), s->unanswered);
	put_count(out, STR("waiting"), s->waiting);
	put_count(out, STR("allowed"), n->allowed);
	put_count(out, STR("denied"), n->denied);
	put_count(out, STR("recorded"), n->recorded);
	put_count(out, STR("unrecorded"), n->unrecorded);
	put_count(out, STR("without_record"), n->without_record);
	put_count(out, STR("unrecorded_denials"), n->unrecorded_denials);
	put_count(out, STR("notes"), n->notes);
	put_count(out, STR("malformed"), s->malformed);
	put_count(out, STR("timeouts"), s->timeouts);
	put_count(out, STR("unacked"), recorder_unacked(&e->recorder));
	value_close_object(out);
}
