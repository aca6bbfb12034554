/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of records that several kinds have. */
#include "policyd/evaluator/state.h"
#include "proto/line.h"

/*
 * A line without any string of ours, at its widest: keys, punctuation and the writer's stamps
 * (proto/line.c); a test holds it against line_measure().
 */
#define LINE_FIXED 1600
/* Of one byte in a string: \u00XX. */
#define ESCAPED_MAX 6

static bool
believes_subject(const struct conn *c, const struct request *rq)
{
	return c->account->trusted && rq->has_subject;
}

void
fill_common(struct evaluator *e, const struct conn *c, struct record *r)
{
	const struct request *rq = &e->request;

	account_name(c->account, e->image);
	r->username = believes_subject(c, rq) ? rq->user : c->account->user;
	r->org_id = e->image->org_id;
	r->org_name = e->image->org_name;
	r->sandbox_id = rq->sandbox_id;
	r->agent = rq->agent;
	r->client_name = rq->client_name;
	r->has_peer = true;
	r->peer = c->peer;
	r->request_id = rq->id;
}

static uint16_t
fill_attributes(struct evaluator *e)
{
	struct request_attribute a;
	uint32_t iterator = 0;
	uint16_t n = 0;

	while (n < ARRAY_SIZE(e->attributes) &&
	       request_context_next(&e->reader, &e->request, &iterator, &a))
		if (str_given(a.value))
			e->attributes[n++] = (struct policy_attribute){a.key, a.value};
	return n;
}

static void
fill_groups(struct policy_subject *subject, const struct str *groups, uint16_t n)
{
	subject->n_groups = n;
	for (uint16_t i = 0; i < n; i++)
		subject->groups[i] = groups[i];
}

void
fill_subject(struct evaluator *e, const struct conn *c)
{
	struct policy_subject *s = &e->subject;
	const struct request *rq = &e->request;

	account_name(c->account, e->image);
	if (believes_subject(c, rq)) {
		s->user = rq->user;
		fill_groups(s, rq->groups, rq->n_groups);
		s->more_groups = false;
	} else {
		s->user = c->account->user;
		fill_groups(s, c->account->groups, c->account->n_groups);
		s->more_groups = c->account->more_groups;
	}
	s->sandbox = s->agent = s->client = STR_NONE;
	s->n_context = 0;
	s->context = e->attributes;
	if (!c->account->trusted)
		return;
	s->sandbox = rq->sandbox_id;
	s->agent = rq->agent;
	s->client = rq->client_name;
	s->n_context = fill_attributes(e);
}

static size_t
string_bytes(const struct record *r)
{
	size_t n = r->username.n + r->user_email.n + r->org_id.n + r->org_name.n + r->sandbox_id.n +
		   r->agent.n + r->resource_id.n + r->client_name.n + r->payload.n + r->action.n +
		   r->policy_id.n + r->rule_id.n + r->policy_revision.n + r->event.n + r->actor.n +
		   r->details.n + r->evaluation_id.n + r->request_id.n;

	for (uint16_t i = 0; i < r->reasons; i++)
		n += r->deny_reason[i].n;
	return n;
}

bool
fill_fits(const struct record *r)
{
	if (r->resource_id.n > LIMIT_RESOURCE)
		return false;
	if (LINE_FIXED + ESCAPED_MAX * string_bytes(r) <= LIMIT_LINE)
		return true;
	return line_measure(r) <= LIMIT_LINE;
}

struct str
fill_cut(struct str s, size_t n)
{
	size_t at = 0;

	if (s.n <= n)
		return s;
	while (at < n) {
		size_t length = utf8_length(s.p + at, s.n - at);

		if (length == 0)
			length = 1;
		if (length > n - at)
			break;
		at += length;
	}
	return (struct str){s.p, at};
}
