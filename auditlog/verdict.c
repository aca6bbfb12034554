/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/verdict.h"

#include "auditlog/json.h"
#include "common/cleanup.h"
#include "common/clock.h"

#define REPORT_ROW 2048
#define REPORT_ANCHORS 8  /* that are not good, shown to a person; JSON has them all */
#define REPORT_JSON 16384 /* every text of a fault six times as long, and all else */

/* --- why ------------------------------------------------------------------------------------- */

static bool
says(const struct verdict_report *v, enum verdict word)
{
	return v->judgement->words & 1U << word;
}

static void
put_count(struct text *t, uint64_t n, const char *one)
{
	text_u64(t, n);
	text_char(t, ' ');
	text_put(t, str_from(one));
	if (n != 1)
		text_char(t, 's');
}

static void
put_pair(struct text *t, uint64_t a, const char *between, uint64_t b)
{
	text_u64(t, a);
	text_put(t, str_from(between));
	text_u64(t, b);
}

/* Where and what. */
static void
reason_fault(const struct fault *f, struct text *t)
{
	if (f->file[0]) {
		text_put(t, str_from(f->file));
		text_put(t, STR(": "));
	}
	if (f->line > 0) {
		text_put(t, STR("line "));
		put_pair(t, f->line, ", byte ", f->offset);
		text_put(t, STR(": "));
	}
	text_put(t, str_from(f->what));
}

static void
reason_incomplete(const struct verdict_report *v, struct text *t)
{
	const struct sealchain *c = v->chain;

	switch (v->judgement->gap) {
	case GAP_NONE:
		break;
	case GAP_EMPTY:
		text_put(t, STR("there is no sealed record to check"));
		break;
	case GAP_FRONT:
		text_put(t, STR("the first "));
		put_count(t, c->seals[0]->seal.index, "seal");
		text_put(t, STR(" missing; seal "));
		text_u64(t, c->seals[0]->seal.index);
		text_put(t, STR(" is taken at its word"));
		break;
	case GAP_NOTHING:
		text_put(t, STR("no segment that was asked for is there to be checked"));
		break;
	case GAP_AGE:
		text_put(t, STR("the newest sealed record is older than --max-age allows"));
		break;
	case GAP_FUTURE:
		text_put(t, STR("the newest sealed record is of a time to come, so it has no age"));
		break;
	case GAP_ANCHOR:
		put_count(t, anchors_count(v->order->anchors, ANCHOR_DAMAGED), "anchor");
		text_put(t, STR(" damaged: what it was of cannot be said"));
		break;
	}
}

static void
reason_pruned(const struct verdict_report *v, struct text *t)
{
	text_put(t, STR("the first "));
	put_count(t, v->judgement->pruned, "segment");
	text_put(t, STR(" gone, with all seals kept"));
}

static void
reason_recovered(const struct verdict_report *v, struct text *t)
{
	const struct judgement *j = v->judgement;

	put_count(t, j->recovered, "segment");
	text_put(t, STR(" sealed after a crash or a storage error, the first with seal "));
	text_u64(t, j->first_recovered->seal.index);
}

static void
reason_good(const struct verdict_report *v, struct text *t)
{
	put_count(t, v->judgement->records, "record");
	text_put(t, STR(" in "));
	put_count(t, v->judgement->segments, "segment");
	text_put(t, STR(" verified from the pinned key"));
}

static void
reason_anchored(const struct verdict_report *v, struct text *t)
{
	const struct anchor *a = anchors_newest(v->order->anchors);
	char time[RFC3339_SIZE];

	text_put(t, STR("anchored up to seal "));
	put_pair(t, a->checkpoint.seals - 1, ", seq ", a->checkpoint.seq);
	if (!a->timed)
		return;
	clock_format(a->time, time);
	text_put(t, STR(", at "));
	text_put(t, str_from(time));
}

