/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/json.h"
#include "auditlog/verdict.h"
#include "common/cleanup.h"

#define REPORT_JSON 16384 /* every text of a fault six times as long, and all else */

static void
member_bool(struct json *j, const char *key, bool value)
{
	json_key(j, key);
	text_put(j->t, value ? STR("true") : STR("false"));
}

/* NULL is null, as for the members that follow. */
static void
member_number(struct json *j, const char *key, const uint64_t *value)
{
	if (value)
		json_number(j, key, *value);
	else
		json_str(j, key, STR_NONE);
}

static void
member_time(struct json *j, const char *key, const int64_t *us)
{
	if (us)
		json_time(j, key, *us);
	else
		json_str(j, key, STR_NONE);
}

/* What is to be said beside the verdict. */
static void
member_caveats(struct json *j, const struct verdict_report *v)
{
	bool more = false;

	json_key(j, "caveats");
	text_char(j->t, '[');
	for (unsigned w = v->judgement->verdict + 1; w < VERDICT_ANCHORED; w++) {
		if (!verdict_says(v, w))
			continue;
		if (more)
			text_char(j->t, ',');
		text_json(j->t, str_from(verdict_name(w)));
		more = true;
	}
	text_char(j->t, ']');
}

/* Whose log it is. The key is that of seal 0: the pinned one, or what was found. */
static void
members_origin(struct json *j, const struct verdict_report *v)
{
	const struct trust *trust = v->order->trust;
	char buf[NOTE_VKEY];
	struct text key = text_over(buf, sizeof(buf));
	struct str origin = v->judgement->seals > 0 ? v->chain->seals[0]->seal.origin : STR_NONE;

	if (!str_given(origin) && trust->known)
		origin = trust->key.name;
	if (trust->known)
		note_key_put(&key, &trust->key);
	json_str(j, "origin", origin);
	json_str(j, "key", trust->known ? text_str(&key) : STR_NONE);
	member_bool(j, "pinned", trust->pinned);
}

static const struct sealchain_seal *
newest(const struct verdict_report *v)
{
	return v->judgement->seals > 0 ? v->chain->seals[v->judgement->seals - 1] : NULL;
}

static void
member_seals(struct json *j, const struct verdict_report *v)
{
	const struct sealchain_seal *last = newest(v);
	struct json seals;

	json_key(j, "seals");
	seals = json_object(j->t);
	json_number(&seals, "count", v->judgement->seals);
	member_number(&seals, "first", last ? &v->chain->seals[0]->seal.index : NULL);
	member_number(&seals, "last", last ? &last->seal.index : NULL);
	json_object_end(&seals);
}

static void
members_records(struct json *j, const struct verdict_report *v)
{
	const struct sealchain_seal *first = v->judgement->first, *last = v->judgement->last;
	const struct sealchain_seal *pin = newest(v);

	json_number(j, "records", v->judgement->records);
	member_number(j, "first_seq", first ? &first->seal.first_seq : NULL);
	member_number(j, "last_seq", last ? &last->seal.last_seq : NULL);
	member_time(j, "first_time", first ? &first->seal.first_time : NULL);
	member_time(j, "last_time", last ? &last->seal.last_time : NULL);
	if (pin)
		json_pin(j, "pin", pin->seal.index, pin->hash);
	else
		json_str(j, "pin", STR_NONE);
}

static void
member_range(struct json *j, const struct verdict_report *v)
{
	const struct judgement *x = v->judgement;
	struct json range;

	if (!span_given(&v->order->span)) {
		json_str(j, "range", STR_NONE);
		return;
	}
	json_key(j, "range");
	range = json_object(j->t);
	json_number(&range, "segments", x->segments);
	member_number(&range, "first", x->first ? &x->first->seal.index : NULL);
	member_number(&range, "last", x->last ? &x->last->seal.index : NULL);
	json_object_end(&range);
}

static void
members_beside(struct json *j, const struct verdict_report *v)
{
	const struct tail *x = &v->judgement->tail;
	struct json tail;

	json_key(j, "tail");
	tail = json_object(j->t);
	json_number(&tail, "records", x->records);
	member_number(&tail, "first_seq", x->records > 0 ? &x->first_seq : NULL);
	member_number(&tail, "last_seq", x->records > 0 ? &x->last_seq : NULL);
	json_number(&tail, "bytes_not_checked", x->bytes_not_checked);
	json_number(&tail, "files", x->files);
	json_object_end(&tail);
	json_number(j, "torn_files", v->dir->torn);
	json_number(j, "ignored_files", v->dir->ignored);
}

static void
member_fault(struct json *j, const struct fault *f)
{
	struct json fault;

	if (f->kind == FAULT_NONE) {
		json_str(j, "fault", STR_NONE);
		return;
	}
	json_key(j, "fault");
	fault = json_object(j->t);
	json_z(&fault, "file", f->file);
	member_number(&fault, "line", f->line > 0 ? &f->line : NULL);
	member_number(&fault, "offset", f->file[0] ? &f->offset : NULL);
	json_z(&fault, "what", f->what);
	json_z(&fault, "expected", f->expected);
	json_z(&fault, "found", f->found);
	json_object_end(&fault);
}

static void
members_anchors(struct json *j, const struct verdict_report *v)
{
	const struct anchors *all = v->order->anchors;
	const struct anchor *newest = all ? anchors_newest(all) : NULL;
	struct json anchored;

	json_key(j, "anchors");
	if (all)
		anchors_json(j->t, all);
	else
		text_put(j->t, STR("[]"));
	if (!newest) {
		json_str(j, "anchored", STR_NONE);
		return;
	}
	json_key(j, "anchored");
	anchored = json_object(j->t);
	json_z(&anchored, "file", newest->name);
	json_number(&anchored, "seals", newest->checkpoint.seals);
	json_number(&anchored, "seq", newest->checkpoint.seq);
	if (newest->timed)
		json_time(&anchored, "time", newest->time);
	else
		json_str(&anchored, "time", STR_NONE);
	json_object_end(&anchored);
}

void
verdict_put_json(const struct verdict_report *v)
{
	const struct anchors *anchors = v->order->anchors;
	size_t size = REPORT_JSON + (anchors ? anchors_json_size(anchors) : 0);
	CLEANUP_FREE char *buf = malloc(size);
	char why[VERDICT_REASON];
	struct text t = text_over(buf, buf ? size : 0), reason = text_over(why, sizeof(why));
	struct json j = json_object(&t);

	json_z(&j, "verdict", verdict_name(v->judgement->verdict));
	json_number(&j, "exit", (uint64_t)verdict_exit(v->judgement->verdict));
	member_caveats(&j, v);
	members_origin(&j, v);
	member_seals(&j, v);
	members_records(&j, v);
	member_range(&j, v);
	members_beside(&j, v);
	members_anchors(&j, v);
	member_fault(&j, &v->judgement->fault);
	verdict_reason(v, &reason);
	json_str(&j, "reason", text_str(&reason));
	json_object_end(&j);
	if (!text_ok(&t))
		cli_fatal(0, "verify: the report does not fit");
	cli_put_json_part(text_str(&t));
}

void
verdict_print_json(const struct verdict_report *v)
{
	verdict_put_json(v);
	cli_puts("\n");
}
