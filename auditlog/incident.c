/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/incident.h"

#include <stdio.h>

#include "common/text.h"

#define PAPER(tone) PAPER_##tone

static const struct incident_about kinds[INCIDENTS] = {
#define INCIDENT(id, title, tone, action_type, member, value, shown, sum, unit) \
	[INCIDENT_##id] = {#id, title, PAPER(tone), action_type, member, value, shown, sum, unit},
#include "auditlog/incident.def"
};

const struct incident_about *
incident_about(enum incident_kind k)
{
	return &kinds[k];
}

void
incidents_init(struct incidents *x)
{
	(void)pthread_mutex_init(&x->lock, NULL);
	memset(x->list, 0, sizeof(x->list));
}

void
incident_search(struct text *t, enum incident_kind k)
{
	if (k == INCIDENT_ERROR) {
		text_put(t, STR("--level error"));
		return;
	}
	text_put(t, STR("--where action_type="));
	text_put(t, str_from(kinds[k].action_type));
	if (!kinds[k].member[0])
		return;
	text_put(t, STR(" --where payload."));
	text_put(t, str_from(kinds[k].member));
	text_char(t, '=');
	text_put(t, str_from(kinds[k].value));
}

/* --- which kind ------------------------------------------------------------------------------ */

/* The member of this name; its type is RECORDLINE_WORD and n is 0 when there is none. */
static struct recordline_value
member_of(const struct recordline_value *object, struct str name)
{
	struct recordline_walk w = recordline_walk(object);
	struct recordline_value key, v;

	while (object && object->type == RECORDLINE_OBJECT && recordline_next(&w, &key, &v))
		if (recordline_is(&key, name))
			return v;
	return (struct recordline_value){.p = "", .type = RECORDLINE_WORD};
}

static bool
is_kind(const struct recordline *r, enum incident_kind k)
{
	const struct incident_about *about = &kinds[k];
	struct recordline_value v;

	if (!recordline_is(recordline_value(r, MEMBER_action_type), str_from(about->action_type)))
		return false;
	if (k == INCIDENT_ERROR)
		return recordline_is(recordline_value(r, MEMBER_level), STR("error"));
	if (!about->member[0])
		return true;
	v = member_of(recordline_value(r, MEMBER_payload), str_from(about->member));
	return recordline_is(&v, str_from(about->value));
}

static enum incident_kind
find_kind(const struct recordline *r)
{
	enum incident_kind k = 0;

	while (k < INCIDENTS && !is_kind(r, k))
		k++;
	return k;
}

static uint64_t
sum_of(const struct recordline *r, enum incident_kind k)
{
	struct recordline_value v;
	int64_t n = 0;

	if (!kinds[k].sum[0])
		return 0;
	v = member_of(recordline_value(r, MEMBER_payload), str_from(kinds[k].sum));
	if (v.type == RECORDLINE_WORD)
		return str_eq((struct str){v.p, v.n}, STR("true"));
	return recordline_int(&v, &n) && n > 0 ? (uint64_t)n : 0;
}

/* --- what it says ---------------------------------------------------------------------------- */

/* What is too long is cut, and what comes behind it is not shown. */
static void
put_cut(struct text *t, struct str s)
{
	size_t room = t->cap - t->n;

	text_put(t, (struct str){s.p, s.n < room ? s.n : room});
}

static __attribute__((noinline)) void
put_escaped(struct text *t, const struct recordline_value *v)
{
	char buf[LIMIT_LINE];

	put_cut(t, recordline_string(v, buf, sizeof(buf)));
}

static void
put_value(struct text *t, const struct recordline_value *v)
{
	if (v && v->escaped && v->type == RECORDLINE_STRING)
		put_escaped(t, v);
	else if (v)
		put_cut(t, (struct str){v->p, v->n});
}

static void
put_pair(struct text *t, struct str name, const struct recordline_value *v)
{
	if (t->n > 0)
		put_cut(t, STR("; "));
	put_cut(t, name);
	put_cut(t, STR(" "));
	put_value(t, v);
}

static void
put_all(struct text *t, const struct recordline_value *object)
{
	struct recordline_walk w = recordline_walk(object);
	struct recordline_value key, v;

	while (object && object->type == RECORDLINE_OBJECT && recordline_next(&w, &key, &v))
		put_pair(t, (struct str){key.p, key.n}, &v);
}

static void
put_named(struct text *t, const struct recordline_value *object, const char *names)
{
	struct str left = str_from(names);

	while (left.n > 0) {
		const char *bar = memchr(left.p, '|', left.n);
		struct str name = {left.p, bar ? (size_t)(bar - left.p) : left.n};
		struct recordline_value v = member_of(object, name);

		if (v.n > 0)
			put_pair(t, name, &v);
		left = str_skip(left, name.n + (bar ? 1 : 0));
	}
}

static void
put_text(struct text *t, const struct recordline *r, enum incident_kind k)
{
	const struct recordline_value *payload = recordline_value(r, MEMBER_payload);

	if (k == INCIDENT_ERROR) {
		put_value(t, recordline_value(r, MEMBER_event));
		put_all(t, recordline_value(r, MEMBER_details));
	} else if (strcmp(kinds[k].shown, "*") == 0) {
		put_all(t, payload);
	} else {
		put_named(t, payload, kinds[k].shown);
	}
}

static void
put_who(struct text *t, const struct recordline *r)
{
	const struct recordline_value *peer = recordline_value(r, MEMBER_peer);

	if (recordline_has(r, MEMBER_actor))
		put_value(t, recordline_value(r, MEMBER_actor));
	else if (recordline_has(r, MEMBER_username))
		put_value(t, recordline_value(r, MEMBER_username));
	if (peer) {
		struct recordline_value uid = member_of(peer, STR("uid"));

		put_cut(t, t->n > 0 ? STR(", uid ") : STR("uid "));
		put_value(t, &uid);
	}
	if (t->n == 0)
		put_cut(t, STR("the service"));
}

/* A text of at most cap - 1 bytes, and a NUL; a NUL of the record ends it (no record has any). */
static void
end_text(struct text *t)
{
	t->p[t->n < t->cap ? t->n : t->cap - 1] = '\0';
}

static void
fill(struct incident *i, const struct recordline *r, enum incident_kind k)
{
	struct text who = text_over(i->who, sizeof(i->who));
	struct text text = text_over(i->text, sizeof(i->text));
	struct text time = text_over(i->time, sizeof(i->time));
	int64_t seq = 0;

	put_who(&who, r);
	end_text(&who);
	put_text(&text, r, k);
	end_text(&text);
	put_value(&time, recordline_value(r, MEMBER_timestamp));
	end_text(&time);
	(void)recordline_int(recordline_value(r, MEMBER_seq), &seq);
	i->seq = seq > 0 ? (uint64_t)seq : 0;
}

/* --- the first of them ----------------------------------------------------------------------- */

static bool
comes_before(const struct incident_place *place, const struct incident *i)
{
	return place->source != i->source ? place->source < i->source : place->at < i->at;
}

/* The place that it gets in the list; NULL: those that are there come before it. */
static struct incident *
find_place(struct incident_list *l, const struct incident_place *place)
{
	size_t at = l->kept;

	while (at > 0 && comes_before(place, &l->v[at - 1]))
		at--;
	if (at == INCIDENT_KEPT)
		return NULL;
	l->kept += l->kept < INCIDENT_KEPT;
	memmove(&l->v[at + 1], &l->v[at], (l->kept - at - 1) * sizeof(l->v[0]));
	l->v[at] = (struct incident){.source = place->source, .at = place->at};
	(void)snprintf(l->v[at].file, sizeof(l->v[at].file), "%s", place->file);
	return &l->v[at];
}

bool
incidents_take(struct incidents *x, const struct recordline *r, const struct incident_place *place)
{
	enum incident_kind k = find_kind(r);
	struct incident *i;

	if (k == INCIDENTS)
		return false;
	(void)pthread_mutex_lock(&x->lock);
	x->list[k].n++;
	x->list[k].sum += sum_of(r, k);
	i = find_place(&x->list[k], place);
	if (i)
		fill(i, r, k);
	(void)pthread_mutex_unlock(&x->lock);
	return true;
}