static void
reason_of(const struct verdict_report *v, enum verdict word, struct text *t)
{
	switch (word) {
	case VERDICT_BROKEN:
		reason_fault(&v->judgement->fault, t);
		break;
	case VERDICT_INCOMPLETE:
		reason_incomplete(v, t);
		break;
	case VERDICT_UNPINNED:
		text_put(t, STR("checked only against the key found beside the log"));
		break;
	case VERDICT_PRUNED:
		reason_pruned(v, t);
		break;
	case VERDICT_RECOVERED:
		reason_recovered(v, t);
		break;
	case VERDICT_ANCHORED:
		reason_good(v, t);
		text_put(t, STR("; "));
		reason_anchored(v, t);
		break;
	case VERDICT_SEALED:
	case VERDICTS:
		reason_good(v, t);
		break;
	}
}

void
verdict_reason(const struct verdict_report *v, struct text *t)
{
	reason_of(v, v->judgement->verdict, t);
}

/* --- for a person ---------------------------------------------------------------------------- */

static void
row(struct cli_table *table, const char *name, const struct text *value)
{
	cli_table_cell(table, str_from(name));
	cli_table_cell(table, text_str(value));
}

static void
row_str(struct cli_table *table, const char *name, struct str value)
{
	cli_table_cell(table, str_from(name));
	cli_table_cell(table, value);
}

static void
print_head(const struct verdict_report *v)
{
	enum verdict main_word = v->judgement->verdict;
	char buf[REPORT_ROW];
	struct text reason = text_over(buf, sizeof(buf));
	enum cli_colour colour = main_word == VERDICT_BROKEN    ? CLI_BAD
				 : verdict_exit(main_word) == 0 ? CLI_GOOD
								: CLI_PLAIN;

	cli_paint(colour, str_from(verdict_name(main_word)));
	for (unsigned w = main_word + 1; w < VERDICT_SEALED; w++) {
		if (!says(v, w))
			continue;
		cli_puts(", ");
		cli_puts(verdict_name(w));
	}
	verdict_reason(v, &reason);
	cli_puts(": ");
	cli_put_safe(text_str(&reason));
	cli_puts("\n");
}

static void
rows_fault(struct cli_table *table, const struct fault *f)
{
	char buf[64];
	struct text t = text_over(buf, sizeof(buf));

	if (f->file[0])
		row_str(table, "file", str_from(f->file));
	if (f->line > 0) {
		text_u64(&t, f->line);
		row(table, "line", &t);
	}
	if (f->file[0]) {
		t.n = 0;
		text_u64(&t, f->offset);
		row(table, "byte", &t);
	}
	row_str(table, "fault", str_from(f->what));
	if (f->expected[0])
		row_str(table, "expected", str_from(f->expected));
	if (f->found[0])
		row_str(table, "found", str_from(f->found));
}

static void
put_times(struct text *t, int64_t first, int64_t last)
{
	char time[RFC3339_SIZE];

	clock_format(first, time);
	text_put(t, str_from(time));
	text_put(t, STR(" to "));
	clock_format(last, time);
	text_put(t, str_from(time));
}

static void
put_pin(struct text *t, const struct sealchain_seal *s)
{
	text_u64(t, s->seal.index);
	text_char(t, ':');
	text_hex(t, s->hash, HASH_SIZE);
}

/* The seals that are good, and the newest of them to be kept off the host. */
static void
rows_seals(struct cli_table *table, const struct verdict_report *v)
{
	const struct judgement *j = v->judgement;
	const struct sealchain_seal *const *seals = v->chain->seals;
	char buf[256];
	struct text t = text_over(buf, sizeof(buf));

	if (j->seals == 0)
		return;
	row_str(table, "origin", seals[0]->seal.origin);
	text_u64(&t, j->seals);
	text_put(&t, STR(", index "));
	put_pair(&t, seals[0]->seal.index, " to ", seals[j->seals - 1]->seal.index);
	row(table, j->verdict == VERDICT_BROKEN ? "good seals" : "seals", &t);
	t.n = 0;
	put_pin(&t, seals[j->seals - 1]);
	row(table, j->verdict == VERDICT_BROKEN ? "good up to" : "newest pin", &t);
}

