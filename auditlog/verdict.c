/* SPDX-License-Identifier: Apache-2.0 */
#include "auditlog/verdict.h"

#include "common/clock.h"

#define REPORT_ANCHORS 8 /* that are not good, shown to a person; JSON has them all */

/* --- why ------------------------------------------------------------------------------------- */

bool
verdict_says(const struct verdict_report *v, enum verdict word)
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

void
verdict_reason_of(const struct verdict_report *v, enum verdict word, struct text *t)
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
	verdict_reason_of(v, v->judgement->verdict, t);
}

/* --- for a person ---------------------------------------------------------------------------- */

static void
row_str(const struct verdict_rows *rows, const char *name, struct str value)
{
	rows->row(rows->context, name, value);
}

static void
row(const struct verdict_rows *rows, const char *name, const struct text *value)
{
	row_str(rows, name, text_str(value));
}

static void
print_head(const struct verdict_report *v)
{
	enum verdict main_word = v->judgement->verdict;
	char buf[VERDICT_REASON];
	struct text reason = text_over(buf, sizeof(buf));
	enum cli_colour colour = main_word == VERDICT_BROKEN    ? CLI_BAD
				 : verdict_exit(main_word) == 0 ? CLI_GOOD
								: CLI_PLAIN;

	cli_paint(colour, str_from(verdict_name(main_word)));
	for (unsigned w = main_word + 1; w < VERDICT_SEALED; w++) {
		if (!verdict_says(v, w))
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
rows_fault(const struct verdict_rows *rows, const struct fault *f)
{
	char buf[64];
	struct text t = text_over(buf, sizeof(buf));

	if (f->file[0])
		row_str(rows, "file", str_from(f->file));
	if (f->line > 0) {
		text_u64(&t, f->line);
		row(rows, "line", &t);
	}
	if (f->file[0]) {
		t.n = 0;
		text_u64(&t, f->offset);
		row(rows, "byte", &t);
	}
	row_str(rows, "fault", str_from(f->what));
	if (f->expected[0])
		row_str(rows, "expected", str_from(f->expected));
	if (f->found[0])
		row_str(rows, "found", str_from(f->found));
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
rows_seals(const struct verdict_rows *rows, const struct verdict_report *v)
{
	const struct judgement *j = v->judgement;
	const struct sealchain_seal *const *seals = v->chain->seals;
	char buf[256];
	struct text t = text_over(buf, sizeof(buf));

	if (j->seals == 0)
		return;
	row_str(rows, "origin", seals[0]->seal.origin);
	text_u64(&t, j->seals);
	text_put(&t, STR(", index "));
	put_pair(&t, seals[0]->seal.index, " to ", seals[j->seals - 1]->seal.index);
	row(rows, j->verdict == VERDICT_BROKEN ? "good seals" : "seals", &t);
	t.n = 0;
	put_pin(&t, seals[j->seals - 1]);
	row(rows, j->verdict == VERDICT_BROKEN ? "good up to" : "newest pin", &t);
}

static void
rows_records(const struct verdict_rows *rows, const struct verdict_report *v)
{
	const struct judgement *j = v->judgement;
	char buf[256];
	struct text t = text_over(buf, sizeof(buf));

	text_u64(&t, j->records);
	if (j->first) {
		text_put(&t, STR(", seq "));
		put_pair(&t, j->first->seal.first_seq, " to ", j->last->seal.last_seq);
	}
	row(rows, j->verdict == VERDICT_BROKEN ? "good records" : "records", &t);
	if (!j->first)
		return;
	t.n = 0;
	put_times(&t, j->first->seal.first_time, j->last->seal.last_time);
	row(rows, "time", &t);
	if (!span_given(&v->order->span))
		return;
	t.n = 0;
	text_put(&t, STR("seals "));
	put_pair(&t, j->first->seal.index, " to ", j->last->seal.index);
	row(rows, "range", &t);
}

/* Every caveat but the one that the first line has explained. */
static void
rows_caveats(const struct verdict_rows *rows, const struct verdict_report *v)
{
	for (unsigned w = v->judgement->verdict + 1; w < VERDICT_ANCHORED; w++) {
		char buf[VERDICT_REASON];
		struct text t = text_over(buf, sizeof(buf));

		if (!verdict_says(v, w))
			continue;
		verdict_reason_of(v, w, &t);
		row(rows, verdict_name(w), &t);
	}
}

static void
rows_beside(const struct verdict_rows *rows, const struct verdict_report *v)
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
		row(rows, "tail", &t);
	t.n = 0;
	text_u64(&t, v->dir->torn);
	if (v->dir->torn > 0)
		row(rows, "torn files", &t);
	t.n = 0;
	text_u64(&t, v->dir->ignored);
	if (v->dir->ignored > 0)
		row(rows, "other files", &t);
}

/* The one that reaches furthest; and those that say nothing, or too much. */
static void
rows_anchors(const struct verdict_rows *rows, const struct verdict_report *v)
{
	const struct anchors *a = v->order->anchors;
	const struct anchor *newest = a ? anchors_newest(a) : NULL;
	char buf[VERDICT_REASON];
	size_t shown = 0;

	if (newest)
		row_str(rows, "anchor", str_from(newest->name));
	if (newest && v->judgement->verdict != VERDICT_ANCHORED) {
		struct text t = text_over(buf, sizeof(buf));

		reason_anchored(v, &t);
		row(rows, "ANCHORED", &t);
	}
	for (size_t i = 0; a && i < a->n && shown < REPORT_ANCHORS; i++) {
		struct text t = text_over(buf, sizeof(buf));

		if (a->v[i].status == ANCHOR_GOOD)
			continue;
		text_put(&t, str_from(a->v[i].name));
		text_put(&t, STR(": "));
		text_put(&t, str_from(a->v[i].why));
		row(rows, anchor_status_name(a->v[i].status), &t);
		shown++;
	}
	if (a && a->n == 0)
		row_str(rows, "anchors", STR("none there"));
}

void
verdict_rows(const struct verdict_report *v, const struct verdict_rows *rows)
{
	if (v->judgement->verdict == VERDICT_BROKEN)
		rows_fault(rows, &v->judgement->fault);
	rows_seals(rows, v);
	rows_records(rows, v);
	rows_caveats(rows, v);
	rows_anchors(rows, v);
	rows_beside(rows, v);
}

static void
table_row(void *context, const char *name, struct str value)
{
	cli_table_cell(context, str_from(name));
	cli_table_cell(context, value);
}

void
verdict_print(const struct verdict_report *v)
{
	struct cli_table table;

	print_head(v);
	cli_table_init(&table, 2, false);
	verdict_rows(v, &(struct verdict_rows){table_row, &table});
	cli_table_print(&table);
}