static void
rows_records(struct cli_table *table, const struct verdict_report *v)
{
	const struct judgement *j = v->judgement;
	char buf[256];
	struct text t = text_over(buf, sizeof(buf));

	text_u64(&t, j->records);
	if (j->first) {
		text_put(&t, STR(", seq "));
		put_pair(&t, j->first->seal.first_seq, " to ", j->last->seal.last_seq);
	}
	row(table, j->verdict == VERDICT_BROKEN ? "good records" : "records", &t);
	if (!j->first)
		return;
	t.n = 0;
	put_times(&t, j->first->seal.first_time, j->last->seal.last_time);
	row(table, "time", &t);
	if (!span_given(&v->order->span))
		return;
	t.n = 0;
	text_put(&t, STR("seals "));
	put_pair(&t, j->first->seal.index, " to ", j->last->seal.index);
	row(table, "range", &t);
}

/* Every caveat but the one that the first line has explained. */
static void
rows_caveats(struct cli_table *table, const struct verdict_report *v)
{
	for (unsigned w = v->judgement->verdict + 1; w < VERDICT_ANCHORED; w++) {
		char buf[REPORT_ROW];
		struct text t = text_over(buf, sizeof(buf));

		if (!says(v, w))
			continue;
		reason_of(v, w, &t);
		row(table, verdict_name(w), &t);
	}
}

static void
rows_beside(struct cli_table *table, const struct verdict_report *v)
{
	const struct tail *tail = &v->judgement->tail;
	char buf[256];
	struct text t = text_over(buf, sizeof(buf));

	if (tail->records > 0) {
		put_count(&t, tail->records, "record");
		text_put(&t, STR(" not sealed yet, seq "));
		put_pair(&t, tail->first_seq, " to ", tail->last_seq);
	}
	if (tail->bytes_not_checked > 0) {
		text_put(&t, tail->records > 0 ? STR("; ") : STR(""));
		put_count(&t, tail->bytes_not_checked, "byte");
		text_put(&t, STR(" not checked"));
	}
	if (t.n > 0)
		row(table, "tail", &t);
	t.n = 0;
	text_u64(&t, v->dir->torn);
	if (v->dir->torn > 0)
		row(table, "torn files", &t);
	t.n = 0;
	text_u64(&t, v->dir->ignored);
	if (v->dir->ignored > 0)
		row(table, "other files", &t);
}

/* The one that reaches furthest; and those that say nothing, or too much. */
static void
rows_anchors(struct cli_table *table, const struct verdict_report *v)
{
	const struct anchors *a = v->order->anchors;
	const struct anchor *newest = a ? anchors_newest(a) : NULL;
	char buf[REPORT_ROW];
	size_t shown = 0;

	if (newest)
		row_str(table, "anchor", str_from(newest->name));
	if (newest && v->judgement->verdict != VERDICT_ANCHORED) {
		struct text t = text_over(buf, sizeof(buf));

		reason_anchored(v, &t);
		row(table, "ANCHORED", &t);
	}
	for (size_t i = 0; a && i < a->n && shown < REPORT_ANCHORS; i++) {
		struct text t = text_over(buf, sizeof(buf));

		if (a->v[i].status == ANCHOR_GOOD)
			continue;
		text_put(&t, str_from(a->v[i].name));
		text_put(&t, STR(": "));
		text_put(&t, str_from(a->v[i].why));
		row(table, anchor_status_name(a->v[i].status), &t);
		shown++;
	}
	if (a && a->n == 0)
		row_str(table, "anchors", STR("none there"));
}

void
verdict_print(const struct verdict_report *v)
{
	struct cli_table table;

	print_head(v);
	cli_table_init(&table, 2, false);
	if (v->judgement->verdict == VERDICT_BROKEN)
		rows_fault(&table, &v->judgement->fault);
	rows_seals(&table, v);
	rows_records(&table, v);
	rows_caveats(&table, v);
	rows_anchors(&table, v);
	rows_beside(&table, v);
	cli_table_print(&table);
}

/* --- JSON ------------------------------------------------------------------------------------ */

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
		if (!says(v, w))
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
verdict_print_json(const struct verdict_report *v)
{
	const struct anchors *anchors = v->order->anchors;
	size_t size = REPORT_JSON + (anchors ? anchors_json_size(anchors) : 0);
	CLEANUP_FREE char *buf = malloc(size);
	char why[REPORT_ROW];
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
	cli_put_json(text_str(&t));
}
